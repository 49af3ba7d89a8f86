//! What was done to bases, for the log and the figures.

use hatchery_model::base::{Deed, Did};
use hatchery_ports::measure::record_deed;

/// Logs deeds, each by its weight, and counts them.
pub fn tell(deeds: &[Deed]) {
    for deed in deeds {
        record_deed(deed);
        let image = deed.image.map(|image| image.to_string()).unwrap_or_default();
        let servers = deed.servers.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        let (base, did, why) = (&deed.base, deed.did.name(), deed.why.as_str());
        match deed.did {
            Did::Linked | Did::Removed => {
                tracing::info!(%base, image.id = image, did, why, "base {did}");
            }
            Did::Healed | Did::Quarantined => {
                tracing::warn!(%base, image.id = image, did, why, servers, "base {did}");
            }
            Did::LeftAlone => tracing::info!(%base, image.id = image, did, why, "base left alone"),
            Did::Failed => {
                tracing::error!(%base, image.id = image, did, why, servers, "a base is not as it should be");
            }
        }
    }
}
