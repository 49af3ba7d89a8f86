//! Clients of the shared cluster, and blocking calls on them.

use hatchery_storage::rbd::{CephClient, CephConnection, CephError, CephSettings, Span};
use hatchery_testkit::CephCluster;
use std::time::Duration;

/// Settings of a user of the cluster.
pub fn settings(ceph: &CephCluster, user: &str) -> CephSettings {
    CephSettings { conf: Some(ceph.conf()), ..CephSettings::new(user) }
}

/// The cluster's client as `client.cinder`.
pub fn cinder(ceph: &CephCluster) -> CephClient {
    CephClient::of(settings(ceph, "cinder"))
}

/// Does one thing.
pub async fn on<T: Send + 'static>(
    client: &CephClient,
    work: impl FnOnce(&CephConnection) -> Result<T, CephError> + Send + 'static,
) -> Result<T, CephError> {
    client.run(Span::Short, work).await
}

/// Asks again until the answer is there, for a bounded time.
pub async fn until<T>(what: &str, mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("{what} has not come");
}
