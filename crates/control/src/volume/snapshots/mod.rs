//! The verbs of snapshots.

mod create_snapshot;
mod delete_snapshot;
mod list_snapshots;
mod revert_volume;
mod update_snapshot;

pub use create_snapshot::SnapshotRequest;
pub(super) use create_snapshot::begin;
pub(crate) use create_snapshot::take;
pub(super) use delete_snapshot::promise;
pub use list_snapshots::SnapshotQuery;
pub use update_snapshot::SnapshotChanges;
