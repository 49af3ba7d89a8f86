//! Orders to agents, as rows: they leave only if the transaction commits.

use super::outgoing::Order;
use crate::error::Error;
use crate::volume::send::Writing;
use hatchery_model::compute::Server;
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, MessageId, RequestId, ServerId};
use hatchery_model::message::{Address, Body, Command, Envelope};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::UnitOfWork;

/// Writes an order to a host's agent down. The relay may be handed what comes back once the transaction has committed.
pub(crate) async fn write_down(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    host: &HostName,
    request: RequestId,
    command: Command,
) -> Result<Order, Error> {
    let envelope = Envelope {
        id: MessageId(random_uuid(entropy)),
        request,
        to: Address::Host(host.clone()),
        created_at: now,
        body: Body::Command(command),
    };
    let place = uow.outbox().insert(&envelope).await?;
    Ok((place, envelope))
}

/// Writes an order to a server's host down. `NotFound`: it has none.
pub(crate) async fn to_host(
    uow: &mut dyn UnitOfWork,
    writing: Writing<'_>,
    server: &Server,
    command: Command,
) -> Result<Order, Error> {
    let Some(host) = &server.host else {
        return Err(Error::not_found("Host of instance", server.id));
    };
    let Writing { entropy, now, request } = writing;
    write_down(uow, entropy, now, host, request.clone(), command).await
}

/// Writes down that nothing of a guest is to be left on a host.
pub(crate) async fn destroy(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
    host: &HostName,
    request: RequestId,
    guest: (ServerId, Generation),
) -> Result<Order, Error> {
    let (server, generation) = guest;
    let command = Command::DestroyGuest { server, generation };
    write_down(uow, entropy, now, host, request, command).await
}
