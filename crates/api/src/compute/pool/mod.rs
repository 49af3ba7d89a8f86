//! `/os-hatchery-pool`: ours alone. The pool of bases, as an administrator sees it.

pub mod routes;
pub mod view;
