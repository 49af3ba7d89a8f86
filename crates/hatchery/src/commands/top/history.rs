//! From a counter that grows to how fast it did.

use std::collections::VecDeque;

/// Rates remembered: as many as the widest graph has columns.
const REMEMBERED: usize = 512;

/// One counter over time.
#[derive(Clone, Debug, Default)]
pub struct Track {
    last: Option<u64>,
    /// Per second, the newest first.
    rates: VecDeque<f64>,
    peak: f64,
    moved: f64,
    seconds: f64,
}

impl Track {
    /// Takes a further reading, `seconds` after the last one.
    pub fn take(&mut self, total: u64, seconds: f64) {
        if let Some(last) = self.last.replace(total)
            && seconds > 0.0
        {
            // A counter that is smaller began anew.
            let moved = total.saturating_sub(last) as f64;
            self.moved += moved;
            self.seconds += seconds;
            self.peak = self.peak.max(moved / seconds);
            self.rates.push_front(moved / seconds);
            self.rates.truncate(REMEMBERED);
        }
    }

    /// The counter itself.
    pub fn total(&self) -> u64 {
        self.last.unwrap_or_default()
    }

    /// The last rate.
    pub fn now(&self) -> f64 {
        self.rates.front().copied().unwrap_or_default()
    }

    /// The highest rate.
    pub fn peak(&self) -> f64 {
        self.peak
    }

    /// The average since it is watched.
    pub fn average(&self) -> f64 {
        if self.seconds > 0.0 { self.moved / self.seconds } else { 0.0 }
    }

    /// The last rates, the newest first.
    pub fn rates(&self) -> impl Iterator<Item = f64> {
        self.rates.iter().copied()
    }
}

#[cfg(test)]
mod tests {
    use super::Track;

    #[test]
    fn rates_follow_the_counter_and_a_new_beginning_is_no_fall() {
        let mut track = Track::default();
        for (total, seconds) in [(100, 1.0), (300, 2.0), (300, 1.0), (50, 1.0), (90, 1.0)] {
            track.take(total, seconds);
        }
        assert_eq!(track.rates().collect::<Vec<_>>(), [40.0, 0.0, 0.0, 100.0]);
        assert_eq!((track.now(), track.peak(), track.average()), (40.0, 100.0, 48.0));
        assert_eq!(track.total(), 90);
    }
}
