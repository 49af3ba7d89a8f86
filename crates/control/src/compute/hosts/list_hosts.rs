//! Lists and shows hosts, and what stands on them.

use super::HostVerbs;
use crate::error::Error;
use crate::policy;
use crate::scheduler::is_up;
use hatchery_model::caller::Caller;
use hatchery_model::compute::{Host, Server};
use hatchery_model::id::{HostId, HostName};
use hatchery_model::page::Page;
use hatchery_ports::store::ServerFilter;

/// A host, and whether it is heard.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HostStatus {
    /// Its row.
    pub host: Host,
    /// Whether it has been heard within `service_down_time`.
    pub up: bool,
}

impl HostVerbs {
    /// All hosts, by name. Administrators only.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<HostStatus>, Error> {
        policy::admin(caller, "os_compute_api:os-hypervisors:list")?;
        let mut uow = self.store.read().await?;
        let hosts = uow.hosts().list().await?;
        Ok(hosts.into_iter().map(|host| self.status(host)).collect())
    }

    /// One host. Administrators only. `NotFound`.
    pub async fn show(&self, caller: &Caller, id: HostId) -> Result<HostStatus, Error> {
        let hosts = self.list(caller).await?;
        let found = hosts.into_iter().find(|status| status.host.id == id);
        found.ok_or_else(|| Error::not_found("Hypervisor with ID", format!("'{id}'")))
    }

    /// The servers of a host. Administrators only.
    pub async fn servers(&self, caller: &Caller, host: &HostName) -> Result<Vec<Server>, Error> {
        policy::admin(caller, "os_compute_api:os-hypervisors:list")?;
        let filter = ServerFilter { host: Some(host.clone()), ..ServerFilter::default() };
        let mut uow = self.store.read().await?;
        Ok(uow.servers().list(&filter, &Page::default()).await?)
    }

    pub(in crate::compute) fn status(&self, host: Host) -> HostStatus {
        let up = is_up(&host, &self.settings.scheduler, self.clock.now());
        HostStatus { host, up }
    }
}
