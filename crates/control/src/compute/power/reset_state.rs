//! Takes an administrator's word on what a server's state is. No host is told.

use super::{PowerVerbs, retried};
use crate::compute::state_words::task_state;
use crate::compute::{find_server, imaging};
use crate::error::Error;
use crate::policy;
use crate::volume::send::Writing;
use crate::workflow::power::{self, By};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{ActionKind, Fault, Rest};
use hatchery_model::id::ServerId;

const ACTION: &str = "os_compute_api:os-admin-actions:reset_state";

/// What a server can be reset to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResetTo {
    /// `active`
    Active,
    /// `error`
    Error,
}

impl PowerVerbs {
    /// `os-resetState`: the server is as said, and nothing is done to it any more. Whether its guest runs is another matter: a later report of its
    /// host, a reboot or a start tells. Administrators only.
    ///
    /// `NotFound`, `Denied`; `Conflict` when the server is being deleted, which goes on.
    pub async fn reset_state(
        &self,
        caller: &Caller,
        id: ServerId,
        to: ResetTo,
    ) -> Result<(), Error> {
        retried(|| self.try_reset(caller, id, to)).await
    }

    async fn try_reset(&self, caller: &Caller, id: ServerId, to: ResetTo) -> Result<(), Error> {
        let now = self.clock.now();
        let mut uow = self.store.begin().await?;
        let mut server = find_server::find(&mut *uow, caller, id).await?;
        policy::admin(caller, ACTION)?;
        let rest = match to {
            ResetTo::Active => Rest::Active,
            ResetTo::Error => Rest::Failed(Fault {
                code: 500,
                message: "An administrator has set the state to error.".into(),
                details: String::new(),
                at: now,
                lost_base: None,
            }),
        };
        let task = task_state(&server.state).unwrap_or_default();
        server.state = server.state.reset(rest).map_err(|_| {
            Error::Conflict(format!(
                "Cannot 'resetState' instance {id} while it is in task_state {task}"
            ))
        })?;
        let writing = Writing { entropy: &*self.entropy, now, request: &caller.request };
        imaging::abandon(&mut *uow, writing, &mut server).await?;
        server.updated_at = now;
        power::note_action(&mut *uow, &server, &By::caller(caller, ActionKind::ResetState), now)
            .await?;
        uow.servers().update(&server).await?;
        uow.commit().await?;
        Ok(())
    }
}
