//! Changes the names of a server, and what else its row only shows.

use super::{ChangeServer, is_kept};
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Server;
use hatchery_model::id::ServerId;
use std::net::{Ipv4Addr, Ipv6Addr};

/// What is to be changed; `None` keeps it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ServerChanges {
    /// The name.
    pub name: Option<String>,
    /// Free text, or none any more (2.19).
    pub description: Option<Option<String>>,
    /// What a guest made anew would call itself (2.90). The one that runs does not hear of it.
    pub hostname: Option<String>,
    /// See [`Server::access_ipv4`].
    pub access_ipv4: Option<Ipv4Addr>,
    /// See [`Server::access_ipv6`].
    pub access_ipv6: Option<Ipv6Addr>,
}

impl ChangeServer {
    /// Changes what is given. Needs `member` on the server's project. `NotFound`, `Denied`; `Conflict` while it is being deleted.
    pub async fn attributes(
        &self,
        caller: &Caller,
        id: ServerId,
        changes: &ServerChanges,
    ) -> Result<Server, Error> {
        self.change(caller, id, "os_compute_api:servers:update", |server| {
            is_kept(server, "update")?;
            if let Some(name) = &changes.name {
                server.name.clone_from(name);
            }
            if let Some(description) = &changes.description {
                server.description.clone_from(description);
            }
            if let Some(hostname) = &changes.hostname {
                server.hostname.clone_from(hostname);
            }
            server.access_ipv4 = changes.access_ipv4.or(server.access_ipv4);
            server.access_ipv6 = changes.access_ipv6.or(server.access_ipv6);
            Ok(())
        })
        .await
    }
}
