//! Keystone's rows.

mod assignment;
mod domain;
mod project;
mod revocation;
mod role;
mod user;
