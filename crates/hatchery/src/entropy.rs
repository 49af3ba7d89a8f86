//! The machine's randomness.

use hatchery_ports::entropy::Entropy;

/// Reads the kernel's generator.
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        if let Err(error) = getrandom::fill(bytes) {
            // Without it every password and key would be known: nothing is better than going on.
            eprintln!("hatchery: the kernel gives no randomness: {error}");
            std::process::abort();
        }
    }
}
