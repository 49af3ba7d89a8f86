//! The doors: OpenStack's wire types, microversions, status views and routers.

pub mod compute;
pub mod http;
pub mod identity;
pub mod image;
pub mod network;
