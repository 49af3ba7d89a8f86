//! The name that OpenStack gives to an image as a base.

use hatchery_model::id::ImageId;
use sha1::{Digest, Sha1};

/// SHA-1 of the id's text, in lower-case hex: 40 characters.
pub fn base_name(image: ImageId) -> String {
    hex(&Sha1::digest(image.to_string()))
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .map(|nibble| char::from(DIGITS[usize::from(nibble)]))
        .collect()
}

/// Whether a file's name has the shape of a base's.
pub(crate) fn is_base_name(name: &str) -> bool {
    name.len() == 40 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::{base_name, is_base_name};

    #[test]
    fn is_what_nova_computes() {
        let image = "155d900f-4e14-4e4c-a73d-069cbf4541e6".parse().unwrap();
        let name = base_name(image);
        // `printf %s 155d900f-4e14-4e4c-a73d-069cbf4541e6 | sha1sum`
        assert_eq!(name, "f2d1a8250ed3d4b744a8250dab8f6840179d502a");
        assert!(is_base_name(&name));
        assert!(!is_base_name(&name.to_uppercase()));
        assert!(!is_base_name("../../etc/passwd"));
    }
}
