//! Orders about a server's power: the row, its action and the order to its host, in the caller's transaction.

use super::order;
use super::outgoing::Order;
use super::timeline;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::compute::{ActionKind, Server};
use hatchery_model::generation::Generation;
use hatchery_model::id::{RequestId, ServerId, UserId};
use hatchery_model::message::Command;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::UnitOfWork;

/// Whose wish it is, and what it is called.
pub(crate) struct By {
    pub(crate) request: RequestId,
    pub(crate) user: UserId,
    pub(crate) kind: ActionKind,
}

impl By {
    /// A caller's.
    pub(crate) fn caller(caller: &Caller, kind: ActionKind) -> Self {
        Self { request: caller.request.clone(), user: caller.user.clone(), kind }
    }
}

/// Writes the row down, whose state has been moved on, with the action and the order. The order has the generation that the row has then, and
/// news of earlier orders are stale from now on.
pub(crate) async fn order(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    mut server: Server,
    by: By,
    command: impl FnOnce(ServerId, Generation) -> Command + Send,
) -> Result<Order, Error> {
    let Some(host) = server.host.clone() else {
        return Err(Error::not_found("Host of instance", server.id));
    };
    server.power_order = server.generation.next();
    server.updated_at = now;
    note_action(uow, &server, &by, now).await?;
    uow.servers().update(&server).await?;
    let command = command(server.id, server.power_order);
    order::write_down(uow, entropy, now, &host, by.request, command).await
}

/// The order to start a guest that was made earlier.
pub(crate) fn start(server: ServerId, generation: Generation) -> Command {
    Command::StartGuest { server, generation }
}

/// Writes an action down. One request may do two things to a server: then its action is the first one's, and stays so.
pub(crate) async fn note_action(
    uow: &mut dyn UnitOfWork,
    server: &Server,
    by: &By,
    now: Timestamp,
) -> Result<(), Error> {
    if uow.actions().find(server.id, &by.request).await?.is_none() {
        let action = timeline::begun(by.kind, server, by.request.clone(), by.user.clone(), now);
        uow.actions().insert(&action).await?;
    }
    Ok(())
}
