//! The doors: OpenStack's wire types, microversions, status views and routers.

pub mod compute;
pub mod http;
pub mod identity;
pub mod image;
pub mod network;
pub mod volume;

/// What every service's `router` gives, and [`http::root::join`] and [`http::serve::serve`] take.
pub use axum::Router;
