//! The name of an image as a base.

use crate::id::ImageId;
use serde::{Deserialize, Serialize};
use sha1::{Digest, Sha1};
use std::fmt;

/// SHA-1 of the image id's text in lower-case hex, 40 characters: what Nova's libvirt driver computes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BaseName(String);

impl BaseName {
    /// Of an image.
    pub fn of(image: ImageId) -> Self {
        let digest = Sha1::digest(image.to_string());
        let digits = digest.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        Self(digits.filter_map(|digit| char::from_digit(u32::from(digit), 16)).collect())
    }

    /// A file's name, if it has the shape of a base's. Nova's other names (`<sha1>_<bytes>`, `swap_…`, `ephemeral_…`) have not.
    pub fn parse(text: &str) -> Option<Self> {
        let is_name =
            text.len() == 40 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        is_name.then(|| Self(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for BaseName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is not the name of a base"))
    }
}

impl From<BaseName> for String {
    fn from(name: BaseName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::BaseName;

    #[test]
    fn is_what_nova_computes() {
        let image = "155d900f-4e14-4e4c-a73d-069cbf4541e6".parse().unwrap();
        let name = BaseName::of(image);
        // `printf %s 155d900f-4e14-4e4c-a73d-069cbf4541e6 | sha1sum`
        assert_eq!(name.as_str(), "f2d1a8250ed3d4b744a8250dab8f6840179d502a");
        assert_eq!(BaseName::parse(name.as_str()), Some(name.clone()));
        for other in [&name.as_str().to_uppercase(), "../../etc/passwd", "", &format!("{name}_20")]
        {
            assert_eq!(BaseName::parse(other), None, "{other}");
        }
    }
}
