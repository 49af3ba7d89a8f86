//! What is done to a server's power: stop, start, reboot, and the administrator's word on what its state is. One verb a file.

mod heal_book;
pub(super) mod legality;
mod reboot_server;
mod reset_state;
mod revive_servers;
mod start_server;
mod stop_server;

pub use heal_book::HealBook;
pub use reset_state::ResetTo;
pub use revive_servers::ReviveServers;

use super::find_server;
use super::settings::ComputeSettings;
use crate::error::Error;
use crate::policy;
use crate::workflow::{Outgoing, TRIES};
use hatchery_model::caller::Caller;
use hatchery_model::compute::Server;
use hatchery_model::id::ServerId;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{Store, UnitOfWork};
use std::sync::Arc;

/// `os-stop`, `os-start`, `reboot`, `os-resetState`
#[derive(Clone)]
pub struct PowerVerbs {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// To the outbox relay.
    pub outgoing: Outgoing,
    /// What the operator has set.
    pub settings: Arc<ComputeSettings>,
}

/// The server, if the caller may order its guest about.
async fn find(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: ServerId,
    action: &str,
) -> Result<Server, Error> {
    let server = find_server::find(uow, caller, id).await?;
    policy::write(caller, &server.project, action)?;
    legality::is_unlocked(&server, caller)?;
    Ok(server)
}

/// Tries again when another request was faster. A refusal stays one: the next attempt says the same.
async fn retried<F: Future<Output = Result<(), Error>>>(
    attempt: impl Fn() -> F,
) -> Result<(), Error> {
    let mut tries = 0;
    loop {
        tries += 1;
        match attempt().await {
            Err(Error::Conflict(_)) if tries < TRIES => {}
            ended => return ended,
        }
    }
}
