//! One connection to a monitor. Answers are matched to commands by id; events go to whoever listens. Dropping the client
//! ends the connection, and never the guest.

use super::wire::{self, Event, LONGEST_LINE, Line};
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::Value;
use std::collections::HashMap;
use std::io::{self, IoSlice};
use std::mem::MaybeUninit;
use std::os::fd::BorrowedFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::Interest;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{broadcast, oneshot};
use tokio::task::JoinHandle;

/// How many events a slow listener may be behind before it misses the oldest.
const EVENT_BACKLOG: usize = 256;

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QmpError {
    /// QEMU says no; its own sentence.
    #[error("QEMU refused {command}: {reason}")]
    Refused {
        /// The command.
        command: &'static str,
        /// QEMU's sentence.
        reason: String,
    },
    /// No answer in time. Whether it was done is not known.
    #[error("QEMU did not answer {command} within {after:?}")]
    TimedOut {
        /// The command.
        command: &'static str,
        /// The deadline.
        after: Duration,
    },
    /// The connection is gone: QEMU has ended, or talks nonsense.
    #[error("the connection to QEMU's monitor is closed")]
    Closed,
}

type Answer = Result<Value, String>;

/// Who waits for which answer; `None` once the connection is closed.
type Waiting = Mutex<Option<HashMap<u64, oneshot::Sender<Answer>>>>;

/// A connection.
#[derive(Debug)]
pub(crate) struct Client {
    next: AtomicU64,
    writer: tokio::sync::Mutex<OwnedWriteHalf>,
    waiting: Arc<Waiting>,
    reader: JoinHandle<()>,
    /// Ends with the reader, so that listeners hear of the connection's end.
    events: broadcast::WeakSender<Event>,
    deadline: Duration,
}

impl Client {
    /// Begins to talk on a connected socket. The receiver gets every event from the first on, and ends with the connection.
    pub(crate) fn begin(
        stream: std::os::unix::net::UnixStream,
        deadline: Duration,
    ) -> io::Result<(Self, broadcast::Receiver<Event>)> {
        stream.set_nonblocking(true)?;
        let (read, write) = UnixStream::from_std(stream)?.into_split();
        let (events, receiver) = broadcast::channel(EVENT_BACKLOG);
        let waiting: Arc<Waiting> = Arc::new(Mutex::new(Some(HashMap::new())));
        let listening = events.downgrade();
        let reader = tokio::spawn(read_all(BufReader::new(read), Arc::clone(&waiting), events));
        let client = Self {
            next: AtomicU64::new(1),
            writer: tokio::sync::Mutex::new(write),
            waiting,
            reader,
            events: listening,
            deadline,
        };
        Ok((client, receiver))
    }

    /// Leaves the negotiation mode. Need not wait for the greeting: QEMU reads what was sent before.
    pub(crate) async fn negotiate(&self, deadline: Duration) -> Result<(), QmpError> {
        self.execute_within("qmp_capabilities", None, None, deadline).await.map(drop)
    }

    /// Leaves the negotiation mode and has a command done, both sent at once: a start waits for one answer, not for two.
    pub(crate) async fn negotiate_and(
        &self,
        command: &'static str,
        deadline: Duration,
    ) -> Result<Value, QmpError> {
        // Polled in this order, and the writer's lock keeps it: QEMU takes no other command first.
        let (negotiated, answer) = tokio::join!(
            biased;
            self.negotiate(deadline),
            self.execute_within(command, None, None, deadline)
        );
        negotiated?;
        answer
    }

    /// Has a command done.
    pub(crate) async fn execute(&self, command: &'static str) -> Result<Value, QmpError> {
        self.execute_within(command, None, None, self.deadline).await
    }

    /// Has a command done that is told something.
    pub(crate) async fn execute_with(
        &self,
        command: &'static str,
        arguments: &Value,
    ) -> Result<Value, QmpError> {
        self.execute_within(command, Some(arguments), None, self.deadline).await
    }

