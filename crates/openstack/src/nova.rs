//! The servers of an existing Nova, and the two things that may be done to one whose base was away: its state is set back to
//! active, and it is rebooted hard.

use crate::error::OpenstackError;
use crate::glance::in_background;
use crate::http::Answer;
use crate::keystone::Service;
use crate::session::{Request, Session};
use hatchery_model::id::ServerId;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

const LONGEST: u64 = 4 << 20;

/// See the head of this file. The session must be an administrator's.
#[derive(Clone)]
pub struct NovaServers {
    session: Arc<Session>,
}

/// What Nova says of a server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerState {
    /// `ACTIVE`, `SHUTOFF`, `ERROR`, …
    pub status: String,
    /// What is being done to it, if anything.
    pub task: Option<String>,
}

#[derive(Deserialize)]
struct Body {
    server: Told,
}

#[derive(Deserialize)]
struct Told {
    status: String,
    #[serde(rename = "OS-EXT-STS:task_state")]
    task: Option<String>,
}

/// One of the things that were done to a server.
#[derive(Clone, PartialEq, Eq, Debug, Deserialize)]
pub struct ServerAction {
    /// `create`, `reboot`, …
    pub action: String,
    /// The request that asked for it, which no other action has.
    pub request_id: String,
}

#[derive(Deserialize)]
struct Actions {
    #[serde(rename = "instanceActions")]
    actions: Vec<ServerAction>,
}

impl NovaServers {
    /// The servers of the session's cloud.
    pub fn new(session: Arc<Session>) -> Self {
        Self { session }
    }

    /// How a server is. `None`: there is none.
    pub async fn find(&self, server: ServerId) -> Result<Option<ServerState>, OpenstackError> {
        let this = self.clone();
        in_background(move || {
            let answer = this.ask("GET", &format!("/servers/{server}"), None)?;
            if answer.status == 404 {
                return Ok(None);
            }
            let told: Body = answer.json()?;
            Ok(Some(ServerState { status: told.server.status, task: told.server.task }))
        })
        .await
    }

    /// What was done to a server, the newest first. None for a server that is not there.
    pub async fn actions(&self, server: ServerId) -> Result<Vec<ServerAction>, OpenstackError> {
        let this = self.clone();
        in_background(move || {
            let path = format!("/servers/{server}/os-instance-actions");
            let answer = this.ask("GET", &path, None)?;
            if answer.status == 404 {
                return Ok(Vec::new());
            }
            let told: Actions = answer.json()?;
            Ok(told.actions)
        })
        .await
    }

    /// `openstack server set --state active`. May be repeated.
    pub async fn reset_state(&self, server: ServerId) -> Result<(), OpenstackError> {
        self.act(server, json!({"os-resetState": {"state": "active"}})).await
    }

    /// `openstack server reboot --hard`: Nova defines and starts the guest anew.
    pub async fn hard_reboot(&self, server: ServerId) -> Result<(), OpenstackError> {
        self.act(server, json!({"reboot": {"type": "HARD"}})).await
    }

    async fn act(&self, server: ServerId, action: Value) -> Result<(), OpenstackError> {
        let this = self.clone();
        in_background(move || {
            this.ask("POST", &format!("/servers/{server}/action"), Some(&action))?.ok()
        })
        .await
    }

    fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Answer, OpenstackError> {
        let service = Service::Compute;
        self.session.send(&Request { service, version: "", method, path, body, limit: LONGEST })
    }
}
