//! Whom to ask: a running cloud's API, or the folders themselves. Both answer alike.

use super::args::Place;
use super::files::Files;
use crate::client::Client;
use crate::credentials;
use crate::state_dir::StateDir;
use serde_json::{Value, json};

/// See the head of this file.
pub enum Source {
    /// Over HTTP.
    Cloud(Client),
    /// Here.
    Files(Box<Files>),
}

impl Source {
    /// To look only.
    pub fn of(place: &Place) -> anyhow::Result<Self> {
        Self::of_owner(place, None)
    }

    /// `owner` is whom bases in folders are to belong to.
    pub fn of_owner(place: &Place, owner: Option<&str>) -> anyhow::Result<Self> {
        match (&place.cache, &place.images) {
            (Some(cache), Some(images)) => {
                Ok(Self::Files(Box::new(Files::open(cache, images, &place.bases, owner)?)))
            }
            (Some(_), None) | (None, Some(_)) | (None, None) => {
                let state = StateDir::new(&place.state.dir)?;
                Ok(Self::Cloud(Client::log_in(&credentials::find(&state)?)?))
            }
        }
    }

    /// `{"bases": […]}`
    pub fn list(&self) -> anyhow::Result<Value> {
        match self {
            Self::Cloud(client) => client.get("compute", "/os-hatchery-pool"),
            Self::Files(files) => files.list(),
        }
    }

    /// `{"base": {…}}`
    pub fn show(&self, base: &str) -> anyhow::Result<Value> {
        match self {
            Self::Cloud(client) => client.get("compute", &format!("/os-hatchery-pool/{base}")),
            Self::Files(files) => files.show(base),
        }
    }

    /// `{"looked_at": …, "deeds": […]}`
    pub fn verify(&self, base: Option<&str>) -> anyhow::Result<Value> {
        match self {
            Self::Cloud(client) => {
                let body = base.map_or_else(|| json!({}), |base| json!({"base": base}));
                client.post("compute", "/os-hatchery-pool/verify", &body)
            }
            Self::Files(files) => files.verify(base),
        }
    }

    /// The same.
    pub fn heal(&self, dry_run: bool) -> anyhow::Result<Value> {
        match self {
            Self::Cloud(client) => {
                client.post("compute", "/os-hatchery-pool/heal", &json!({"dry_run": dry_run}))
            }
            Self::Files(files) => files.heal(dry_run),
        }
    }
}
