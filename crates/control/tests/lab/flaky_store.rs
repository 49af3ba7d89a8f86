//! A store whose commits fail when a test says so, before or after they have become durable.

use async_trait::async_trait;
use hatchery_ports::store::{
    Actions, Addresses, Aggregates, Assignments, Attachments, Backups, Bundles, Claims, Domains,
    Flavors, GroupSnapshots, GroupTypes, HostBases, Hosts, ImageCacheEntries, Images, Keypairs,
    Leases, Networks, Outbox, Ports, Projects, QosSpecsRows, Revocations, Roles, Servers, Settings,
    Snapshots, Store, StoreError, Subnets, Tasks, UnitOfWork, Users, VolumeGroups, VolumeMessages,
    VolumeTransfers, VolumeTypes, Volumes,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};

/// When commits fail.
#[derive(Default)]
pub struct Faults {
    /// Counts down with each commit; the one that finds 1 fails. 0: none does.
    pub commits_until_fault: AtomicI64,
    /// Whether the failing commit has become durable before it is said to have failed.
    pub after: AtomicBool,
    /// Whether it has happened.
    pub happened: AtomicBool,
}

/// See the head of this file.
pub struct FlakyStore {
    pub inner: Arc<dyn Store>,
    pub faults: Arc<Faults>,
}

struct FlakyWork {
    inner: Box<dyn UnitOfWork>,
    faults: Arc<Faults>,
    writes: bool,
}

fn fault() -> StoreError {
    StoreError::Unavailable {
        doing: "commit, as the test wants it".into(),
        source: "a fault".into(),
    }
}

#[async_trait]
impl Store for FlakyStore {
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Ok(Box::new(FlakyWork {
            inner: self.inner.begin().await?,
            faults: self.faults.clone(),
            writes: true,
        }))
    }

    async fn read(&self) -> Result<Box<dyn UnitOfWork>, StoreError> {
        Ok(Box::new(FlakyWork {
            inner: self.inner.read().await?,
            faults: self.faults.clone(),
            writes: false,
        }))
    }
}

macro_rules! delegate {
    ($($name:ident: $noun:ident),+ $(,)?) => {
        #[async_trait]
        impl UnitOfWork for FlakyWork {
            $(fn $name(&mut self) -> &mut dyn $noun { self.inner.$name() })+

            async fn commit(self: Box<Self>) -> Result<(), StoreError> {
                let now = self.writes
                    && self.faults.commits_until_fault.fetch_sub(1, Ordering::SeqCst) == 1;
                if !now {
                    return self.inner.commit().await;
                }
                self.faults.happened.store(true, Ordering::SeqCst);
                if self.faults.after.load(Ordering::SeqCst) {
                    self.inner.commit().await?;
                }
                Err(fault())
            }
        }
    };
}

delegate! {
    domains: Domains, projects: Projects, users: Users, roles: Roles, assignments: Assignments,
    revocations: Revocations, images: Images, servers: Servers, flavors: Flavors, keypairs: Keypairs,
    hosts: Hosts, aggregates: Aggregates, host_bases: HostBases, claims: Claims, leases: Leases, actions: Actions, networks: Networks, subnets: Subnets, ports: Ports,
    addresses: Addresses, tasks: Tasks, outbox: Outbox, settings: Settings, bundles: Bundles,
    volumes: Volumes, snapshots: Snapshots, attachments: Attachments, backups: Backups, image_cache: ImageCacheEntries, volume_types: VolumeTypes,
    volume_messages: VolumeMessages, volume_transfers: VolumeTransfers, qos_specs: QosSpecsRows,
    group_types: GroupTypes, volume_groups: VolumeGroups, group_snapshots: GroupSnapshots,
}
