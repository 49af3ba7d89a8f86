//! Servers.

mod row;
mod sql;

pub(crate) use row::from_row;