    /// The same, with an open file for QEMU. Not by two at once: QEMU takes the last file that came before a command.
    pub(crate) async fn hand_over(
        &self,
        command: &'static str,
        arguments: &Value,
        file: BorrowedFd<'_>,
    ) -> Result<Value, QmpError> {
        self.execute_within(command, Some(arguments), Some(file), self.deadline).await
    }

    /// Every event from now on, unless the connection has ended.
    pub(crate) fn events(&self) -> Option<broadcast::Receiver<Event>> {
        self.events.upgrade().map(|events| events.subscribe())
    }

    /// Whether no command can be done any more.
    pub(crate) fn is_closed(&self) -> bool {
        lock(&self.waiting).is_none()
    }

    async fn execute_within(
        &self,
        command: &'static str,
        arguments: Option<&Value>,
        file: Option<BorrowedFd<'_>>,
        after: Duration,
    ) -> Result<Value, QmpError> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        lock(&self.waiting).as_mut().ok_or(QmpError::Closed)?.insert(id, sender);
        let mut written = false;
        let talk = async {
            let line = wire::command(id, command, arguments);
            let mut writer = self.writer.lock().await;
            let sent = match file {
                Some(file) => written_with(writer.as_ref(), &line, file)
                    .await
                    .map_err(|_| QmpError::Closed)?,
                None => 0,
            };
            writer.write_all(&line[sent..]).await.map_err(|_| QmpError::Closed)?;
            drop(writer);
            written = true;
            receiver.await.map_err(|_| QmpError::Closed)
        };
        let answer = tokio::time::timeout(after, talk).await;
        let mut waiting = lock(&self.waiting);
        if answer.is_err() && !written {
            // A part of a line may have gone out, so no other may follow it.
            waiting.take();
        }
        if let Some(waiting) = waiting.as_mut() {
            waiting.remove(&id);
        }
        drop(waiting);
        match answer {
            Ok(Ok(Ok(value))) => Ok(value),
            Ok(Ok(Err(reason))) => Err(QmpError::Refused { command, reason }),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(QmpError::TimedOut { command, after }),
        }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

/// Sends the beginning of a line together with an open file; says how much of the line that was.
async fn written_with(stream: &UnixStream, line: &[u8], file: BorrowedFd<'_>) -> io::Result<usize> {
    let send = || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let files = [file];
        control.push(SendAncillaryMessage::ScmRights(&files));
        let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
        Ok(sendmsg(stream, &[IoSlice::new(line)], &mut control, flags)?)
    };
    loop {
        stream.writable().await?;
        match stream.try_io(Interest::WRITABLE, send) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            sent => return sent,
        }
    }
}

fn lock(waiting: &Waiting) -> MutexGuard<'_, Option<HashMap<u64, oneshot::Sender<Answer>>>> {
    waiting.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads until the connection ends or talks nonsense; then nobody waits any more.
async fn read_all(
    mut stream: BufReader<impl AsyncRead + Unpin>,
    waiting: Arc<Waiting>,
    events: broadcast::Sender<Event>,
) {
    let mut line = Vec::new();
    loop {
        line.clear();
        let limit = LONGEST_LINE as u64;
        match (&mut stream).take(limit).read_until(b'\n', &mut line).await {
            Ok(_) if line.ends_with(b"\n") => {}
            Ok(0) => break,
            Ok(_) => {
                tracing::warn!("a line from QEMU's monitor was cut off or too long");
                break;
            }
            Err(error) => {
                tracing::debug!(%error, "QEMU's monitor broke off");
                break;
            }
        }
        match wire::parse(&line) {
            Some(Line::Greeting) => {}
            Some(Line::Answer { id, result }) => {
                let waiter = lock(&waiting).as_mut().and_then(|map| map.remove(&id));
                if let Some(waiter) = waiter {
                    // Its caller may have given up.
                    let _ = waiter.send(result);
                }
            }
            Some(Line::Event(event)) => {
                let _ = events.send(event);
            }
            Some(Line::Complaint(reason)) => tracing::warn!(reason, "QEMU's monitor complains"),
            None => {
                tracing::warn!("QEMU's monitor said what is no QMP");
                break;
            }
        }
    }
    lock(&waiting).take();
}

#[cfg(test)]
mod tests;
