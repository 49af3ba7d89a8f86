//! Ids of hosts: UUIDs since 2.53, before that numbers, which are their places in the list.

use crate::compute::microversion::Microversion;
use hatchery_control::Error;
use hatchery_control::compute::{HostStatus, HostVerbs};
use hatchery_model::caller::Caller;
use serde_json::{Value, json};

/// A host and its place.
pub struct Numbered {
    /// From 1 on.
    pub number: usize,
    /// The host.
    pub status: HostStatus,
}

impl Numbered {
    /// What identifies it in this microversion.
    pub fn id(&self, version: Microversion) -> Value {
        if version.0 >= 53 { json!(self.status.host.id) } else { json!(self.number) }
    }

    /// The same as text.
    pub fn id_text(&self, version: Microversion) -> String {
        if version.0 >= 53 { self.status.host.id.to_string() } else { self.number.to_string() }
    }
}

/// All hosts with their places.
pub fn numbered(hosts: Vec<HostStatus>) -> Vec<Numbered> {
    let all = hosts.into_iter().enumerate();
    all.map(|(place, status)| Numbered { number: place + 1, status }).collect()
}

/// The host of an id in a path. `Invalid` for what is no UUID since 2.53.
pub async fn find(
    verbs: &HostVerbs,
    caller: &Caller,
    version: Microversion,
    id: &str,
) -> Result<Numbered, Error> {
    let hosts = numbered(verbs.list(caller).await?);
    if version.0 >= 53 && id.parse::<hatchery_model::id::HostId>().is_err() {
        return Err(Error::Invalid(format!("Invalid uuid {id}")));
    }
    let found = hosts.into_iter().find(|host| host.id_text(version) == id);
    found.ok_or_else(|| Error::not_found("Hypervisor with ID", format!("'{id}'")))
}
