//! Nova's rows.

use super::StoreError;
use async_trait::async_trait;
use hatchery_model::base::DiskUse;
use hatchery_model::compute::{Action, Claim, Flavor, Host, Keypair, Server};
use hatchery_model::generation::Generation;
use hatchery_model::id::{FlavorId, HostName, ImageId, ProjectId, RequestId, ServerId, UserId};
use hatchery_model::page::Page;

/// Which servers.
#[derive(Clone, Debug, Default)]
pub struct ServerFilter {
    /// Of this project. `None`: of all.
    pub project: Option<ProjectId>,
    /// Made by this user.
    pub user: Option<UserId>,
    /// On this host.
    pub host: Option<HostName>,
    /// Made from this image.
    pub image: Option<ImageId>,
    /// Made with this flavor.
    pub flavor: Option<FlavorId>,
    /// In one of these states, by [`hatchery_model::compute::ServerState::name`]. Empty: in any.
    pub states: Vec<&'static str>,
    /// Deleted ones (`true`) or the others (`false`).
    pub deleted: bool,
    /// Changed at or after this.
    pub changed_since: Option<hatchery_model::timestamp::Timestamp>,
}

/// Servers.
#[async_trait]
pub trait Servers: Send {
    /// By id, deleted ones too.
    async fn find(&mut self, id: ServerId) -> Result<Option<Server>, StoreError>;
    /// A page of those that fit, newest first unless sorted. Sort keys: `created_at`, `updated_at`, `display_name`, `uuid`, `host`.
    async fn list(&mut self, filter: &ServerFilter, page: &Page)
    -> Result<Vec<Server>, StoreError>;
    /// Those in a state, by [`hatchery_model::compute::ServerState::name`], whose host was last heard before then: oldest first, `limit` at the
    /// most.
    async fn list_unheard(
        &mut self,
        state: &'static str,
        heard_before: hatchery_model::timestamp::Timestamp,
        limit: u32,
    ) -> Result<Vec<Server>, StoreError>;
    /// A new one; gives it the next number and returns it so.
    async fn insert(&mut self, server: Server) -> Result<Server, StoreError>;
    /// Replaces it, by compare-and-set on its generation. The row given has the generation read; the one stored the
    /// next.
    async fn update(&mut self, server: &Server) -> Result<(), StoreError>;
    /// Forgets a deleted one for good.
    async fn delete(&mut self, id: ServerId) -> Result<bool, StoreError>;
}

/// Flavors.
#[async_trait]
pub trait Flavors: Send {
    /// By id.
    async fn find(&mut self, id: &FlavorId) -> Result<Option<Flavor>, StoreError>;
    /// All, by id. There are few.
    async fn list(&mut self) -> Result<Vec<Flavor>, StoreError>;
    /// A new one; `Conflict` when id or name is taken.
    async fn insert(&mut self, flavor: &Flavor) -> Result<(), StoreError>;
    /// Replaces it.
    async fn update(&mut self, flavor: &Flavor) -> Result<(), StoreError>;
    /// Removes it. Servers made with it keep their copy.
    async fn delete(&mut self, id: &FlavorId) -> Result<bool, StoreError>;
}

/// Key pairs.
#[async_trait]
pub trait Keypairs: Send {
    /// By owner and name.
    async fn find(&mut self, user: &UserId, name: &str) -> Result<Option<Keypair>, StoreError>;
    /// Of one owner, by name.
    async fn list(&mut self, user: &UserId, page: &Page) -> Result<Vec<Keypair>, StoreError>;
    /// A new one; `Conflict` when the owner has one of that name.
    async fn insert(&mut self, keypair: &Keypair) -> Result<(), StoreError>;
    /// Removes it. Servers made with it keep their copy.
    async fn delete(&mut self, user: &UserId, name: &str) -> Result<bool, StoreError>;
}

/// Hosts. `Host::claimed` is the sum of a host's claims: what a row given says of it counts for nothing.
#[async_trait]
pub trait Hosts: Send {
    /// By name.
    async fn find(&mut self, name: &HostName) -> Result<Option<Host>, StoreError>;
    /// All, by name.
    async fn list(&mut self) -> Result<Vec<Host>, StoreError>;
    /// A new one.
    async fn insert(&mut self, host: &Host) -> Result<(), StoreError>;
    /// Replaces it, by compare-and-set on its generation.
    async fn update(&mut self, host: &Host) -> Result<(), StoreError>;
    /// Stores a report's time without a new generation: a heartbeat in which nothing has changed.
    async fn update_heard_at(
        &mut self,
        name: &HostName,
        heard_at: hatchery_model::timestamp::Timestamp,
    ) -> Result<(), StoreError>;
}

/// Which server has taken what of which host. Each change keeps `Host::claimed` and raises the host's generation.
///
/// With its claim a server takes the lease of the base that its disk there is to lie on. `Leases` lists them.
#[async_trait]
pub trait Claims: Send {
    /// Of a server.
    async fn find(&mut self, server: ServerId) -> Result<Option<(HostName, Claim)>, StoreError>;
    /// A new one, on the host's row that the decision was made on; `Conflict` when that row has another generation by now, or the server has
    /// a claim. Whoever takes a lease has read in this transaction that the image is not going, or knows that the disk is there.
    async fn insert(
        &mut self,
        server: ServerId,
        host: &Host,
        claim: Claim,
        on: Option<&DiskUse>,
    ) -> Result<(), StoreError>;
    /// Gives it back with its lease, because nothing of the guest is left on the host; says what it was and where.
    async fn delete(&mut self, server: ServerId) -> Result<Option<(HostName, Claim)>, StoreError>;
    /// Gives it back and keeps its lease as a [`hatchery_model::base::LeftDisk`], because the disk may still stand on the host. `generation` is that of the order that
    /// nothing is to be left there.
    async fn leave(
        &mut self,
        server: ServerId,
        generation: Generation,
        now: hatchery_model::timestamp::Timestamp,
    ) -> Result<Option<(HostName, Claim)>, StoreError>;
    /// All of a host, or of all hosts.
    async fn list(
        &mut self,
        host: Option<&HostName>,
    ) -> Result<Vec<(ServerId, HostName, Claim)>, StoreError>;
}

/// What was done to servers.
#[async_trait]
pub trait Actions: Send {
    /// By server and request.
    async fn find(
        &mut self,
        server: ServerId,
        request: &RequestId,
    ) -> Result<Option<Action>, StoreError>;
    /// Of a server, newest first.
    async fn list(&mut self, server: ServerId, page: &Page) -> Result<Vec<Action>, StoreError>;
    /// A new one.
    async fn insert(&mut self, action: &Action) -> Result<(), StoreError>;
    /// Replaces it.
    async fn update(&mut self, action: &Action) -> Result<(), StoreError>;
}
