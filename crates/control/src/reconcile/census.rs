//! Compares the rows with each other, at the start and then now and then, and puts right what does not add up.

use super::{claims, left_disks, pins, ports, purge, tasks};
use crate::error::Error;
use crate::workflow::Wake;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::Store;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(600);

/// See the head of this file.
pub struct Census {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// Makes it look now.
    pub wake: Wake,
    /// Wakes the task runner.
    pub tasks: Wake,
    /// Rows of servers deleted so long ago are forgotten; `None`: never.
    pub forget_deleted_after_seconds: Option<i64>,
}

/// What a look has found and put right.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Findings {
    /// Claims of servers that are not there, or stand elsewhere.
    pub stray_claims: usize,
    /// Servers that stand on a host without a claim.
    pub missing_claims: usize,
    /// Hosts asked again what became of a disk that was left there.
    pub asked_again: usize,
    /// Servers that waited for work that nobody had written down.
    pub missing_tasks: usize,
    /// Pins of bases whose time is over: no mistake.
    pub pins_over: usize,
    /// Ports plugged into servers that are not there.
    pub stray_ports: usize,
    /// Rows of deleted servers forgotten, as the operator wants it: no mistake.
    pub forgotten: usize,
}

impl Census {
    /// Looks for ever.
    pub async fn run(&self) {
        loop {
            if let Err(error) = self.look().await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the census broke off; it is taken again"
                );
            }
            tokio::select! {
                () = self.wake.woken() => {}
                () = tokio::time::sleep(INTERVAL) => {}
            }
        }
    }

    /// Looks once. May be repeated; a second look finds nothing.
    pub async fn look(&self) -> Result<Findings, Error> {
        let store = &*self.store;
        let now = self.clock.now();
        let (stray_claims, missing_claims) = claims::match_servers(store, now).await?;
        let findings = Findings {
            stray_claims,
            missing_claims,
            asked_again: left_disks::ask_again(store, &*self.entropy, now).await?,
            missing_tasks: tasks::insert_missing(store, &*self.entropy, now).await?,
            pins_over: pins::forget_over(store, now).await?,
            stray_ports: ports::unplug_stray(store, now).await?,
            forgotten: match self.forget_deleted_after_seconds {
                Some(seconds) => purge::forget(store, now.plus_seconds(-seconds)).await?,
                None => 0,
            },
        };
        if findings.missing_tasks > 0 {
            self.tasks.wake();
        }
        Ok(findings)
    }
}
