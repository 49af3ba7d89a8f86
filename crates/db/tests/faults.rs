//! What is left after the disk was full, and after the program was killed.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use hatchery_db::Database;
use hatchery_ports::store::{Store, StoreError};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::tempdir;

/// Set where this binary runs as a child of one of its tests: the folder to work in.
const FOLDER: &str = "HATCHERY_DB_TEST_FOLDER";

/// This binary, to run one of its tests with nothing captured.
fn arguments(test: &str) -> (PathBuf, [String; 3]) {
    let program = std::env::current_exe().unwrap();
    let arguments = ["--exact", "--nocapture", test].map(str::to_owned);
    (program, arguments)
}

fn folder() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

async fn open(folder: &Path) -> Database {
    let file = folder.join("a.db");
    Database::open(&format!("sqlite:{}", file.display())).await.unwrap()
}

async fn number(store: &Database, name: &str) -> u32 {
    let mut unit = store.read().await.unwrap();
    let found = unit.settings().find(name).await.unwrap();
    found.map_or(0, |text| text.parse().unwrap())
}

/// Writes one number under two names, in one transaction.
async fn put_both(store: &Database, n: u32, padding: &str) -> Result<(), StoreError> {
    let mut unit = store.begin().await?;
    unit.settings().put("first", &n.to_string()).await?;
    unit.settings().put(&format!("padding {n}"), padding).await?;
    unit.settings().put("second", &n.to_string()).await?;
    unit.commit().await
}

#[tokio::test]
async fn a_kill_leaves_whole_transactions() {
    let folder = tempdir().unwrap();
    let (program, arguments) = arguments("child_that_is_killed");
    let mut lowest = 0;
    for round in 0..20 {
        let mut child = Command::new(&program)
            .args(&arguments)
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut said = lines.by_ref().filter_map(|line| {
            let line = line.unwrap();
            line.strip_prefix("committed ")?.parse::<u32>().ok()
        });
        // Each round is killed after another count of commits, in the midst of what follows them.
        for _ in 0..=round * 3 {
            lowest = said.next().unwrap();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        lowest = said.last().unwrap_or(lowest);

        let database = open(folder.path()).await;
        let (first, second) = (number(&database, "first").await, number(&database, "second").await);
        assert_eq!(first, second, "half a transaction");
        assert!(first >= lowest, "{lowest} was committed, {first} is there");
    }
    assert!(lowest > 500);
}

#[tokio::test]
async fn child_that_is_killed() {
    let Some(folder) = folder() else { return };
    let database = open(&folder).await;
    let mut n = number(&database, "first").await;
    loop {
        n += 1;
        put_both(&database, n, "").await.unwrap();
        let line = format!("committed {n}\n");
        std::io::stdout().write_all(line.as_bytes()).unwrap();
    }
}

#[test]
fn a_full_disk_changes_nothing() {
    let folder = tempdir().unwrap();
    let (program, arguments) = arguments("child_on_a_small_disk");
    // A filesystem of 700 KiB, seen by the child alone and gone with it.
    let ran = Command::new("unshare")
        .args(["--mount", "sh", "-c"])
        .arg(format!(
            "mount -t tmpfs -o size=700k tmpfs \"${FOLDER}\" || exit 77; exec \"$0\" \"$@\""
        ))
        .arg(program)
        .args(arguments)
        .env(FOLDER, folder.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    if ran.status.code() == Some(77) || said.contains("unshare failed") {
        let line = b"SKIPPED: a full disk under SQLite: needs root, to mount a small filesystem\n";
        std::io::stderr().write_all(line).unwrap();
        return;
    }
    let told = String::from_utf8_lossy(&ran.stdout);
    assert!(ran.status.success(), "{told}{said}");
    assert!(told.contains("full twice"), "{told}{said}");
}

#[tokio::test]
async fn child_on_a_small_disk() {
    let Some(folder) = folder() else { return };
    let ballast = folder.join("ballast");
    std::fs::write(&ballast, vec![0; 100 << 10]).unwrap();
    let database = open(&folder).await;
    let padding = "x".repeat(10_000);
    let full_at = fill(&database, 1, &padding).await;

    // Removing needs room too; when there is some again, everything goes on, on the same open database.
    std::fs::remove_file(&ballast).unwrap();
    put_both(&database, full_at, &padding).await.unwrap();
    let full_again_at = fill(&database, full_at + 1, &padding).await;
    assert!(full_again_at > full_at);
    drop(database);
    let database = open(&folder).await;
    assert_eq!(number(&database, "first").await, full_again_at - 1);
    println!("full twice");
}

/// Writes until the disk is full; says which number did not fit.
async fn fill(database: &Database, from: u32, padding: &str) -> u32 {
    for n in from..from + 1000 {
        let Err(error) = put_both(database, n, padding).await else {
            continue;
        };
        assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
        // And again: a refusal does not become anything else when it is repeated.
        assert!(put_both(database, n, padding).await.is_err());
        assert_eq!(number(database, "first").await, n - 1);
        assert_eq!(number(database, "second").await, n - 1);
        let mut unit = database.read().await.unwrap();
        let name = format!("padding {n}");
        assert_eq!(unit.settings().find(&name).await.unwrap(), None);
        return n;
    }
    unreachable!("the disk never was full");
}
