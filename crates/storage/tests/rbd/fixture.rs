//! Clients of the shared cluster, and blocking calls on them.

use hatchery_storage::rbd::{CephClient, CephConnection, CephError, CephSettings, Span};
use hatchery_testkit::CephCluster;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Settings of a user of the cluster.
pub fn settings(ceph: &CephCluster, user: &str) -> CephSettings {
    CephSettings { conf: Some(ceph.conf()), ..CephSettings::new(user) }
}

/// The same of `client.cinder` in a process that has only been told where the configuration is.
pub fn cinder_at(conf: impl Into<PathBuf>) -> CephSettings {
    CephSettings { conf: Some(conf.into()), ..CephSettings::new("cinder") }
}

/// This program once more, as another process: does what stands in that test, which sees by the variable that it is meant. Its lines can be read.
pub fn process(test: &str, variable: &str, told: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([test, "--exact", "--nocapture"]).env(variable, told).stdout(Stdio::piped());
    command
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
