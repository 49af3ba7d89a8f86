//! The right to remove an image from the trash, which one call has at a time, in this process or any other of the cluster.
//!
//! It is a lock of Ceph's class `lock` on the image's header, goes with it, and ends by itself after its holder has died. Librbd's own lock does not do:
//! where two remove one image at once, their process is ended by an assertion (`TrimRequest`), or one of them waits for ever (seen in Ceph 16).

use super::error::{CephError, Doing};
use super::ffi::IoCtx;
use nix::errno::Errno;
use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// So long after its holder's last word it ends.
const LASTS: Duration = Duration::from_secs(10);
/// So often the holder gives word.
const RENEW_AFTER: Duration = Duration::from_secs(2);
/// So long whoever comes second waits: looking whether an image may go takes less, removing its bytes more.
const PATIENCE: Duration = Duration::from_secs(3);
const LOOK_AGAIN: Duration = Duration::from_millis(10);

const LOCK: (&CStr, &CStr) = (c"lock", c"lock");
const UNLOCK: (&CStr, &CStr) = (c"lock", c"unlock");
const NAME: &str = "hatchery.removal";
/// Tells the calls of one client apart.
static CALLS: AtomicU64 = AtomicU64::new(0);
const EXCLUSIVE: u8 = 1;
const MAY_RENEW: u8 = 1;

/// See the head of this file. Dropping it ends it.
pub(super) struct RemovalLock<'a> {
    context: &'a IoCtx,
    header: String,
    cookie: String,
    renewed: Instant,
}

impl<'a> RemovalLock<'a> {
    /// `None`: the image has no header any more, so that there is nothing to lock. `Conflict` while somebody else has it.
    #[allow(clippy::disallowed_methods)] // Ceph tells nobody when a lock is free.
    pub(super) fn take(context: &'a IoCtx, image_id: &str) -> Result<Option<Self>, CephError> {
        let header = format!("rbd_header.{image_id}");
        let cookie = CALLS.fetch_add(1, Ordering::Relaxed).to_string();
        let deadline = Instant::now() + PATIENCE;
        loop {
            match lock(context, &header, &cookie) {
                Err(Errno::EBUSY) if Instant::now() < deadline => std::thread::sleep(LOOK_AGAIN),
                Err(Errno::ENOENT) => return Ok(None),
                taken => {
                    taken.doing(|| format!("lock {image_id} to remove it"))?;
                    return Ok(Some(Self { context, header, cookie, renewed: Instant::now() }));
                }
            }
        }
    }

    /// Tells that the removal goes on.
    pub(super) fn go_on(&mut self) {
        if self.renewed.elapsed() < RENEW_AFTER {
            return;
        }
        self.renewed = Instant::now();
        if let Err(error) = lock(self.context, &self.header, &self.cookie) {
            tracing::debug!(header = self.header, %error, "the lock of a removal is not renewed");
        }
    }
}

impl Drop for RemovalLock<'_> {
    fn drop(&mut self) {
        let mut wanted = Vec::new();
        text(&mut wanted, NAME);
        text(&mut wanted, &self.cookie);
        // Gone with the image, most of the time.
        match self.context.call(&self.header, UNLOCK, &encoded(&wanted)) {
            Ok(()) | Err(Errno::ENOENT) => {}
            Err(error) => {
                tracing::debug!(header = self.header, %error, "the lock of a removal ends by itself")
            }
        }
    }
}

/// `cls_lock_lock_op`.
fn lock(context: &IoCtx, header: &str, cookie: &str) -> Result<(), Errno> {
    let mut wanted = Vec::new();
    text(&mut wanted, NAME);
    wanted.push(EXCLUSIVE);
    let (tag, description) = ("", "it is being removed");
    [cookie, tag, description].iter().for_each(|one| text(&mut wanted, one));
    let seconds = u32::try_from(LASTS.as_secs()).unwrap_or(u32::MAX);
    wanted.extend(seconds.to_le_bytes());
    wanted.extend(0_u32.to_le_bytes());
    wanted.push(MAY_RENEW);
    context.call(header, LOCK, &encoded(&wanted))
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
