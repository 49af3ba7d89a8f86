//! Servers.

mod row;
mod sql;
