//! One line of work on an upload's blocks: in order, on a blocking thread, and on no thread while there is nothing to do.
//!
//! An upload has three lanes (two digests and the file), which see the same blocks side by side. A slow client holds
//! memory for the blocks under way and no thread, so that many slow clients cannot use the threads up.

use bytes::Bytes;
use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::{JoinHandle, spawn_blocking};

/// A piece of an image, with the room that it takes: freed when the last lane is done with it.
#[derive(Clone)]
pub(super) struct Block {
    /// The bytes.
    pub(super) bytes: Bytes,
    /// The room.
    pub(super) _room: Arc<OwnedSemaphorePermit>,
}

/// What a lane does with each block.
pub(super) trait Work: Send + 'static {
    /// Takes the next block. Failures are kept by the work itself.
    fn step(&mut self, bytes: &[u8]);
}

struct Queue<W> {
    waiting: VecDeque<Block>,
    /// Away while a thread works on it.
    work: Option<W>,
}

/// See the head of this file.
pub(super) struct Lane<W> {
    queue: Arc<Mutex<Queue<W>>>,
    task: Option<JoinHandle<()>>,
}

impl<W: Work> Lane<W> {
    pub(super) fn new(work: W) -> Self {
        Self {
            queue: Arc::new(Mutex::new(Queue { waiting: VecDeque::new(), work: Some(work) })),
            task: None,
        }
    }

    /// Hands a block over. Does not wait: the caller bounds the blocks under way.
    pub(super) fn push(&mut self, block: Block) {
        let mut queue = lock(&self.queue);
        queue.waiting.push_back(block);
        if let Some(work) = queue.work.take() {
            let queue = Arc::clone(&self.queue);
            self.task = Some(spawn_blocking(move || drain(&queue, work)));
        }
    }

    /// Waits until every block is done, and gives the work back.
    pub(super) async fn finish(mut self) -> io::Result<W> {
        if let Some(task) = self.task.take() {
            task.await.map_err(io::Error::other)?;
        }
        lock(&self.queue)
            .work
            .take()
            .ok_or_else(|| io::Error::other("a thread that worked on the upload has died"))
    }
}

/// Works until nothing waits, then puts the work back. A panic in the work drops what waits, so that nobody waits for its
/// room; `finish` then reports it.
fn drain<W: Work>(queue: &Mutex<Queue<W>>, mut work: W) {
    struct DropWaiting<'a, W>(&'a Mutex<Queue<W>>);
    impl<W> Drop for DropWaiting<'_, W> {
        fn drop(&mut self) {
            lock(self.0).waiting.clear();
        }
    }
    let guard = DropWaiting(queue);
    loop {
        let block = {
            let mut queue = lock(queue);
            match queue.waiting.pop_front() {
                Some(block) => block,
                None => {
                    queue.work = Some(work);
                    // Nothing waits now; what is pushed from here on belongs to the next thread.
                    std::mem::forget(guard);
                    return;
                }
            }
        };
        work.step(&block.bytes);
    }
}

fn lock<W>(queue: &Mutex<Queue<W>>) -> MutexGuard<'_, Queue<W>> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Block, Lane, Work};
    use bytes::Bytes;
    use std::sync::Arc;
    use tokio::sync::Semaphore;

    struct Collect(Vec<u8>);
    impl Work for Collect {
        fn step(&mut self, bytes: &[u8]) {
            assert_ne!(bytes, b"die");
            self.0.extend(bytes);
        }
    }

    async fn block(room: &Arc<Semaphore>, bytes: &'static [u8]) -> Block {
        Block {
            bytes: Bytes::from_static(bytes),
            _room: Arc::new(Arc::clone(room).acquire_owned().await.unwrap()),
        }
    }

    #[tokio::test]
    async fn keeps_the_order_and_gives_the_room_back() {
        let room = Arc::new(Semaphore::new(2));
        let mut lane = Lane::new(Collect(Vec::new()));
        for _ in 0..500 {
            lane.push(block(&room, b"ab").await);
            lane.push(block(&room, b"c").await);
        }
        assert_eq!(lane.finish().await.unwrap().0, b"abc".repeat(500));
        assert_eq!(room.available_permits(), 2);
    }

    #[tokio::test]
    async fn a_death_is_reported_and_blocks_nobody() {
        let room = Arc::new(Semaphore::new(1));
        let mut lane = Lane::new(Collect(Vec::new()));
        lane.push(block(&room, b"die").await);
        lane.push(block(&room, b"more").await);
        assert!(lane.finish().await.is_err());
    }
}
