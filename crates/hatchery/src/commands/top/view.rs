//! What the screen shows: the last reading, and how each counter has moved since the first.

use super::history::Track;
use super::poll::Taken;
use super::source::Reading;
use hatchery_model::timestamp::Timestamp;
use std::collections::BTreeMap;
use std::time::Instant;

/// An interface, both ways.
#[derive(Clone, Debug, Default)]
pub struct Wire {
    /// Bytes that come in.
    pub received: Track,
    /// Bytes that go out.
    pub sent: Track,
}

/// Why there is no new reading.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outage {
    /// Since when.
    pub since: Timestamp,
    /// The last reason.
    pub why: String,
}

/// See the head of this file.
#[derive(Debug, Default)]
pub struct View {
    /// What is watched.
    pub name: String,
    /// The last reading; `None` before the first.
    pub last: Option<Reading>,
    /// Set while there is none.
    pub outage: Option<Outage>,
    /// Interfaces, by name.
    pub wires: BTreeMap<String, Wire>,
    /// Bytes of transfers, by kind.
    pub moved: BTreeMap<String, Track>,
    /// What was done to bases, by deed.
    pub deeds: BTreeMap<String, Track>,
    /// Requests answered.
    pub requests: Track,
    /// CPU time, in microseconds.
    pub cpu: Track,
    read_at: Option<Instant>,
    chosen: Option<String>,
}

impl View {
    /// Of this, before the first reading.
    pub fn new(name: String) -> Self {
        Self { name, ..Self::default() }
    }

    /// Takes a further reading.
    pub fn take(&mut self, taken: Taken, now: Timestamp) {
        match taken.reading {
            Ok(reading) => {
                let before = self.read_at.replace(taken.at);
                let passed = before.map_or(0.0, |at| taken.at.duration_since(at).as_secs_f64());
                self.outage = None;
                self.count(&reading, passed);
                self.last = Some(reading);
            }
            Err(why) => {
                let since = self.outage.as_ref().map_or(now, |outage| outage.since);
                self.outage = Some(Outage { since, why });
            }
        }
    }

    fn count(&mut self, reading: &Reading, passed: f64) {
        let figures = &reading.figures;
        self.wires.retain(|name, _| figures.interfaces.contains_key(name));
        for (name, interface) in &figures.interfaces {
            let wire = self.wires.entry(name.clone()).or_default();
            wire.received.take(interface.received_bytes, passed);
            wire.sent.take(interface.sent_bytes, passed);
        }
        for (kind, bytes) in &figures.transferred_bytes {
            self.moved.entry(kind.clone()).or_default().take(*bytes, passed);
        }
        for (deed, count) in &figures.deeds {
            self.deeds.entry(deed.clone()).or_default().take(*count, passed);
        }
        self.requests.take(figures.requests, passed);
        self.cpu.take((figures.process.cpu_seconds.max(0.0) * 1e6) as u64, passed);
    }

    /// The interface of the graphs: the chosen one, or the busiest.
    pub fn shown(&self) -> Option<(&str, &Wire)> {
        let chosen = self.chosen.as_ref().and_then(|name| self.wires.get_key_value(name));
        let busiest = || {
            let bytes = |wire: &Wire| wire.received.average() + wire.sent.average();
            self.wires.iter().max_by(|a, b| bytes(a.1).total_cmp(&bytes(b.1)))
        };
        chosen.or_else(busiest).map(|(name, wire)| (name.as_str(), wire))
    }

    /// Goes so many interfaces on from the one that is shown.
    pub fn choose(&mut self, steps: isize) {
        let names: Vec<&String> = self.wires.keys().collect();
        let Some((shown, _)) = self.shown() else { return };
        let at = names.iter().position(|name| *name == shown).unwrap_or_default();
        let next = (at as isize + steps).rem_euclid(names.len() as isize) as usize;
        self.chosen = Some(names[next].clone());
    }
}
