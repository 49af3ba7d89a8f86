//! The store's contract on SQLite, and what can only be seen there.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod old_rows;

use hatchery_db::{Database, Figures, OpenError};
use hatchery_ports::contract;
use hatchery_ports::store::{Store, StoreError};
use old_rows::{OLD_ROWS, old_leases};
use sqlx::{AnyConnection, Connection, Executor};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use tempfile::{TempDir, tempdir};

fn url(folder: &TempDir) -> String {
    format!("sqlite:{}", folder.path().join("a b?#%.db").display())
}

/// Runs a statement on the file behind the back of the program.
async fn tamper(folder: &TempDir, sql: &'static str) {
    let path = folder.path().join("a b%3F%23%25.db");
    let mut connection =
        AnyConnection::connect(&format!("sqlite:{}", path.display())).await.unwrap();
    connection.execute(sql).await.unwrap();
    connection.close().await.unwrap();
}

#[tokio::test]
async fn the_contract_holds() {
    let folder = tempdir().unwrap();
    let database = Database::open(&url(&folder)).await.unwrap();
    contract::store::all(&database).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_programs_may_use_one_file() {
    let folder = tempdir().unwrap();
    let one = Database::open(&url(&folder)).await.unwrap();
    let other = Database::open(&url(&folder)).await.unwrap();
    let programs: [&dyn Store; 2] = [&one, &other];
    contract::store::never_oversold(&programs).await;
    contract::store::writers_take_turns(&programs).await;
    contract::store::no_lease_on_an_image_that_goes(&programs).await;
}

#[tokio::test]
async fn rows_outlive_the_program_and_strangers_cannot_read_them() {
    let folder = tempdir().unwrap();
    let database = Database::open(&url(&folder)).await.unwrap();
    let mut unit = database.begin().await.unwrap();
    unit.settings().put("a", "1").await.unwrap();
    unit.commit().await.unwrap();
    for file in std::fs::read_dir(folder.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{:?}", file.file_name());
    }
    drop(database);
    let database = Database::open(&url(&folder)).await.unwrap();
    let mut unit = database.read().await.unwrap();
    let found = unit.settings().find("a").await.unwrap();
    assert_eq!(found.as_deref(), Some("1"));
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_left_alone() {
    let folder = tempdir().unwrap();
    drop(Database::open(&url(&folder)).await.unwrap());
    tamper(&folder, "UPDATE hatchery_schema SET version = 4711").await;
    for _ in 0..2 {
        let refused = Database::open(&url(&folder)).await.err().unwrap();
        assert!(matches!(refused, OpenError::Unsupported { found: 4711, .. }));
        assert!(refused.to_string().contains("start the newer program"));
    }
}

#[tokio::test]
async fn the_first_schema_is_brought_up_to_date() {
    let folder = tempdir().unwrap();
    drop(Database::open(&url(&folder)).await.unwrap());
    std::fs::remove_file(folder.path().join("a b?#%.db")).unwrap();
    std::fs::write(folder.path().join("a b?#%.db"), b"").unwrap();
    tamper(&folder, include_str!("../migrations/sqlite/0001.sql")).await;
    tamper(
        &folder,
        "CREATE TABLE hatchery_schema (version BIGINT NOT NULL); INSERT INTO hatchery_schema VALUES (1);
        INSERT INTO claims VALUES ('s1', 'h', 1, 512, 3, 1), ('s2', 'h', 2, 512, 4, 1), ('s3', 'other', 2, 512, 4, 1);
        INSERT INTO hosts VALUES ('h', 'i', 9, 5, '{}')",
    )
    .await;
    drop(Database::open(&url(&folder)).await.unwrap());
    tamper(
        &folder,
        "CREATE TABLE seen (a CHECK (a = '9|5|3|1024|7|2')); INSERT INTO seen SELECT concat_ws('|', generation, \
        heard_at, claimed_vcpus, claimed_memory_mib, claimed_disk_gib, claimed_servers) FROM hosts",
    )
    .await;
}

/// Servers that stood on hosts before there were leases have theirs.
#[tokio::test]
async fn leases_of_servers_that_are_there_already() {
    let folder = tempdir().unwrap();
    drop(Database::open(&url(&folder)).await.unwrap());
    std::fs::remove_file(folder.path().join("a b?#%.db")).unwrap();
    std::fs::write(folder.path().join("a b?#%.db"), b"").unwrap();
    tamper(&folder, include_str!("../migrations/sqlite/0001.sql")).await;
    tamper(&folder, include_str!("../migrations/sqlite/0002.sql")).await;
    tamper(&folder, OLD_ROWS).await;
    let database = Database::open(&url(&folder)).await.unwrap();
    let mut unit = database.read().await.unwrap();
    assert_eq!(unit.leases().list(None).await.unwrap(), old_leases());
}

#[tokio::test]
async fn what_is_no_database_is_refused_and_left_alone() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("letter.txt");
    let text = "Dear reader, ".repeat(1000);
    std::fs::write(&file, &text).unwrap();
    let refused = Database::open(&format!("sqlite:{}", file.display())).await;
    assert!(matches!(refused, Err(OpenError::Unavailable { .. })));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), text);

    let nowhere = Path::new("/nonexistent/folder/a.db");
    let refused = Database::open(&format!("sqlite:{}", nowhere.display())).await;
    assert!(matches!(refused, Err(OpenError::Unavailable { .. })));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_is_named() {
    let folder = tempdir().unwrap();
    let database = Database::open(&url(&folder)).await.unwrap();
    tamper(
        &folder,
        r#"INSERT INTO domains (id, name, body) VALUES ('d', 'n', '{"id": "d", "name": 7}')"#,
    )
    .await;
    let mut unit = database.read().await.unwrap();
    let corrupt = unit.domains().find(&"d".into()).await.unwrap_err();
    assert!(
        matches!(&corrupt, StoreError::Corrupt { what, .. } if what == "domain d"),
        "{corrupt:?}"
    );
}

#[tokio::test]
async fn figures_count_statements_and_durable_commits() {
    let folder = tempdir().unwrap();
    let database = Database::open(&url(&folder)).await.unwrap();
    assert_eq!(database.figures(), Figures::default());
    let mut unit = database.begin().await.unwrap();
    unit.settings().put("a", "1").await.unwrap();
    unit.settings().find("a").await.unwrap();
    unit.commit().await.unwrap();
    let mut undone = database.begin().await.unwrap();
    undone.settings().put("b", "1").await.unwrap();
    drop(undone);
    let mut reader = database.begin().await.unwrap();
    reader.settings().find("a").await.unwrap();
    reader.commit().await.unwrap();
    let wanted = Figures { statements: 4, commits: 1 };
    assert_eq!(database.figures(), wanted);
}

#[test]
fn a_unit_may_be_dropped_after_its_runtime() {
    let folder = tempdir().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (database, unit) = runtime.block_on(async {
        let database = Database::open(&url(&folder)).await.unwrap();
        let mut unit = database.begin().await.unwrap();
        unit.settings().put("a", "1").await.unwrap();
        (database, unit)
    });
    drop(runtime);
    drop(unit);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut unit = database.begin().await.unwrap();
        assert_eq!(unit.settings().find("a").await.unwrap(), None);
    });
}
