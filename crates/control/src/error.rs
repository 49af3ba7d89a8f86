//! How a use case fails: what the caller can do about it, never which technology failed.

use hatchery_ports::bus::BusError;
use hatchery_ports::image_store::ImageStoreError;
use hatchery_ports::store::StoreError;

/// A use case's failure. Texts are for the user: what was wrong, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or the caller may not know of it.
    #[error("{kind} {id} could not be found.")]
    NotFound {
        /// The noun, as OpenStack writes it in sentences (`Image`, `Instance`, `Network`).
        kind: &'static str,
        /// What was looked for.
        id: String,
    },
    /// The thing's present state does not allow it.
    #[error("{0}")]
    Conflict(String),
    /// The request can never work as it is.
    #[error("{0}")]
    Invalid(String),
    /// Nobody knows who asks.
    #[error("{0}")]
    Unauthenticated(String),
    /// It is known who asks, and they may not.
    #[error("{0}")]
    Denied(String),
    /// A limit or the room is used up.
    #[error("{0}")]
    Exhausted(String),
    /// The body is larger than what is taken.
    #[error("{0}")]
    TooLarge(String),
    /// This deployment cannot do that.
    #[error("{0}")]
    Unsupported(String),
    /// Something below does not answer now; asking again later may help.
    #[error("The service is not able to do this now; try again in a moment.")]
    Unavailable {
        /// Why, for the log.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Our own mistake.
    #[error(
        "The request failed for a reason that is the service's own; the log has it by request id."
    )]
    Internal {
        /// Why, for the log.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// `NotFound` of a noun.
    pub fn not_found(kind: &'static str, id: impl ToString) -> Self {
        Self::NotFound { kind, id: id.to_string() }
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict { what } => Self::Conflict(format!(
                "{what} has been changed or made by another request meanwhile; look at it and ask again."
            )),
            unavailable @ StoreError::Unavailable { .. } => {
                Self::Unavailable { source: Box::new(unavailable) }
            }
            corrupt @ StoreError::Corrupt { .. } => Self::Internal { source: Box::new(corrupt) },
        }
    }
}

impl From<BusError> for Error {
    fn from(error: BusError) -> Self {
        Self::Unavailable { source: Box::new(error) }
    }
}

impl From<ImageStoreError> for Error {
    fn from(error: ImageStoreError) -> Self {
        match error {
            ImageStoreError::NotFound(id) => Self::not_found("Image data of image", id),
            ImageStoreError::Invalid(text) => Self::Invalid(text),
            ImageStoreError::Exhausted(text) => Self::Exhausted(text),
            unavailable @ ImageStoreError::Unavailable { .. } => {
                Self::Unavailable { source: Box::new(unavailable) }
            }
        }
    }
}
