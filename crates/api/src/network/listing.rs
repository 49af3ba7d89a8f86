//! What a listing shows of all that the caller sees: filters, order, page, fields.

use super::fault::{Fault, invalid};
use super::router::NetworkState;
use crate::http::paging::{escape, next_query};
use axum::extract::Query;
use axum::http::Uri;
use serde_json::{Map, Value, json};
use std::cmp::Ordering;

/// Query parameters that are no filters.
const CONTROLS: [&str; 6] = ["fields", "sort_key", "sort_dir", "limit", "marker", "page_reverse"];
/// Filters for tags, of which nothing has any.
const TAG_FILTERS: [&str; 4] = ["tags", "tags-any", "not-tags", "not-tags-any"];

/// A query, read but for the values of its filters.
pub struct Listing {
    pairs: Vec<(String, String)>,
}

impl Listing {
    /// Reads a request's query.
    pub fn read(uri: &Uri) -> Result<Self, Fault> {
        let Query(pairs) = Query::<Vec<(String, String)>>::try_from_uri(uri)
            .map_err(|error| invalid(format!("The query cannot be read: {error}.")))?;
        Ok(Self { pairs })
    }

    /// The only value of a filter; `None` when there is none or a choice.
    pub fn only<'a>(&'a self, key: &'a str) -> Option<&'a str> {
        let mut values = self.all(key);
        match (values.next(), values.next()) {
            (Some(value), None) => Some(value),
            _ => None,
        }
    }

