//! The `Range` header of a download.

use super::fault::{Fault, invalid};
use axum::http::header::RANGE;
use axum::http::{HeaderMap, StatusCode};

/// Which bytes of an image are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Wanted {
    /// The first byte.
    pub offset: u64,
    /// How many.
    pub length: u64,
    /// Whether this answers a range.
    pub partial: bool,
}

/// Reads the header for an image of `size` bytes. 400 for several ranges, 416 for what cannot be had.
pub fn wanted(headers: &HeaderMap, size: u64) -> Result<Wanted, Fault> {
    let Some(header) = headers.get(RANGE) else {
        return Ok(Wanted { offset: 0, length: size, partial: false });
    };
    let text = header.to_str().unwrap_or_default();
    if text.contains(',') {
        return Err(invalid(
            "Requests with multiple ranges are not supported; make several requests with one range each.",
        ));
    }
    let (offset, end) = bounds(text, size).ok_or_else(|| {
        Fault::Status(
            StatusCode::RANGE_NOT_SATISFIABLE,
            format!("The range '{text}' is not one of an image of {size} bytes."),
        )
    })?;
    Ok(Wanted { offset, length: end - offset, partial: true })
}

/// First byte and the one after the last.
fn bounds(text: &str, size: u64) -> Option<(u64, u64)> {
    let (first, last) = text.trim().strip_prefix("bytes=")?.split_once('-')?;
    let (first, last) = (first.trim(), last.trim());
    if first.is_empty() {
        let tail: u64 = last.parse().ok()?;
        return (tail > 0 && size > 0).then(|| (size.saturating_sub(tail), size));
    }
    let first: u64 = first.parse().ok()?;
    let end = if last.is_empty() {
        size
    } else {
        let last: u64 = last.parse().ok()?;
        if last < first {
            return None;
        }
        last.saturating_add(1).min(size)
    };
    (first < size).then_some((first, end))
}

#[cfg(test)]
mod tests {
    use super::bounds;

    #[test]
    fn ranges_are_cut_to_the_image_or_refused() {
        for (text, range) in [
            ("bytes=0-4", Some((0, 5))),
            ("bytes=4-", Some((4, 10))),
            ("bytes=4-99", Some((4, 10))),
            ("bytes=-3", Some((7, 10))),
            ("bytes=-30", Some((0, 10))),
            ("bytes=-0", None),
            ("bytes=10-", None),
            ("bytes=5-4", None),
            ("bytes=a-b", None),
            ("lines=1-2", None),
            ("bytes=18446744073709551615-18446744073709551615", None),
            ("bytes=0-18446744073709551615", Some((0, 10))),
        ] {
            assert_eq!(bounds(text, 10), range, "{text}");
        }
        assert_eq!(bounds("bytes=0-", 0), None);
    }
}
