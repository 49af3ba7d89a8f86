//! Cinder's part.

use super::{Check, Ground};
use crate::config::Config;
use anyhow::{Context, bail};
use hatchery_api::Router;
use hatchery_api::volume::{Root, VolumeApi, router};
use hatchery_control::identity::Passwords;
use hatchery_control::volume::{
    BackupVerbs, GroupTypeVerbs, GroupVerbs, InternalTenant, ManageableVerbs, MessageVerbs,
    QosVerbs, QuotaVerbs, TransferVerbs, VolumePorts, VolumeServiceVerbs, VolumeSettings,
    VolumeTypeVerbs, VolumeVerbs, ensure_default_type, ensure_internal_tenant,
};
use std::sync::Arc;

/// Keys of offers hashed at once: each takes 19 MiB while it is.
const KEYS_AT_ONCE: usize = 1;

pub async fn join(ground: &Ground, check: Check) -> anyhow::Result<Router> {
    let now = ground.clock.now();
    ensure_default_type(ground.store.as_ref(), ground.entropy.as_ref(), now)
        .await
        .context("the first volume type cannot be made")?;
    ensure_internal_tenant(ground.store.as_ref(), ground.entropy.as_ref(), now, named(ground)?)
        .await
        .context("the project of the cloud's own volumes cannot be made")?;
    let root = Root(format!("{}/volume", ground.base).into());
    Ok(router(verbs(ground), check, root))
}

/// What the verbs of volumes stand on.
pub fn ports(ground: &Ground) -> VolumePorts {
    VolumePorts {
        store: ground.store.clone(),
        clock: ground.clock.clone(),
        entropy: ground.entropy.clone(),
        outgoing: ground.outgoing.clone(),
        settings: ground.volume_settings.clone(),
    }
}

/// What is set of the volume service.
pub fn settings(config: &Config) -> anyhow::Result<Arc<VolumeSettings>> {
    let schemes = &config.default.allowed_direct_url_schemes;
    if let Some(other) = schemes.iter().find(|scheme| *scheme != "cinder") {
        bail!("[DEFAULT] allowed_direct_url_schemes names '{other}': choose cinder, or none");
    }
    let set = &config.glance_store;
    if let Some(other) =
        set.stores.iter().find(|one| **one != set.default_store && *one != "cinder")
    {
        bail!(
            "[glance_store] stores names '{other}': choose cinder, or nothing besides the default store {}",
            set.default_store
        );
    }
    let keeps_images = set.stores.iter().any(|one| one == "cinder");
    Ok(Arc::new(VolumeSettings {
        clones_image_volumes: !schemes.is_empty(),
        keeps_images_as: keeps_images.then(|| set.cinder_volume_type.clone()),
        ..VolumeSettings::default()
    }))
}

/// Whose the cloud's own volumes are, where that was set.
fn named(ground: &Ground) -> anyhow::Result<Option<InternalTenant>> {
    let set = &ground.config.default;
    let project = set.cinder_internal_tenant_project_id.as_str();
    let user = set.cinder_internal_tenant_user_id.as_str();
    match (project.is_empty(), user.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some(InternalTenant { project: project.into(), user: user.into() })),
        (true, false) | (false, true) => bail!(
            "[DEFAULT] set cinder_internal_tenant_project_id and cinder_internal_tenant_user_id both, or neither"
        ),
    }
}

fn verbs(ground: &Ground) -> VolumeApi {
    let (store, clock) = (&ground.store, &ground.clock);
    let (ports, settings) = (ports(ground), &ground.volume_settings);
    VolumeApi {
        volumes: Arc::new(VolumeVerbs::new(ports.clone())),
        backups: Arc::new(BackupVerbs::new(ports.clone())),
        groups: Arc::new(GroupVerbs::new(ports.clone())),
        group_types: Arc::new(GroupTypeVerbs {
            store: store.clone(),
            clock: clock.clone(),
            entropy: ground.entropy.clone(),
        }),
        transfers: Arc::new(TransferVerbs::new(
            ports,
            Passwords::new(ground.entropy.clone(), KEYS_AT_ONCE),
        )),
        qos: Arc::new(QosVerbs {
            store: store.clone(),
            clock: clock.clone(),
            entropy: ground.entropy.clone(),
        }),
        types: Arc::new(VolumeTypeVerbs {
            store: store.clone(),
            clock: clock.clone(),
            entropy: ground.entropy.clone(),
            settings: settings.clone(),
        }),
        quotas: Arc::new(QuotaVerbs { store: store.clone(), settings: settings.clone() }),
        services: Arc::new(VolumeServiceVerbs {
            store: store.clone(),
            clock: clock.clone(),
            settings: settings.clone(),
        }),
        manageable: Arc::new(ManageableVerbs {
            store: store.clone(),
            clock: clock.clone(),
            bus: ground.bus.clone(),
            settings: settings.clone(),
        }),
        messages: Arc::new(MessageVerbs { store: store.clone() }),
    }
}
