//! The store's contract on PostgreSQL, and what can only be seen there.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

mod old_rows;
mod postgres_server;

use hatchery_db::Database;
use hatchery_ports::contract;
use hatchery_ports::store::Store;
use old_rows::{OLD_ROWS, old_leases};
use postgres_server::PostgresServer;
use sqlx::{AnyConnection, Connection, Executor};

#[tokio::test]
async fn the_contract_holds() {
    let Some(server) = PostgresServer::start("the store's contract on PostgreSQL") else {
        return;
    };
    let database = Database::open(&server.url()).await.unwrap();
    contract::store::all(&database).await;

    let other = Database::open(&server.url()).await.unwrap();
    let programs: [&dyn Store; 2] = [&database, &other];
    contract::store::never_oversold(&programs).await;
    contract::store::writers_take_turns(&programs).await;
    contract::store::no_lease_on_an_image_that_goes(&programs).await;
}

/// Servers that stood on hosts before there were leases have theirs.
#[tokio::test]
async fn leases_of_servers_that_are_there_already() {
    let Some(server) = PostgresServer::start("leases of servers that are there already") else {
        return;
    };
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(&server.url()).await.unwrap();
    let first = include_str!("../migrations/postgres/0001.sql");
    let second = include_str!("../migrations/postgres/0002.sql");
    for sql in [first, second, OLD_ROWS] {
        connection.execute(sqlx::raw_sql(sql)).await.unwrap();
    }
    connection.close().await.unwrap();
    let database = Database::open(&server.url()).await.unwrap();
    let mut unit = database.read().await.unwrap();
    assert_eq!(unit.leases().list(None).await.unwrap(), old_leases());
}

#[tokio::test]
async fn a_restarted_server_is_found_again() {
    let Some(mut server) = PostgresServer::start("a restart of PostgreSQL") else {
        return;
    };
    let database = Database::open(&server.url()).await.unwrap();
    let mut kept = database.begin().await.unwrap();
    kept.settings().put("kept", "1").await.unwrap();
    kept.commit().await.unwrap();
    let mut cut_off = database.begin().await.unwrap();
    cut_off.settings().put("cut off", "1").await.unwrap();

    server.restart();
    assert!(cut_off.settings().put("more", "1").await.is_err());
    assert!(cut_off.commit().await.is_err());
    let mut unit = database.read().await.unwrap();
    let found = unit.settings().find("kept").await.unwrap();
    assert_eq!(found.as_deref(), Some("1"));
    assert_eq!(unit.settings().find("cut off").await.unwrap(), None);
    drop(unit);
    let mut unit = database.begin().await.unwrap();
    unit.settings().put("more", "2").await.unwrap();
    unit.commit().await.unwrap();
}
