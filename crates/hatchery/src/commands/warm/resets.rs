//! Servers whose base was away and is back: those that Nova shows in ERROR are set back to active and rebooted hard. One that is stopped is left
//! to its owner, who may have stopped it.
//!
//! The pool remembers them from before a base is put back until they are done with, and that they were begun with before Nova is told anything.
//! So whoever is killed in the middle goes on where that was: a server that was set back and not rebooted is rebooted, and no server is
//! rebooted twice.

use super::parts::chain;
use hatchery_model::base::{ResetStep, ServerReset};
use hatchery_model::id::ServerId;
use hatchery_openstack::{NovaServers, OpenstackError};
use hatchery_ports::base_pool::BasePool;
use std::collections::BTreeSet;

/// The action that a reboot is, in Nova's list.
const REBOOT: &str = "reboot";

/// See the head of this file.
pub struct Resets {
    nova: NovaServers,
}

/// What is to be done with a server.
enum Next {
    /// Nothing, any more.
    Nothing,
    /// Nothing before the next pass: Nova is at it.
    Wait,
    /// All of it. The newest of its actions.
    Begin(Option<String>),
    /// All of it, which was begun before.
    Again,
    /// It was set back already.
    Reboot,
}

impl Resets {
    /// By this Nova.
    pub fn new(nova: NovaServers) -> Self {
        Self { nova }
    }

    /// Helps those who waited. What Nova does not do now is tried again after the next pass. Says what could not be done.
    pub async fn after(&self, waited: &[ServerReset], pool: &dyn BasePool) -> Vec<String> {
        let (mut trouble, mut notes, mut tasks) = (Vec::new(), Vec::new(), Vec::new());
        let mut seen = BTreeSet::new();
        // One that waited for two bases has its second turn after the next pass.
        for reset in waited.iter().filter(|reset| seen.insert(reset.server)) {
            let next = match self.next(reset).await {
                Ok(next) => next,
                Err(error) => {
                    trouble.push(not_yet(reset.server, &error));
                    continue;
                }
            };
            let step = match &next {
                Next::Nothing => ResetStep::Done,
                Next::Begin(last) => ResetStep::Begun { last_action: last.clone() },
                Next::Wait | Next::Again | Next::Reboot => reset.step.clone(),
            };
            let note = ServerReset { step, ..reset.clone() };
            match next {
                Next::Nothing => {}
                Next::Wait => continue,
                Next::Begin(_) | Next::Again => tasks.push((note.clone(), true)),
                Next::Reboot => tasks.push((note.clone(), false)),
            }
            if note.step != reset.step {
                notes.push(note);
            }
        }
        if let Err(error) = note(pool, &notes).await {
            trouble.push(format!("no server is reset: {error}"));
            return trouble;
        }
        let mut done = Vec::new();
        for (reset, sets_back) in tasks {
            match self.help(reset.server, sets_back).await {
                Ok(()) => done.push(ServerReset { step: ResetStep::Done, ..reset }),
                Err(error) => trouble.push(not_yet(reset.server, &error)),
            }
        }
        if let Err(error) = note(pool, &done).await {
            trouble.push(format!("servers that were reset are looked at again: {error}"));
        }
        trouble
    }

    async fn next(&self, reset: &ServerReset) -> Result<Next, OpenstackError> {
        let server = reset.server;
        let Some(found) = self.nova.find(server).await? else {
            return Ok(Next::Nothing);
        };
        let busy = found.task.is_some();
        let last = match &reset.step {
            ResetStep::Done => return Ok(Next::Nothing),
            // It may be on its way into ERROR.
            ResetStep::Due if busy => return Ok(Next::Wait),
            ResetStep::Due if found.status == "ERROR" => {
                let actions = self.nova.actions(server).await?;
                return Ok(Next::Begin(actions.into_iter().next().map(|newest| newest.request_id)));
            }
            ResetStep::Due => {
                tracing::info!(server.id = %server, status = found.status, "its base is back; left as it is");
                return Ok(Next::Nothing);
            }
            ResetStep::Begun { last_action } => last_action,
        };
        let actions = self.nova.actions(server).await?;
        let mut newer =
            actions.iter().take_while(|action| Some(&action.request_id) != last.as_ref());
        let rebooted = newer.any(|action| action.action == REBOOT);
        Ok(match (rebooted, found.status.as_str()) {
            (true, status) => {
                tracing::info!(server.id = %server, status, "its base is back, and it was rebooted");
                Next::Nothing
            }
            (false, _) if busy => Next::Wait,
            (false, "ERROR") => Next::Again,
            (false, "ACTIVE") => Next::Reboot,
            (false, status) => {
                tracing::info!(server.id = %server, status, "its base is back; left as it is");
                Next::Nothing
            }
        })
    }

    async fn help(&self, server: ServerId, sets_back: bool) -> Result<(), OpenstackError> {
        if sets_back {
            self.nova.reset_state(server).await?;
        }
        self.nova.hard_reboot(server).await?;
        tracing::info!(server.id = %server, "its base is back: reset to active and rebooted");
        Ok(())
    }
}

async fn note(pool: &dyn BasePool, notes: &[ServerReset]) -> Result<(), String> {
    match notes {
        [] => Ok(()),
        notes => pool.note_resets(notes).await.map_err(|error| chain(&error)),
    }
}

fn not_yet(server: ServerId, error: &OpenstackError) -> String {
    format!("the server {server}, whose base is back, is not reset yet: {}", chain(error))
}
