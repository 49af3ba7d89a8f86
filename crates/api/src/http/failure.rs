//! From a use case's failure to a status and the service's own error envelope.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use std::marker::PhantomData;

/// How one OpenStack service writes an error.
pub trait Envelope: Send + Sync + 'static {
    /// The body, with its content type. `status` has been chosen by [`status_of`].
    fn render(status: StatusCode, error: &Error) -> Response;
}

/// A handler's failure in service `S`. `?` makes it from a use case's [`Error`].
pub struct Failure<S>(pub Error, PhantomData<S>);

impl<S, E: Into<Error>> From<E> for Failure<S> {
    fn from(error: E) -> Self {
        Self(error.into(), PhantomData)
    }
}

impl<S: Envelope> IntoResponse for Failure<S> {
    fn into_response(self) -> Response {
        let status = status_of(&self.0);
        if status.is_server_error() {
            tracing::error!(error = chain(&self.0), status = status.as_u16(), "a request failed");
        } else {
            tracing::debug!(
                error = chain(&self.0),
                status = status.as_u16(),
                "a request was refused"
            );
        }
        let mut response = S::render(status, &self.0);
        if status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Keystone uri=\"/identity\"");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

/// The one place where a status is chosen.
pub fn status_of(error: &Error) -> StatusCode {
    match error {
        Error::NotFound { .. } => StatusCode::NOT_FOUND,
        Error::Conflict(_) => StatusCode::CONFLICT,
        Error::Invalid(_) => StatusCode::BAD_REQUEST,
        Error::Unauthenticated(_) => StatusCode::UNAUTHORIZED,
        Error::Denied(_) => StatusCode::FORBIDDEN,
        Error::Exhausted(_) => StatusCode::FORBIDDEN,
        Error::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
        Error::Unsupported(_) => StatusCode::NOT_IMPLEMENTED,
        Error::Unavailable { .. } => StatusCode::SERVICE_UNAVAILABLE,
        Error::Internal { .. } => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// An error with its causes, for the log: printed once, here.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        next = cause.source();
    }
    text
}
