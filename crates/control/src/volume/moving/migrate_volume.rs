//! Brings a volume to a backend that an administrator names.

use super::{begin, kept_by, reads, target};
use crate::error::Error;
use crate::policy;
use crate::volume::access;
use crate::volume::placement;
use crate::volume::send::{self, Writing};
use crate::volume::services::{disabled_backends, is_backend_up};
use crate::volume::tell::{self, About};
use crate::volume::types::find_type;
use crate::volume::verbs::VolumeVerbs;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Host;
use hatchery_model::id::VolumeId;
use hatchery_model::volume::{BackendName, MigrationStatus, Volume, VolumeState};
use std::collections::BTreeMap;

/// How a volume is to be brought to another backend.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Migration {
    /// The backend: `host@backend#pool`, or `host@backend`.
    pub host: String,
    /// Whether its users are to be kept from it meanwhile, and told so: the volume is in `maintenance`.
    pub lock: bool,
}

impl VolumeVerbs {
    /// Has a volume brought to the backend that is named. Administrators only.
    ///
    /// `NotFound`, `Denied`; `Invalid` where there is no such backend or it is down, where its agent cannot read the volume, and where the
    /// volume's state does not allow it. A backend that cannot take the volume is no error: its `migration_status` is one then, and a message
    /// says why, as with Cinder's scheduler.
    pub async fn migrate_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        wanted: &Migration,
    ) -> Result<(), Error> {
        let ports = &self.ports;
        let now = ports.clock.now();
        let mut uow = ports.store.begin().await?;
        let mut volume = access::seen(&mut *uow, caller, id).await?;
        policy::admin(caller, "volume_extension:volume_admin_actions:migrate_volume")?;
        let hosts = uow.hosts().list().await?;
        let disabled = disabled_backends(&mut *uow).await?;
        let is_up = |host: &Host, report: &_| is_backend_up(host, report, &ports.settings, now);
        let to = named(&hosts, &wanted.host, &disabled, is_up)?;
        check(&volume, &to)?;
        if let Some(why) = kept_by(&mut *uow, &volume).await? {
            return Err(Error::Invalid(format!("Invalid volume: {why}")));
        }
        if let (Some(on), Some(from)) =
            (hosts.iter().find(|host| host.name == to.host), &volume.backend)
        {
            reads(&hosts, on, from).map_err(|why| {
                Error::Invalid(format!("Invalid host: {to} cannot take volume {id}: {why}."))
            })?;
        }
        let volume_type = find_type(&mut *uow, volume.volume_type).await?;
        let writing = Writing { entropy: &*ports.entropy, now, request: &caller.request };
        let of = (&volume_type, &disabled);
        let mut orders = Vec::new();
        match target(&hosts, &volume, of, Some(&to), (&ports.settings, now)) {
            Ok(to) => {
                let how = (None, wanted.lock);
                orders.extend(begin(&mut *uow, writing, &mut volume, to, how).await?);
            }
            Err(refused) => {
                volume.migration = Some(MigrationStatus::Error);
                send::keep(&mut *uow, &mut volume, now).await?;
                let about = (&volume.project, About::Volume(id));
                let what = (tell::MIGRATE, tell::NO_BACKEND);
                let why = refused.join(" ");
                tell::tell(&mut *uow, writing, &ports.settings, about, what, &why).await?;
            }
        }
        uow.commit().await?;
        ports.outgoing.hand_over(orders);
        Ok(())
    }
}

/// The backend of a name, which must be up and take volumes.
fn named(
    hosts: &[Host],
    name: &str,
    disabled: &BTreeMap<String, String>,
    is_up: impl Fn(&Host, &hatchery_model::volume::BackendReport) -> bool,
) -> Result<BackendName, Error> {
    for host in hosts {
        for report in &host.backends {
            let found = placement::name_of(host, report);
            let short = format!("{}@{}", found.host, found.backend);
            let fits = name == short || name == found.to_string();
            if fits && is_up(host, report) && !disabled.contains_key(&short) {
                return Ok(found);
            }
        }
    }
    Err(Error::Invalid(format!("Invalid host: No available service named '{name}'")))
}

/// In Cinder's words.
fn check(volume: &Volume, to: &BackendName) -> Result<(), Error> {
    let allows = matches!(volume.state, VolumeState::Available | VolumeState::InUse);
    if allows && volume.group.is_none() && volume.backend.as_ref() != Some(to) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "Invalid volume: Volume {} status must be available or in-use, must not be migrating, have snapshots, be replicated, be part of a group and destination host/cluster must be different than the current one",
        volume.id
    )))
}
