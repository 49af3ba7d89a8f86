//! What every request of this service passes: addresses that nothing can be looked up with are refused before routing them on.

use super::envelope::body;
use axum::extract::Request;
use axum::http::header::VARY;
use axum::http::{HeaderValue, StatusCode};
use axum::middleware::Next;
use axum::response::Response;

/// Refuses addresses that hold a NUL or are not UTF-8 once decoded, and marks answers as belonging to their token.
pub async fn guard(request: Request, next: Next) -> Response {
    let uri = request.uri();
    let wrong = [Some(uri.path()), uri.query()].into_iter().flatten().any(|text| !is_plain(text));
    if wrong {
        return body(StatusCode::BAD_REQUEST, "The address must be UTF-8 without NUL characters.");
    }
    let mut response = next.run(request).await;
    response.headers_mut().insert(VARY, HeaderValue::from_static("X-Auth-Token"));
    response
}

/// Whether percent-encoded text decodes to UTF-8 without NUL.
fn is_plain(text: &str) -> bool {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        let escaped = match (first, tail) {
            (b'%', [high, low, after @ ..]) => hex(*high).zip(hex(*low)).map(|pair| (pair, after)),
            _ => None,
        };
        decoded.push(match escaped {
            Some(((high, low), after)) => {
                rest = after;
                high * 16 + low
            }
            None => *first,
        });
    }
    !decoded.contains(&0) && std::str::from_utf8(&decoded).is_ok()
}

fn hex(digit: u8) -> Option<u8> {
    (digit as char).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn only_what_can_be_looked_up_passes() {
        for good in ["/v3/users/a%20b", "name=%C3%A9", "100%", "%zz", "%2"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in ["/v3/users/%00", "name=%ff", "a%C3"] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
