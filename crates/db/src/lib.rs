//! The store over SQLite and PostgreSQL: the same queries on both, what differs in `dialect`.
//!
//! One transaction that writes is open at a time, on both engines: SQLite has one writer, and on PostgreSQL each takes the same
//! advisory lock first. So a decision made from what a transaction has read (a quota, a free address, a place in the
//! outbox) still holds when it commits, and messages become visible in the order of their places.
//!
//! Not here: what the rows mean, retries, time, ids.

mod bundle;
mod compute;
mod connection;
mod database;
mod dialect;
mod error;
mod figures;
mod identity;
mod image;
mod migrate;
mod network;
mod rows;
mod select;
mod unit_of_work;
mod value;
mod volume;
mod work;

pub use database::Database;
pub use error::OpenError;
pub use figures::Figures;
