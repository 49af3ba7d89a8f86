//! Readings, taken beside the screen, so that a server that is slow or gone never keeps a key waiting.

use super::source::{Reading, Source};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// A reading, when it was taken, or why it could not be.
pub struct Taken {
    /// When its answer was there.
    pub at: Instant,
    /// What it is.
    pub reading: Result<Reading, String>,
}

/// A thread that reads. It ends with this.
pub struct Poll {
    taken: Receiver<Taken>,
    _stop: Sender<()>,
}

impl Poll {
    /// Reads now, and then once an interval.
    pub fn start(mut source: Source, interval: Duration) -> Self {
        let (send, taken) = channel();
        let (stop, stopped) = channel();
        std::thread::spawn(move || {
            loop {
                let began = Instant::now();
                let reading = source.read().map_err(|error| format!("{error:#}"));
                if send.send(Taken { at: Instant::now(), reading }).is_err() {
                    return;
                }
                let rest = interval.saturating_sub(began.elapsed());
                match stopped.recv_timeout(rest) {
                    Err(RecvTimeoutError::Timeout) => {}
                    Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
                }
            }
        });
        Self { taken, _stop: stop }
    }

    /// A reading that is there already.
    pub fn next_now(&self) -> Option<Taken> {
        self.taken.try_recv().ok()
    }

    /// Waits for the next reading.
    pub fn wait(&self) -> Option<Taken> {
        self.taken.recv().ok()
    }
}
