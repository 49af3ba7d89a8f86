//! A host's verbs: orders taken from the bus, one actor a guest, a journal on the host's own disk.
//!
//! The agent runs without a database. What it must not forget stands in each guest's folder before it is
//! acted on, so that a new process finds everything again by looking at the host.

mod adopt;
mod agent;
mod base_cache;
mod console;
mod folder;
mod guest;
mod heartbeat;
mod identity;
mod inbox;
mod journal;
mod networks;
mod parts;
mod publisher;
mod registry;
mod responder;
mod settings;
mod volume;

pub use agent::{Agent, AgentError};
pub use parts::Parts;
pub use registry::Registry;
pub use settings::Settings;
