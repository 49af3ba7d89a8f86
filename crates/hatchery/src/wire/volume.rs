//! Cinder's part.

use super::{Check, Ground};
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
    let schemes = &ground.config.default.allowed_direct_url_schemes;
    if let Some(other) = schemes.iter().find(|scheme| *scheme != "cinder") {
        bail!("[DEFAULT] allowed_direct_url_schemes names '{other}': choose cinder, or none");
    }
    let settings = Arc::new(VolumeSettings {
        clones_image_volumes: !schemes.is_empty(),
        ..VolumeSettings::default()
    });
    let root = Root(format!("{}/volume", ground.base).into());
    Ok(router(verbs(ground, &settings), check, root))
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

fn verbs(ground: &Ground, settings: &Arc<VolumeSettings>) -> VolumeApi {
    let (store, clock) = (&ground.store, &ground.clock);
    let ports = VolumePorts {
        store: store.clone(),
        clock: clock.clone(),
        entropy: ground.entropy.clone(),
        outgoing: ground.outgoing.clone(),
        settings: settings.clone(),
    };
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
