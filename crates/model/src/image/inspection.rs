//! The verdict on an image's bytes, reached once, at ingest.

use super::ImageFormat;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};

/// What our inspector found in an accepted image. It is bound to the bytes that were digested in the
/// same pass, so nothing needs to look again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Inspection {
    /// The format found (never taken from what the user said).
    pub format: ImageFormat,
    /// Size of the disk that a guest would see.
    pub virtual_bytes: Bytes,
    /// Which rules judged: a later, stricter inspector can find what it has to judge again.
    pub inspector_version: u32,
}
