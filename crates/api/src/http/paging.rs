//! `limit`, `marker` and `sort_*` of a listing.

use hatchery_control::Error;
use hatchery_model::page::{Direction, Page};

/// Largest page of any service: OpenStack's `max_limit`.
pub const MAX_LIMIT: u32 = 1000;

/// Reads a page from query pairs. Limits above [`MAX_LIMIT`] are cut to it, as OpenStack does; without one the page has
/// `default_limit`.
pub fn page(query: &[(String, String)], default_limit: Option<u32>) -> Result<Page, Error> {
    let mut page = Page { limit: default_limit, ..Page::default() };
    let mut directions = Vec::new();
    for (key, value) in query {
        match key.as_str() {
            "limit" => page.limit = Some(limit(value)?),
            "marker" => page.marker = Some(value.clone()),
            "sort_key" => page.sort.push((value.clone(), Direction::Descending)),
            "sort_dir" => directions.push(direction(value)?),
            "sort" => {
                for part in value.split(',') {
                    let (key, way) = part.split_once(':').unwrap_or((part, "desc"));
                    page.sort.push((key.to_owned(), direction(way)?));
                }
            }
            _ => {}
        }
    }
    for (sort, direction) in page.sort.iter_mut().zip(directions) {
        sort.1 = direction;
    }
    Ok(page)
}

fn limit(value: &str) -> Result<u32, Error> {
    let wrong = || {
        Error::Invalid(format!(
            "Invalid input: limit '{value}' is not a whole number of 0 or more."
        ))
    };
    let number: u64 = value.parse().map_err(|_| wrong())?;
    Ok(u32::try_from(number).unwrap_or(u32::MAX).min(MAX_LIMIT))
}

fn direction(value: &str) -> Result<Direction, Error> {
    match value {
        "asc" => Ok(Direction::Ascending),
        "desc" => Ok(Direction::Descending),
        _ => Err(Error::Invalid(format!(
            "Invalid input: sort direction '{value}' is neither asc nor desc."
        ))),
    }
}

/// The address of the next page: this listing's own, with the marker replaced.
pub fn next_query(query: &[(String, String)], marker: &str) -> String {
    let mut text = String::new();
    for (key, value) in query.iter().filter(|(key, _)| key != "marker") {
        text.push_str(&format!("{}={}&", escape(key), escape(value)));
    }
    text.push_str(&format!("marker={}", escape(marker)));
    text
}

/// Percent-encodes all but unreserved characters.
pub fn escape(text: &str) -> String {
    text.bytes().fold(String::new(), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                out.push(byte as char)
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
        out
    })
}

#[cfg(test)]
mod tests {
    use super::{next_query, page};
    use hatchery_model::page::Direction;

    fn pairs(text: &[(&str, &str)]) -> Vec<(String, String)> {
        text.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn reads_both_spellings_of_a_sort() {
        let new = page(&pairs(&[("sort", "name:asc,id")]), None).unwrap();
        assert_eq!(
            new.sort,
            [("name".into(), Direction::Ascending), ("id".into(), Direction::Descending)]
        );
        let old =
            page(&pairs(&[("sort_key", "name"), ("sort_dir", "asc"), ("limit", "5000")]), None)
                .unwrap();
        assert_eq!(old.sort, [("name".into(), Direction::Ascending)]);
        assert_eq!(old.limit, Some(1000));
        assert!(page(&pairs(&[("limit", "-1")]), None).is_err());
    }

    #[test]
    fn a_next_link_keeps_the_filters_and_replaces_the_marker() {
        let query = pairs(&[("name", "a b&c"), ("marker", "old"), ("limit", "2")]);
        assert_eq!(next_query(&query, "new"), "name=a%20b%26c&limit=2&marker=new");
    }
}
