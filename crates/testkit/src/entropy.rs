//! Randomness that is the same in every run with the same seed.

use hatchery_ports::entropy::Entropy;
use std::sync::atomic::{AtomicU64, Ordering};

/// SplitMix64 over a counter: good enough to tell ids apart, useless for secrets.
#[derive(Debug)]
pub struct SeededEntropy(AtomicU64);

impl SeededEntropy {
    /// The sequence of this seed.
    pub const fn new(seed: u64) -> Self {
        Self(AtomicU64::new(seed))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let mut z = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            z ^= z >> 31;
            chunk.copy_from_slice(&z.to_le_bytes()[..chunk.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SeededEntropy;
    use hatchery_ports::entropy::{Entropy, random_uuid};

    #[test]
    fn repeats_by_seed_and_not_within_a_run() {
        let (a, b) = (SeededEntropy::new(7), SeededEntropy::new(7));
        let first = random_uuid(&a);
        assert_eq!(first, random_uuid(&b));
        assert_ne!(first, random_uuid(&a));
        assert_eq!(first.get_version_num(), 4);
        let mut odd = [0; 3];
        a.fill(&mut odd);
        assert_ne!(odd, [0; 3]);
    }
}
