//! Bases: an image's file under a name that overlays lie on, with a record beside it.
//!
//! A base is made by exactly the step that the plan names, and never written to. Its record is written before any name
//! is given: by it a base always says what it is, and the sweep finds what a crash has left. All of this blocks; the
//! caller holds the image's lock.

use super::copy::{copy, create, digest, give};
use super::error::disk_error;
use crate::durable::{UNFINISHED, look, remove, same_file, sync_folder};
use crate::ffi::reflink;
use crate::owner::FileOwner;
use crate::pool::{
    BaseRecord, Instances, Pool, link, sweep_trials, temporary_link, temporary_record,
};
use crate::qcow2::Header;
use hatchery_model::compute::RootDisk;
use hatchery_model::id::ImageId;
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_ports::disk_backend::DiskError;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The bases of one host.
#[derive(Clone, Debug)]
pub(super) struct Bases {
    pub(super) pool: Pool,
    pub(super) instances: Instances,
    pub(super) owner: FileOwner,
}

impl Bases {
    /// The base becomes another name of the image's file, by way of the cache.
    pub(super) fn link(&self, root: &RootDisk, format: ImageFormat) -> Result<(), DiskError> {
        let doing = "link the base to the image";
        let failed = |error| disk_error(doing, error);
        let image = root.image;
        let recorded = self.recorded(root)?;
        let (base, cached) = (self.instances.base(image), self.pool.cached(image));
        let there = look(&base).map_err(failed)?;
        let bytes = self.bytes_of(root);
        let Some(sealed) = look(&bytes).map_err(failed)? else {
            return self.link_of_deleted(root, format, recorded.is_some() && there.is_some());
        };
        let is_image = |found: Option<fs::Metadata>| {
            found.is_some_and(|found| same_file(&found, &sealed) && found.len() == sealed.len())
        };
        let record = self.record(root, format, &bytes)?;
        if recorded.is_some_and(|recorded| recorded == record)
            && is_image(there)
            && is_image(look(&cached).map_err(failed)?)
        {
            return Ok(());
        }
        self.hand_over(&bytes, &sealed).map_err(failed)?;
        link(&bytes, &cached).map_err(failed)?;
        record.write(&self.instances.record(image)).map_err(failed)?;
        link(&cached, &base).map_err(failed)?;
        Ok(())
    }

    /// The file that the base is made of: the image's raw form where the disk asks for it, else the image itself.
    fn bytes_of(&self, root: &RootDisk) -> PathBuf {
        match root.raw {
            Some(_) => self.pool.raw_form(root.image),
            None => self.pool.image(root.image),
        }
    }

    /// The image was deleted after the plan was made: its bytes may still be here, under their other names.
    fn link_of_deleted(
        &self,
        root: &RootDisk,
        format: ImageFormat,
        has_base: bool,
    ) -> Result<(), DiskError> {
        let failed = |error| disk_error("link the base to the cached image", error);
        if has_base {
            return self.require(root, format);
        }
        let cached = self.pool.cached(root.image);
        if look(&cached).map_err(failed)?.is_none() {
            return Err(no_image(root.image));
        }
        let record = self.record(root, format, &cached)?;
        record.write(&self.instances.record(root.image)).map_err(failed)?;
        link(&cached, &self.instances.base(root.image)).map_err(failed)?;
        Ok(())
    }

    /// The base shares the blocks of the image's file.
    pub(super) fn reflink(&self, root: &RootDisk, format: ImageFormat) -> Result<(), DiskError> {
        if self.is_good(root, format)? {
            return Ok(());
        }
        let image = self.bytes_of(root);
        let record = self.record(root, format, &image)?;
        self.make(root.image, &record, |incoming| {
            let (from, to) = (File::open(&image)?, create(incoming)?);
            reflink(&from, &to)?;
            give(&to, self.owner)?;
            to.sync_all()
        })
        .map_err(|error| disk_error("share the image's blocks with the base", error))
    }

