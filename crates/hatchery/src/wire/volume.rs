//! Cinder's part.

use super::Ground;
use anyhow::Context;
use hatchery_control::volume::{VolumePorts, VolumeSettings, VolumeVerbs, ensure_default_type};
use std::sync::Arc;

pub async fn join(ground: &Ground) -> anyhow::Result<VolumeVerbs> {
    let now = ground.clock.now();
    ensure_default_type(ground.store.as_ref(), ground.entropy.as_ref(), now)
        .await
        .context("the first volume type cannot be made")?;
    Ok(VolumeVerbs::new(VolumePorts {
        store: ground.store.clone(),
        clock: ground.clock.clone(),
        entropy: ground.entropy.clone(),
        outgoing: ground.outgoing.clone(),
        settings: Arc::new(VolumeSettings::default()),
    }))
}
