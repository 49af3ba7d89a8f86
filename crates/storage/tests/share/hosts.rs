//! Two processes, as two hosts, serve one share: the same order twice, races, and one that is killed at any moment.

use crate::fixture::{Share, bytes, new, snapshot, volume};
use hatchery_model::volume::VolumeContent;
use hatchery_ports::volume_backend::{Held, Opened, VolumeBackend, VolumeError};
use hatchery_storage::FileVolumeBackend;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const FOLDER: &str = "HATCHERY_TEST_SHARED";
const CONTENT: &str = "HATCHERY_TEST_CONTENT";
const VOLUMES: u128 = 3;
const KILLS: u64 = 40;
const ROUNDS: u64 = 12;
/// What the child says after each thing that it did.
const STEP: &str = "a step is done";

/// The other host.
struct Other {
    child: Child,
    orders: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
}

impl Other {
    fn start(share: &Share, content: &VolumeContent, test: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(FOLDER, share.folder())
            .env(CONTENT, serde_json::to_string(content).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { orders: child.stdin.take().unwrap(), child, said }
    }

    /// The next line that ends with this word, without it.
    fn hear(&mut self, word: &str) -> String {
        loop {
            let line = self.said.next().unwrap_or_else(|| panic!("the child has ended by itself"));
            if let Some(said) = line.unwrap().strip_suffix(word) {
                return said.trim().to_owned();
            }
        }
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The share and the image that a child was told of.
fn told() -> Option<(FileVolumeBackend, VolumeContent)> {
    let folder = std::env::var(FOLDER).ok()?;
    let content = serde_json::from_str(&std::env::var(CONTENT).unwrap()).unwrap();
    Some((Share::at(Path::new(&folder)).host("other"), content))
}

/// Does a word's order. What it comes to, as a text.
async fn carry_out(volumes: &FileVolumeBackend, content: &VolumeContent, order: &str) -> String {
    let (v, s) = (volume(1), snapshot(1));
    match order {
        "copy" => format!("{:?}", volumes.create(&new(1, content.clone())).await),
        "clone" => format!("{:?}", volumes.create(&new(2, VolumeContent::Volume(v))).await),
        "snapshot" => format!("{:?}", volumes.snapshot(v, s).await),
        "revert" => format!("{:?}", volumes.revert(v, s).await.map(|_| ())),
        "extend" => format!("{:?}", volumes.extend(v, hatchery_model::units::Bytes(9 << 20)).await),
        "forget" => format!("{:?}", volumes.remove_snapshot(v, s).await),
        "remove" => format!("{:?}", volumes.remove(v).await),
        "remove clone" => format!("{:?}", volumes.remove(volume(2)).await),
        other => panic!("{other}"),
    }
}

/// Not a test by itself: does what it is told by lines.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn obedient() {
    let Some((volumes, content)) = told() else { return };
    println!("{STEP}");
    for line in std::io::stdin().lines() {
        let answer = carry_out(&volumes, &content, line.unwrap().trim()).await;
        println!("{answer} {STEP}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_two_hosts_have_is_done_once() {
    let Some(share) = Share::mounted() else { return };
    let (volumes, content) = (share.host("one"), share.image().await);
    let mut other = Other::start(&share, &content, "hosts::obedient");
    other.hear(STEP);
    for round in 0..ROUNDS {
        for order in
            ["copy", "clone", "extend", "snapshot", "revert", "forget", "remove clone", "remove"]
        {
            writeln!(other.orders, "{order}").unwrap();
            let ours = carry_out(&volumes, &content, order).await;
            let theirs = other.hear(STEP);
            assert!(ours.starts_with("Ok"), "round {round}, {order}: {ours}");
            assert_eq!(ours, theirs, "round {round}, {order}");
            if order == "copy" {
                let of = Opened::Volume(volume(1));
                assert_eq!(bytes(&volumes, of).await.unwrap(), [3, 5, 0, 9, 0], "round {round}");
            }
        }
        share.is_empty();
    }
    other.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn opposite_orders_come_one_after_the_other() {
    let Some(share) = Share::mounted() else { return };
    let (volumes, content) = (share.host("one"), share.image().await);
    let mut other = Other::start(&share, &content, "hosts::obedient");
    other.hear(STEP);
    for round in 0..ROUNDS {
        writeln!(other.orders, "copy").unwrap();
        volumes.remove(volume(1)).await.unwrap();
        assert!(other.hear(STEP).starts_with("Ok"), "round {round}");
        // Whoever was first, it is whole or not there.
        if volumes.find(volume(1)).await.unwrap().is_none() {
            volumes.create(&new(1, content.clone())).await.unwrap();
        }
        let of = Opened::Volume(volume(1));
        assert_eq!(bytes(&volumes, of).await.unwrap(), [3, 5, 0, 9, 0], "round {round}");
        writeln!(other.orders, "snapshot").unwrap();
        match volumes.remove(volume(1)).await {
            Ok(()) => assert!(other.hear(STEP).contains("NotFound"), "round {round}"),
            Err(VolumeError::Conflict(_)) => assert!(other.hear(STEP).starts_with("Ok")),
            Err(error) => panic!("round {round}: {error:?}"),
        }
        volumes.remove_snapshot(volume(1), snapshot(1)).await.unwrap();
        volumes.remove(volume(1)).await.unwrap();
        share.is_empty();
    }
    other.kill();
}

/// Who writes a volume as a whole has it alone, until it is killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_writer_keeps_the_other_host_away_and_a_dead_one_does_not() {
    let Some(share) = Share::mounted() else { return };
    let (volumes, content) = (share.host("one"), share.image().await);
    volumes.create(&new(1, content.clone())).await.unwrap();
    let mut other = Other::start(&share, &content, "hosts::writer");
    other.hear(STEP);
    let waiting = tokio::spawn({
        let volumes = volumes.clone();
        async move { volumes.snapshot(volume(1), snapshot(1)).await }
    });
    // Others go on meanwhile.
    volumes.create(&new(2, VolumeContent::Empty)).await.unwrap();
    assert_eq!(bytes(&volumes, Opened::Volume(volume(1))).await.unwrap(), [3, 5, 0, 9, 0]);
    assert!(!waiting.is_finished());
    other.kill();
    waiting.await.unwrap().unwrap();
    let of = Opened::Snapshot(volume(1), snapshot(1));
    assert_eq!(bytes(&volumes, of).await.unwrap(), [3, 5, 0, 9, 0]);
    volumes.remove_snapshot(volume(1), snapshot(1)).await.unwrap();
    for number in [1, 2] {
        volumes.remove(volume(number)).await.unwrap();
    }
    share.is_empty();
}

/// Not a test by itself: begins to write a volume, and never ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn writer() {
    let Some((volumes, _)) = told() else { return };
    let mut open = volumes.open(Opened::Anew(volume(1))).await.unwrap();
    open.write(0, vec![7; 4096].into()).await.unwrap();
    println!("{STEP}");
    std::future::pending::<()>().await;
}

/// Not a test by itself: the process that is killed. Makes and removes the same few volumes for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn churning() {
    let Some((volumes, content)) = told() else { return };
    let work = (1..=VOLUMES).map(|number| churn(&volumes, &content, number));
    futures_util::future::join_all(work).await;
}

async fn churn(volumes: &FileVolumeBackend, content: &VolumeContent, number: u128) {
    let (v, s, clone) = (volume(number), snapshot(number), number + 100);
    loop {
        volumes.create(&new(number, content.clone())).await.unwrap();
        println!("{STEP}");
        volumes.snapshot(v, s).await.unwrap();
        println!("{STEP}");
        volumes.create(&new(clone, VolumeContent::Snapshot(v, s))).await.unwrap();
        println!("{STEP}");
        volumes.revert(v, s).await.unwrap();
        println!("{STEP}");
        volumes.remove_snapshot(v, s).await.unwrap();
        println!("{STEP}");
        volumes.remove(v).await.unwrap();
        println!("{STEP}");
        volumes.remove(volume(clone)).await.unwrap();
        println!("{STEP}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_host_began_another_finishes_or_undoes() {
    let Some(share) = Share::mounted() else { return };
    let (volumes, content) = (share.host("one"), share.image().await);
    for kill in 0..KILLS {
        let mut other = Other::start(&share, &content, "hosts::churning");
        for _ in 0..=kill % 19 {
            other.hear(STEP);
        }
        for _ in 0..kill * 7919 % 200_000 {
            std::hint::spin_loop();
        }
        other.kill();
        for held in volumes.list().await.unwrap() {
            let what = match held {
                Held::Volume(volume) => Opened::Volume(volume),
                Held::Snapshot(volume, snapshot) => Opened::Snapshot(volume, snapshot),
            };
            let found = bytes(&volumes, what).await.unwrap();
            assert_eq!(found, [3, 5, 0, 9, 0], "kill {kill}: {held:?}");
        }
        if kill % 2 == 0 {
            finish(&volumes, &content, kill).await;
        }
        undo(&volumes).await;
        share.is_empty();
    }
}

/// A kill between the first byte of a record and its name.
#[tokio::test]
async fn a_record_that_a_killed_host_did_not_end_goes() {
    let Some(share) = Share::mounted() else { return };
    let volumes = share.host("one");
    volumes.create(&new(1, VolumeContent::Empty)).await.unwrap();
    for unfinished in [format!("{}", volume(1)), format!("volume-{}.1", volume(2))] {
        let path = share.export().join(".records").join(format!("{unfinished}.json-new"));
        std::fs::write(path, "{").unwrap();
    }
    assert_eq!(share.names().iter().filter(|name| name.ends_with(".json-new")).count(), 2);
    volumes.remove(volume(1)).await.unwrap();
    share.is_empty();
}

/// Does again what the other host was ordered.
async fn finish(volumes: &FileVolumeBackend, content: &VolumeContent, kill: u64) {
    for number in 1..=VOLUMES {
        let (v, s) = (volume(number), snapshot(number));
        volumes.create(&new(number, content.clone())).await.unwrap();
        volumes.snapshot(v, s).await.unwrap();
        volumes.create(&new(number + 100, VolumeContent::Snapshot(v, s))).await.unwrap();
        volumes.revert(v, s).await.unwrap();
        for what in [Opened::Volume(v), Opened::Volume(volume(number + 100))] {
            let found = bytes(volumes, what).await.unwrap();
            assert_eq!(found, [3, 5, 0, 9, 0], "kill {kill}: {what:?}");
        }
    }
}

async fn undo(volumes: &FileVolumeBackend) {
    for number in 1..=VOLUMES {
        volumes.remove_snapshot(volume(number), snapshot(number)).await.unwrap();
        volumes.remove(volume(number)).await.unwrap();
        volumes.remove(volume(number + 100)).await.unwrap();
    }
}
