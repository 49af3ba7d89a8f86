//! Work on a thread of its own, given up when the library never comes back from a call.
//!
//! Librados ends what it asks of an OSD in time, but not watches and notifications (seen in Ceph 16): whoever opens or removes an image when
//! the OSD dies would wait for ever, and hold a turn. Only time inside one call counts, since its last word of progress: work may
//! take as long as its bytes do.

use super::ffi::GoOn;
use std::cell::RefCell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};

thread_local! {
    static CALL: RefCell<Option<Call>> = const { RefCell::new(None) };
}

/// Since when the library has the thread, or when it last told progress. `None`: it has not.
#[derive(Clone, Default)]
struct Call(Arc<Mutex<Option<Instant>>>);

impl Call {
    fn set(&self, since: Option<Instant>) -> Option<Instant> {
        std::mem::replace(&mut *self.lock(), since)
    }

    fn silence(&self) -> Duration {
        self.lock().map_or(Duration::ZERO, |since| since.elapsed())
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why there is no answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoAnswer {
    /// The library is silent: the thread is left to it.
    Silent,
    /// There is no thread for it, or it has panicked.
    Died(String),
}

/// Does the work on a new thread, and waits for it; no longer when one of its calls has been silent for so long.
pub(super) fn do_watched<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, NoAnswer> {
    let call = Call::default();
    let (answer, answered) = mpsc::sync_channel(1);
    let theirs = call.clone();
    thread::Builder::new()
        .name("ceph".to_owned())
        .spawn(move || {
            CALL.set(Some(theirs));
            // Nobody waits any more where this fails.
            let _ = answer.send(work());
        })
        .map_err(|error| NoAnswer::Died(error.to_string()))?;
    loop {
        match answered.recv_timeout(patience / 4) {
            Ok(done) => return Ok(done),
            Err(mpsc::RecvTimeoutError::Disconnected) => {
                return Err(NoAnswer::Died("it has panicked".to_owned()));
            }
            Err(mpsc::RecvTimeoutError::Timeout) if call.silence() >= patience => {
                return Err(NoAnswer::Silent);
            }
            Err(mpsc::RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Makes a call of the library. Calls may be made within one, from what it calls back.
pub(super) fn calling<T>(call: impl FnOnce() -> T) -> T {
    let watched = CALL.with_borrow(Clone::clone);
    let outer = watched.as_ref().and_then(|watched| watched.set(Some(Instant::now())));
    let answer = call();
    if let Some(watched) = watched {
        watched.set(outer.map(|_| Instant::now()));
    }
    answer
}

/// What tells progress of the call that is made next; the library may call it from another thread.
pub(super) fn progressing(go_on: GoOn<'_>) -> impl FnMut(u64, u64) -> bool {
    let watched = CALL.with_borrow(Clone::clone);
    move |done, all| {
        if let Some(watched) = &watched {
            watched.set(Some(Instant::now()));
        }
        go_on(done, all)
    }
}

#[cfg(test)]
mod tests {
    use super::{NoAnswer, calling, do_watched, progressing};
    use std::sync::mpsc;
    use std::time::{Duration, Instant};

    const PATIENCE: Duration = Duration::from_millis(200);

    #[test]
    fn a_call_that_does_not_come_back_is_given_up() {
        let (end, ended) = mpsc::channel::<()>();
        let done = do_watched(PATIENCE, move || calling(|| ended.recv()));
        assert_eq!(done.unwrap_err(), NoAnswer::Silent);
        drop(end);
    }

    #[test]
    fn work_between_calls_and_progress_take_their_time() {
        let begun = Instant::now();
        let done = do_watched(PATIENCE, move || {
            for _ in 0..4 {
                calling(|| 1);
                wait_for(PATIENCE / 2);
            }
            let mut go_on = |_, _| true;
            let mut told = progressing(&mut go_on);
            calling(|| {
                (0..4).all(|step| {
                    wait_for(PATIENCE / 2);
                    told(step, 4)
                })
            })
        });
        assert_eq!(done, Ok(true));
        assert!(begun.elapsed() > PATIENCE * 2);
    }

    fn wait_for(time: Duration) {
        let (end, ended) = mpsc::channel::<()>();
        assert!(ended.recv_timeout(time).is_err());
        drop(end);
    }

    #[test]
    fn a_panic_is_told() {
        let done = do_watched::<()>(PATIENCE, || panic!("as wanted"));
        assert!(matches!(done, Err(NoAnswer::Died(_))));
    }
}
