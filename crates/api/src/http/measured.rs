//! Every request counted and timed, by service, method and status. The time ends with the head of the answer.

use axum::extract::Request;
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use std::time::Instant;

/// Middleware: see the head of this file.
pub async fn measure(request: Request, next: Next) -> Response {
    let mut measured = Measured::begin(request.uri().path(), request.method());
    let response = next.run(request).await;
    measured.status = Some(response.status());
    response
}

/// A request under way; dropping it counts it.
struct Measured {
    service: &'static str,
    method: &'static str,
    began: Instant,
    /// None while there is no answer, and for ever when the client does not wait for it.
    status: Option<StatusCode>,
}

impl Measured {
    fn begin(path: &str, method: &Method) -> Self {
        let service = service_of(path);
        metrics::gauge!("hatchery_http_requests_active", "service" => service).increment(1.0);
        Self { service, method: name_of(method), began: Instant::now(), status: None }
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let (service, method) = (self.service, self.method);
        let status = self.status.map_or("none".into(), |status| status.as_str().to_owned());
        metrics::gauge!("hatchery_http_requests_active", "service" => service).decrement(1.0);
        metrics::counter!(
            "hatchery_http_requests_total",
            "service" => service, "method" => method, "status" => status
        )
        .increment(1);
        metrics::histogram!(
            "hatchery_http_request_duration_seconds",
            "service" => service, "method" => method
        )
        .record(self.began.elapsed());
    }
}

/// Whatever clients ask for, there are only so many names.
fn service_of(path: &str) -> &'static str {
    match path.trim_start_matches('/').split('/').next().unwrap_or_default() {
        "identity" => "identity",
        "image" => "image",
        "compute" => "compute",
        "network" => "network",
        "volume" => "volume",
        _ => "none",
    }
}

fn name_of(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::{name_of, service_of};
    use axum::http::Method;

    #[test]
    fn clients_invent_no_labels() {
        assert_eq!(service_of("/compute/v2.1/servers"), "compute");
        assert_eq!(service_of("/image"), "image");
        assert_eq!(service_of("/volume/v3/volumes"), "volume");
        for path in ["/", "/computer", "/x/compute", "/metrics", "//"] {
            assert_eq!(service_of(path), "none", "{path}");
        }
        assert_eq!(name_of(&Method::PATCH), "PATCH");
        assert_eq!(name_of(&Method::from_bytes(b"INVENTED").unwrap()), "other");
    }
}
