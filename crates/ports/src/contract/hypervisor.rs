//! What every hypervisor must do. Each function is one test; a plug's tests call all of them with its fixture.

#![allow(clippy::expect_used, clippy::panic)]

use crate::hypervisor::{Guest, Hypervisor, HypervisorError};
use async_trait::async_trait;
use hatchery_model::compute::{DiskAttachment, GuestDefinition, PowerState};
use hatchery_model::id::ServerId;
use hatchery_model::units::Bytes;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long anything here may take before the test fails.
const PATIENCE: Duration = Duration::from_secs(60);

/// A guest that is ready to be started: its files are there, and it has no interfaces.
#[derive(Debug)]
pub struct ReadyGuest {
    /// What it is.
    pub definition: GuestDefinition,
    /// Where it is.
    pub folder: PathBuf,
}

/// What a suite needs of a plug.
#[async_trait]
pub trait HypervisorFixture: Send + Sync {
    /// The plug as it is after a restart of the agent: nothing kept in memory from an earlier call.
    fn hypervisor(&self) -> Arc<dyn Hypervisor>;

    /// A guest that runs until it is ended, and lets go of volumes. Another one with each call.
    async fn guest(&self) -> ReadyGuest;

    /// A guest whose start fails after the plug has begun.
    async fn guest_that_cannot_start(&self) -> ReadyGuest;

    /// A volume of 1 MiB that no guest has. Another one with each call.
    fn volume(&self) -> DiskAttachment;

    /// Whether the running guest of that folder has the volume, found without the plug's help.
    fn has_volume(&self, guest: &ReadyGuest, disk: &DiskAttachment) -> bool;

    /// Ends a running guest as its own doing or a fault would, not through the plug.
    async fn end(&self, guest: &ReadyGuest, running: &dyn Guest);

    /// How many processes of that guest there are, found without the plug's help.
    fn processes(&self, server: ServerId) -> usize;

    /// Whether the folder holds anything by which a plug would take the guest for running.
    fn has_leftovers(&self, folder: &Path) -> bool;
}

async fn start(plug: &dyn Hypervisor, ready: &ReadyGuest) -> Arc<dyn Guest> {
    plug.start(&ready.definition, &ready.folder, Vec::new()).await.expect("the guest starts")
}

async fn adopt(plug: &dyn Hypervisor, ready: &ReadyGuest) -> Option<Arc<dyn Guest>> {
    plug.adopt(ready.definition.server, &ready.folder).await.expect("looking for the guest works")
}

async fn stop(guest: &dyn Guest) {
    guest.stop(Duration::ZERO).await.expect("the guest stops");
}

async fn power(guest: &dyn Guest) -> PowerState {
    guest.power_state().await.expect("the guest's state is known")
}

async fn detach(guest: &dyn Guest, disk: &DiskAttachment) {
    let volume = disk.volume.expect("it is a volume");
    in_time("detach", guest.detach(volume)).await.expect("the volume is taken out");
}

async fn in_time<T>(what: &str, work: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, work)
        .await
        .unwrap_or_else(|_| panic!("{what} takes longer than {PATIENCE:?}"))
}

/// `start` returns a guest that runs, and `stop` ends it and leaves nothing that looks like it.
pub async fn a_started_guest_runs_and_a_stopped_one_is_gone(fixture: &dyn HypervisorFixture) {
    let (plug, ready) = (fixture.hypervisor(), fixture.guest().await);
    let guest = start(&*plug, &ready).await;
    assert_eq!(power(&*guest).await, PowerState::Running);
    let alive = fixture.processes(ready.definition.server);
    assert_eq!(alive, usize::from(guest.process_id().is_some()));
    in_time("stop", stop(&*guest)).await;
    assert_eq!(power(&*guest).await, PowerState::Off);
    assert_eq!(guest.process_id(), None);
    assert_eq!(fixture.processes(ready.definition.server), 0);
    assert!(!fixture.has_leftovers(&ready.folder));
    assert!(adopt(&*plug, &ready).await.is_none());
}

