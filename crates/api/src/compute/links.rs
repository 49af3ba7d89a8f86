//! Links to resources: `self` below `/v2.1`, `bookmark` below the root.

use super::versions::Root;
use serde_json::{Value, json};

/// Both links of a resource, by its path below `/v2.1`.
pub fn both(root: &Root, path: &str) -> Value {
    json!([
        {"rel": "self", "href": format!("{}/v2.1/{path}", root.0)},
        bookmark(root, path),
    ])
}

/// The bookmark alone.
pub fn bookmark(root: &Root, path: &str) -> Value {
    json!({"rel": "bookmark", "href": format!("{}/{path}", root.0)})
}

/// The `next` link of a page that is full; `None` for the last page.
pub fn next(
    root: &Root,
    path: &str,
    query: &[(String, String)],
    last: Option<&str>,
    full: bool,
) -> Option<Value> {
    let marker = last.filter(|_| full)?;
    let query = crate::http::paging::next_query(query, marker);
    Some(json!([{"rel": "next", "href": format!("{}/v2.1/{path}?{query}", root.0)}]))
}
