//! Nova's rows.

mod action;
mod aggregate;
mod claim;
mod flavor;
mod host;
mod host_base;
mod keypair;
mod lease;
mod server;

pub(crate) use aggregate::from_row as aggregate_from_row;
pub(crate) use host::from_row as host_from_row;
pub(crate) use server::from_row as server_from_row;
