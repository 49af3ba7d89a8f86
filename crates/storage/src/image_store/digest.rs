//! Digests as a lane's work.

use super::lane::Work;
use crate::pool::hex;
use md5::Md5;
use sha2::{Digest, Sha512};

/// Glance's `checksum`.
pub(super) type Md5Work = DigestWork<Md5>;
/// Glance's `os_hash_value`.
pub(super) type Sha512Work = DigestWork<Sha512>;

/// Digests what passes.
#[derive(Default)]
pub(super) struct DigestWork<D>(D);

impl<D: Digest> DigestWork<D> {
    /// Lower-case hex.
    pub(super) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}

impl<D: Digest + Send + 'static> Work for DigestWork<D> {
    fn step(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}
