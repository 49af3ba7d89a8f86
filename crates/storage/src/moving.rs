//! What is moving in this process: a list in memory, and the totals as metrics.

use hatchery_model::live::Transfer;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_ports::clock::Clock;
use hatchery_ports::transfers::{Ending, Moving, NewTransfer, Transfers};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A rate is that of at least so long.
const SAMPLE_MICROS: u64 = 900_000;
/// The first one may be that of so long.
const YOUNG_MICROS: u64 = 100_000;

/// See the head of this file. Cheap to clone; clones share the list.
#[derive(Clone)]
pub struct LiveTransfers {
    clock: Arc<dyn Clock>,
    inner: Arc<Mutex<Inner>>,
}

#[derive(Default)]
struct Inner {
    next: u64,
    under_way: BTreeMap<u64, UnderWay>,
}

struct UnderWay {
    new: NewTransfer,
    started_at: Timestamp,
    bytes: Arc<AtomicU64>,
    /// When the rate was taken last, and how many bytes there were then.
    sampled: (Timestamp, u64),
    bytes_per_second: u64,
}

impl UnderWay {
    fn show(&mut self, id: u64, now: Timestamp) -> Transfer {
        let bytes = self.bytes.load(Ordering::Relaxed);
        let (at, before) = self.sampled;
        let passed = now.micros_since(at);
        if passed >= SAMPLE_MICROS {
            self.bytes_per_second = rate(bytes - before, passed);
            self.sampled = (now, bytes);
        } else if at == self.started_at && passed >= YOUNG_MICROS {
            self.bytes_per_second = rate(bytes, passed);
        }
        Transfer {
            id,
            kind: self.new.kind,
            what: self.new.what.clone(),
            image: self.new.image,
            bytes: Bytes(bytes),
            total: self.new.total,
            bytes_per_second: self.bytes_per_second,
            started_at: self.started_at,
        }
    }
}

fn rate(bytes: u64, micros: u64) -> u64 {
    let rate = u128::from(bytes) * 1_000_000 / u128::from(micros.max(1));
    u64::try_from(rate).unwrap_or(u64::MAX)
}

impl LiveTransfers {
    /// None yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, inner: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Each change is one insert or remove: a panic elsewhere leaves whole entries.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, id: u64, ending: Ending) {
        let Some(ended) = self.lock().under_way.remove(&id) else {
            return;
        };
        let kind = ended.new.kind.name();
        let seconds = self.clock.now().micros_since(ended.started_at) as f64 / 1e6;
        metrics::gauge!("hatchery_transfers_active", "kind" => kind).decrement(1.0);
        metrics::counter!("hatchery_transfers_total", "kind" => kind, "ending" => ending.name())
            .increment(1);
        metrics::histogram!("hatchery_transfer_duration_seconds", "kind" => kind).record(seconds);
    }
}

impl Transfers for LiveTransfers {
    fn begin(&self, new: NewTransfer) -> Moving {
        let (kind, started_at) = (new.kind.name(), self.clock.now());
        let bytes = Arc::new(AtomicU64::new(0));
        let sampled = (started_at, 0);
        let counted = bytes.clone();
        let under_way = UnderWay { new, started_at, bytes, sampled, bytes_per_second: 0 };
        let mut inner = self.lock();
        inner.next += 1;
        let id = inner.next;
        inner.under_way.insert(id, under_way);
        drop(inner);
        metrics::gauge!("hatchery_transfers_active", "kind" => kind).increment(1.0);
        let of_its_kind = metrics::counter!("hatchery_transfer_bytes_total", "kind" => kind);
        let list = self.clone();
        Moving::new(counted, of_its_kind, move |ending| list.end(id, ending))
    }

    fn list(&self) -> Vec<Transfer> {
        let now = self.clock.now();
        self.lock().under_way.iter_mut().map(|(id, one)| one.show(*id, now)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::LiveTransfers;
    use hatchery_model::live::TransferKind;
    use hatchery_model::units::Bytes;
    use hatchery_ports::transfers::{NewTransfer, Transfers};
    use hatchery_testkit::ManualClock;
    use std::sync::Arc;

    fn upload(what: &str) -> NewTransfer {
        NewTransfer {
            kind: TransferKind::Upload,
            what: what.into(),
            image: None,
            total: Some(Bytes(100)),
        }
    }

    #[test]
    fn a_transfer_is_listed_while_its_handle_lives() {
        let list = LiveTransfers::new(Arc::new(ManualClock::default()));
        let (first, second) = (list.begin(upload("a")), list.begin(upload("b")));
        first.add(3);
        first.add(4);
        let shown = list.list();
        assert_eq!(shown.iter().map(|one| one.what.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((shown[0].bytes, shown[0].total), (Bytes(7), Some(Bytes(100))));
        assert_ne!(shown[0].id, shown[1].id);
        first.done();
        assert_eq!(list.list().len(), 1);
        drop(second);
        assert_eq!(list.list(), []);
    }

    #[test]
    fn the_rate_is_that_of_the_last_second_and_falls_when_nothing_moves() {
        let clock = Arc::new(ManualClock::default());
        let list = LiveTransfers::new(clock.clone());
        let moving = list.begin(upload("a"));
        let rate = |micros| {
            clock.advance_micros(micros);
            list.list()[0].bytes_per_second
        };
        moving.add(50);
        assert_eq!(rate(100_000), 500, "the average while it is young");
        moving.add(150);
        assert_eq!(rate(900_000), 200);
        moving.add(1000);
        assert_eq!(rate(1_000), 200, "looking often changes nothing");
        assert_eq!(rate(999_000), 1000);
        assert_eq!(rate(1_000_000), 0);
        // A clock that is set back harms nothing.
        assert_eq!(rate(-3_600_000_000), 0);
    }
}
