//! The plug against a cloud that a script plays.
#![allow(clippy::unwrap_used, clippy::panic)]

mod catalog;
mod credentials;
mod scripted_cloud;
