//! What the kernel counts for this process and its host, read from `/proc` without a helper program.

use super::exposition::Text;
use nix::unistd::{SysconfVar, sysconf};
use std::fs;

/// More interfaces than this are not told of: a host of many networks has many.
const MOST_INTERFACES: usize = 64;

/// Writes everything of the host and the process. What cannot be read is left out.
pub fn expose(text: &mut Text) {
    let table = fs::read_to_string("/proc/self/net/dev").unwrap_or_default();
    let interfaces: Vec<_> = interfaces(&table).take(MOST_INTERFACES).collect();
    let of = |pick: fn(&Interface<'_>) -> u64| {
        interfaces.iter().map(move |one| (Some(one.name), pick(one) as f64)).collect::<Vec<_>>()
    };
    text.metric("hatchery_interface_received_bytes_total", of(|one| one.received));
    text.metric("hatchery_interface_sent_bytes_total", of(|one| one.sent));
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    text.metric("hatchery_process_resident_memory_bytes", resident(&status).map(alone));
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    text.metric("hatchery_process_cpu_seconds_total", cpu_seconds(&stat).map(alone));
    text.metric("hatchery_build_info", [(Some(env!("CARGO_PKG_VERSION")), 1.0)]);
}

fn alone(value: f64) -> (Option<&'static str>, f64) {
    (None, value)
}

#[derive(PartialEq, Eq, Debug)]
struct Interface<'a> {
    name: &'a str,
    received: u64,
    sent: u64,
}

fn interfaces(table: &str) -> impl Iterator<Item = Interface<'_>> {
    table.lines().filter_map(|line| {
        let (name, figures) = line.split_once(':')?;
        let mut figures = figures.split_whitespace();
        let received = figures.next()?.parse().ok()?;
        let sent = figures.nth(7)?.parse().ok()?;
        Some(Interface { name: name.trim(), received, sent })
    })
}

fn resident(status: &str) -> Option<f64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
    Some(kib * 1024.0)
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    // The name in brackets may hold spaces and brackets itself.
    let mut figures = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let mut next = || figures.next()?.parse::<f64>().ok();
    let ticks = next()? + next()?;
    let a_second = sysconf(SysconfVar::CLK_TCK).ok().flatten()?;
    Some(ticks / a_second as f64)
}

#[cfg(test)]
mod tests {
    use super::{Interface, cpu_seconds, interfaces, resident};

    #[test]
    fn the_kernels_tables_are_read() {
        let table = "Inter-|   Receive                                                |  Transmit\n \
            face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs\n    \
            lo: 1000       8    0    0    0     0          0         0     2000       8    0    0    0\n\
            hat12345678:7 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15\n";
        let all: Vec<_> = interfaces(table).collect();
        let lo = Interface { name: "lo", received: 1000, sent: 2000 };
        let of_a_network = Interface { name: "hat12345678", received: 7, sent: 8 };
        assert_eq!(all, [lo, of_a_network]);
        assert_eq!(resident("VmPeak:\t 9 kB\nVmRSS:\t     20 kB\n"), Some(20480.0));
        let stat = "7 (a ) b) S 1 1 1 0 -1 4 0 0 0 0 150 50 0 0 20 0 1 0 100 1 1";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!((resident(""), cpu_seconds("")), (None, None));
    }
}
