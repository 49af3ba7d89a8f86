//! Workflows: a row and a list of named, idempotent steps.

mod wake;

pub use wake::Wake;
