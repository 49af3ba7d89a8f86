//! Why an existing cloud did not do it.

use hatchery_ports::image_catalog::CatalogError;

/// See the head of this file. No text holds a password, a secret or a token.
#[derive(Debug, thiserror::Error)]
pub enum OpenstackError {
    /// What says how to reach the cloud is missing, contradicts itself, or cannot be read. The text says what to set.
    #[error("{0}")]
    Invalid(String),
    /// The cloud does not let us. The text says what to do.
    #[error("{0}")]
    Denied(String),
    /// There is no such thing there.
    #[error("{0}")]
    NotFound(String),
    /// It cannot be reached, or broke off.
    #[error("{url} cannot be reached")]
    Unreachable {
        /// What was asked.
        url: String,
        /// Why not.
        #[source]
        source: ureq::Error,
    },
    /// It answered with something that is no answer. May pass.
    #[error("{0}")]
    Unavailable(String),
}

impl OpenstackError {
    /// As the port says it.
    pub(crate) fn of_catalog(self, doing: &str) -> CatalogError {
        match self {
            Self::Denied(text) => CatalogError::Denied(text),
            Self::Invalid(_)
            | Self::NotFound(_)
            | Self::Unreachable { .. }
            | Self::Unavailable(_) => {
                CatalogError::Unavailable { doing: doing.to_owned(), source: Box::new(self) }
            }
        }
    }
}
