//! One page of a listing.

/// What part of a sorted listing is wanted: the rows after `marker`, `limit` at the most.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Page {
    /// At most so many rows; `None`: as many as there are.
    pub limit: Option<u32>,
    /// Id of the last row of the page before.
    pub marker: Option<String>,
    /// Sort keys with direction, first is strongest. Empty: the store's default (newest first, then by id).
    pub sort: Vec<(String, Direction)>,
}

/// Which way a sort key runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}
