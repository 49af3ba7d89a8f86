//! Remembers when which base was put back, for news of starts that failed before that and are heard after it.

use hatchery_model::id::{HostName, ImageId};
use hatchery_model::timestamp::Timestamp;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Bases that are remembered one by one; of more, the time of the oldest is taken for all that are not remembered.
const REMEMBERED: usize = 4096;

/// Contract: one for all of a process. Cheap to clone. In memory only: every base counts as put back when the process began, since whoever
/// put it back before cannot be asked. That costs a failed start one more try, and never more than one: the next is ordered after that.
#[derive(Clone, Debug)]
pub struct HealBook(Arc<Mutex<Page>>);

#[derive(Debug)]
struct Page {
    /// Of every base that is not named.
    since: Timestamp,
    healed: HashMap<(HostName, ImageId), Timestamp>,
}

impl HealBook {
    /// Of a process that begins now.
    pub fn new(now: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(Page { since: now, healed: HashMap::new() })))
    }

    /// The base is there again, on this host.
    pub(super) fn note(&self, host: &HostName, image: ImageId, now: Timestamp) {
        let mut page = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        page.healed.insert((host.clone(), image), now);
        while page.healed.len() > REMEMBERED {
            let oldest = page.healed.iter().min_by_key(|(_, at)| **at);
            let Some((key, at)) = oldest.map(|(key, at)| (key.clone(), *at)) else {
                return;
            };
            page.healed.remove(&key);
            page.since = page.since.max(at);
        }
    }

    /// Whether the base was put back after something was ordered that needed it.
    pub(super) fn is_after(&self, ordered: Timestamp, host: &HostName, image: ImageId) -> bool {
        let page = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let healed = page.healed.get(&(host.clone(), image)).copied();
        ordered < healed.unwrap_or(page.since)
    }
}

#[cfg(test)]
mod tests {
    use super::HealBook;
    use hatchery_model::id::{HostName, ImageId};
    use hatchery_model::timestamp::Timestamp;
    use uuid::Uuid;

    #[test]
    fn what_was_forgotten_counts_as_put_back_with_the_oldest() {
        let host = HostName("host-a".into());
        let image = |number: u128| ImageId(Uuid::from_u128(number));
        let book = HealBook::new(Timestamp(0));
        assert!(!book.is_after(Timestamp(0), &host, image(1)));
        for number in 1..=4097 {
            book.note(&host, image(number), Timestamp(i64::try_from(number).unwrap() * 10));
        }
        // The first one is forgotten; its time is kept for all that nobody remembers.
        for unknown in [image(1), image(9999)] {
            assert!(book.is_after(Timestamp(9), &host, unknown));
            assert!(!book.is_after(Timestamp(10), &host, unknown));
        }
        assert!(book.is_after(Timestamp(19), &host, image(2)));
        assert!(!book.is_after(Timestamp(20), &host, image(2)));
    }
}
