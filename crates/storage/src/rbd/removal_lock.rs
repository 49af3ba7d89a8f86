//! The right to remove an image from the trash, which one call has at a time, in this process or any other of the cluster.
//!
//! It is a lock of Ceph's class `lock` on the image's header, goes with it, and ends by itself after its holder has died. Librbd's own lock does not do:
//! where two remove one image at once, their process is ended by an assertion (`TrimRequest`), or one of them waits for ever (seen in Ceph 16).

use super::error::{CephError, Doing};
use super::ffi::IoCtx;
use nix::errno::Errno;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// So long after its holder's last word it ends.
const LASTS: Duration = Duration::from_secs(10);
/// So often the holder gives word.
const RENEW_AFTER: Duration = Duration::from_secs(2);
/// Whoever has got no further for so long gives no more word: its thread may be lost to the library.
const STANDS_STILL: Duration = Duration::from_secs(120);
/// So long whoever comes second waits: looking whether an image may go takes less, removing its bytes more.
const PATIENCE: Duration = Duration::from_secs(3);
/// It asks again after this, then after twice as long each time, until [`MOST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(10);
const MOST_PAUSE: Duration = Duration::from_millis(160);

const LOCK: (&CStr, &CStr) = (c"lock", c"lock");
const UNLOCK: (&CStr, &CStr) = (c"lock", c"unlock");
const NAME: &str = "hatchery.removal";
const EXCLUSIVE: u8 = 1;
const MAY_RENEW: u8 = 1;
/// Tells the calls of one client apart.
static CALLS: AtomicU64 = AtomicU64::new(0);

/// See the head of this file. Dropping it ends it.
pub(super) struct RemovalLock {
    wanted: Arc<Wanted>,
    /// Dropped first: then the thread ends.
    end: Option<mpsc::Sender<()>>,
    renewing: Option<JoinHandle<()>>,
}

struct Wanted {
    context: Arc<IoCtx>,
    header: String,
    cookie: String,
    progress: Mutex<Instant>,
}

impl RemovalLock {
    /// `None`: the image has no header any more, so that there is nothing to lock. `Conflict` while somebody else has it.
    #[allow(clippy::disallowed_methods)] // Ceph tells nobody when a lock is free.
    pub(super) fn take(context: &Arc<IoCtx>, image_id: &str) -> Result<Option<Self>, CephError> {
        let wanted = Arc::new(Wanted {
            context: context.clone(),
            header: format!("rbd_header.{image_id}"),
            cookie: CALLS.fetch_add(1, Ordering::Relaxed).to_string(),
            progress: Mutex::new(Instant::now()),
        });
        let deadline = Instant::now() + PATIENCE;
        let mut pause = FIRST_PAUSE;
        loop {
            match wanted.lock() {
                Err(Errno::EBUSY) if Instant::now() < deadline => {
                    thread::sleep(pause);
                    pause = (pause * 2).min(MOST_PAUSE);
                }
                Err(Errno::ENOENT) => return Ok(None),
                taken => {
                    taken.doing(|| format!("lock {image_id} to remove it"))?;
                    return Ok(Some(Self::renewed(wanted)));
                }
            }
        }
    }

    /// By a thread of its own: on the library's threads, which tell of progress, a call may wait for itself.
    fn renewed(wanted: Arc<Wanted>) -> Self {
        let (end, ended) = mpsc::channel();
        let theirs = wanted.clone();
        let renewing = thread::Builder::new().name("ceph-lock".to_owned()).spawn(move || {
            while ended.recv_timeout(RENEW_AFTER) == Err(mpsc::RecvTimeoutError::Timeout)
                && theirs.progress().elapsed() < STANDS_STILL
            {
                if let Err(error) = theirs.lock() {
                    tracing::debug!(header = theirs.header, %error, "the lock of a removal is not renewed");
                }
            }
        });
        Self { wanted, end: Some(end), renewing: renewing.ok() }
    }

    /// Told from any thread that the removal goes on.
    pub(super) fn goes_on(&self) {
        *self.wanted.progress() = Instant::now();
    }
}

impl Drop for RemovalLock {
    fn drop(&mut self) {
        drop(self.end.take());
        // A word that is on its way must not come behind the end.
        let _ = self.renewing.take().map(JoinHandle::join);
        match self.wanted.unlock() {
            // Gone with the image, most of the time.
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(error) => {
                tracing::debug!(header = self.wanted.header, %error, "the lock of a removal ends by itself")
            }
        }
    }
}

impl Wanted {
    /// `cls_lock_lock_op`.
    fn lock(&self) -> Result<(), Errno> {
        let (tag, description) = ("", "it is being removed");
        let mut wanted = Vec::new();
        text(&mut wanted, NAME);
        wanted.push(EXCLUSIVE);
        [self.cookie.as_str(), tag, description].iter().for_each(|one| text(&mut wanted, one));
        let seconds = u32::try_from(LASTS.as_secs()).unwrap_or(u32::MAX);
        wanted.extend(seconds.to_le_bytes());
        wanted.extend(0_u32.to_le_bytes());
        wanted.push(MAY_RENEW);
        self.context.call(&self.header, LOCK, &encoded(&wanted))
    }

    /// `cls_lock_unlock_op`.
    fn unlock(&self) -> Result<(), Errno> {
        let mut wanted = Vec::new();
        [NAME, &self.cookie].iter().for_each(|one| text(&mut wanted, one));
        self.context.call(&self.header, UNLOCK, &encoded(&wanted))
    }

    fn progress(&self) -> std::sync::MutexGuard<'_, Instant> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn text(into: &mut Vec<u8>, text: &str) {
    into.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    into.extend(text.as_bytes());
}

/// In Ceph's envelope: version, oldest version that reads it, length.
fn encoded(content: &[u8]) -> Vec<u8> {
    let mut all = vec![1, 1];
    all.extend(u32::try_from(content.len()).unwrap_or(u32::MAX).to_le_bytes());
    all.extend(content);
    all
}