/// A stop may be repeated, by the same handle and after the guest has ended by itself.
pub async fn stop_may_be_repeated(fixture: &dyn HypervisorFixture) {
    let (plug, ready) = (fixture.hypervisor(), fixture.guest().await);
    let guest = start(&*plug, &ready).await;
    stop(&*guest).await;
    stop(&*guest).await;
    let again = start(&*plug, &ready).await;
    fixture.end(&ready, &*again).await;
    in_time("ended", again.ended()).await;
    stop(&*again).await;
    assert_eq!(power(&*again).await, PowerState::Off);
}

/// A guest that does not heed the request to power off is ended when its grace is over.
pub async fn grace_is_not_for_ever(fixture: &dyn HypervisorFixture) {
    let (plug, ready) = (fixture.hypervisor(), fixture.guest().await);
    let guest = start(&*plug, &ready).await;
    let grace = Duration::from_millis(200);
    in_time("stop with a grace", guest.stop(grace)).await.expect("the guest stops");
    assert_eq!(power(&*guest).await, PowerState::Off);
    assert_eq!(fixture.processes(ready.definition.server), 0);
}

/// A stopped guest can be started again from the same folder.
pub async fn a_stopped_guest_starts_again(fixture: &dyn HypervisorFixture) {
    let (plug, ready) = (fixture.hypervisor(), fixture.guest().await);
    for _ in 0..2 {
        let guest = start(&*plug, &ready).await;
        assert_eq!(power(&*guest).await, PowerState::Running);
        stop(&*guest).await;
    }
}

/// A guest is found again by its folder alone, by a plug that never heard of it, as often as wanted.
pub async fn a_running_guest_is_adopted(fixture: &dyn HypervisorFixture) {
    let ready = fixture.guest().await;
    let process = start(&*fixture.hypervisor(), &ready).await.process_id();
    for _ in 0..2 {
        let found = in_time("adopt", adopt(&*fixture.hypervisor(), &ready)).await;
        let found = found.expect("the guest still runs");
        assert_eq!(power(&*found).await, PowerState::Running);
        assert_eq!(found.process_id(), process);
    }
    let plug = fixture.hypervisor();
    let last = adopt(&*plug, &ready).await.expect("the guest still runs");
    let (why, ()) = in_time("stop", async { tokio::join!(last.ended(), stop(&*last)) }).await;
    assert!(!why.is_empty());
    assert_eq!(fixture.processes(ready.definition.server), 0);
    assert!(adopt(&*plug, &ready).await.is_none());
}

/// Where nothing runs there is nothing to adopt, and what an ended guest left is removed.
pub async fn nothing_is_adopted_where_nothing_runs(fixture: &dyn HypervisorFixture) {
    let (plug, ready) = (fixture.hypervisor(), fixture.guest().await);
    assert!(adopt(&*plug, &ready).await.is_none());
    let guest = start(&*plug, &ready).await;
    fixture.end(&ready, &*guest).await;
    in_time("ended", guest.ended()).await;
    drop(guest);
    let plug = fixture.hypervisor();
    assert!(adopt(&*plug, &ready).await.is_none());
    assert!(!fixture.has_leftovers(&ready.folder));
    assert!(adopt(&*plug, &ready).await.is_none());
}

/// All who wait for a guest's end hear of it, also those who come late, with a reason.
pub async fn its_end_is_heard_by_all(fixture: &dyn HypervisorFixture) {
    let (plug, ready) = (fixture.hypervisor(), fixture.guest().await);
    let guest = start(&*plug, &ready).await;
    let waiters: Vec<_> = (0..3)
        .map(|_| {
            let guest = Arc::clone(&guest);
            tokio::spawn(async move { guest.ended().await })
        })
        .collect();
    assert_eq!(power(&*guest).await, PowerState::Running);
    assert!(waiters.iter().all(|waiter| !waiter.is_finished()));
    fixture.end(&ready, &*guest).await;
    for waiter in waiters {
        let why = in_time("ended", waiter).await.expect("the waiter lives");
        assert!(!why.is_empty());
    }
    assert!(!in_time("ended", guest.ended()).await.is_empty());
    assert_eq!(power(&*guest).await, PowerState::Off);
    stop(&*guest).await;
}

