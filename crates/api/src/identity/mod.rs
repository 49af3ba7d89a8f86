//! Keystone's version 3.
//!
//! [`router`] has all routes on a page; one file a resource. Handlers parse, ask a use case, and show; who may do what is decided
//! in `control`.

mod auth;
mod catalog;
mod envelope;
mod fields;
mod guard;
mod router;
mod state;
mod versions;

pub use catalog::{CatalogSettings, DEFAULT_REGION};
pub use router::router;
