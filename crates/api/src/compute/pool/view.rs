//! Bases and deeds as JSON: what the API answers, and what the commands print.

use crate::http::time;
use hatchery_model::base::{BaseHealth, BaseLease, BaseStatus, Deed, LeaseHolder};
use serde_json::{Value, json};

/// A base, with its image's name where that is known.
pub fn base(status: &BaseStatus, name: Option<&str>) -> Value {
    let (health, detail) = health(&status.health);
    json!({
        "base": status.base,
        "image": status.image,
        "image_name": name,
        "format": status.format.map(|format| format.as_str()),
        "size": status.size.0,
        "virtual_size": status.virtual_size.map(|size| size.0),
        "allocated": status.allocated.0,
        "inode": status.inode,
        "links": status.links,
        "digest": status.digest.as_ref().map(ToString::to_string),
        "inspector_version": status.inspector_version,
        "since": status.since.map(time::seconds),
        "verified_at": status.verified_at.map(time::seconds),
        "holders": status.holders.iter().map(holder).collect::<Vec<_>>(),
        "health": health,
        "health_detail": detail,
    })
}

/// What came of a pass.
pub fn report(looked_at: usize, deeds: &[Deed]) -> Value {
    json!({
        "looked_at": looked_at,
        "deeds": deeds.iter().map(deed).collect::<Vec<_>>(),
    })
}

fn deed(deed: &Deed) -> Value {
    json!({
        "base": deed.base,
        "image": deed.image,
        "did": deed.did.name(),
        "why": deed.why,
        "servers": deed.servers,
    })
}

fn health(health: &BaseHealth) -> (&'static str, Option<String>) {
    match health {
        BaseHealth::Good => ("good", None),
        BaseHealth::Missing => ("missing", None),
        BaseHealth::Changed { why } => ("changed", Some(why.clone())),
        BaseHealth::Unused { seconds } => ("unused", Some(format!("for {seconds} s"))),
    }
}

fn holder(lease: &BaseLease) -> Value {
    match &lease.holder {
        LeaseHolder::Disk { host, disk, server } => json!({
            "kind": "disk",
            "host": host,
            "disk": disk,
            "server": server,
            "format": lease.format.map(|format| format.as_str()),
        }),
        LeaseHolder::Pin { by, until } => {
            json!({"kind": "pin", "by": by, "until": time::seconds(*until)})
        }
    }
}
