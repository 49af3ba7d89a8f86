//! Lists availability zones.

use super::HostVerbs;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Host;
use std::collections::BTreeMap;

/// An availability zone.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Zone {
    /// Its name.
    pub name: String,
    /// Whether a host in it takes servers.
    pub available: bool,
    /// Its hosts; empty unless the caller is an administrator.
    pub hosts: Vec<Host>,
}

impl HostVerbs {
    /// The zones, by name.
    pub async fn zones(&self, caller: &Caller) -> Result<Vec<Zone>, Error> {
        let mut uow = self.store.read().await?;
        let hosts = uow.hosts().list().await?;
        let mut zones: BTreeMap<String, Zone> = BTreeMap::new();
        for host in hosts {
            let status = self.status(host);
            let name = status.host.availability_zone.clone();
            let zone = zones.entry(name.clone()).or_insert(Zone {
                name,
                available: false,
                hosts: Vec::new(),
            });
            zone.available |= status.up && status.host.disabled.is_none();
            if caller.is_admin() {
                zone.hosts.push(status.host);
            }
        }
        Ok(zones.into_values().collect())
    }
}
