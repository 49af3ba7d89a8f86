//! What is said, and what was said already: a deed each time, a reason to leave something alone once for as long as it stands.

use super::parts::Outcome;
use hatchery_model::base::{BaseName, Deed, Did};
use std::collections::BTreeSet;

/// A reason that stands: of which base, what, why.
type Standing = (BaseName, &'static str, String);

/// What has been said.
#[derive(Default)]
pub struct Said {
    standing: BTreeSet<Standing>,
    trouble: Vec<String>,
    not_reset: Vec<String>,
}

impl Said {
    /// Says what a pass did. What it no longer finds may be said again when it comes back.
    pub fn pass(&mut self, outcome: &Outcome, dry_run: bool) {
        let mut standing = BTreeSet::new();
        for deed in &outcome.deeds {
            let one = (deed.base.clone(), deed.did.name(), deed.why.clone());
            if !(stands(deed.did, dry_run) && self.standing.contains(&one)) {
                say(deed, dry_run);
            }
            standing.insert(one);
        }
        let judged = outcome.trouble.is_empty();
        if judged || !outcome.deeds.is_empty() {
            self.standing = standing;
        }
        if outcome.trouble != self.trouble {
            for trouble in &outcome.trouble {
                tracing::error!("{trouble}");
            }
            if judged {
                tracing::info!("everything can be judged again");
            }
            self.trouble.clone_from(&outcome.trouble);
        }
        tracing::debug!(looked_at = outcome.looked_at, judged, "a pass is over");
    }

    /// Says which servers could not be reset, unless that was said and has not changed.
    pub fn not_reset(&mut self, trouble: Vec<String>) {
        if trouble != self.not_reset {
            for trouble in &trouble {
                tracing::warn!("{trouble}");
            }
            self.not_reset = trouble;
        }
    }

    /// Says what was done between two passes.
    pub fn deeds(&mut self, deeds: &[Deed]) {
        for deed in deeds {
            let one = (deed.base.clone(), deed.did.name(), deed.why.clone());
            if self.standing.insert(one) || !stands(deed.did, false) {
                say(deed, false);
            }
        }
    }
}

/// Whether it is a state that lasts and not something done. In a dry run nothing is done, so all lasts.
const fn stands(did: Did, dry_run: bool) -> bool {
    match did {
        Did::LeftAlone | Did::Failed => true,
        Did::Linked | Did::Healed | Did::Quarantined | Did::Removed => dry_run,
    }
}

fn say(deed: &Deed, dry_run: bool) {
    let image = deed.image.map(|image| image.to_string());
    let servers: Vec<String> = deed.servers.iter().map(ToString::to_string).collect();
    let servers = (!servers.is_empty()).then(|| servers.join(" "));
    let (base, why) = (deed.base.as_str(), deed.why.as_str());
    let what = words(deed.did, dry_run);
    match deed.did {
        Did::Failed => tracing::error!(base, image.id = image, servers, why, "{what}"),
        Did::Quarantined | Did::Healed => {
            tracing::warn!(base, image.id = image, servers, why, "{what}");
        }
        Did::Linked | Did::Removed | Did::LeftAlone => {
            tracing::info!(base, image.id = image, servers, why, "{what}");
        }
    }
}

const fn words(did: Did, dry_run: bool) -> &'static str {
    match (did, dry_run) {
        (Did::Linked, false) => "linked",
        (Did::Linked, true) => "would be linked",
        (Did::Healed, false) => "healed",
        (Did::Healed, true) => "would be healed",
        (Did::Quarantined, false) => "quarantined",
        (Did::Quarantined, true) => "would be quarantined",
        (Did::Removed, false) => "removed",
        (Did::Removed, true) => "would be removed",
        (Did::LeftAlone, _) => "left alone",
        (Did::Failed, _) => "failed",
    }
}
