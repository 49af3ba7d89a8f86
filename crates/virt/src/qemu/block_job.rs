//! Jobs that QEMU does on the disks of a guest that runs. They go on when whoever began them dies: a job is known by its id, which follows from its
//! disks, and its end waits in QEMU until it has been read.

use super::command_line::{OWN_DISK, node_of_volume};
use super::hotplug::{clear, filter_of, open, unavailable};
use super::qmp::{Client, Event, QmpError};
use super::settings::QemuSettings;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::VolumeId;
use hatchery_ports::hypervisor::HypervisorError;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::Instant;

/// So often a job is looked at whose events did not come.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// How long a job that is ready may take to be over.
const COMPLETED_WITHIN: Duration = Duration::from_secs(30);
/// How long a job that was cancelled may take to be over.
const CANCELLED_WITHIN: Duration = Duration::from_secs(30);

/// How far a job is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Job {
    /// There is none of that id.
    None,
    /// It works.
    Works,
    /// It has copied everything, and goes on copying what is written until it is told to complete.
    Ready,
    /// It is over: whether well, or why not.
    Over(Result<(), String>),
}

/// How far the job of that id is.
pub(super) async fn look(monitor: &Client, id: &str) -> Result<Job, HypervisorError> {
    let jobs = monitor.execute("query-jobs").await;
    let jobs = jobs.map_err(|error| unavailable("tell how far its jobs are", error))?;
    Ok(job_in(&jobs, id))
}

fn job_in(jobs: &Value, id: &str) -> Job {
    let mut all = jobs.as_array().into_iter().flatten();
    let Some(job) = all.find(|job| job["id"] == *id) else { return Job::None };
    match job["status"].as_str() {
        Some("ready") => Job::Ready,
        Some("concluded") => Job::Over(job["error"].as_str().map_or(Ok(()), |why| Err(why.into()))),
        Some("null") => Job::None,
        _ => Job::Works,
    }
}

/// Returns how far the job is once that is not `Works` any more, or at the deadline.
pub(super) async fn settled(
    monitor: &Client,
    id: &str,
    deadline: Option<Instant>,
) -> Result<Job, HypervisorError> {
    loop {
        let events = monitor.events();
        let found = look(monitor, id).await?;
        if found != Job::Works || deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(found);
        }
        let events = events.ok_or_else(|| unavailable("hear the guest", QmpError::Closed))?;
        // Those that were missed are made good by the next look.
        let _ = tokio::time::timeout(LOOK_AGAIN, changed(events, id)).await;
    }
}

/// Returns when an event has told that the job is at another stage.
async fn changed(mut events: broadcast::Receiver<Event>, id: &str) {
    loop {
        match events.recv().await {
            Ok(event) if event.name == "JOB_STATUS_CHANGE" && event.data["id"] == *id => return,
            Ok(_) => {}
            Err(broadcast::error::RecvError::Lagged(_)) => return,
            Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
        }
    }
}

/// Waits for a job's end, and says how it was. The job stays, to be forgotten.
pub(super) async fn ended(monitor: &Client, id: &str) -> Result<(), HypervisorError> {
    match settled(monitor, id, None).await? {
        Job::Over(Ok(())) => Ok(()),
        Job::Over(Err(why)) => Err(HypervisorError::Failed(format!(
            "QEMU could not copy the disk ({why}): see that there is room for it, and try again"
        ))),
        Job::None | Job::Works | Job::Ready => Err(HypervisorError::Failed(
            "QEMU has forgotten that it copies the disk: try again".to_owned(),
        )),
    }
}

/// Has a job that is ready come to its end, and gives that; `None`: it had been forgotten.
pub(super) async fn complete(monitor: &Client, id: &str) -> Result<Job, HypervisorError> {
    let deadline = Instant::now() + COMPLETED_WITHIN;
    loop {
        let events = monitor.events();
        let found = settled(monitor, id, Some(deadline)).await?;
        let late = Instant::now() >= deadline;
        match found {
            Job::None | Job::Over(_) => return Ok(found),
            Job::Ready if !late => {}
            Job::Ready | Job::Works => {
                let source = std::io::ErrorKind::TimedOut.into();
                return Err(HypervisorError::Unavailable { doing: format!("end {id}"), source });
            }
        }
        match monitor.execute_with("job-complete", &json!({ "id": id })).await {
            // It completes already.
            Ok(_) | Err(QmpError::Refused { .. }) => {}
            Err(error) => return Err(unavailable("end a job", error)),
        }
        let events = events.ok_or_else(|| unavailable("hear the guest", QmpError::Closed))?;
        let _ = tokio::time::timeout(LOOK_AGAIN, changed(events, id)).await;
    }
}

