//! Attachments, as the new attach API has them.

use super::access;
use super::bind;
use super::qos;
use super::send::Writing;
use super::verbs::VolumeVerbs;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::{AttachmentId, ServerId, VolumeId};
use hatchery_model::volume::{Attachment, AttachmentState, Volume};
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

/// From where a volume is used, as far as this service needs to know.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Connector {
    /// The host.
    pub host: Option<String>,
    /// Where the volume shows up there.
    pub mountpoint: Option<String>,
    /// Whether it may only be read (`mode` is `ro`).
    pub read_only: bool,
}

/// An attachment with the volume behind it, for `connection_info`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AttachmentDetail {
    /// The attachment.
    pub attachment: Attachment,
    /// Its volume.
    pub volume: Volume,
    /// What the hypervisor is to see to. `None`: nothing.
    pub front_end_specs: Option<BTreeMap<String, String>>,
}

impl VolumeVerbs {
    /// Keeps a volume for a server; with a connector, says where its bytes are. Needs `member` on the volume's project.
    ///
    /// `NotFound`, `Denied`; `Invalid` where the volume's state does not allow it.
    pub async fn create_attachment(
        &self,
        caller: &Caller,
        id: VolumeId,
        server: Option<ServerId>,
        connector: Option<Connector>,
        read_only: bool,
    ) -> Result<AttachmentDetail, Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let mut volume =
            access::changeable(&mut *uow, caller, id, "volume:attachment_create").await?;
        let status = volume.state.status();
        if status.contains("error") {
            return Err(Error::Invalid(format!(
                "Invalid volume: Volume attachments can not be created if the volume is in an error state. The Volume {id} currently has a status of: {status} "
            )));
        }
        let writing =
            Writing { entropy: &*ports.entropy, now: ports.clock.now(), request: &caller.request };
        let mut attachment =
            bind::reserve(&mut *uow, writing, &mut volume, server, read_only).await?;
        if let Some(connector) = connector {
            connect(&mut *uow, writing, &mut attachment, connector).await?;
        }
        let shown = with_volume(&mut *uow, attachment).await?;
        uow.commit().await?;
        Ok(shown)
    }

    /// Says from where the volume is used; the answer has where its bytes are. `NotFound`, `Denied`; `Conflict` where the volume is in error or
    /// another host uses it.
    pub async fn update_attachment(
        &self,
        caller: &Caller,
        id: AttachmentId,
        connector: Connector,
    ) -> Result<AttachmentDetail, Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let mut attachment = changeable(&mut *uow, caller, id, "volume:attachment_update").await?;
        let volume = volume_of(&mut *uow, &attachment).await?;
        let status = volume.state.status();
        if status.contains("error") {
            return Err(Error::Conflict(format!(
                "Resource conflict: Volume attachments can not be updated if the volume is in an error state. The Volume {} currently has a status of: {status} ",
                volume.id
            )));
        }
        let others = uow.attachments().list(None, Some(volume.id), None).await?;
        let connected = others.iter().any(|one| {
            one.id != id && one.state != AttachmentState::Reserved && one.host.is_some()
        });
        if connected && !volume.multiattach {
            return Err(Error::Conflict(format!(
                "Resource conflict: duplicate connectors detected on volume {}",
                volume.id
            )));
        }
        let writing =
            Writing { entropy: &*ports.entropy, now: ports.clock.now(), request: &caller.request };
        connect(&mut *uow, writing, &mut attachment, connector).await?;
        let shown = with_volume(&mut *uow, attachment).await?;
        uow.commit().await?;
        Ok(shown)
    }

    /// Says that the volume is plugged (`os-complete`). `NotFound`, `Denied`.
    pub async fn complete_attachment(
        &self,
        caller: &Caller,
        id: AttachmentId,
    ) -> Result<(), Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let mut attachment =
            changeable(&mut *uow, caller, id, "volume:attachment_complete").await?;
        let writing =
            Writing { entropy: &*ports.entropy, now: ports.clock.now(), request: &caller.request };
        attachment.state = AttachmentState::Attached;
        bind::update(&mut *uow, writing, &mut attachment).await?;
        Ok(uow.commit().await?)
    }

    /// Removes an attachment; the others of its volume are the answer. `NotFound`, `Denied`; `Conflict` while a server of this cloud uses it:
    /// that is the server's to end.
    pub async fn delete_attachment(
        &self,
        caller: &Caller,
        id: AttachmentId,
    ) -> Result<Vec<Attachment>, Error> {
        let ports = &self.ports;
        let mut uow = ports.store.begin().await?;
        let attachment = changeable(&mut *uow, caller, id, "volume:attachment_delete").await?;
        if let Some(server) = attachment.server
            && attachment.state != AttachmentState::Reserved
            && uow.servers().find(server).await?.is_some_and(|server| {
                !matches!(server.state, hatchery_model::compute::ServerState::Deleted { .. })
            })
        {
            return Err(Error::Conflict(format!(
                "Detach volume from instance {server} using the Compute API"
            )));
        }
        let writing =
            Writing { entropy: &*ports.entropy, now: ports.clock.now(), request: &caller.request };
        let left = bind::release(&mut *uow, writing, &attachment).await?;
        uow.commit().await?;
        Ok(left)
    }

    /// One attachment. Needs `reader` on its project. `NotFound`.
    pub async fn find_attachment(
        &self,
        caller: &Caller,
        id: AttachmentId,
    ) -> Result<AttachmentDetail, Error> {
        let mut uow = self.ports.store.read().await?;
        let attachment = access::seen_attachment(&mut *uow, caller, id).await?;
        with_volume(&mut *uow, attachment).await
    }

    /// The attachments of the caller's project (or of all, for administrators), of a volume, of a server, by time made.
    pub async fn list_attachments(
        &self,
        caller: &Caller,
        all_projects: bool,
        volume: Option<VolumeId>,
        server: Option<ServerId>,
    ) -> Result<Vec<Attachment>, Error> {
        let project = if all_projects && caller.is_admin() {
            None
        } else {
            Some(policy::reader_project(caller, "volume:attachment_get_all")?)
        };
        let mut uow = self.ports.store.read().await?;
        Ok(uow.attachments().list(project, volume, server).await?)
    }
}

async fn changeable(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: AttachmentId,
    action: &str,
) -> Result<Attachment, Error> {
    let attachment = access::seen_attachment(uow, caller, id).await?;
    policy::write(caller, &attachment.project, action)?;
    Ok(attachment)
}

async fn connect(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    attachment: &mut Attachment,
    connector: Connector,
) -> Result<(), Error> {
    attachment.host = connector.host.or(attachment.host.take());
    attachment.mountpoint = connector.mountpoint.or(attachment.mountpoint.take());
    attachment.read_only |= connector.read_only;
    if attachment.state == AttachmentState::Reserved {
        attachment.state = AttachmentState::Attaching;
    }
    bind::update(uow, writing, attachment).await
}

async fn volume_of(uow: &mut dyn UnitOfWork, attachment: &Attachment) -> Result<Volume, Error> {
    let found = uow.volumes().find(attachment.volume).await?;
    found.ok_or_else(|| Error::not_found("Volume", attachment.volume))
}

async fn with_volume(
    uow: &mut dyn UnitOfWork,
    attachment: Attachment,
) -> Result<AttachmentDetail, Error> {
    let volume = volume_of(uow, &attachment).await?;
    let front_end_specs = qos::front_end(uow, volume.volume_type, volume.size_gib).await?;
    Ok(AttachmentDetail { attachment, volume, front_end_specs })
}