/// A start that fails says why and leaves no process; nor does one whose caller goes away.
pub async fn a_failed_start_leaves_nothing(fixture: &dyn HypervisorFixture) {
    let (plug, ready) = (fixture.hypervisor(), fixture.guest_that_cannot_start().await);
    for _ in 0..2 {
        let started = plug.start(&ready.definition, &ready.folder, Vec::new());
        let Err(error) = in_time("a failing start", started).await else {
            panic!("the guest started");
        };
        assert!(!error.to_string().is_empty());
        assert_eq!(fixture.processes(ready.definition.server), 0);
        assert!(!fixture.has_leftovers(&ready.folder));
    }
    assert!(adopt(&*plug, &ready).await.is_none());
}

/// What can never run is refused as such, before anything is made of it.
pub async fn an_impossible_definition_is_refused(fixture: &dyn HypervisorFixture) {
    let (plug, mut ready) = (fixture.hypervisor(), fixture.guest().await);
    ready.definition.vcpus = 0;
    let refused = plug.start(&ready.definition, &ready.folder, Vec::new()).await;
    assert!(matches!(refused.err(), Some(HypervisorError::Invalid(_))));
    assert_eq!(fixture.processes(ready.definition.server), 0);
    assert!(!fixture.has_leftovers(&ready.folder));
}

/// A volume comes into a running guest and goes out of it, by whichever handle, as often as asked.
pub async fn a_volume_is_plugged_in_and_taken_out(fixture: &dyn HypervisorFixture) {
    let ready = fixture.guest().await;
    let (one, two) = (fixture.volume(), fixture.volume());
    let guest = start(&*fixture.hypervisor(), &ready).await;
    for disk in [&one, &two, &one] {
        in_time("attach", guest.attach(disk)).await.expect("the volume is plugged in");
        assert!(fixture.has_volume(&ready, disk));
    }
    drop(guest);
    let guest = adopt(&*fixture.hypervisor(), &ready).await.expect("the guest still runs");
    guest.attach(&two).await.expect("it has it already");
    for _ in 0..2 {
        detach(&*guest, &one).await;
        assert!(!fixture.has_volume(&ready, &one));
        assert!(fixture.has_volume(&ready, &two));
    }
    // What was taken out can come in again.
    guest.attach(&one).await.expect("the volume is plugged in again");
    assert!(fixture.has_volume(&ready, &one));
    assert_eq!(power(&*guest).await, PowerState::Running);
    stop(&*guest).await;
    assert!(!fixture.has_volume(&ready, &one));
    detach(&*guest, &one).await;
    assert!(guest.attach(&one).await.is_err());
}

/// Volumes that a guest is started with are like those that came later.
pub async fn a_volume_of_the_definition_is_taken_out(fixture: &dyn HypervisorFixture) {
    let (mut ready, disk) = (fixture.guest().await, fixture.volume());
    ready.definition.disks.push(disk.clone());
    let guest = start(&*fixture.hypervisor(), &ready).await;
    assert!(fixture.has_volume(&ready, &disk));
    guest.attach(&disk).await.expect("it has it already");
    detach(&*guest, &disk).await;
    assert!(!fixture.has_volume(&ready, &disk));
    stop(&*guest).await;
}

