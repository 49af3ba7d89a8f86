//! What every store must do. Each function wants a store that no other suite has written to with the same fixtures: run
//! [`all`] once on an empty one.

#![allow(clippy::unwrap_used, reason = "a suite is test code: what fails here fails the test")]

mod aggregate;
mod bundle;
mod claim;
mod compute;
mod fixture;
mod group;
mod identity;
mod image;
mod lease;
mod network;
mod paging;
mod qos;
mod transaction;
mod transfer;
mod volume;
mod work;

use crate::store::{Store, StoreError};

pub use aggregate::{aggregates, host_bases};
pub use bundle::bundles;
pub use claim::never_oversold;
pub use compute::{actions, claims, flavors, hosts, keypairs, servers};
pub use group::{group_snapshots, group_types, volume_groups};
pub use identity::{assignments, domains, projects, revocations, roles, users};
pub use image::{images, images_by_what_no_column_holds};
pub use lease::{leases, no_lease_on_an_image_that_goes, pins};
pub use network::{addresses, networks, ports, subnets};
pub use paging::{pages_of_actions, pages_of_images, pages_of_servers};
pub use qos::qos_specs;
pub use transaction::{
    a_cancelled_statement_commits_nothing, a_drop_undoes_everything, a_reader_has_one_snapshot,
    a_reader_writes_nothing, a_writer_sees_its_own_rows, messages_leave_only_after_commit,
    writers_take_turns,
};
pub use transfer::volume_transfers;
pub use volume::{
    attachments, backups, image_cache, snapshots, volume_messages, volume_types, volumes,
};
pub use work::{outbox, settings, tasks};

/// Runs every suite, one after the other, on an empty store.
pub async fn all(store: &dyn Store) {
    domains(store).await;
    projects(store).await;
    users(store).await;
    roles(store).await;
    assignments(store).await;
    revocations(store).await;
    images(store).await;
    images_by_what_no_column_holds(store).await;
    servers(store).await;
    flavors(store).await;
    keypairs(store).await;
    hosts(store).await;
    aggregates(store).await;
    host_bases(store).await;
    claims(store).await;
    leases(store).await;
    pins(store).await;
    actions(store).await;
    networks(store).await;
    subnets(store).await;
    ports(store).await;
    addresses(store).await;
    volumes(store).await;
    snapshots(store).await;
    attachments(store).await;
    backups(store).await;
    image_cache(store).await;
    volume_transfers(store).await;
    volume_types(store).await;
    qos_specs(store).await;
    group_types(store).await;
    volume_groups(store).await;
    group_snapshots(store).await;
    volume_messages(store).await;
    bundles(store).await;
    tasks(store).await;
    outbox(store).await;
    settings(store).await;
    pages_of_images(store).await;
    pages_of_servers(store).await;
    pages_of_actions(store).await;
    a_drop_undoes_everything(store).await;
    a_writer_sees_its_own_rows(store).await;
    a_reader_has_one_snapshot(store).await;
    a_reader_writes_nothing(store).await;
    a_cancelled_statement_commits_nothing(store).await;
    messages_leave_only_after_commit(store).await;
    writers_take_turns(&[store]).await;
    never_oversold(&[store]).await;
    no_lease_on_an_image_that_goes(&[store]).await;
}

/// Asserts that another was faster, or that the row is there already.
#[track_caller]
fn assert_conflict<T: std::fmt::Debug>(result: Result<T, StoreError>) {
    assert!(
        matches!(result, Err(StoreError::Conflict { .. })),
        "a conflict is wanted, this came: {result:?}"
    );
}
