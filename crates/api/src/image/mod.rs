//! Glance's version 2.
//!
//! [`router`] has all routes on a page; handlers parse, ask a use case, and show. Not here: who may do what (`control::image`), and
//! what an image's bytes may be (the image store's inspector).

mod actions;
mod attributes;
mod create;
mod data;
mod delete;
mod drain;
mod fault;
mod info;
mod list;
mod list_query;
mod members;
mod patch;
mod path;
mod range;
mod router;
mod schemas;
mod show;
mod tags;
mod versions;
mod view;

pub use router::{ImageState, router};
pub use view::{Shown, visibility};

#[cfg(test)]
mod tests;