/// What a guest takes of its volumes can be limited as often as wanted, and of those that it does not have it cannot.
pub async fn what_a_guest_takes_of_a_volume_is_limited(fixture: &dyn HypervisorFixture) {
    let (mut ready, one, two) = (fixture.guest().await, fixture.volume(), fixture.volume());
    let qos: BTreeMap<_, _> = [("total_iops_sec".to_owned(), "100".to_owned())].into();
    let (one, two) = (DiskAttachment { qos: qos.clone(), ..one }, two);
    ready.definition.disks.push(one.clone());
    let guest = start(&*fixture.hypervisor(), &ready).await;
    let (first, second) = (one.volume.expect("a volume"), two.volume.expect("a volume"));
    let none = guest.limit(second, &qos).await;
    assert!(matches!(none, Err(HypervisorError::NotFound(_))), "{none:?}");
    guest.attach(&DiskAttachment { qos: qos.clone(), ..two }).await.expect("it is plugged in");
    for volume in [first, second, first] {
        guest.limit(volume, &qos).await.expect("it is limited");
        guest.limit(volume, &BTreeMap::new()).await.expect("it is limited no more");
    }
    assert_eq!(power(&*guest).await, PowerState::Running);
    stop(&*guest).await;
}

/// A volume that cannot be opened is refused, and the guest goes on as it was.
pub async fn a_volume_that_is_not_there_leaves_nothing(fixture: &dyn HypervisorFixture) {
    let (ready, disk) = (fixture.guest().await, fixture.volume());
    let guest = start(&*fixture.hypervisor(), &ready).await;
    let path = disk.source.path().expect("it is a file").to_owned();
    let away = path.with_extension("away");
    std::fs::rename(&path, &away).expect("it is moved away");
    let Err(error) = guest.attach(&disk).await else { panic!("it is plugged in") };
    assert!(!error.to_string().is_empty());
    assert!(!fixture.has_volume(&ready, &disk));
    std::fs::rename(&away, &path).expect("it is moved back");
    guest.attach(&disk).await.expect("the volume is plugged in");
    assert_eq!(power(&*guest).await, PowerState::Running);
    stop(&*guest).await;
}

/// A guest is told that a volume is larger, and only of one that it has.
pub async fn a_volume_grows_in_the_guest(fixture: &dyn HypervisorFixture) {
    let (ready, disk) = (fixture.guest().await, fixture.volume());
    let (volume, size) = (disk.volume.expect("it is a volume"), Bytes::from_mib(2));
    let guest = start(&*fixture.hypervisor(), &ready).await;
    let none = guest.resize(volume, size).await;
    assert!(matches!(none, Err(HypervisorError::NotFound(_))), "{none:?}");
    guest.attach(&disk).await.expect("the volume is plugged in");
    for _ in 0..2 {
        guest.resize(volume, size).await.expect("the volume grows");
    }
    detach(&*guest, &disk).await;
    stop(&*guest).await;
}

/// A copy is made of the guest's own disk and of a volume, and nothing of it stays open.
pub async fn a_disk_is_copied_while_its_guest_runs(fixture: &dyn HypervisorFixture) {
    let (ready, disk) = (fixture.guest().await, fixture.volume());
    let guest = start(&*fixture.hypervisor(), &ready).await;
    let into = fixture.volume();
    let none = guest.copy(disk.volume, &into.source).await;
    assert!(none.is_err(), "it has no such volume");
    guest.attach(&disk).await.expect("the volume is plugged in");
    for volume in [None, disk.volume, disk.volume] {
        let into = fixture.volume();
        in_time("copy", guest.copy(volume, &into.source)).await.expect("the disk is copied");
        assert!(!fixture.has_volume(&ready, &into));
    }
    assert!(fixture.has_volume(&ready, &disk));
    detach(&*guest, &disk).await;
    stop(&*guest).await;
}

