//! Randomness: ids, hardware addresses, passwords, seeds.

use uuid::{Builder, Uuid};

/// A source of random bytes, fit for secrets in production.
pub trait Entropy: Send + Sync {
    /// Fills the whole slice.
    fn fill(&self, bytes: &mut [u8]);
}

/// A random (version 4) UUID.
pub fn random_uuid(entropy: &dyn Entropy) -> Uuid {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    Builder::from_random_bytes(bytes).into_uuid()
}
