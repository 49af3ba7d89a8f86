//! All that may cross the bus.

mod ask;
mod command;
mod envelope;
mod event;

pub use ask::{Answer, Ask};
pub use command::Command;
pub use envelope::{Address, Body, Envelope};
pub use event::{AttachOutcome, Event, HostBase, HostBaseState, StepName, StepTiming};
