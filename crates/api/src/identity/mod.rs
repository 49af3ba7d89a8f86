//! Keystone's version 3.
//!
//! [`router`] has all routes on a page; one file a resource. Handlers parse, ask a use case, and show; who may do what is decided
//! in `control`.

mod auth;
mod catalog;
mod domains;
mod envelope;
mod fields;
mod grants;
mod guard;
mod implied_roles;
mod listing;
mod projects;
mod role_assignments;
mod roles;
mod router;
mod services;
mod state;
mod users;
mod versions;

pub use catalog::{CatalogSettings, DEFAULT_REGION};
pub use router::router;
