//! Attachments (3.27).

pub mod routes;
mod view;
