//! Glance's rows.

mod row;
mod sql;
