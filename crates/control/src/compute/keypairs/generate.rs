//! Makes a pair of Ed25519 keys and writes them in OpenSSH's forms.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ed25519_compact::{KeyPair, Seed};
use hatchery_ports::entropy::Entropy;

const ALGORITHM: &[u8] = b"ssh-ed25519";
const COMMENT: &[u8] = b"Generated-by-Hatchery";
/// Unencrypted keys are padded to this.
const BLOCK: usize = 8;
/// Characters of base64 on a line.
const LINE: usize = 70;

/// A new pair.
pub(super) struct Generated {
    /// One line.
    pub(super) public_key: String,
    /// A file.
    pub(super) private_key: String,
}

/// Makes a pair from 32 random bytes.
pub(super) fn generate(entropy: &dyn Entropy) -> Generated {
    let mut seed = [0; Seed::BYTES];
    entropy.fill(&mut seed);
    let mut check = [0; 4];
    entropy.fill(&mut check);
    let pair = KeyPair::from_seed(Seed::new(seed));
    let mut public = Vec::new();
    put_field(&mut public, ALGORITHM);
    put_field(&mut public, pair.pk.as_ref());
    let private = private_file(&public, &pair, check);
    Generated {
        public_key: format!(
            "{} {} {}",
            String::from_utf8_lossy(ALGORITHM),
            STANDARD.encode(&public),
            String::from_utf8_lossy(COMMENT)
        ),
        private_key: private,
    }
}

/// The form of OpenSSH's `PROTOCOL.key`: no cipher, no passphrase, one key.
fn private_file(public: &[u8], pair: &KeyPair, check: [u8; 4]) -> String {
    let mut secret = Vec::new();
    secret.extend_from_slice(&check);
    secret.extend_from_slice(&check);
    put_field(&mut secret, ALGORITHM);
    put_field(&mut secret, pair.pk.as_ref());
    put_field(&mut secret, pair.sk.as_ref());
    put_field(&mut secret, COMMENT);
    for pad in 1..=BLOCK {
        if secret.len().is_multiple_of(BLOCK) {
            break;
        }
        secret.push(pad as u8);
    }
    let mut file = b"openssh-key-v1\0".to_vec();
    put_field(&mut file, b"none");
    put_field(&mut file, b"none");
    put_field(&mut file, b"");
    file.extend_from_slice(&1_u32.to_be_bytes());
    put_field(&mut file, public);
    put_field(&mut file, &secret);
    let mut text = String::from("-----BEGIN OPENSSH PRIVATE KEY-----\n");
    for (place, letter) in STANDARD.encode(&file).chars().enumerate() {
        if place > 0 && place % LINE == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push_str("\n-----END OPENSSH PRIVATE KEY-----\n");
    text
}

fn put_field(out: &mut Vec<u8>, field: &[u8]) {
    // Fields here have tens of bytes.
    out.extend_from_slice(&(field.len() as u32).to_be_bytes());
    out.extend_from_slice(field);
}

#[cfg(test)]
mod tests {
    use super::generate;
    use crate::compute::keypairs::public_key::ssh_fingerprint;
    use hatchery_testkit::SeededEntropy;

    #[test]
    fn what_is_made_is_a_key_and_never_the_same() {
        let entropy = SeededEntropy::new(1);
        let (a, b) = (generate(&entropy), generate(&entropy));
        assert!(ssh_fingerprint(&a.public_key).is_ok());
        assert_ne!(a.public_key, b.public_key);
        assert!(a.private_key.lines().all(|line| line.len() <= 70));
    }
}
