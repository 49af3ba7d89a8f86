//! That a volume is made larger while servers have it is an action of each of them: `extend_volume`.

use super::send::Writing;
use crate::error::Error;
use crate::workflow::power::{By, note_action};
use crate::workflow::timeline;
use hatchery_model::caller::Caller;
use hatchery_model::compute::{ActionKind, EventResult};
use hatchery_model::id::{RequestId, VolumeId};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{Attachment, AttachmentState, VolumeState};
use hatchery_ports::store::UnitOfWork;

/// Begins the action on each server that has the volume.
pub(super) async fn begin(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    volume: VolumeId,
    now: Timestamp,
) -> Result<(), Error> {
    let by = By::caller(caller, ActionKind::ExtendVolume);
    let all = uow.attachments().list(None, Some(volume), None).await?;
    for server in all.iter().filter(|one| has(one)).filter_map(|one| one.server) {
        if let Some(server) = uow.servers().find(server).await? {
            note_action(uow, &server, &by, now).await?;
        }
    }
    Ok(())
}

/// Writes into the actions how it has ended. `before`: the volume's state until now. `failure`: why it could not be done.
pub(super) async fn end(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    (before, attachments): (&VolumeState, &[Attachment]),
    failure: Option<&str>,
) -> Result<(), Error> {
    let VolumeState::Extending { to_gib, request: Some(request), .. } = before else {
        return Ok(());
    };
    for one in attachments.iter().filter(|one| has(one)) {
        let told = match failure {
            Some(why) => why.to_owned(),
            None => format!("Volume {} has {to_gib} GiB.", one.volume),
        };
        note(uow, writing, (one, request), (told, failure)).await?;
    }
    Ok(())
}

async fn note(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    (attachment, request): (&Attachment, &RequestId),
    (told, failure): (String, Option<&str>),
) -> Result<(), Error> {
    let Some(server) = attachment.server else { return Ok(()) };
    let found = uow.actions().find(server, request).await?;
    let Some(mut action) = found.filter(|action| action.kind == ActionKind::ExtendVolume) else {
        return Ok(());
    };
    let host = uow.servers().find(server).await?.and_then(|server| server.host);
    let result = if failure.is_some() { EventResult::Error } else { EventResult::Success };
    timeline::noted(&mut action, "compute_extend_volume", result, host, told, writing.now);
    action.message = failure.map(str::to_owned);
    Ok(uow.actions().update(&action).await?)
}

fn has(attachment: &Attachment) -> bool {
    attachment.state == AttachmentState::Attached
}