    fn all<'a>(&'a self, wanted: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(key, _)| key == wanted).map(|(_, value)| value.as_str())
    }

    /// The answer: `{collection: […]}`, with links when a page was asked for. `attributes` are those that can be filtered and sorted by.
    pub fn answer(
        &self,
        state: &NetworkState,
        collection: &str,
        attributes: &[&str],
        mut rows: Vec<Value>,
    ) -> Result<Value, Fault> {
        self.check_filters(attributes)?;
        rows.retain(|row| self.fits(row));
        self.sort(attributes, &mut rows)?;
        let limit = self.limit()?;
        let rows = self.page(rows, limit)?;
        let mut body = Map::new();
        if let Some(limit) = limit {
            let links = self.links(state, collection, limit, &rows);
            if !links.is_empty() {
                body.insert(format!("{collection}_links"), links.into());
            }
        }
        let rows: Vec<Value> = rows.into_iter().map(|row| self.fields(row)).collect();
        body.insert(collection.to_owned(), rows.into());
        Ok(Value::Object(body))
    }

    /// Only the fields asked for, if any were.
    pub fn fields(&self, row: Value) -> Value {
        let wanted: Vec<&str> = self.all("fields").filter(|field| !field.is_empty()).collect();
        match row {
            Value::Object(mut row) if !wanted.is_empty() => {
                row.retain(|key, _| wanted.contains(&key.as_str()));
                Value::Object(row)
            }
            row => row,
        }
    }

    fn check_filters(&self, attributes: &[&str]) -> Result<(), Fault> {
        let unknown = self.pairs.iter().map(|(key, _)| key.as_str()).find(|key| {
            !CONTROLS.contains(key) && !TAG_FILTERS.contains(key) && !attributes.contains(key)
        });
        match unknown {
            Some(key) => Err(invalid(format!("['{key}'] is invalid attribute for filtering"))),
            None => Ok(()),
        }
    }

    /// Values of one attribute are alternatives, attributes add up.
    fn fits(&self, row: &Value) -> bool {
        self.pairs.iter().all(|(key, _)| match key.as_str() {
            key if CONTROLS.contains(&key) => true,
            "tags" | "tags-any" => false,
            "not-tags" | "not-tags-any" => true,
            "fixed_ips" => self.fits_fixed_ips(&row["fixed_ips"]),
            key => self.all(key).any(|wanted| equals(&row[key], wanted)),
        })
    }

    /// `ip_address=…` and `subnet_id=…`: alternatives each, and both have to hold for one address.
    fn fits_fixed_ips(&self, fixed_ips: &Value) -> bool {
        let conditions: Vec<(&str, &str)> =
            self.all("fixed_ips").filter_map(|condition| condition.split_once('=')).collect();
        let holds = |fixed: &Value, part: &str| {
            let mut values = conditions.iter().filter(|(key, _)| *key == part).peekable();
            values.peek().is_none() || values.any(|(_, value)| fixed[part] == *value)
        };
        let known = |(key, _): &(&str, &str)| matches!(*key, "ip_address" | "subnet_id");
        let fixed_ips = fixed_ips.as_array().map(Vec::as_slice).unwrap_or_default();
        !conditions.is_empty()
            && conditions.iter().all(known)
            && fixed_ips.iter().any(|fixed| holds(fixed, "ip_address") && holds(fixed, "subnet_id"))
    }

    fn sort(&self, attributes: &[&str], rows: &mut [Value]) -> Result<(), Fault> {
        let keys: Vec<&str> = self.all("sort_key").collect();
        let directions: Vec<&str> = self.all("sort_dir").collect();
        if keys.is_empty() && directions.is_empty() {
            return Ok(());
        }
        if keys.len() != directions.len() {
            return Err(invalid("The number of sort_keys and sort_dirs must be same"));
        }
        if let Some(key) = keys.iter().find(|key| !attributes.contains(key)) {
            return Err(invalid(format!("['{key}'] is invalid attribute for sort_keys")));
        }
        if let Some(way) = directions.iter().find(|way| !matches!(**way, "asc" | "desc")) {
            return Err(invalid(format!("'{way}' is neither of the sort_dirs asc and desc")));
        }
        rows.sort_by(|one, other| {
            let orders = keys.iter().zip(&directions).map(|(key, way)| {
                let order = compare(&one[*key], &other[*key]);
                if *way == "desc" { order.reverse() } else { order }
            });
            orders.fold(Ordering::Equal, Ordering::then)
        });
        Ok(())
    }

    fn limit(&self) -> Result<Option<usize>, Fault> {
        let Some(text) = self.all("limit").last() else {
            return Ok(None);
        };
        let limit: usize = text.parse().map_err(|_| {
            invalid(format!("Limit must be an integer 0 or greater and not '{text}'"))
        })?;
        Ok((limit > 0).then_some(limit))
    }

    fn is_reverse(&self) -> bool {
        let last = self.all("page_reverse").last().unwrap_or_default();
        last.eq_ignore_ascii_case("true") || last == "1"
    }

    fn page(&self, mut rows: Vec<Value>, limit: Option<usize>) -> Result<Vec<Value>, Fault> {
        let reverse = self.is_reverse();
        if let Some(marker) = self.all("marker").last() {
            let place = rows.iter().position(|row| row["id"] == *marker);
            let place = place
                .ok_or_else(|| invalid(format!("The marker {marker} is not in this listing")))?;
            if reverse {
                rows.truncate(place);
            } else {
                rows.drain(..=place);
            }
        }
        if let Some(limit) = limit {
            if reverse {
                rows.drain(..rows.len().saturating_sub(limit));
            } else {
                rows.truncate(limit);
            }
        }
        Ok(rows)
    }

    fn links(
        &self,
        state: &NetworkState,
        collection: &str,
        limit: usize,
        rows: &[Value],
    ) -> Vec<Value> {
        let reverse = self.is_reverse();
        let full = rows.len() >= limit;
        let pairs: Vec<(String, String)> =
            self.pairs.iter().filter(|(key, _)| key != "page_reverse").cloned().collect();
        let link = |rel: &str, row: Option<&Value>, more: &str| {
            let marker = row.and_then(|row| row["id"].as_str());
            let query = match marker {
                Some(marker) => next_query(&pairs, marker),
                None => plain_query(&pairs),
            };
            let href = format!("{}/{collection}?{query}{more}", state.base);
            json!({"rel": rel, "href": href})
        };
        let mut links = Vec::new();
        if full || reverse {
            links.push(link("next", rows.last(), ""));
        }
        if full || !reverse {
            links.push(link("previous", rows.first(), "&page_reverse=True"));
        }
        links
    }
}

fn plain_query(pairs: &[(String, String)]) -> String {
    let kept = pairs.iter().filter(|(key, _)| key != "marker");
    let kept = kept.map(|(key, value)| format!("{}={}", escape(key), escape(value)));
    kept.collect::<Vec<_>>().join("&")
}

/// Whether a shown value is what a query's text means.
fn equals(value: &Value, wanted: &str) -> bool {
    match value {
        Value::Null => wanted.is_empty() || wanted == "None",
        Value::Bool(true) => wanted.eq_ignore_ascii_case("true") || wanted == "1",
        Value::Bool(false) => wanted.eq_ignore_ascii_case("false") || wanted == "0",
        Value::Number(number) => number.to_string() == wanted,
        Value::String(text) => text == wanted,
        Value::Array(values) => values.iter().any(|value| value == wanted),
        Value::Object(_) => false,
    }
}

fn compare(one: &Value, other: &Value) -> Ordering {
    match (one, other) {
        (Value::String(one), Value::String(other)) => one.cmp(other),
        (Value::Number(one), Value::Number(other)) => one.as_i64().cmp(&other.as_i64()),
        (Value::Bool(one), Value::Bool(other)) => one.cmp(other),
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        _ => Ordering::Equal,
    }
}
