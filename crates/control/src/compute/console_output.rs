//! The end of a guest's console log, asked of its host.

use super::find_server;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::ServerId;
use hatchery_model::message::{Answer, Ask};
use hatchery_ports::bus::Bus;
use hatchery_ports::store::Store;
use std::sync::Arc;
use std::time::Duration;

/// So long a host may take.
const DEADLINE: Duration = Duration::from_secs(10);

/// `os-getConsoleOutput`
pub struct ConsoleOutput {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Where hosts are asked.
    pub bus: Arc<dyn Bus>,
}

impl ConsoleOutput {
    /// The last `lines` lines, or all that is kept. Needs `member` on the server's project.
    ///
    /// `NotFound`; `Denied`; `Conflict` when the server has no host yet; `Unavailable` when its host does not answer.
    pub async fn run(
        &self,
        caller: &Caller,
        id: ServerId,
        lines: Option<u32>,
    ) -> Result<String, Error> {
        let mut uow = self.store.read().await?;
        let server = find_server::find(&mut *uow, caller, id).await?;
        drop(uow);
        policy::write(caller, &server.project, "os_compute_api:os-console-output")?;
        let Some(host) = &server.host else {
            return Err(Error::Conflict(format!("Instance {id} is not ready")));
        };
        let ask = Ask::ConsoleLog { server: id, lines };
        match self.bus.ask(host, ask, DEADLINE).await? {
            Answer::ConsoleLog(text) => Ok(text),
            Answer::NoGuest
            | Answer::PowerState(_)
            | Answer::ManageableVolumes(_)
            | Answer::ManageableSnapshots(_) => {
                Err(Error::Conflict(format!("Instance {id} is not ready")))
            }
        }
    }
}
