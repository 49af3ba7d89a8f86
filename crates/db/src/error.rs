//! Errors: of opening a database, and how the engine's own become the store's.

use hatchery_ports::store::StoreError;
use std::fmt::Display;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The address is of neither engine.
    #[error(
        "'{0}' is no database address: write sqlite:PATH or postgres://USER:PASSWORD@HOST/NAME"
    )]
    Invalid(String),
    /// A newer program has written it.
    #[error(
        "the database has schema {found}, and this program knows schemas up to {known}: start the newer program, \
         or restore the copy made before it was started"
    )]
    Unsupported {
        /// The version that it has.
        found: i64,
        /// The newest version that the program knows.
        known: i64,
    },
    /// The engine does not answer, or the file cannot be used.
    #[error("the database cannot be opened ({doing})")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl OpenError {
    pub(crate) fn unavailable(doing: &'static str) -> impl FnOnce(sqlx::Error) -> Self {
        move |error| Self::Unavailable { doing, source: Box::new(error) }
    }
}

pub(crate) fn conflict(noun: &str, id: impl Display) -> StoreError {
    StoreError::Conflict { what: format!("{noun} {id}") }
}

pub(crate) fn unavailable(
    verb: &str,
    noun: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Unavailable { doing: format!("{verb} {noun}"), source: source.into() }
}

pub(crate) fn corrupt(
    noun: &str,
    id: impl Display,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> StoreError {
    StoreError::Corrupt { what: format!("{noun} {id}"), source: source.into() }
}
