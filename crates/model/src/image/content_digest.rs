//! What an image's bytes were when they were taken in.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A digest with its algorithm.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub struct ContentDigest {
    /// Which.
    pub algorithm: DigestAlgorithm,
    /// Lower-case hex.
    pub hex: String,
}

/// Glance's `hashing_algorithm`, of those that are in use.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(missing_docs)]
pub enum DigestAlgorithm {
    Md5,
    Sha256,
    Sha512,
}

impl DigestAlgorithm {
    /// By Glance's word for it (`os_hash_algo`).
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "md5" => Some(Self::Md5),
            "sha256" => Some(Self::Sha256),
            "sha512" => Some(Self::Sha512),
            _ => None,
        }
    }

    /// Glance's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "md5",
            Self::Sha256 => "sha256",
            Self::Sha512 => "sha512",
        }
    }
}

impl fmt::Display for ContentDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm.as_str(), self.hex)
    }
}
