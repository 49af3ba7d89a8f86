//! One transaction, which is every noun at once.

use crate::connection::Lease;
use crate::error::unavailable;
use crate::figures::Counters;
use async_trait::async_trait;
use hatchery_ports::store::{
    Actions, Addresses, Aggregates, Assignments, Attachments, Backups, Bundles, Claims, Domains,
    Flavors, GroupSnapshots, GroupTypes, HostBases, Hosts, ImageCacheEntries, Images, Keypairs,
    Leases, Networks, Outbox, Ports, Projects, QosSpecsRows, Revocations, Roles, Servers, Settings,
    Snapshots, StoreError, Subnets, Tasks, UnitOfWork, Users, VolumeGroups, VolumeMessages,
    VolumeTransfers, VolumeTypes, Volumes,
};
use std::sync::Arc;

pub(crate) struct Transaction {
    pub(crate) lease: Lease,
    pub(crate) counters: Arc<Counters>,
    /// Whether a statement has changed anything.
    pub(crate) wrote: bool,
}

impl Transaction {
    pub(crate) fn new(lease: Lease, counters: Arc<Counters>) -> Self {
        Self { lease, counters, wrote: false }
    }
}

#[async_trait]
impl UnitOfWork for Transaction {
    fn domains(&mut self) -> &mut dyn Domains {
        self
    }
    fn projects(&mut self) -> &mut dyn Projects {
        self
    }
    fn users(&mut self) -> &mut dyn Users {
        self
    }
    fn roles(&mut self) -> &mut dyn Roles {
        self
    }
    fn assignments(&mut self) -> &mut dyn Assignments {
        self
    }
    fn revocations(&mut self) -> &mut dyn Revocations {
        self
    }
    fn images(&mut self) -> &mut dyn Images {
        self
    }
    fn servers(&mut self) -> &mut dyn Servers {
        self
    }
    fn flavors(&mut self) -> &mut dyn Flavors {
        self
    }
    fn keypairs(&mut self) -> &mut dyn Keypairs {
        self
    }
    fn hosts(&mut self) -> &mut dyn Hosts {
        self
    }
    fn aggregates(&mut self) -> &mut dyn Aggregates {
        self
    }
    fn host_bases(&mut self) -> &mut dyn HostBases {
        self
    }
    fn claims(&mut self) -> &mut dyn Claims {
        self
    }
    fn leases(&mut self) -> &mut dyn Leases {
        self
    }
    fn actions(&mut self) -> &mut dyn Actions {
        self
    }
    fn networks(&mut self) -> &mut dyn Networks {
        self
    }
    fn subnets(&mut self) -> &mut dyn Subnets {
        self
    }
    fn ports(&mut self) -> &mut dyn Ports {
        self
    }
    fn addresses(&mut self) -> &mut dyn Addresses {
        self
    }
    fn volumes(&mut self) -> &mut dyn Volumes {
        self
    }
    fn snapshots(&mut self) -> &mut dyn Snapshots {
        self
    }
    fn attachments(&mut self) -> &mut dyn Attachments {
        self
    }
    fn backups(&mut self) -> &mut dyn Backups {
        self
    }
    fn image_cache(&mut self) -> &mut dyn ImageCacheEntries {
        self
    }
    fn volume_types(&mut self) -> &mut dyn VolumeTypes {
        self
    }
    fn volume_transfers(&mut self) -> &mut dyn VolumeTransfers {
        self
    }
    fn qos_specs(&mut self) -> &mut dyn QosSpecsRows {
        self
    }
    fn group_types(&mut self) -> &mut dyn GroupTypes {
        self
    }
    fn volume_groups(&mut self) -> &mut dyn VolumeGroups {
        self
    }
    fn group_snapshots(&mut self) -> &mut dyn GroupSnapshots {
        self
    }
    fn volume_messages(&mut self) -> &mut dyn VolumeMessages {
        self
    }
    fn tasks(&mut self) -> &mut dyn Tasks {
        self
    }
    fn outbox(&mut self) -> &mut dyn Outbox {
        self
    }
    fn settings(&mut self) -> &mut dyn Settings {
        self
    }
    fn bundles(&mut self) -> &mut dyn Bundles {
        self
    }

    async fn commit(self: Box<Self>) -> Result<(), StoreError> {
        if self.lease.broken {
            return Err(unavailable(
                "commit",
                "a transaction",
                "a statement of it has failed or was cut off",
            ));
        }
        let Self { lease, counters, wrote } = *self;
        lease.commit().await.map_err(|error| unavailable("commit", "a transaction", error))?;
        if wrote {
            counters.commit();
        }
        Ok(())
    }
}
