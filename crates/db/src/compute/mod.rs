//! Nova's rows.

mod action;
mod claim;
mod flavor;
mod host;
mod keypair;
mod server;
