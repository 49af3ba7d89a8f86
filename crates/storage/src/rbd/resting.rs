//! Images that are closed a moment after their last use.
//!
//! The thread that ends an opening wakes the opener and then goes back to the image's state once more (seen in Ceph 16). Where the image was closed,
//! and so freed, in between, it goes to memory that is something else by then: the process crashes, as it did in 3 of 8 runs of the
//! tests beside this on a machine with more work than processors (ADR 13). Nothing tells when that thread has left, so that an image stays open for a while after it was
//! opened: one that is read costs nobody anything until it is closed, and what is written to takes some time anyway.

use super::ffi::close_image;
use super::library::{Handle, Symbols};
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// So long an image stays open at least that was opened for reading; it is seen by nobody.
const READER: Duration = Duration::from_millis(250);
/// The same of one that was opened for writing, whose watch keeps others away.
const WRITER: Duration = Duration::from_millis(30);

/// Those of a pool, oldest first.
pub(super) struct Resting {
    symbols: &'static Symbols,
    images: Mutex<VecDeque<(Instant, Handle)>>,
}

impl Resting {
    pub(super) const fn new(symbols: &'static Symbols) -> Self {
        Self { symbols, images: Mutex::new(VecDeque::new()) }
    }

    /// Takes an image that was opened then, and closes those that have rested. The handle is used no more.
    pub(super) fn take_reader(&self, opened: Instant, handle: Handle) {
        self.lock().push_back((opened + READER, handle));
        self.close_rested();
    }

    /// Closes an image that was opened for writing then, as soon as that may be. The handle is used no more.
    #[allow(clippy::disallowed_methods)] // Nothing tells when that thread has left: time is all that there is.
    pub(super) fn close_writer(&self, opened: Instant, handle: Handle) {
        std::thread::sleep((opened + WRITER).saturating_duration_since(Instant::now()));
        self.close(handle);
    }

    /// Closes what has rested.
    fn close_rested(&self) {
        let now = Instant::now();
        // One by one: closing waits, and others may take theirs meanwhile.
        while let Some((_, handle)) = {
            let mut images = self.lock();
            images.pop_front_if(|(due, _)| *due <= now)
        } {
            self.close(handle);
        }
    }

    /// Waits until all have rested, and closes them.
    #[allow(clippy::disallowed_methods)] // As above.
    pub(super) fn close_all(&self) {
        while let Some((due, handle)) = {
            let mut images = self.lock();
            images.pop_front()
        } {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            self.close(handle);
        }
    }

    fn close(&self, handle: Handle) {
        if let Err(error) = close_image(self.symbols, handle) {
            tracing::warn!(%error, "an image in Ceph was not closed in order");
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(Instant, Handle)>> {
        self.images.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
