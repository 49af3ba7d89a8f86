//! The verbs: what users can ask for, and what the control plane does by itself.
//!
//! One verb a file. A use case receives the ports that it uses; it knows no HTTP, SQL, AMQP or QEMU.

pub mod compute;
pub mod error;
pub mod identity;
pub mod image;
pub mod intake;
pub mod network;
pub mod policy;
pub mod pool;
pub mod reconcile;
pub mod scheduler;
pub mod volume;
pub mod workflow;

pub use error::Error;
