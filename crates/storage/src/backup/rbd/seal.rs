//! A checksum of what a backup holds, to which zeros add nothing: a sparse volume is not read where it is empty.

use crate::pool::hex;
use sha2::{Digest, Sha256};

/// Compared and kept as a whole.
pub(super) const BLOCK: u64 = 64 << 10;
static ZEROES: [u8; BLOCK as usize] = [0; BLOCK as usize];

pub(super) fn is_zero(block: &[u8]) -> bool {
    block == &ZEROES[..block.len()]
}

/// SHA-256 of the numbers and the SHA-256 of all blocks that are not zeros, in order.
#[derive(Default)]
pub(super) struct Seal(Sha256);

impl Seal {
    /// Takes blocks that follow those taken before; `offset` is where the first begins.
    pub(super) fn take(&mut self, offset: u64, bytes: &[u8]) {
        for (number, block) in (offset / BLOCK..).zip(bytes.chunks(BLOCK as usize)) {
            if !is_zero(block) {
                self.0.update(number.to_le_bytes());
                self.0.update(Sha256::digest(block));
            }
        }
    }

    /// Lower-case hex.
    pub(super) fn finish(self) -> String {
        hex(&self.0.finalize())
    }
}
