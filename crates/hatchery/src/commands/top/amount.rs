//! Quantities as people read them, each in at most ten columns.

use hatchery_model::units::Bytes;

/// `12.3 MiB`
pub fn bytes(count: u64) -> String {
    match count {
        0..1024 => format!("{count} B"),
        1024.. => {
            let (mut value, mut unit) = (count as f64 / 1024.0, 0);
            while value >= 999.95 && unit < UNITS.len() - 1 {
                (value, unit) = (value / 1024.0, unit + 1);
            }
            format!("{value:.1} {}", UNITS[unit])
        }
    }
}

const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/// `12.3 MiB/s`
pub fn rate(bytes_per_second: f64) -> String {
    bytes(bytes_per_second.max(0.0) as u64) + "/s"
}

/// `26.2 ms`, `3.1 s`
pub fn seconds(seconds: f64) -> String {
    match seconds {
        s if s < 0.9995 => format!("{:.1} ms", s * 1e3),
        s if s < 99.95 => format!("{s:.1} s"),
        s => span(s as u64),
    }
}

/// `0:23`, `12:05`, `3 h 12`, `2 d 4 h`
pub fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0..3600 => format!("{minutes}:{:02}", seconds % 60),
        3600..86_400 => format!("{hours} h {:02}", minutes % 60),
        86_400.. => format!("{days} d {} h", hours % 24),
    }
}

/// How long what is left takes at this rate.
pub fn time_left(done: Bytes, total: Bytes, bytes_per_second: u64) -> Option<String> {
    let left = total.0.checked_sub(done.0)?;
    left.checked_div(bytes_per_second).map(span)
}

#[cfg(test)]
mod tests {
    use super::{bytes, rate, seconds, span, time_left};
    use hatchery_model::units::Bytes;

    #[test]
    fn quantities_are_short() {
        let shown = [0, 1023, 1024, 1 << 20, 1_023_999, 3 << 40, u64::MAX].map(bytes);
        assert_eq!(
            shown,
            ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "1.0 MiB", "3.0 TiB", "16.0 EiB"]
        );
        assert_eq!((rate(2048.9), rate(-1.0)), ("2.0 KiB/s".into(), "0 B/s".into()));
        assert_eq!(
            [0.02618, 0.9999, 3.06, 150.0].map(seconds),
            ["26.2 ms", "1.0 s", "3.1 s", "2:30"]
        );
        assert_eq!([5, 725, 11_520, 187_200].map(span), ["0:05", "12:05", "3 h 12", "2 d 4 h"]);
        assert_eq!(time_left(Bytes(10), Bytes(40), 2), Some("0:15".into()));
        assert_eq!(time_left(Bytes(10), Bytes(40), 0), None);
        assert_eq!(time_left(Bytes(50), Bytes(40), 1), None);
    }
}
