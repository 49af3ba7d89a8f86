//! Flavors.

mod view;
