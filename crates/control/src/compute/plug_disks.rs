//! The volumes of a server that is being made: looked up, made and bound in the request's own transaction.

use super::new_disk::{DiskContent, ServerDisk};
use super::volumes::next_free;
use crate::error::Error;
use crate::volume::create_volume::{self, Prepared};
use crate::volume::send::Writing;
use crate::volume::{VolumeSettings, access, bind, placement};
use crate::workflow::Order;
use hatchery_model::caller::Caller;
use hatchery_model::compute::{Host, Server};
use hatchery_model::id::{HostName, ProjectId};
use hatchery_model::volume::{Attachment, GuestUse, Volume};
use hatchery_ports::store::UnitOfWork;

/// What becomes a volume of the server.
enum Plan {
    There(Box<Volume>),
    New(Box<Prepared>),
}

/// The volumes of one server, found and judged, not touched yet.
pub(super) struct DiskPlans<'a> {
    disks: Vec<(&'a ServerDisk, Plan)>,
}

/// On whose behalf volumes are made.
pub(super) struct Owner<'a> {
    pub(super) caller: &'a Caller,
    pub(super) project: &'a ProjectId,
    pub(super) settings: &'a VolumeSettings,
}

impl<'a> DiskPlans<'a> {
    /// Looks the volumes up. `Invalid` in Nova's words where one is not there, or cannot be had.
    pub(super) async fn find(
        uow: &mut dyn UnitOfWork,
        owner: &Owner<'_>,
        wanted: &'a [ServerDisk],
    ) -> Result<Self, Error> {
        let mut disks = Vec::new();
        for disk in wanted {
            let (plan, bootable) = match (disk.content, disk.request()) {
                (DiskContent::Volume(id), _) => {
                    let action = "volume:attachment_create";
                    let found = access::changeable(uow, owner.caller, id, action).await;
                    let volume = found.map_err(|error| not_found(error, "volume", &id))?;
                    let bootable = volume.bootable;
                    (Plan::There(Box::new(volume)), bootable)
                }
                (_, Some(request)) => {
                    let by = (owner.caller, owner.project);
                    let prepared = create_volume::prepare(uow, owner.settings, by, &request).await;
                    let prepared = prepared.map_err(|error| of_source(error, disk.content))?;
                    let bootable = prepared.bootable();
                    (Plan::New(Box::new(prepared)), bootable)
                }
                (_, None) => continue,
            };
            if disk.boot_index == Some(0) && !bootable {
                let id = match disk.content {
                    DiskContent::Volume(id) => id.to_string(),
                    DiskContent::Snapshot(id) => id.to_string(),
                    DiskContent::Image(id) => id.to_string(),
                    DiskContent::Blank => "blank".to_owned(),
                };
                return Err(Error::Invalid(format!("Block Device {id} is not bootable.")));
            }
            disks.push((disk, plan));
        }
        Ok(Self { disks })
    }

    /// The hosts from which all of them can be used. `None`: any.
    pub(super) fn reachable_from(
        &self,
        hosts: &[Host],
        writing: Writing<'_>,
        settings: &VolumeSettings,
    ) -> Option<Vec<HostName>> {
        if self.disks.is_empty() {
            return None;
        }
        let fits = |host: &&Host| {
            self.disks.iter().all(|(_, plan)| match plan {
                Plan::There(volume) => volume
                    .backend
                    .as_ref()
                    .is_some_and(|backend| placement::reaches(hosts, backend, &host.name)),
                Plan::New(prepared) => {
                    prepared.place(hosts, Some(&host.name), settings, writing.now).is_ok()
                }
            })
        };
        Some(hosts.iter().filter(fits).map(|host| host.name.clone()).collect())
    }

    /// Reserves those that are there for the server, and has the others made: where its host can use them, if it has one.
    ///
    /// `Invalid` where a volume is not free or no backend takes one; `Exhausted` (quota). What is not committed after that leaves nothing.
    pub(super) async fn bind(
        self,
        uow: &mut dyn UnitOfWork,
        writing: Writing<'_>,
        owner: &Owner<'_>,
        (server, hosts): (&Server, &[Host]),
    ) -> Result<(Vec<(Attachment, Volume)>, Vec<Order>), Error> {
        let (mut bound, mut orders): (Vec<(Attachment, Volume)>, Vec<Order>) = Default::default();
        for (disk, plan) in self.disks {
            let (mut attachment, volume) = match plan {
                Plan::There(mut volume) => {
                    let id = Some(server.id);
                    (bind::reserve(uow, writing, &mut volume, id, false).await?, *volume)
                }
                Plan::New(prepared) => {
                    let placed =
                        prepared.place(hosts, server.host.as_ref(), owner.settings, writing.now);
                    let placed = placed.map_err(|refused| {
                        Error::Invalid(format!(
                            "Block Device Mapping is Invalid: no backend takes a volume of the instance: {}",
                            refused.join(" ")
                        ))
                    })?;
                    let by = (owner.caller, owner.project);
                    let (volume, more) =
                        prepared.insert(uow, writing, owner.settings, by, placed).await?;
                    orders.extend(more);
                    (bind::reserve_new(uow, writing, &volume, server.id).await?, volume)
                }
            };
            attachment.mountpoint = Some(device(&bound, disk)?);
            attachment.guest = GuestUse {
                delete_on_termination: disk.delete_on_termination,
                boot_index: disk.boot_index,
                tag: disk.tag.clone(),
                ordered: None,
                request: None,
                replaces: None,
            };
            uow.attachments().update(&attachment).await?;
            attachment.generation = attachment.generation.next();
            bound.push((attachment, volume));
        }
        Ok((bound, orders))
    }
}

fn device(bound: &[(Attachment, Volume)], disk: &ServerDisk) -> Result<String, Error> {
    if disk.boot_index == Some(0) {
        return Ok("/dev/vda".to_owned());
    }
    let own: Vec<_> = bound.iter().map(|(attachment, _)| attachment.clone()).collect();
    next_free(&own, disk.device.as_deref())
}

/// Nova's words for what is not there.
fn not_found(error: Error, what: &str, id: &dyn std::fmt::Display) -> Error {
    let is_it = match &error {
        Error::NotFound { kind, .. } => kind.eq_ignore_ascii_case(what),
        Error::Invalid(text) => what == "image" && text.starts_with("Invalid image identifier"),
        Error::Conflict(_)
        | Error::Unauthenticated(_)
        | Error::Denied(_)
        | Error::Exhausted(_)
        | Error::TooLarge(_)
        | Error::Unsupported(_)
        | Error::Unavailable { .. }
        | Error::Internal { .. } => false,
    };
    if is_it {
        Error::Invalid(format!("Block Device Mapping is Invalid: failed to get {what} {id}."))
    } else {
        error
    }
}

/// The same for what a volume is made of.
fn of_source(error: Error, content: DiskContent) -> Error {
    match content {
        DiskContent::Snapshot(id) => not_found(error, "snapshot", &id),
        DiskContent::Image(id) => not_found(error, "image", &id),
        DiskContent::Volume(_) | DiskContent::Blank => error,
    }
}
