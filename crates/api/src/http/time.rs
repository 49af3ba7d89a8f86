//! Points in time as OpenStack writes them.

use hatchery_model::timestamp::Timestamp;
use jiff::Timestamp as Instant;

fn instant(at: Timestamp) -> Instant {
    Instant::from_microsecond(at.0).unwrap_or(Instant::UNIX_EPOCH)
}

/// `2026-11-21T05:23:25Z`: Nova, Glance and Neutron.
pub fn seconds(at: Timestamp) -> String {
    instant(at).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `2026-11-21T05:23:25.000000`: Nova's action events and services.
pub fn micros(at: Timestamp) -> String {
    instant(at).strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
}

/// `2026-11-21T05:23:25.000000Z`: Keystone.
pub fn micros_z(at: Timestamp) -> String {
    instant(at).strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

/// Reads what a user sends as `changes-since` and the like: RFC 3339, with or without a zone (then UTC).
pub fn parse(text: &str) -> Option<Timestamp> {
    let with_zone = text.parse::<Instant>().ok();
    let instant = with_zone.or_else(|| format!("{text}Z").parse::<Instant>().ok())?;
    Some(Timestamp(instant.as_microsecond()))
}

#[cfg(test)]
mod tests {
    use super::{micros, micros_z, parse, seconds};
    use hatchery_model::timestamp::Timestamp;

    #[test]
    fn each_service_has_its_own_spelling() {
        let at = Timestamp(1_763_702_605_000_042);
        assert_eq!(seconds(at), "2025-11-21T05:23:25Z");
        assert_eq!(micros(at), "2025-11-21T05:23:25.000042");
        assert_eq!(micros_z(at), "2025-11-21T05:23:25.000042Z");
        assert_eq!(parse("2025-11-21T05:23:25.000042"), Some(at));
        assert_eq!(parse("2025-11-21T06:23:25.000042+01:00"), Some(at));
        assert_eq!(parse("yesterday"), None);
    }
}
