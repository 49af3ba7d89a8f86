//! JSON bodies in, with refusals that say where and why; and the routes that are not there.

use super::failure::{Envelope, Failure};
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use futures_util::StreamExt;
use hatchery_control::Error;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::marker::PhantomData;
use std::time::Duration;
use tokio::time::timeout;

/// Largest JSON body taken: OpenStack's own default (`max_request_body_size`).
pub const JSON_CAP: usize = 114_688;

/// So much of a body that is too long is read, so that its sender hears why it is refused.
const DRAIN_CAP: usize = 8 << 20;

/// Until a JSON body must be there: a slow client gets a 400, not a place for ever.
pub const JSON_DEADLINE: Duration = Duration::from_secs(30);

/// Extractor: a JSON body. What is not JSON, or not of the wanted form, is a 400 in service `S`'s envelope.
pub struct Json<T, S>(pub T, pub PhantomData<S>);

impl<T: DeserializeOwned, S: Envelope, X: Send + Sync> FromRequest<X> for Json<T, S> {
    type Rejection = Failure<S>;

    async fn from_request(request: Request, _: &X) -> Result<Self, Failure<S>> {
        let bytes = timeout(JSON_DEADLINE, collect(request.into_body()))
            .await
            .map_err(|_| Error::Invalid("The body did not arrive in time.".into()))??;
        let value = parse(&bytes)?;
        Ok(Self(value, PhantomData))
    }
}

/// Reads the body; a refusal says at which field.
fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Error> {
    let no_json =
        |error| Error::Invalid(format!("Malformed request body: it is not JSON ({error})"));
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let error = error.into_inner();
        match (error.classify(), path.as_str()) {
            (Category::Data, "." | "?") => Error::Invalid(format!("Invalid input: {error}")),
            (Category::Data, path) => {
                Error::Invalid(format!("Invalid input for field/attribute {path}: {error}"))
            }
            (Category::Io | Category::Syntax | Category::Eof, _) => no_json(error),
        }
    })?;
    reader.end().map_err(no_json)?;
    Ok(value)
}

/// The whole body, if it has at most [`JSON_CAP`] bytes. What is longer is read on for a while and thrown away, because a client that is
/// still sending does not hear a refusal.
async fn collect(body: Body) -> Result<Vec<u8>, Error> {
    let mut pieces = body.into_data_stream();
    let (mut bytes, mut length) = (Vec::new(), 0);
    while let Some(piece) = pieces.next().await {
        let piece = piece.map_err(|_| Error::Invalid("The body did not arrive whole.".into()))?;
        length += piece.len();
        if length <= JSON_CAP {
            bytes.extend_from_slice(&piece);
        } else if length > DRAIN_CAP {
            break;
        }
    }
    if length > JSON_CAP {
        return Err(Error::TooLarge(format!("The body has more than {JSON_CAP} bytes.")));
    }
    Ok(bytes)
}

/// Fallback of a service: no such route.
pub async fn no_route<S: Envelope>() -> Failure<S> {
    Error::not_found("The resource", "at this path").into()
}
