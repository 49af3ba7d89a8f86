//! Identity at its door: the router with a real database below it.

mod assignments;
mod catalog;
mod cloud;
mod domains;
mod policy;
mod projects;
mod revocation;
mod roles;
mod tokens;
mod users;
