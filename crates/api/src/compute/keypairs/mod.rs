//! Key pairs.

mod view;