/// Has no job of that id: cancels it where it is not over, and forgets it.
pub(super) async fn forget(monitor: &Client, id: &str) -> Result<(), HypervisorError> {
    let cannot = |error| unavailable("end a job", error);
    if matches!(look(monitor, id).await?, Job::Works | Job::Ready) {
        let cancel = json!({"device": id, "force": true});
        match monitor.execute_with("block-job-cancel", &cancel).await {
            // It has come to its end meanwhile.
            Ok(_) | Err(QmpError::Refused { .. }) => {}
            Err(error) => return Err(cannot(error)),
        }
    }
    match settled(monitor, id, Some(Instant::now() + CANCELLED_WITHIN)).await? {
        Job::None => Ok(()),
        Job::Over(_) => {
            let gone = monitor.execute_with("job-dismiss", &json!({ "id": id })).await;
            gone.map(drop).map_err(cannot)
        }
        Job::Works | Job::Ready => Err(HypervisorError::Failed(format!(
            "QEMU has not ended the job {id} within {} s: stop the guest",
            CANCELLED_WITHIN.as_secs()
        ))),
    }
}

/// A copy of what a disk holds at one moment.
pub(super) struct Copy {
    source: String,
    target: String,
    /// Its job.
    pub(super) job: String,
}

impl Copy {
    /// Of a volume, or of the guest's own disk.
    pub(super) fn of(volume: Option<VolumeId>) -> Self {
        let source = volume.map_or_else(|| OWN_DISK.to_owned(), node_of_volume);
        Self { target: format!("t{source}"), job: format!("copy-{source}"), source }
    }

    /// Takes back what an earlier copy of the same disk has left, and begins. What the disk holds now is what the copy will hold.
    pub(super) async fn begin(
        &self,
        monitor: &Client,
        into: &BlockSource,
        settings: &QemuSettings,
    ) -> Result<(), HypervisorError> {
        self.clear(monitor).await?;
        let begun = self.try_begin(monitor, into, settings).await;
        if begun.is_err()
            && let Err(error) = self.clear(monitor).await
        {
            tracing::warn!(job = self.job, %error, "what was opened for a copy is still open");
        }
        begun
    }

    async fn try_begin(
        &self,
        monitor: &Client,
        into: &BlockSource,
        settings: &QemuSettings,
    ) -> Result<(), HypervisorError> {
        open(monitor, &self.target, into, settings).await?;
        let job = json!({
            "job-id": self.job, "device": self.source, "target": self.target, "sync": "full",
            "filter-node-name": filter_of(&self.source), "auto-dismiss": false,
        });
        match monitor.execute_with("blockdev-backup", &job).await {
            Ok(_) => Ok(()),
            Err(QmpError::Refused { reason, .. }) => Err(HypervisorError::Failed(format!(
                "QEMU does not copy the disk ({reason}): try again when nothing else is done with it"
            ))),
            Err(error) => Err(unavailable("copy the disk", error)),
        }
    }

    /// Closes the copy; gives how it ended.
    pub(super) async fn end(
        &self,
        monitor: &Client,
        ended: Result<(), HypervisorError>,
    ) -> Result<(), HypervisorError> {
        let cleared = self.clear(monitor).await;
        ended.and(cleared)
    }

    async fn clear(&self, monitor: &Client) -> Result<(), HypervisorError> {
        forget(monitor, &self.job).await?;
        clear(monitor, &self.target).await
    }
}

#[cfg(test)]
mod tests {
    use super::{Job, job_in};
    use serde_json::json;

    #[test]
    fn a_job_says_how_far_it_is() {
        let jobs = json!([
            {"id": "a", "status": "running"}, {"id": "b", "status": "ready"},
            {"id": "c", "status": "concluded"}, {"id": "d", "status": "concluded", "error": "No space left"},
        ]);
        assert_eq!(job_in(&jobs, "a"), Job::Works);
        assert_eq!(job_in(&jobs, "b"), Job::Ready);
        assert_eq!(job_in(&jobs, "c"), Job::Over(Ok(())));
        assert_eq!(job_in(&jobs, "d"), Job::Over(Err("No space left".into())));
        assert_eq!(job_in(&jobs, "e"), Job::None);
    }
}
