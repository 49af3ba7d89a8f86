//! Addresses: a project's id may stand before every path, and links say it again where it did.

use super::envelope::{Volume, fault};
use crate::http::caller::Checked;
use crate::http::failure::Failure;
use crate::http::paging;
use axum::extract::{FromRef, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::uri::PathAndQuery;
use axum::http::{StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use serde_json::{Value, json};
use std::sync::Arc;

/// Address of the service's root, without a slash at its end (`http://host:port/volume`).
#[derive(Clone, Debug)]
pub struct Root(pub Arc<str>);

/// The project's id that stood in the path.
#[derive(Clone)]
struct InPath(String);

/// Middleware in front of the routes: takes a project's id off the path. As in Cinder, only hexadecimal digits and dashes are one.
pub async fn take_project(mut request: Request, next: Next) -> Response {
    if let Some((project, rest)) = split(request.uri()) {
        *request.uri_mut() = rest;
        request.extensions_mut().insert(InPath(project));
    }
    next.run(request).await
}

fn split(uri: &Uri) -> Option<(String, Uri)> {
    let below = uri.path().strip_prefix("/v3/")?;
    let (project, path) = below.split_once('/').unwrap_or((below, ""));
    let is_id = |c: char| matches!(c, '0'..='9' | 'a'..='f' | '-');
    if project.is_empty() || !project.chars().all(is_id) {
        return None;
    }
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("/v3/{path}{query}")).ok()?);
    Some((project.to_owned(), Uri::from_parts(parts).ok()?))
}

/// Middleware behind the token's check: a project in the path must be the token's.
pub async fn check_project(request: Request, next: Next) -> Response {
    let named = request.extensions().get::<InPath>();
    let own = request.extensions().get::<Checked>().and_then(|checked| checked.caller.project());
    if named.is_some_and(|named| own.is_none_or(|own| own.as_str() != named.0)) {
        return fault(StatusCode::BAD_REQUEST, "Malformed request url");
    }
    next.run(request).await
}

/// Extractor: makes links as the request wants them.
#[derive(Clone)]
pub struct Address {
    root: Root,
    project: Option<String>,
}

impl<S: Send + Sync> FromRequestParts<S> for Address
where
    Root: FromRef<S>,
{
    type Rejection = Failure<Volume>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let project = parts.extensions.get::<InPath>().map(|named| named.0.clone());
        Ok(Self { root: Root::from_ref(state), project })
    }
}

impl Address {
    fn below(&self, version: &str, path: &str) -> String {
        let project = self.project.as_ref().map(|id| format!("/{id}")).unwrap_or_default();
        format!("{}{version}{project}/{path}", self.root.0)
    }

    /// Both links of a resource, by its path.
    pub fn links(&self, path: &str) -> Value {
        json!([
            {"rel": "self", "href": self.below("/v3", path)},
            {"rel": "bookmark", "href": self.below("", path)},
        ])
    }

    /// The `next` link of a page that is full; `None` for the last page.
    pub fn next(
        &self,
        path: &str,
        query: &[(String, String)],
        last: Option<&str>,
        full: bool,
    ) -> Option<Value> {
        let marker = last.filter(|_| full)?;
        let query = paging::next_query(query, marker);
        Some(json!([{"rel": "next", "href": format!("{}?{query}", self.below("/v3", path))}]))
    }
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn only_a_project_is_taken_off() {
        let taken = |path: &str| {
            split(&path.parse().unwrap()).map(|(project, rest)| (project, rest.to_string()))
        };
        let some = |project: &str, rest: &str| Some((project.to_owned(), rest.to_owned()));
        assert_eq!(taken("/v3/0a-1/volumes/1?b=c"), some("0a-1", "/v3/volumes/1?b=c"));
        assert_eq!(taken("/v3/0a"), some("0a", "/v3/"));
        assert_eq!(taken("/v3/volumes/0a"), None);
        assert_eq!(taken("/v3/"), None);
        assert_eq!(taken("/v2/0a/volumes"), None);
    }
}
