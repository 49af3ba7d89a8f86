//! What is kept: one trait a noun, and the unit of work that holds them.
//!
//! Contract. `find` gives `Ok(None)` for what is not there; `list` gives a page in a stable order; `insert` of what is there is a
//! `Conflict`; `update` names in the row the generation that was read, stores the next one, and is a
//! `Conflict` when another has been faster (rows without a generation are replaced whole); `delete` says whether something was there. No method
//! commits. After a marker that is not there a page is empty, and a sort key that is not known counts for nothing: who takes them from a user
//! checks them first.

mod aggregate;
mod bundle;
mod compute;
mod group;
mod identity;
mod image;
mod lease;
mod network;
mod unit_of_work;
mod volume;
mod work;

pub use aggregate::{Aggregates, HostBases};
pub use bundle::{
    BuildRows, Bundles, GuestRows, HostRows, NetworkNames, NetworkRows, RequestNames, RequestRows,
    TakenRun,
};
pub use compute::{Actions, Claims, Flavors, Hosts, Keypairs, ServerFilter, Servers};
pub use group::{GroupFilter, GroupSnapshots, GroupTypes, VolumeGroups};
pub use identity::{
    AssignmentFilter, Assignments, Domains, ProjectFilter, Projects, Revocations, Roles,
    UserFilter, Users,
};
pub use image::{ImageFilter, Images};
pub use lease::Leases;
pub use network::{Addresses, Networks, PortFilter, Ports, Subnets};
pub use unit_of_work::{Store, StoreError, UnitOfWork};
pub use volume::{
    Attachments, BackupFilter, Backups, ImageCacheEntries, QosSpecsRows, SnapshotFilter, Snapshots,
    TransferFilter, VolumeFilter, VolumeMessages, VolumeTransfers, VolumeTypes, Volumes,
};
pub use work::{Outbox, Settings, Tasks};
