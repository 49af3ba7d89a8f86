//! How much room the pool has, and whether the cluster answers. Asked once at a time, so that a cluster that hangs does not take one thread after
//! the other, and told without waiting for long: a host's report does not wait for Ceph.

use crate::rbd::removal::sweep;
use crate::rbd::{CephClient, CephError, PoolRoom, Span};
use crate::volume::with_causes;
use hatchery_model::provision::CephAbilities;
use hatchery_model::units::Bytes;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// So long a report waits.
const PATIENCE: Duration = Duration::from_secs(3);

/// See the head of this file.
#[derive(Default)]
pub(super) struct Room(Mutex<Heard>);

#[derive(Default)]
struct Heard {
    asked: Option<JoinHandle<Result<(String, PoolRoom), CephError>>>,
    last: Option<PoolRoom>,
    /// Whether removals that were cut off have been seen to.
    is_swept: bool,
}

impl Room {
    pub(super) async fn abilities(&self, client: &CephClient, pool: &str) -> CephAbilities {
        let mut heard = self.0.lock().await;
        let cluster = heard.ask(client, pool).await;
        if cluster.is_ok() && !heard.is_swept {
            heard.is_swept = true;
            tokio::spawn(finish_removals(client.clone(), pool.to_owned()));
        }
        let room = heard.last.unwrap_or(PoolRoom { total: Bytes(0), free: Bytes(0) });
        CephAbilities { pool: pool.to_owned(), cluster, total: room.total, free: room.free }
    }
}

impl Heard {
    /// The cluster's id, or why it cannot be used.
    async fn ask(&mut self, client: &CephClient, pool: &str) -> Result<String, String> {
        let asked = self.asked.get_or_insert_with(|| {
            let (client, pool) = (client.clone(), pool.to_owned());
            tokio::spawn(async move {
                let ask = move |ceph: &crate::rbd::CephConnection| {
                    Ok::<_, CephError>((ceph.fsid().to_owned(), ceph.room(&pool)?))
                };
                client.run(Span::Short, ask).await
            })
        });
        let Ok(answer) = tokio::time::timeout(PATIENCE, asked).await else {
            return Err(format!("the cluster has not answered within {} s", PATIENCE.as_secs()));
        };
        self.asked = None;
        match answer {
            Ok(Ok((cluster, room))) => {
                self.last = Some(room);
                Ok(cluster)
            }
            Ok(Err(error)) => Err(with_causes(&error)),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Once a start: what a killed process has begun to remove, or what a clone that is gone had needed.
async fn finish_removals(client: CephClient, pool: String) {
    let swept = client.run(Span::Long, move |ceph| sweep(&ceph.pool(&pool)?)).await;
    if let Err(error) = swept {
        tracing::warn!(
            error = with_causes(&error),
            "removals of disks that were cut off wait for the next start"
        );
    }
}
