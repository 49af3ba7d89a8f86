//! JSON bodies in, with refusals that say where and why; and the routes that are not there.

use super::failure::{Envelope, Failure};
use axum::body::to_bytes;
use axum::extract::{FromRequest, Request};
use hatchery_control::Error;
use serde::de::DeserializeOwned;
use std::marker::PhantomData;
use std::time::Duration;
use tokio::time::timeout;

/// Largest JSON body taken: OpenStack's own default (`max_request_body_size`).
pub const JSON_CAP: usize = 114_688;

/// Until a JSON body must be there: a slow client gets a 400, not a place for ever.
pub const JSON_DEADLINE: Duration = Duration::from_secs(30);

/// Extractor: a JSON body. What is not JSON, or not of the wanted form, is a 400 in service `S`'s envelope.
pub struct Json<T, S>(pub T, pub PhantomData<S>);

impl<T: DeserializeOwned, S: Envelope, X: Send + Sync> FromRequest<X> for Json<T, S> {
    type Rejection = Failure<S>;

    async fn from_request(request: Request, _: &X) -> Result<Self, Failure<S>> {
        let arriving = to_bytes(request.into_body(), JSON_CAP);
        let bytes = timeout(JSON_DEADLINE, arriving)
            .await
            .map_err(|_| Error::Invalid("The body did not arrive in time.".into()))?
            .map_err(|_| {
                Error::TooLarge(format!(
                    "The body did not arrive whole, or has more than {JSON_CAP} bytes."
                ))
            })?;
        let value = serde_json::from_slice(&bytes).map_err(|error| {
            Error::Invalid(match error.classify() {
                serde_json::error::Category::Data => format!("Invalid input: {error}"),
                _ => format!("Malformed request body: it is not JSON ({error})"),
            })
        })?;
        Ok(Self(value, PhantomData))
    }
}

/// Fallback of a service: no such route.
pub async fn no_route<S: Envelope>() -> Failure<S> {
    Error::not_found("The resource", "at this path").into()
}
