//! Takes up tasks that are due and runs their next steps, several at once.
//!
//! Woken by whoever writes a task, and by a timer for what nobody woke it for: a crash, a lost wake, a time that has come.

use super::step::Step;
use super::wake::Wake;
use crate::error::Error;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::{self, FuturesUnordered};
use hatchery_model::id::TaskId;
use hatchery_model::task::{Task, Work};
use hatchery_ports::clock::Clock;
use hatchery_ports::store::Store;
use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::MissedTickBehavior;

/// Looks at the rows at least so often.
const INTERVAL: Duration = Duration::from_secs(2);
/// Tasks read at once.
const BATCH: u32 = 64;
/// Steps that run at once.
const CONCURRENT: usize = 8;
/// Longest pause after a step that failed.
const MAX_PAUSE_SECONDS: i64 = 60;

/// Where to look for work.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Look {
    Nowhere,
    Tasks,
    Everything,
}

/// What has ended.
enum Done {
    /// A look, with what is due.
    Look(Vec<Task>),
    /// A step of this task.
    Step(TaskId),
}

/// The tasks that a runner knows.
#[derive(Default)]
struct Hand {
    waiting: VecDeque<Task>,
    taken: HashSet<TaskId>,
    /// Whose steps have ended since the last look began, which may have seen them as they were before.
    ended: HashSet<TaskId>,
    /// Whether the last look left something out.
    more: bool,
}

impl Hand {
    fn put(&mut self, due: Vec<Task>) {
        self.more = due.len() == BATCH as usize;
        let is_new = |task: &Task| !self.taken.contains(&task.id) && !self.ended.contains(&task.id);
        self.waiting = due.into_iter().filter(is_new).collect();
    }

    /// Says whether it is time to look for more.
    fn end(&mut self, id: TaskId) -> bool {
        self.taken.remove(&id);
        self.ended.insert(id);
        self.more && self.waiting.is_empty()
    }
}

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
    /// `Work::SealImage`, `Work::DiscardUpload`
    pub seal_image: Arc<dyn Step>,
}

impl TaskRunner {
    /// Runs tasks for ever. A slow step keeps nobody waiting but its own task. Dropping the future leaves every task either done or
    /// still to be done.
    pub async fn run(&self) {
        let mut running: FuturesUnordered<BoxFuture<'_, Done>> = FuturesUnordered::new();
        let mut hand = Hand::default();
        let mut timer = tokio::time::interval(INTERVAL);
        timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The timer's first tick comes at once.
        let (mut wanted, mut looking) = (Look::Nowhere, false);
        loop {
            // A look goes on beside the steps: waiting for it alone would keep steps from ending that it may itself wait for.
            if wanted != Look::Nowhere && !looking {
                looking = true;
                hand.ended.clear();
                let everything = wanted == Look::Everything;
                wanted = Look::Nowhere;
                running.push(Box::pin(async move { Done::Look(self.look(everything).await) }));
            }
            while hand.taken.len() < CONCURRENT
                && let Some(task) = hand.waiting.pop_front()
            {
                hand.taken.insert(task.id);
                running.push(Box::pin(async move { Done::Step(self.run_one(task).await) }));
            }
            tokio::select! {
                Some(done) = running.next() => match done {
                    Done::Look(due) => {
                        looking = false;
                        hand.put(due);
                    }
                    Done::Step(id) => {
                        if hand.end(id) {
                            wanted = wanted.max(Look::Tasks);
                        }
                    }
                },
                () = self.wake.woken() => wanted = wanted.max(Look::Tasks),
                _ = timer.tick() => wanted = Look::Everything,
            }
        }
    }

    async fn look(&self, everything: bool) -> Vec<Task> {
        if everything {
            self.sweep().await;
        }
        self.due().await.unwrap_or_else(|error| {
            tracing::error!(error = &error as &dyn std::error::Error, "tasks cannot be read");
            Vec::new()
        })
    }

    /// Runs the next step of what is due now, one batch; says how many there were.
    pub async fn run_due(&self) -> Result<usize, Error> {
        let swept = self.sweep().await;
        let due = self.due().await?;
        let count = due.len() + swept;
        let steps = due.into_iter().map(|task| self.run_one(task));
        stream::iter(steps)
            .for_each_concurrent(CONCURRENT, |step| async {
                step.await;
            })
            .await;
        Ok(count)
    }

    /// What became due without a task. What cannot be done now is tried at the next look.
    async fn sweep(&self) -> usize {
        let mut done = 0;
        for step in [&self.build_server, &self.delete_server, &self.delete_image] {
            match step.sweep().await {
                Ok(count) => done += count,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "a sweep broke off");
                }
            }
        }
        done
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
            Work::SealImage(_) | Work::DiscardUpload(..) => &self.seal_image,
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
