//! Flattening that no order waits for: one volume at a time, each once, until it is done, stopped or not wanted any more.
//!
//! It is known to this process alone. What is lost with it is begun again by whoever meets the volume next; another agent that is at the same
//! volume finds it done, or does it too, which comes to the same.

use hatchery_model::id::VolumeId;
use hatchery_ports::volume_backend::VolumeError;
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Semaphore, watch};

/// Whether the work is to stop.
pub(super) type Stop = watch::Receiver<bool>;
/// The bytes that were copied, or why it did not come to its end.
type Outcome = Result<u64, Arc<VolumeError>>;
type All = Arc<Mutex<HashMap<VolumeId, Flattening>>>;

/// See the head of this file. Dropping it stops all.
pub(super) struct Background {
    turn: Arc<Semaphore>,
    all: All,
}

/// One that waits for its turn, or is done now.
#[derive(Clone)]
pub(super) struct Flattening {
    stop: Arc<watch::Sender<bool>>,
    outcome: watch::Receiver<Option<Outcome>>,
}

/// Stops the work, and forgets it, when its task ends or is dropped with the runtime.
struct Guard {
    all: All,
    volume: VolumeId,
    stop: Arc<watch::Sender<bool>>,
}

fn lock(all: &All) -> MutexGuard<'_, HashMap<VolumeId, Flattening>> {
    // Each change leaves it whole.
    all.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Background {
    pub(super) fn new() -> Self {
        Self { turn: Arc::new(Semaphore::new(1)), all: All::default() }
    }

    /// Begins work for the volume unless there is some. `true`: begun by this call.
    pub(super) fn begin<F>(
        &self,
        volume: VolumeId,
        work: impl FnOnce(Stop) -> F + Send + 'static,
    ) -> (Flattening, bool)
    where
        F: Future<Output = Result<u64, VolumeError>> + Send,
    {
        let mut all = lock(&self.all);
        if let Some(there) = all.get(&volume) {
            return (there.clone(), false);
        }
        let (stop, stopped) = watch::channel(false);
        let (tell, outcome) = watch::channel(None);
        let flattening = Flattening { stop: Arc::new(stop), outcome };
        all.insert(volume, flattening.clone());
        let guard = Guard { all: self.all.clone(), volume, stop: flattening.stop.clone() };
        metrics::gauge!("hatchery_volume_flattenings_active").increment(1.0);
        let turn = self.turn.clone();
        tokio::spawn(async move {
            let outcome = in_turn(&turn, stopped, work).await.map_err(Arc::new);
            measure(&outcome, *guard.stop.borrow());
            match &outcome {
                Ok(bytes) => {
                    tracing::info!(volume.id = %volume, bytes, "the volume of an image stands by itself")
                }
                Err(error) => {
                    tracing::warn!(volume.id = %volume, ?error, "the volume of an image is not flattened: the next that is made of it begins again")
                }
            }
            // Forgotten before it is told: whoever hears of it and begins again has new work done.
            drop(guard);
            tell.send_replace(Some(outcome));
        });
        (flattening, true)
    }

    /// Stops the work for a volume that is to be changed or to go, and waits until nothing is done any more.
    pub(super) async fn stop(&self, volume: VolumeId) {
        let found = lock(&self.all).get(&volume).cloned();
        if let Some(flattening) = found {
            flattening.stop.send_replace(true);
            // Only that it has ended matters.
            let _ = flattening.outcome().await;
        }
    }
}

async fn in_turn<F>(
    turn: &Semaphore,
    mut stop: Stop,
    work: impl FnOnce(Stop) -> F,
) -> Result<u64, VolumeError>
where
    F: Future<Output = Result<u64, VolumeError>>,
{
    let theirs = stop.clone();
    let _turn = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => return Err(stopped()),
        turn = turn.acquire() => turn.map_err(|_| stopped())?,
    };
    work(theirs).await
}

fn measure(outcome: &Outcome, is_stopped: bool) {
    let ending = match (outcome, is_stopped) {
        (Ok(bytes), _) => {
            metrics::counter!("hatchery_volume_flattened_bytes_total").increment(*bytes);
            "done"
        }
        (Err(_), true) => "stopped",
        (Err(_), false) => "failed",
    };
    metrics::counter!("hatchery_volume_flattenings_total", "ending" => ending).increment(1);
}

