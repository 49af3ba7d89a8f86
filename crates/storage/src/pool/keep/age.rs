//! How long something has been so, by a clock that nobody can set: seconds since this host's boot, which has a name.

use rustix::time::{ClockId, clock_gettime};
use std::collections::BTreeMap;
use std::fs;
use std::io;

/// This boot of this host, and how long it has lasted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Uptime {
    pub(crate) boot: String,
    pub(crate) seconds: u64,
}

impl Uptime {
    pub(crate) fn now() -> io::Result<Self> {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned();
        let passed = clock_gettime(ClockId::Boottime);
        Ok(Self { boot, seconds: u64::try_from(passed.tv_sec).unwrap_or_default() })
    }

    /// For how long, as far as this boot knows.
    pub(crate) fn since(&self, marks: &BTreeMap<String, u64>) -> Option<u64> {
        marks.get(&self.boot).map(|mark| self.seconds.saturating_sub(*mark))
    }
}
