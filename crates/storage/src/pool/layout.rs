//! Which name means what in a pool and in a host's folder of instances.

use super::base_name::{base_name, is_base_name};
use crate::durable::make_folder;
use hatchery_model::id::{DiskId, ImageId};
use std::io;
use std::path::{Path, PathBuf};

/// `POOL/images` holds images, `POOL/images/.raw` raw forms of those in other formats, `POOL/images/.incoming` what
/// arrives, `POOL/imagecache` the images by their names as bases.
#[derive(Clone, Debug)]
pub(crate) struct Pool {
    root: PathBuf,
}

impl Pool {
    /// Makes the folders that are missing. The hypervisor's user may pass through all but `.incoming`.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let pool = Self { root: std::path::absolute(root)? };
        make_folder(&pool.images(), 0o755)?;
        make_folder(&pool.cache(), 0o755)?;
        make_folder(&pool.raw_forms(), 0o755)?;
        make_folder(&pool.incoming(), 0o700)?;
        Ok(pool)
    }

    pub(crate) fn images(&self) -> PathBuf {
        self.root.join("images")
    }

    pub(crate) fn incoming(&self) -> PathBuf {
        self.root.join("images/.incoming")
    }

    pub(crate) fn cache(&self) -> PathBuf {
        self.root.join("imagecache")
    }

    pub(crate) fn image(&self, image: ImageId) -> PathBuf {
        self.images().join(image.to_string())
    }

    pub(crate) fn raw_forms(&self) -> PathBuf {
        self.root.join("images/.raw")
    }

    /// Where an image's raw form is, if it has one.
    pub(crate) fn raw_form(&self, image: ImageId) -> PathBuf {
        self.raw_forms().join(image.to_string())
    }

    pub(crate) fn cached(&self, image: ImageId) -> PathBuf {
        self.cache().join(base_name(image))
    }

    /// An upload's file; `None` when the attempt's name could lead elsewhere.
    pub(crate) fn attempt(&self, attempt: &str) -> Option<PathBuf> {
        is_plain_name(attempt).then(|| self.incoming().join(attempt))
    }
}

/// `INSTANCES/_base` holds the bases with their records, `INSTANCES/<disk id>/disk` a guest's disk.
#[derive(Clone, Debug)]
pub(crate) struct Instances {
    root: PathBuf,
}

impl Instances {
    /// Makes the folders that are missing.
    pub(crate) fn open(root: &Path) -> io::Result<Self> {
        let instances = Self { root: std::path::absolute(root)? };
        make_folder(&instances.bases(), 0o755)?;
        Ok(instances)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn bases(&self) -> PathBuf {
        self.root.join("_base")
    }

    pub(crate) fn base(&self, image: ImageId) -> PathBuf {
        self.bases().join(base_name(image))
    }

    pub(crate) fn record(&self, image: ImageId) -> PathBuf {
        self.bases().join(format!("{}.json", base_name(image)))
    }

    /// Where a base is copied to before it has its name.
    pub(crate) fn incoming_base(&self, image: ImageId) -> PathBuf {
        self.bases().join(format!(".new-{}", base_name(image)))
    }

    /// The record that belongs to a base's path; `None` when the path is not that of a base.
    pub(crate) fn record_of_base(&self, base: &Path) -> Option<PathBuf> {
        let name = base.file_name()?.to_str()?;
        (is_base_name(name) && base == self.bases().join(name))
            .then(|| self.bases().join(format!("{name}.json")))
    }

    /// A disk's folder; `None` when the disk's id could lead elsewhere.
    pub(crate) fn folder(&self, disk: &DiskId) -> Option<PathBuf> {
        (is_plain_name(&disk.0) && !disk.0.starts_with('_')).then(|| self.root.join(&disk.0))
    }
}

/// A file's name that stays where it is put: letters, digits, `-`, `_` and inner dots, at most 128.
pub(crate) fn is_plain_name(name: &str) -> bool {
    (1..=128).contains(&name.len())
        && !name.starts_with('.')
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::{Instances, Pool};
    use hatchery_model::id::DiskId;

    #[test]
    fn names_stay_in_their_folders() {
        let folder = tempfile::tempdir().unwrap();
        let pool = Pool::open(folder.path()).unwrap();
        let instances = Instances::open(folder.path()).unwrap();
        for bad in ["", ".", "..", "../x", "a/b", "a\0b", ".hidden", "a b"] {
            assert_eq!(pool.attempt(bad), None, "{bad:?}");
            assert_eq!(instances.folder(&DiskId(bad.into())), None, "{bad:?}");
        }
        assert_eq!(pool.attempt(&"x".repeat(129)), None);
        assert_eq!(instances.folder(&DiskId("_base".into())), None);
        assert!(pool.attempt("up-1.a_B").is_some());
    }

    #[test]
    fn only_a_base_has_a_record() {
        let folder = tempfile::tempdir().unwrap();
        let instances = Instances::open(folder.path()).unwrap();
        let name = "0".repeat(40);
        let base = instances.bases().join(&name);
        assert!(instances.record_of_base(&base).is_some());
        assert!(instances.record_of_base(&folder.path().join(&name)).is_none());
        let sly = instances.bases().join("../_base").join(&name);
        assert!(instances.record_of_base(&sly).is_none());
        assert!(instances.record_of_base(std::path::Path::new("/etc/shadow")).is_none());
    }
}
