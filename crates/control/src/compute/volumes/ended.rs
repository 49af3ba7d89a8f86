//! The end of an order about a server's volume, written into the action of whoever asked for it.

use crate::error::Error;
use crate::volume::send::Writing;
use crate::workflow::timeline;
use hatchery_model::compute::{ActionKind, EventResult};
use hatchery_model::id::HostName;
use hatchery_model::volume::Attachment;
use hatchery_ports::store::UnitOfWork;

/// See the head of this file. However often the order was sent, its action is that of the first time.
pub(crate) async fn ended(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    host: Option<HostName>,
    attachment: &Attachment,
    failure: Option<&str>,
) -> Result<(), Error> {
    let Some(server) = attachment.server else { return Ok(()) };
    let request = attachment.guest.request.as_ref().unwrap_or(writing.request);
    let found = uow.actions().find(server, request).await?;
    let name = match found.as_ref().map(|action| action.kind) {
        Some(ActionKind::AttachVolume) => "compute_attach_volume",
        Some(ActionKind::DetachVolume) => "compute_detach_volume",
        Some(ActionKind::SwapVolume) => "compute_swap_volume",
        Some(
            ActionKind::Create
            | ActionKind::Delete
            | ActionKind::Stop
            | ActionKind::Start
            | ActionKind::Reboot
            | ActionKind::ResetState
            | ActionKind::CreateImage
            | ActionKind::ExtendVolume,
        )
        | None => return Ok(()),
    };
    let Some(mut action) = found else { return Ok(()) };
    let result = if failure.is_some() { EventResult::Error } else { EventResult::Success };
    let details = failure.map_or_else(|| format!("Volume {}.", attachment.volume), str::to_owned);
    timeline::noted(&mut action, name, result, host, details, writing.now);
    action.message = failure.map(str::to_owned);
    Ok(uow.actions().update(&action).await?)
}
