//! A plug that speaks to an OpenStack that is already there: its Keystone, its Glance, its Nova.
//!
//! What is here: credentials as every OpenStack client reads them, a session that renews its token, the images of a Glance as
//! an `ImageCatalog`, and the two actions on servers that a repaired base may call for. Nothing here changes anything of the
//! cloud's but those two actions, and nothing decides what to do: that is the business of whoever asks.
//!
//! HTTP is spoken by `ureq`, which blocks; each call runs on a thread of tokio's blocking pool and ends by its time-outs.

mod credentials;
mod error;
mod glance;
mod http;
mod keystone;
mod nova;
mod session;

pub use credentials::{
    Auth, CloudFiles, Credentials, Domain, Environment, Interface, Project, Scope, Trust, User,
};
pub use error::OpenstackError;
pub use glance::GlanceCatalog;
pub use http::TimeLimits;
pub use nova::{NovaServers, ServerAction, ServerState};
pub use session::Session;
