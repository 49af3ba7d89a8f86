//! What things are called in the pool.

use crate::pool::is_plain_name;
use crate::rbd::{CephError, OpenImage};
use hatchery_model::compute::RootDisk;
use hatchery_model::id::DiskId;
use hatchery_ports::disk_backend::DiskError;
use serde::{Deserialize, Serialize};

/// Of a copy: what it was made of. Clones have none of their own, and would inherit it, so it names its disk.
const MADE: &str = "hatchery.disk";
/// Ceph takes no longer names.
const LONGEST: usize = 80;

/// The disk's name.
pub(super) fn disk(disk: &DiskId) -> Result<String, DiskError> {
    if is_plain_name(&disk.0) && disk.0.len() <= LONGEST {
        return Ok(format!("{disk}_disk"));
    }
    Err(DiskError::Unsupported(format!(
        "{:?} cannot be an image's name: letters, digits, '-', '_' and inner dots are allowed, at most {LONGEST}",
        disk.0
    )))
}

/// The name that it has while it is copied.
pub(super) fn part(name: &str) -> String {
    format!("{name}.part")
}

/// What a copy was made of.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Copied {
    name: String,
    image: String,
    sha512: String,
    pub(super) bytes_copied: u64,
}

impl Copied {
    pub(super) fn new(name: &str, root: &RootDisk, bytes_copied: u64) -> Self {
        Self {
            name: name.to_owned(),
            image: root.image.to_string(),
            sha512: root.image_sha512.clone(),
            bytes_copied,
        }
    }

    /// Whether it is a copy of the same image.
    pub(super) fn is_of(&self, root: &RootDisk) -> bool {
        self.image == root.image.to_string() && self.sha512 == root.image_sha512
    }

    pub(super) fn keep(&self, image: &OpenImage) -> Result<(), CephError> {
        // Plain fields: there is nothing in them that JSON could not hold.
        image.set_note(MADE, &serde_json::to_string(self).unwrap_or_default())
    }

    pub(super) fn read(name: &str, image: &OpenImage) -> Result<Option<Self>, CephError> {
        let found = image.note(MADE)?.and_then(|text| serde_json::from_str::<Self>(&text).ok());
        Ok(found.filter(|made| made.name == name))
    }
}

#[cfg(test)]
mod tests {
    use super::disk;
    use hatchery_model::id::DiskId;

    #[test]
    fn names_are_nova_s_and_lead_nowhere_else() {
        assert_eq!(disk(&DiskId("a-1".to_owned())).unwrap(), "a-1_disk");
        for odd in ["", "a/b", "a@b", ".x", &"a".repeat(81)] {
            assert!(disk(&DiskId(odd.to_owned())).is_err(), "{odd}");
        }
    }
}
