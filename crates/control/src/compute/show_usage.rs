//! What a project's servers take: `limits` and `os-quota-sets`. Nothing is limited, so that this is all there is to tell.

use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::ProjectId;
use hatchery_model::page::Page;
use hatchery_ports::store::{ServerFilter, Store};
use std::sync::Arc;

/// `GET /limits`, `GET /os-quota-sets/{project}/detail`
#[derive(Clone)]
pub struct ShowUsage {
    /// The database.
    pub store: Arc<dyn Store>,
}

/// What the servers of a project take together, deleted ones left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Servers.
    pub servers: u64,
    /// Virtual CPUs.
    pub vcpus: u64,
    /// Memory.
    pub memory_mib: u64,
}

impl ShowUsage {
    /// Of a project: the caller's own, or for administrators any. `Denied` otherwise.
    pub async fn run(&self, caller: &Caller, project: &ProjectId) -> Result<Usage, Error> {
        if caller.project() != Some(project) {
            policy::admin(caller, "os_compute_api:limits:other_project")?;
        }
        let filter = ServerFilter { project: Some(project.clone()), ..ServerFilter::default() };
        let servers = self.store.read().await?.servers().list(&filter, &Page::default()).await?;
        let mut usage = Usage::default();
        for server in servers {
            usage.servers += 1;
            usage.vcpus += u64::from(server.flavor.vcpus);
            usage.memory_mib += server.flavor.memory_mib;
        }
        Ok(usage)
    }
}
