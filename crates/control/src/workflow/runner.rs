//! Takes up tasks that are due and runs their next steps, several at once.
//!
//! Woken by whoever writes a task, and by a timer for what nobody woke it for: a crash, a lost wake, a time that has come.

use super::step::Step;
use super::wake::Wake;
use crate::error::Error;
use futures_util::StreamExt as _;
use futures_util::stream::{self, FuturesUnordered};
use hatchery_model::id::TaskId;
use hatchery_model::task::{Task, Work};
use hatchery_ports::clock::Clock;
use hatchery_ports::store::Store;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Looks at the rows at least so often.
const INTERVAL: Duration = Duration::from_secs(2);
/// Tasks read at once.
const BATCH: u32 = 64;
/// Steps that run at once.
const CONCURRENT: usize = 8;
/// Longest pause after a step that failed.
const MAX_PAUSE_SECONDS: i64 = 60;

/// See the head of this file.
pub struct TaskRunner {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Wakes this runner.
    pub wake: Wake,
    /// `Work::BuildServer`
    pub build_server: Arc<dyn Step>,
    /// `Work::DeleteServer`
    pub delete_server: Arc<dyn Step>,
    /// `Work::DeleteImage`
    pub delete_image: Arc<dyn Step>,
}

impl TaskRunner {
    /// Runs tasks for ever. A slow step keeps nobody waiting but its own task. Dropping the future leaves every task either done or
    /// still to be done.
    pub async fn run(&self) {
        let mut running = FuturesUnordered::new();
        let mut taken: HashSet<TaskId> = HashSet::new();
        let mut waiting: VecDeque<Task> = VecDeque::new();
        let (mut look, mut more) = (true, false);
        loop {
            if look {
                let due = self.due().await.unwrap_or_else(|error| {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "tasks cannot be read"
                    );
                    Vec::new()
                });
                more = due.len() == BATCH as usize;
                waiting = due.into_iter().filter(|t| !taken.contains(&t.id)).collect();
            }
            while running.len() < CONCURRENT
                && let Some(task) = waiting.pop_front()
            {
                taken.insert(task.id);
                running.push(self.run_one(task));
            }
            look = tokio::select! {
                Some(done) = running.next() => {
                    taken.remove(&done);
                    more && waiting.is_empty()
                }
                () = self.wake.woken() => true,
                () = tokio::time::sleep(INTERVAL) => true,
            };
        }
    }

    /// Runs the next step of what is due now, one batch; says how many there were.
    pub async fn run_due(&self) -> Result<usize, Error> {
        let due = self.due().await?;
        let count = due.len();
        let steps = due.into_iter().map(|task| self.run_one(task));
        stream::iter(steps)
            .for_each_concurrent(CONCURRENT, |step| async {
                step.await;
            })
            .await;
        Ok(count)
    }

    async fn due(&self) -> Result<Vec<Task>, Error> {
        let mut uow = self.store.read().await?;
        Ok(uow.tasks().list_due(self.clock.now(), BATCH).await?)
    }

    async fn run_one(&self, task: Task) -> TaskId {
        let step = match task.work {
            Work::BuildServer(_) => &self.build_server,
            Work::DeleteServer(_) => &self.delete_server,
            Work::DeleteImage(_) => &self.delete_image,
        };
        let Err(error) = step.run(&task).await else {
            return task.id;
        };
        tracing::error!(
            task.work = ?task.work, request.id = %task.request, attempts = task.attempts,
            error = &error as &dyn std::error::Error, "a step failed; it is tried again"
        );
        if let Err(error) = self.put_off(&task).await {
            // Then it is due still, and the timer keeps it from spinning.
            tracing::error!(error = &error as &dyn std::error::Error, "a task cannot be put off");
            tokio::time::sleep(INTERVAL).await;
        }
        task.id
    }

    async fn put_off(&self, task: &Task) -> Result<(), Error> {
        let mut uow = self.store.begin().await?;
        let Some(mut task) = uow.tasks().find(task.id).await? else {
            return Ok(());
        };
        let pause = (1_i64 << task.attempts.min(6)).min(MAX_PAUSE_SECONDS);
        task.attempts += 1;
        task.due_at = self.clock.now().plus_seconds(pause);
        uow.tasks().update(&task).await?;
        uow.commit().await?;
        Ok(())
    }
}
