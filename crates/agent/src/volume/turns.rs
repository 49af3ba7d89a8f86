//! Whose turn it is with a volume: whoever comes first. Who changes it has it alone; those who only read it have it together. Those who need other
//! volumes do not wait.

use hatchery_model::id::VolumeId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::oneshot;

/// The volumes that somebody needs at the same time.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Needs {
    /// That nobody else may work on meanwhile.
    pub(crate) alone: BTreeSet<VolumeId>,
    /// That nobody may change meanwhile; others may read them, too.
    pub(crate) read: BTreeSet<VolumeId>,
}

impl Needs {
    /// These alone.
    pub(crate) fn alone(volumes: impl IntoIterator<Item = VolumeId>) -> Self {
        Self { alone: volumes.into_iter().collect(), read: BTreeSet::new() }
    }

    fn fits_beside(&self, others: &Self) -> bool {
        self.alone.is_disjoint(&others.alone)
            && self.alone.is_disjoint(&others.read)
            && self.read.is_disjoint(&others.alone)
    }
}

/// Everybody who works on volumes or waits for that. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Turns(Arc<Mutex<Queue>>);

#[derive(Default)]
struct Queue {
    next: u64,
    /// In the order of coming, those whose turn it is among them.
    all: BTreeMap<u64, Place>,
}

struct Place {
    needs: Needs,
    /// `None`: its turn has come.
    waits: Option<oneshot::Sender<()>>,
}

/// A place in the queue. Dropping it gives it up.
pub(crate) struct Ticket {
    turn: Turn,
    called: oneshot::Receiver<()>,
}

/// The volumes are its holder's until it is dropped.
pub(crate) struct Turn {
    turns: Turns,
    number: u64,
}

impl Turns {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Each change leaves the queue whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a place behind all who are there now.
    pub(crate) fn queue(&self, needs: Needs) -> Ticket {
        let (call, called) = oneshot::channel();
        let mut queue = self.lock();
        let number = queue.next;
        queue.next += 1;
        let place = Place { needs, waits: Some(call) };
        queue.all.insert(number, place);
        queue.call();
        drop(queue);
        Ticket { turn: Turn { turns: self.clone(), number }, called }
    }
}

impl Queue {
    /// Calls everybody who waits for nobody before.
    fn call(&mut self) {
        let mut taken = Needs::default();
        for place in self.all.values_mut() {
            if place.needs.fits_beside(&taken)
                && let Some(call) = place.waits.take()
            {
                // Whoever has gone away drops its place.
                let _ = call.send(());
            }
            taken.alone.extend(&place.needs.alone);
            taken.read.extend(&place.needs.read);
        }
    }
}

impl Ticket {
    /// Waits until the volumes are free.
    pub(crate) async fn turn(self) -> Turn {
        // The place stands as long as the ticket, and with it the sender until it calls.
        let _ = self.called.await;
        self.turn
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut queue = self.turns.lock();
        queue.all.remove(&self.number);
        queue.call();
    }
}

#[cfg(test)]
mod tests {
    use super::{Needs, Turns};
    use futures_util::FutureExt;
    use hatchery_model::id::VolumeId;
    use uuid::Uuid;

    fn volume(number: u128) -> VolumeId {
        VolumeId(Uuid::from_u128(number))
    }

    #[test]
    fn one_volume_is_one_mans_and_the_first_comes_first() {
        let turns = Turns::default();
        let first = turns.queue(Needs::alone([volume(1)])).turn().now_or_never().unwrap();
        let mut second = Box::pin(turns.queue(Needs::alone([volume(1), volume(2)])).turn());
        let mut third = Box::pin(turns.queue(Needs::alone([volume(2)])).turn());
        let other = turns.queue(Needs::alone([volume(3)])).turn().now_or_never();
        assert!(other.is_some());
        assert!(second.as_mut().now_or_never().is_none());
        // Volume 2 is free, and the second is before the third.
        assert!(third.as_mut().now_or_never().is_none());
        drop(first);
        let second = second.now_or_never().unwrap();
        assert!(third.as_mut().now_or_never().is_none());
        drop(second);
        assert!(third.now_or_never().is_some());
    }

    #[test]
    fn readers_have_it_together_and_a_writer_alone() {
        let turns = Turns::default();
        let reads = |own| Needs { alone: [volume(own)].into(), read: [volume(1)].into() };
        let first = turns.queue(reads(2)).turn().now_or_never().unwrap();
        let second = turns.queue(reads(3)).turn().now_or_never().unwrap();
        let mut writer = Box::pin(turns.queue(Needs::alone([volume(1)])).turn());
        assert!(writer.as_mut().now_or_never().is_none());
        // Readers who come later do not keep the writer waiting for ever.
        let mut third = Box::pin(turns.queue(reads(4)).turn());
        drop(first);
        assert!(writer.as_mut().now_or_never().is_none());
        drop(second);
        assert!(third.as_mut().now_or_never().is_none());
        drop(writer.now_or_never().unwrap());
        assert!(third.now_or_never().is_some());
    }

    #[test]
    fn who_goes_away_keeps_nobody_waiting() {
        let turns = Turns::default();
        let first = turns.queue(Needs::alone([volume(1)])).turn().now_or_never().unwrap();
        let second = turns.queue(Needs::alone([volume(1)]));
        let mut third = Box::pin(turns.queue(Needs::alone([volume(1)])).turn());
        drop(first);
        assert!(third.as_mut().now_or_never().is_none());
        drop(second);
        assert!(third.now_or_never().is_some());
    }
}
