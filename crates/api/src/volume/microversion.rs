//! Microversions: which one a request speaks, and the headers that say so.

use super::envelope::{Volume, fault};
use crate::http::failure::Failure;
use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;

/// A block storage microversion: the `x` of `3.x`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Microversion(pub u32);

/// The oldest that is spoken, and what a request without a header gets.
pub const MIN: Microversion = Microversion(0);
/// The newest that is spoken.
pub const MAX: Microversion = Microversion(71);

const HEADER: HeaderName = HeaderName::from_static("openstack-api-version");

impl std::fmt::Display for Microversion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "3.{}", self.0)
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
    if let Ok(value) = HeaderValue::from_str(&format!("volume {spoken}")) {
        headers.insert(HEADER, value);
    }
    headers.append(header::VARY, HeaderValue::from_static("OpenStack-API-Version"));
    response
}

/// A version header that cannot be answered.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    /// It names other services only.
    NotOurs,
    Unreadable(String),
    NotSpoken(String),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::NotOurs => fault(
                StatusCode::NOT_FOUND,
                "API version None is not supported on this method: the OpenStack-API-Version header names no version of the volume service.",
            ),
            Self::Unreadable(text) => fault(
                StatusCode::BAD_REQUEST,
                &format!(
                    "API Version String {text} is of invalid format. Must be of format MajorNum.MinorNum."
                ),
            ),
            Self::NotSpoken(text) => fault(
                StatusCode::NOT_ACCEPTABLE,
                &format!(
                    "Version {text} is not supported by the API. Minimum is {MIN} and maximum is {MAX}."
                ),
            ),
        }
    }
}

fn asked(headers: &HeaderMap) -> Result<Microversion, Refusal> {
    let Some(first) = headers.get(HEADER) else {
        return Ok(MIN);
    };
    let text = first.to_str().map_err(|_| Refusal::NotOurs)?;
    let mut ours = text.split(',').filter_map(|part| {
        let mut words = part.split_whitespace();
        (words.next()? == "volume").then(|| words.next().unwrap_or_default())
    });
    match ours.next() {
        None => Err(Refusal::NotOurs),
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
    if major == 3 && (MIN..=MAX).contains(&version) {
        Ok(version)
    } else {
        Err(Refusal::NotSpoken(text.to_owned()))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Microversion {
    type Rejection = Failure<Volume>;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or(MIN))
    }
}

/// Refuses what came with a later microversion, as if the method were not there.
pub fn since(version: Microversion, first: u32) -> Result<(), Error> {
    if version.0 >= first {
        Ok(())
    } else {
        Err(Error::not_found("The method", format!("in API version {version}")))
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX, MIN, Microversion, Refusal, asked};
    use axum::http::HeaderMap;

    fn with(value: &str) -> Result<Microversion, Refusal> {
        let mut headers = HeaderMap::new();
        headers.insert("openstack-api-version", value.parse().unwrap());
        asked(&headers)
    }

    #[test]
    fn reads_the_header_and_refuses_what_is_not_spoken() {
        assert_eq!(asked(&HeaderMap::new()), Ok(MIN));
        assert_eq!(with("volume 3.27"), Ok(Microversion(27)));
        assert_eq!(with("compute 2.1, volume latest"), Ok(MAX));
        assert_eq!(with("compute 2.1"), Err(Refusal::NotOurs));
        for bad in ["volume 3", "volume three.1", "volume 3.+1", "volume"] {
            assert!(matches!(with(bad), Err(Refusal::Unreadable(_))), "{bad}");
        }
        for far in ["volume 3.999", "volume 2.1", "volume 3.72"] {
            assert!(matches!(with(far), Err(Refusal::NotSpoken(_))), "{far}");
        }
    }
}
