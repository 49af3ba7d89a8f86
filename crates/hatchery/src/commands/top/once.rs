//! One reading as text, for scripts: a line a thing, each word `name=value`. Rates are those of one interval.

use super::poll::Poll;
use super::view::View;
use crate::clock::SystemClock;
use anyhow::{anyhow, bail};
use hatchery_ports::clock::Clock;
use std::fmt::Write as _;
use std::io::Write as _;
use std::process::ExitCode;

/// Takes two readings, an interval apart, and prints the second.
pub fn print(view: &mut View, poll: &Poll) -> anyhow::Result<ExitCode> {
    for _ in 0..2 {
        let taken = poll.wait().ok_or_else(|| anyhow!("no reading could be taken"))?;
        if let Err(why) = &taken.reading {
            bail!("{} is not reachable: {why}", view.name);
        }
        view.take(taken, SystemClock.now());
    }
    std::io::stdout().write_all(text(view).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// The text.
pub fn text(view: &View) -> String {
    let Some(last) = &view.last else { return String::new() };
    let (figures, mut text) = (&last.figures, String::new());
    for (name, wire) in &view.wires {
        let (received, sent) = (&wire.received, &wire.sent);
        let _ = writeln!(
            text,
            "interface name={name} received_bytes={} received_bytes_per_second={:.0} sent_bytes={} sent_bytes_per_second={:.0}",
            received.total(),
            received.now(),
            sent.total(),
            sent.now()
        );
    }
    for (kind, track) in &view.moved {
        let active = figures.transfers_active.get(kind).copied().unwrap_or_default();
        let (bytes, rate) = (track.total(), track.now());
        let _ = writeln!(
            text,
            "transfers kind={kind} active={active} bytes={bytes} bytes_per_second={rate:.0}"
        );
    }
    for one in last.transfers.iter().flatten() {
        let total = one.total.map_or_else(|| "unknown".to_owned(), |total| total.0.to_string());
        let _ = writeln!(
            text,
            "transfer id={} kind={} bytes={} total={total} bytes_per_second={} what={:?}",
            one.id, one.kind, one.bytes.0, one.bytes_per_second, one.what
        );
    }
    let builds = &figures.builds;
    let _ = writeln!(
        text,
        "guests building={} started={} failed={} stopped={} bytes_copied={}",
        builds.active, builds.started, builds.failed, builds.stopped, builds.bytes_copied
    );
    for (step, seconds) in &builds.last_step_seconds {
        let _ = writeln!(text, "step name={step} last_seconds={seconds}");
    }
    for (deed, track) in &view.deeds {
        let (count, rate) = (track.total(), track.now());
        let _ = writeln!(text, "deeds name={deed} count={count} per_second={rate:.1}");
    }
    let (pool, process) = (figures.pool, figures.process);
    let (names, leases) = (pool.names, pool.leases);
    let _ = writeln!(text, "pool bytes={} names={names} leases={leases}", pool.bytes);
    let _ = writeln!(
        text,
        "process requests={} requests_per_second={:.1} resident_bytes={} cpu_percent={:.1}",
        figures.requests,
        view.requests.now(),
        process.resident_bytes,
        view.cpu.now() / 1e4
    );
    text
}
