//! The store's contract on SQLite.

use hatchery_db::Database;
use hatchery_ports::contract;

#[tokio::test]
async fn the_contract_holds() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("a b?#%.db").display());
    let database = Database::open(&url).await.unwrap();
    contract::store::all(&database).await;
}
