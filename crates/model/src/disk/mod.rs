//! Disks: things with bytes.

mod block_source;

pub use block_source::{BlockSource, RbdImage};
