//! One transaction, and the nouns in it.

use super::{
    Actions, Addresses, Aggregates, Assignments, Attachments, Backups, Bundles, Claims, Domains,
    Flavors, GroupSnapshots, GroupTypes, HostBases, Hosts, ImageCacheEntries, Images, Keypairs,
    Leases, Networks, Outbox, Ports, Projects, QosSpecsRows, Revocations, Roles, Servers, Settings,
    Snapshots, Subnets, Tasks, Users, VolumeGroups, VolumeMessages, VolumeTransfers, VolumeTypes,
    Volumes,
};
use async_trait::async_trait;

/// Why the store did not do it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Someone else was faster, or the row is there already: read again and decide again.
    #[error("{what} has been changed or made by another request meanwhile")]
    Conflict {
        /// The noun and its id.
        what: String,
    },
    /// The store does not answer, or its disk is full: nothing has been changed.
    #[error("the database cannot {doing}")]
    Unavailable {
        /// What was being done.
        doing: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row is not what this version of the program can read.
    #[error("the database has a row that cannot be read: {what}")]
    Corrupt {
        /// The noun and its id.
        what: String,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// The database.
#[async_trait]
pub trait Store: Send + Sync {
    /// Begins a transaction that may write. Waits while another one of this process is open, where the engine has one writer: do no IO in it
    /// but the store's own.
    async fn begin(&self) -> Result<Box<dyn UnitOfWork>, StoreError>;

    /// Begins a transaction that only reads, on one snapshot: that of its first statement. A write in it fails.
    async fn read(&self) -> Result<Box<dyn UnitOfWork>, StoreError>;
}

/// A transaction. Dropping it undoes everything. A `Conflict` has changed nothing and leaves it usable; after any other error, and
/// after a call whose future was dropped before it was done, every further call fails and nothing can be committed.
#[async_trait]
pub trait UnitOfWork: Send {
    /// Keystone's domains.
    fn domains(&mut self) -> &mut dyn Domains;
    /// Keystone's projects.
    fn projects(&mut self) -> &mut dyn Projects;
    /// Keystone's users.
    fn users(&mut self) -> &mut dyn Users;
    /// Keystone's roles.
    fn roles(&mut self) -> &mut dyn Roles;
    /// Who holds which role on what.
    fn assignments(&mut self) -> &mut dyn Assignments;
    /// Tokens taken back.
    fn revocations(&mut self) -> &mut dyn Revocations;
    /// Glance's images.
    fn images(&mut self) -> &mut dyn Images;
    /// Nova's servers.
    fn servers(&mut self) -> &mut dyn Servers;
    /// Nova's flavors.
    fn flavors(&mut self) -> &mut dyn Flavors;
    /// Nova's key pairs.
    fn keypairs(&mut self) -> &mut dyn Keypairs;
    /// Hosts.
    fn hosts(&mut self) -> &mut dyn Hosts;
    /// Nova's aggregates.
    fn aggregates(&mut self) -> &mut dyn Aggregates;
    /// How bases are on hosts.
    fn host_bases(&mut self) -> &mut dyn HostBases;
    /// What servers have taken of hosts.
    fn claims(&mut self) -> &mut dyn Claims;
    /// Who uses which base.
    fn leases(&mut self) -> &mut dyn Leases;
    /// What was done to servers.
    fn actions(&mut self) -> &mut dyn Actions;
    /// Neutron's networks.
    fn networks(&mut self) -> &mut dyn Networks;
    /// Neutron's subnets.
    fn subnets(&mut self) -> &mut dyn Subnets;
    /// Neutron's ports.
    fn ports(&mut self) -> &mut dyn Ports;
    /// Addresses taken in subnets.
    fn addresses(&mut self) -> &mut dyn Addresses;
    /// Cinder's volumes.
    fn volumes(&mut self) -> &mut dyn Volumes;
    /// Cinder's snapshots.
    fn snapshots(&mut self) -> &mut dyn Snapshots;
    /// What binds volumes to servers.
    fn attachments(&mut self) -> &mut dyn Attachments;
    /// Cinder's backups.
    fn backups(&mut self) -> &mut dyn Backups;
    /// What the backends' image-volume caches hold.
    fn image_cache(&mut self) -> &mut dyn ImageCacheEntries;
    /// Cinder's volume types.
    fn volume_types(&mut self) -> &mut dyn VolumeTypes;
    /// Offers of volumes to other projects.
    fn volume_transfers(&mut self) -> &mut dyn VolumeTransfers;
    /// Quality-of-service specs of volume types.
    fn qos_specs(&mut self) -> &mut dyn QosSpecsRows;
    /// Types of groups of volumes.
    fn group_types(&mut self) -> &mut dyn GroupTypes;
    /// Groups of volumes.
    fn volume_groups(&mut self) -> &mut dyn VolumeGroups;
    /// Snapshots of groups of volumes.
    fn group_snapshots(&mut self) -> &mut dyn GroupSnapshots;
    /// What users of volumes are told.
    fn volume_messages(&mut self) -> &mut dyn VolumeMessages;
    /// Work promised.
    fn tasks(&mut self) -> &mut dyn Tasks;
    /// Messages to be sent once this commits.
    fn outbox(&mut self) -> &mut dyn Outbox;
    /// Single values: keys, marks of first-start set-up.
    fn settings(&mut self) -> &mut dyn Settings;
    /// Rows of several nouns, read by one statement.
    fn bundles(&mut self) -> &mut dyn Bundles;

    /// Makes everything durable, or nothing.
    async fn commit(self: Box<Self>) -> Result<(), StoreError>;
}