fn stopped() -> VolumeError {
    let source = io::Error::from(io::ErrorKind::Interrupted);
    VolumeError::Unavailable { doing: "flatten what is changed or removed".to_owned(), source }
}

impl Flattening {
    /// Waits for its end.
    pub(super) async fn outcome(mut self) -> Outcome {
        match self.outcome.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(|| Err(Arc::new(stopped()))),
            // Its task has died.
            Err(_) => Err(Arc::new(stopped())),
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.stop.send_replace(true);
        lock(&self.all).remove(&self.volume);
        metrics::gauge!("hatchery_volume_flattenings_active").decrement(1.0);
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        for flattening in lock(&self.all).values() {
            flattening.stop.send_replace(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Background, Stop, stopped};
    use hatchery_model::id::VolumeId;
    use hatchery_ports::volume_backend::VolumeError;
    use hatchery_testkit::Counts;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use tokio::sync::Notify;
    use uuid::Uuid;

    fn volume(number: u128) -> VolumeId {
        VolumeId(Uuid::from_u128(number))
    }

    async fn until_stopped(mut stop: Stop) -> Result<u64, VolumeError> {
        let _ = stop.wait_for(|stop| *stop).await;
        Err(stopped())
    }

    #[tokio::test]
    async fn each_is_done_once_and_one_after_the_other() {
        let background = Background::new();
        let (go, at_once, most) =
            (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
        let begin = |number| {
            let (go, at_once, most) = (go.clone(), at_once.clone(), most.clone());
            background.begin(volume(number), move |_| async move {
                most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                go.notified().await;
                at_once.fetch_sub(1, Ordering::SeqCst);
                Ok(number as u64)
            })
        };
        let ((first, _), (again, is_new), (other, _)) = (begin(1), begin(1), begin(2));
        assert!(!is_new);
        go.notify_one();
        assert_eq!((first.outcome().await.unwrap(), again.outcome().await.unwrap()), (1, 1));
        go.notify_one();
        assert_eq!((other.outcome().await.unwrap(), most.load(Ordering::SeqCst)), (2, 1));
        // What has ended can be begun again.
        let (anew, is_new) = begin(1);
        go.notify_one();
        assert_eq!((anew.outcome().await.unwrap(), is_new), (1, true));
    }

    #[tokio::test]
    async fn what_is_stopped_has_ended_whether_it_had_its_turn_or_not() {
        let background = Background::new();
        let (first, _) = background.begin(volume(1), until_stopped);
        let (second, _) = background.begin(volume(2), until_stopped);
        background.stop(volume(2)).await;
        assert!(second.outcome().await.is_err());
        background.stop(volume(1)).await;
        assert!(first.outcome().await.is_err());
        background.stop(volume(1)).await;
        let (last, is_new) = background.begin(volume(1), until_stopped);
        drop(background);
        assert!(is_new && last.outcome().await.is_err());
    }

    #[tokio::test]
    async fn each_is_counted_by_its_ending() {
        let counts = Counts::default();
        let _heard = metrics::set_default_local_recorder(&counts);
        let background = Background::new();
        let active = || counts.gauge("hatchery_volume_flattenings_active");
        let (flat, _) = background.begin(volume(1), |_| async { Ok(7) });
        assert_eq!(active(), 1.0);
        flat.outcome().await.unwrap();
        let (cut_off, _) = background.begin(volume(2), until_stopped);
        background.stop(volume(2)).await;
        cut_off.outcome().await.unwrap_err();
        let (failed, _) = background.begin(volume(3), |_| async { Err(stopped()) });
        failed.outcome().await.unwrap_err();
        let ended = ["done", "stopped", "failed"].map(|ending| {
            let series = format!("hatchery_volume_flattenings_total{{ending=\"{ending}\"}}");
            counts.count(&series)
        });
        assert_eq!((ended, active()), ([1, 1, 1], 0.0));
        assert_eq!(counts.count("hatchery_volume_flattened_bytes_total"), 7);
    }
}
