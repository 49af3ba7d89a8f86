//! What the kernel says of a process, and the time of day.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::failure::Failure;

/// Of `/proc/PID/stat`'s times; Linux has had no other since its first port.
const TICKS_A_SECOND: f64 = 100.0;

/// Microseconds since 1970, to be compared with the times in a server's timeline.
#[allow(clippy::disallowed_methods)] // The cloud's times are on this clock.
pub fn wall_micros() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Between two looks at what signals nothing, and between attempts that must not meet.
#[allow(clippy::disallowed_methods)] // A client that a cloud pushes no events to has to look again.
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// A value in KiB of `/proc/PID/status`, in MiB.
pub fn memory_mib(process: u32, name: &str) -> Result<f64, Failure> {
    let text = fs::read_to_string(format!("/proc/{process}/status"))
        .map_err(Failure::of(format!("process {process}")))?;
    let value = field(&text, name).and_then(|text| text.trim_end_matches("kB").trim().parse().ok());
    let kib: f64 = value.ok_or_else(|| Failure::new(format!("process {process} has no {name}")))?;
    Ok(kib / 1024.0)
}

/// Real user and group of a process.
pub fn owner(process: u32) -> Option<(u32, u32)> {
    let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let first = |name| field(&text, name)?.split_whitespace().next()?.parse().ok();
    Some((first("Uid")?, first("Gid")?))
}

fn field<'t>(status: &'t str, name: &str) -> Option<&'t str> {
    let found = status.lines().filter_map(|line| line.split_once(':'));
    found.into_iter().find(|(key, _)| *key == name).map(|(_, value)| value.trim())
}

/// CPU time that a process has used, its ended children left out, in milliseconds.
pub fn cpu_ms(process: u32) -> Result<f64, Failure> {
    let text = fs::read_to_string(format!("/proc/{process}/stat"))
        .map_err(Failure::of(format!("process {process}")))?;
    // The name before may hold anything, spaces and parentheses too.
    let rest = text.rsplit_once(')').map_or("", |(_, rest)| rest);
    let words: Vec<f64> = rest.split_whitespace().map(|word| word.parse().unwrap_or(0.0)).collect();
    let ticks: f64 = words.iter().skip(11).take(2).sum();
    Ok(ticks * 1000.0 / TICKS_A_SECOND)
}

/// The words of a process's command line.
pub fn command_line(process: u32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default();
    let text = String::from_utf8_lossy(&bytes);
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// The QEMU process of a server.
pub fn guest_process(server: &str) -> Option<u32> {
    let entries = fs::read_dir("/proc").ok()?;
    let mut ids = entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    ids.find(|id| {
        let words = command_line(*id);
        let is_qemu = words.first().is_some_and(|word| word.contains("qemu-system"));
        is_qemu && words.windows(2).any(|pair| pair == ["-uuid", server])
    })
}

/// Microseconds since 1970 of `2026-11-21T05:23:25.000042`, as Nova writes times.
pub fn micros_of(text: &str) -> Option<i64> {
    let (date, time) = text.trim_end_matches('Z').split_once('T')?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let numbers = |text: &str, mark: char| -> Option<Vec<i64>> {
        text.split(mark).map(|part| part.parse().ok()).collect()
    };
    let (date, clock) = (numbers(date, '-')?, numbers(clock, ':')?);
    let ([year, month, day], [hour, minute, second]) = (date.as_slice(), clock.as_slice()) else {
        return None;
    };
    let fraction: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    // Years that begin in March have their leap day at the end.
    let (year, month) = if *month > 2 { (*year, month - 3) } else { (year - 1, month + 9) };
    let days = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days = days + (153 * month + 2) / 5 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::{cpu_ms, memory_mib, micros_of};

    #[test]
    fn times_of_day_are_read_to_the_microsecond() {
        assert_eq!(micros_of("1970-01-01T00:00:00.000042"), Some(42));
        assert_eq!(micros_of("2024-02-29T00:00:00"), Some(1_709_164_800_000_000));
        assert_eq!(micros_of("2025-11-21T05:23:25.5Z"), Some(1_763_702_605_500_000));
        assert_eq!(micros_of("2025-11-21"), None);
    }

    #[test]
    fn a_process_is_read_from_the_kernel() {
        let own = std::process::id();
        assert!(memory_mib(own, "VmRSS").unwrap() > 0.1);
        assert!(memory_mib(own, "VmNone").is_err());
        assert!(cpu_ms(own).unwrap() >= 0.0);
    }
}
