//! Volumes.

pub mod action;
mod changing;
pub mod create;
mod list;
pub mod metadata;
pub mod query;
pub mod view;

pub use changing::{delete, show, update};
pub use list::{brief, detail, summary};