    /// The image's bytes are copied to the base. Gives the bytes that were written; 0 when a good base was there.
    pub(super) fn copy(&self, root: &RootDisk, format: ImageFormat) -> Result<u64, DiskError> {
        if self.is_good(root, format)? {
            return Ok(0);
        }
        let image = self.bytes_of(root);
        let record = self.record(root, format, &image)?;
        let mut copied = None;
        self.make(root.image, &record, |incoming| {
            let done = copy(&image, incoming, self.owner)?;
            if done.sha512 != root.base_sha512() {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the bytes in the pool are not those that were taken in: their SHA-512 differs",
                ));
            }
            copied = Some(done.written);
            Ok(())
        })
        .map_err(|error| disk_error("copy the image to the base", error))?;
        Ok(copied.unwrap_or_default())
    }

    /// The base that is there is taken as it is, if it is what was planned.
    pub(super) fn require(&self, root: &RootDisk, format: ImageFormat) -> Result<(), DiskError> {
        if self.is_good(root, format)? {
            return Ok(());
        }
        Err(DiskError::Conflict(format!(
            "the host has no base of image {} in format {format}: plan again",
            root.image
        )))
    }

    /// Makes a base under a temporary name, writes its record, gives it its name. A failure leaves nothing.
    fn make(
        &self,
        image: ImageId,
        record: &BaseRecord,
        fill: impl FnOnce(&Path) -> io::Result<()>,
    ) -> io::Result<()> {
        let incoming = self.instances.incoming_base(image);
        remove(&incoming)?;
        let made = fill(&incoming)
            .and_then(|()| record.write(&self.instances.record(image)))
            .and_then(|()| fs::rename(&incoming, self.instances.base(image)))
            .and_then(|()| sync_folder(&self.instances.bases()));
        if made.is_err() {
            remove(&incoming)?;
        }
        made
    }

    /// Whether the base is there and is, by its record, what is wanted.
    fn is_good(&self, root: &RootDisk, format: ImageFormat) -> Result<bool, DiskError> {
        let Some(record) = self.recorded(root)? else {
            return Ok(false);
        };
        let base = look(&self.instances.base(root.image))
            .map_err(|error| disk_error("look at the base", error))?;
        Ok(record.format == format
            && base.is_some_and(|base| base.is_file() && base.len() == record.size.0))
    }

    /// The base's record. A record of other bytes than the image has is a conflict: overlays may lie on them.
    fn recorded(&self, root: &RootDisk) -> Result<Option<BaseRecord>, DiskError> {
        let record = BaseRecord::read(&self.instances.record(root.image))
            .map_err(|error| disk_error("read the base's record", error))?;
        match record {
            Some(record) if record.sha512 != root.base_sha512() => {
                Err(DiskError::Conflict(format!(
                    "the host's base of image {} was made from other bytes than the image has: delete the servers that use \
                 it, then try again",
                    root.image
                )))
            }
            record => Ok(record),
        }
    }

    /// What there is to know of the image's file.
    fn record(
        &self,
        root: &RootDisk,
        format: ImageFormat,
        file: &Path,
    ) -> Result<BaseRecord, DiskError> {
        let (size, virtual_size) = measure(file, format).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => no_image(root.image),
            io::ErrorKind::InvalidData => DiskError::Conflict(format!(
                "image {} was planned as {format}, and {error}: plan again",
                root.image
            )),
            _ => disk_error("read the image", error),
        })?;
        Ok(BaseRecord {
            image: root.image,
            sha512: root.base_sha512().to_owned(),
            format,
            virtual_size,
            size,
            inspector_version: root.inspector_version,
        })
    }

    /// Gives a sealed image to the hypervisor's user, where whoever sealed it has not.
    fn hand_over(&self, image: &Path, found: &fs::Metadata) -> io::Result<()> {
        let is_given = self.owner.uid().is_none_or(|uid| uid == found.uid())
            && self.owner.gid().is_none_or(|gid| gid == found.gid())
            && found.permissions().mode() & 0o7777 == 0o644;
        if is_given {
            return Ok(());
        }
        give(&File::open(image)?, self.owner)
    }

    /// Puts a base back that disks lie on and that is not there any more, or not in its length: from the sealed image, or from the cache when
    /// its bytes have the recorded digest. `NotFound`: nothing has.
    pub(super) fn restore(&self, record: &BaseRecord) -> Result<(), DiskError> {
        let failed = |error| disk_error("put the base back", error);
        let base = self.instances.base(record.image);
        let fits = |found: &fs::Metadata| found.is_file() && found.len() == record.size.0;
        if look(&base).map_err(failed)?.is_some_and(|found| fits(&found)) {
            return Ok(());
        }
        let sealed = [self.pool.image(record.image), self.pool.raw_form(record.image)];
        for bytes in &sealed {
            let whole = look(bytes).map_err(failed)?.is_some_and(|found| fits(&found));
            if whole
                && measure(bytes, record.format).is_ok_and(|(_, size)| size == record.virtual_size)
            {
                return self.put_back(bytes, &base).map_err(failed);
            }
        }
        let cached = self.pool.cached(record.image);
        if look(&cached).map_err(failed)?.is_some_and(|found| fits(&found))
            && digest(&cached).map_err(failed)? == record.sha512
        {
            return self.put_back(&cached, &base).map_err(failed);
        }
        Err(DiskError::NotFound(format!(
            "the base of image {} is lost on this host, and nothing in the pool has its bytes: see `hatchery heal`",
            record.image
        )))
    }

    /// Gives the base its name of the pool's cache, which has a name only of what may be a base.
    pub(super) fn seed(&self, image: ImageId) -> Result<(), DiskError> {
        let failed = |error| disk_error("link the base to the cached image", error);
        let (base, cached) = (self.instances.base(image), self.pool.cached(image));
        if look(&base).map_err(failed)?.is_some() {
            return Ok(());
        }
        if look(&cached).map_err(failed)?.is_none() {
            return Err(DiskError::NotFound(format!(
                "the pool has no base of image {image} to link: is it active? See `hatchery pool ls`"
            )));
        }
        link(&cached, &base).map_err(failed)?;
        Ok(())
    }

    fn put_back(&self, bytes: &Path, base: &Path) -> io::Result<()> {
        link(bytes, base)?;
        tracing::warn!(base = %base.display(), "a lost base was put back");
        Ok(())
    }

    /// Removes every name that a base of the image has on this host, if the image is gone; its name in the cache is the pool keeper's, who knows
    /// of the other hosts. Says whether there is none left.
    pub(super) fn release(&self, image: ImageId) -> io::Result<bool> {
        if look(&self.pool.image(image))?.is_some() {
            return Ok(false);
        }
        let base = self.instances.base(image);
        let record = self.instances.record(image);
        for path in [
            &self.instances.incoming_base(image),
            &temporary_link(&base),
            &base,
            &temporary_record(&record),
        ] {
            remove(path)?;
        }
        // The record goes last: by it the sweep finds a release that was cut off.
        sync_folder(&self.instances.bases())?;
        if remove(&record)? {
            sync_folder(&self.instances.bases())?;
        }
        Ok(true)
    }

    /// Removes what earlier processes left half made among the bases. Only for the one process that uses them.
    pub(super) fn sweep(&self) -> io::Result<()> {
        sweep_trials(&self.pool, &self.instances)?;
        for entry in fs::read_dir(self.instances.bases())? {
            let path = entry?.path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            if [".new-", ".link-", ".trial-"].iter().any(|prefix| name.starts_with(prefix))
                || path.extension().is_some_and(|extension| extension == UNFINISHED)
            {
                remove(&path)?;
                tracing::info!(path = %path.display(), "removed what an earlier run left half made");
            }
        }
        Ok(())
    }

    /// Images whose bases have a record.
    pub(super) fn list(&self) -> io::Result<Vec<ImageId>> {
        let mut images = Vec::new();
        for entry in fs::read_dir(self.instances.bases())? {
            let path: PathBuf = entry?.path();
            if path.extension().is_some_and(|extension| extension == "json")
                && let Some(record) = BaseRecord::read(&path)?
                && self.instances.record(record.image) == path
            {
                images.push(record.image);
            }
        }
        Ok(images)
    }
}

fn no_image(image: ImageId) -> DiskError {
    DiskError::NotFound(format!("image {image} has no bytes in the pool"))
}

/// Length of the file, and size of the disk in it.
fn measure(file: &Path, format: ImageFormat) -> io::Result<(Bytes, Bytes)> {
    let file = File::open(file)?;
    let size = Bytes(file.metadata()?.len());
    let virtual_size = match format {
        ImageFormat::Raw => size,
        ImageFormat::Qcow2 => {
            let mut head = Vec::new();
            file.take(512).read_to_end(&mut head)?;
            let header = Header::parse(&head)
                .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.to_string()))?;
            Bytes(header.virtual_bytes)
        }
    };
    Ok((size, virtual_size))
}
