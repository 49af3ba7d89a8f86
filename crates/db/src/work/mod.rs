//! Work promised, messages to be sent, single values.

mod outbox;
mod setting;
mod task;