/// A volume takes another's place, by whichever handle, and is taken out like any other; the one that it replaced can come in again.
pub async fn a_volume_takes_another_s_place(fixture: &dyn HypervisorFixture) {
    let ready = fixture.guest().await;
    let (one, two) = (fixture.volume(), fixture.volume());
    let ids = (one.volume.expect("a volume"), two.volume.expect("a volume"));
    let guest = start(&*fixture.hypervisor(), &ready).await;
    assert!(guest.mirror(ids.0, &two).await.is_err(), "it has no such volume");
    assert!(!fixture.has_volume(&ready, &two));
    guest.attach(&one).await.expect("the volume is plugged in");
    for _ in 0..2 {
        in_time("mirror", guest.mirror(ids.0, &two)).await.expect("it is copied");
    }
    drop(guest);
    let guest = adopt(&*fixture.hypervisor(), &ready).await.expect("the guest still runs");
    in_time("mirror", guest.mirror(ids.0, &two)).await.expect("it is still copied");
    for _ in 0..2 {
        in_time("pivot", guest.pivot(ids.0, ids.1)).await.expect("it goes over");
        assert!(fixture.has_volume(&ready, &two) && !fixture.has_volume(&ready, &one));
    }
    in_time("mirror", guest.mirror(ids.0, &two)).await.expect("it has gone over");
    guest.attach(&two).await.expect("it has it already");
    guest.attach(&one).await.expect("it comes in again");
    detach(&*guest, &two).await;
    assert!(!fixture.has_volume(&ready, &two) && fixture.has_volume(&ready, &one));
    detach(&*guest, &one).await;
    assert!(!fixture.has_volume(&ready, &one));
    stop(&*guest).await;
    guest.pivot(ids.0, ids.1).await.expect("it has ended");
}

/// The end of one guest is none of another's business.
pub async fn two_guests_are_independent(fixture: &dyn HypervisorFixture) {
    let plug = fixture.hypervisor();
    let (one, two) = (fixture.guest().await, fixture.guest().await);
    let (first, second) = tokio::join!(start(&*plug, &one), start(&*plug, &two));
    stop(&*first).await;
    assert_eq!(power(&*first).await, PowerState::Off);
    assert_eq!(power(&*second).await, PowerState::Running);
    assert!(adopt(&*plug, &one).await.is_none());
    drop(second);
    let second = adopt(&*fixture.hypervisor(), &two).await;
    stop(&*second.expect("the other still runs")).await;
}

/// The host's resources are there and make sense.
pub async fn a_host_has_resources(fixture: &dyn HypervisorFixture) {
    let plug = fixture.hypervisor();
    let host = in_time("resources", plug.resources()).await.expect("the host is read");
    assert!(host.vcpus > 0 && host.memory_mib > 0 && host.disk_gib > 0);
    assert!(host.memory_used_mib <= host.memory_mib);
    assert!(host.disk_free_gib <= host.disk_gib);
    assert!(!plug.name().is_empty() && !host.hypervisor_type.is_empty());
    assert!(!host.arch.is_empty() && !host.accelerator.is_empty());
}

/// One test for each function above, on the fixture that the expression makes.
#[macro_export]
macro_rules! hypervisor_contract {
    ($fixture:expr) => {
        $crate::hypervisor_contract!(@ $fixture;
            a_started_guest_runs_and_a_stopped_one_is_gone, stop_may_be_repeated, grace_is_not_for_ever,
            a_stopped_guest_starts_again, a_running_guest_is_adopted, nothing_is_adopted_where_nothing_runs,
            its_end_is_heard_by_all, a_failed_start_leaves_nothing, an_impossible_definition_is_refused,
            a_volume_is_plugged_in_and_taken_out, a_volume_of_the_definition_is_taken_out,
            what_a_guest_takes_of_a_volume_is_limited,
            a_volume_that_is_not_there_leaves_nothing, a_volume_grows_in_the_guest,
            a_disk_is_copied_while_its_guest_runs, a_volume_takes_another_s_place, two_guests_are_independent, a_host_has_resources);
    };
    (@ $fixture:expr; $($name:ident),+) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $name() {
            $crate::contract::hypervisor::$name(&$fixture).await;
        }
    )+};
}
