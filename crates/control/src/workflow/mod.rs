//! Workflows: a row and a list of named, idempotent steps.

mod build_server;
pub(crate) mod claim;
pub(crate) mod guest_spec;
pub(crate) mod order;
mod outbox_relay;
mod outgoing;
pub(crate) mod placement;
pub(crate) mod power;
mod runner;
pub(crate) mod server_disks;
pub(crate) mod setback;
mod step;
mod tear_down_server;
pub(crate) mod timeline;
mod wake;

pub use build_server::BuildServer;
pub use outbox_relay::OutboxRelay;
pub(crate) use outgoing::Order;
pub use outgoing::Outgoing;
pub use runner::TaskRunner;
pub use step::Step;
pub(crate) use step::{TRIES, illegal};
pub use tear_down_server::TearDownServer;
pub(crate) use tear_down_server::finish as finish_delete;
pub use wake::Wake;
