//! Microversions: which one a request speaks, and the headers that say so.

use super::envelope::{Compute, name};
use crate::http::failure::Failure;
use axum::Json;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use serde_json::json;

/// A compute microversion: the `x` of `2.x`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Microversion(pub u32);

/// The oldest that is spoken, and what a request without a header gets.
pub const MIN: Microversion = Microversion(1);
/// The newest that is spoken.
pub const MAX: Microversion = Microversion(96);

const STANDARD: HeaderName = HeaderName::from_static("openstack-api-version");
const LEGACY: HeaderName = HeaderName::from_static("x-openstack-nova-api-version");

impl std::fmt::Display for Microversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "2.{}", self.0)
    }
}

/// Middleware: reads the request's microversion, refuses one that is not spoken (406), and answers with the headers.
pub async fn negotiate(mut request: Request, next: Next) -> Response {
    let (mut response, spoken) = match asked(request.headers()) {
        Ok(version) => {
            request.extensions_mut().insert(version);
            (next.run(request).await, version)
        }
        Err(refusal) => (refusal.into_response(), MIN),
    };
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&format!("compute {spoken}")) {
        headers.insert(STANDARD, value);
    }
    if let Ok(value) = HeaderValue::from_str(&spoken.to_string()) {
        headers.insert(LEGACY, value);
    }
    headers.append(header::VARY, HeaderValue::from_static("OpenStack-API-Version"));
    headers.append(header::VARY, HeaderValue::from_static("X-OpenStack-Nova-API-Version"));
    response
}

/// A version header that cannot be answered.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    Unreadable(String),
    NotSpoken(String),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, message) = match self {
            Self::Unreadable(text) => (
                StatusCode::BAD_REQUEST,
                format!(
                    "API Version String '{text}' is of invalid format. Must be of format MajorNum.MinorNum."
                ),
            ),
            Self::NotSpoken(text) => (
                StatusCode::NOT_ACCEPTABLE,
                format!(
                    "Version {text} is not supported by the API. Minimum is {MIN} and maximum is {MAX}."
                ),
            ),
        };
        let body = json!({name(status): {"code": status.as_u16(), "message": message}});
        (status, Json(body)).into_response()
    }
}

fn asked(headers: &HeaderMap) -> Result<Microversion, Refusal> {
    let standard = headers.get_all(STANDARD).iter().filter_map(|value| value.to_str().ok());
    let mut ours = standard.flat_map(|value| value.split(',')).filter_map(|part| {
        let mut words = part.split_whitespace();
        (words.next()?.eq_ignore_ascii_case("compute")).then(|| words.next().unwrap_or_default())
    });
    let legacy = || headers.get(LEGACY).and_then(|value| value.to_str().ok());
    match ours.next().or_else(legacy) {
        None => Ok(MIN),
        Some("latest") => Ok(MAX),
        Some(text) => parse(text),
    }
}

fn parse(text: &str) -> Result<Microversion, Refusal> {
    let unreadable = || Refusal::Unreadable(text.to_owned());
    let (major, minor) = text.split_once('.').ok_or_else(unreadable)?;
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() <= 4;
    if !plain(major) || !plain(minor) {
        return Err(unreadable());
    }
    let major: u32 = major.parse().map_err(|_| unreadable())?;
    let version = Microversion(minor.parse().map_err(|_| unreadable())?);
    if major == 2 && (MIN..=MAX).contains(&version) {
        Ok(version)
    } else {
        Err(Refusal::NotSpoken(text.to_owned()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Microversion {
    type Rejection = Failure<Compute>;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(MIN))
    }
}

/// Refuses what came with a later microversion, as if the route were not there.
pub fn since(version: Microversion, first: u32) -> Result<(), Error> {
    if version.0 >= first {
        Ok(())
    } else {
        Err(Error::not_found("The resource", format!("in microversion {version}")))
    }
}

/// Refuses what a later microversion took away, as if the route were not there.
pub fn until(version: Microversion, last: u32) -> Result<(), Error> {
    if version.0 <= last {
        Ok(())
    } else {
        Err(Error::not_found("The resource", format!("in microversion {version}")))
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX, MIN, Microversion, Refusal, asked};
    use axum::http::HeaderMap;

    fn with(name: &'static str, value: &str) -> Result<Microversion, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert(name, value.parse().unwrap());
        asked(&headers)
    }

    #[test]
    fn reads_both_headers_and_refuses_what_is_not_spoken() {
        assert_eq!(asked(&HeaderMap::new()), Ok(MIN));
        assert_eq!(with("openstack-api-version", "compute 2.53"), Ok(Microversion(53)));
        assert_eq!(with("openstack-api-version", "volume 3.1, compute latest"), Ok(MAX));
        assert_eq!(with("openstack-api-version", "volume 3.1"), Ok(MIN));
        assert_eq!(with("x-openstack-nova-api-version", "2.10"), Ok(Microversion(10)));
        for bad in ["compute 2", "compute two.1", "compute 2.+1", "compute"] {
            assert!(
                matches!(with("openstack-api-version", bad), Err(Refusal::Unreadable(_))),
                "{bad}"
            );
        }
        for far in ["compute 2.999", "compute 3.1", "compute 2.0"] {
            assert!(
                matches!(with("openstack-api-version", far), Err(Refusal::NotSpoken(_))),
                "{far}"
            );
        }
    }
}
