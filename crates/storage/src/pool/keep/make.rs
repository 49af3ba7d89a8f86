//! The making of one name: owner and mode first, bytes made durable, then a link under a temporary name, then a rename. Where no link
//! can be made, a reflink or a copy, as set.

use super::settings::{OtherFilesystem, PoolSettings};
use super::steps::{Op, Steps};
use crate::convert::to_raw;
use crate::durable::remove;
use crate::ffi::reflink;
use crate::image_store::SparseFile;
use crate::inspect::{BEGINNING, judge_beginning};
use crate::pool::link::link_in_steps;
use crate::pool::{hex, temporary_link, temporary_record};
use crate::qcow2::MAX_VIRTUAL_BYTES;
use hatchery_model::image::{ContentDigest, DigestAlgorithm, DiskFormat, ImageFormat, Inspection};
use hatchery_model::units::Bytes;
use md5::Md5;
use nix::errno::Errno;
use sha2::{Digest, Sha256, Sha512};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const PIECE: usize = 1 << 20;

/// How a name was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Made {
    Linked,
    Reflinked,
    Copied,
}

/// Gives `from` the name `to`, over whatever is there.
pub(crate) fn name(
    from: &Path,
    to: &Path,
    settings: &PoolSettings,
    steps: &Steps,
) -> io::Result<Made> {
    own(from, settings, steps)?;
    steps.before(Op::Sync(from))?;
    File::open(from)?.sync_all()?;
    match link_in_steps(from, to, steps) {
        Ok(_) => Ok(Made::Linked),
        Err(error) if error.kind() == io::ErrorKind::CrossesDevices => {
            match settings.other_filesystem {
                OtherFilesystem::Refuse => Err(io::Error::new(
                    io::ErrorKind::CrossesDevices,
                    format!(
                        "{} and {} are on two filesystems, so no hard link can be made: put both on one, or choose reflink or copy \
                         for other filesystems",
                        from.display(),
                        to.display()
                    ),
                )),
                OtherFilesystem::Reflink => {
                    anew(to, settings, steps, |file| share(from, to, file))?;
                    Ok(Made::Reflinked)
                }
                OtherFilesystem::Copy => {
                    anew(to, settings, steps, |file| copy(from, file))?;
                    Ok(Made::Copied)
                }
            }
        }
        Err(error) => Err(error),
    }
}

/// Shares the blocks of `from` with a file that is to be `to`.
fn share(from: &Path, to: &Path, file: &File) -> io::Result<()> {
    reflink(&File::open(from)?, file).map_err(|error| {
        let errno = error.raw_os_error().map(Errno::from_raw);
        match errno {
            Some(Errno::EXDEV | Errno::EOPNOTSUPP | Errno::EINVAL | Errno::ENOTTY) => io::Error::new(
                error.kind(),
                format!(
                    "{} and {} can share no blocks by a reflink ({error}): put both on one filesystem, or choose copy for other filesystems",
                    from.display(),
                    to.display()
                ),
            ),
            Some(_) | None => error,
        }
    })
}

/// Converts a qcow2 image to raw under a name in the cache. The digest of the raw form.
pub(crate) fn raw_form(
    from: &Path,
    to: &Path,
    settings: &PoolSettings,
    steps: &Steps,
) -> io::Result<ContentDigest> {
    let temporary = incoming(to);
    steps.before(Op::Write(&temporary))?;
    remove(&temporary)?;
    let most = settings.max_bytes.unwrap_or(Bytes(MAX_VIRTUAL_BYTES));
    let raw = to_raw(from, ImageFormat::Qcow2, &temporary, settings.owner, most)?;
    let named = (|| {
        give(&File::open(&temporary)?, settings)?;
        steps.before(Op::Rename(&temporary, to))?;
        fs::rename(&temporary, to)
    })();
    if named.is_err() {
        remove(&temporary)?;
    }
    named.map(|()| ContentDigest { algorithm: DigestAlgorithm::Sha512, hex: raw.sha512 })
}

/// Makes a file of its own under a temporary name, and gives it its name when it is whole. A failure leaves nothing.
fn anew(
    to: &Path,
    settings: &PoolSettings,
    steps: &Steps,
    fill: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let temporary = incoming(to);
    steps.before(Op::Write(&temporary))?;
    remove(&temporary)?;
    let made = (|| {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        fill(&file)?;
        give(&file, settings)?;
        file.sync_all()?;
        steps.before(Op::Rename(&temporary, to))?;
        fs::rename(&temporary, to)
    })();
    if made.is_err() {
        remove(&temporary)?;
    }
    made
}

/// What a file of our own is called until it is whole.
pub(crate) fn incoming(to: &Path) -> PathBuf {
    let base = to.file_name().unwrap_or_default().to_string_lossy();
    to.with_file_name(format!(".new-{base}"))
}

/// What goes with a name: temporary names that a call which was cut off may have left, and the record of a host's disks.
pub(crate) fn beside(name: &Path) -> [PathBuf; 4] {
    let record = name.with_extension("json");
    [temporary_link(name), incoming(name), temporary_record(&record), record]
}

fn copy(from: &Path, to: &File) -> io::Result<()> {
    let mut source = File::open(from)?;
    let mut target = SparseFile::of_length(to.try_clone()?, source.metadata()?.len())?;
    let mut piece = vec![0; PIECE];
    loop {
        let length = source.read(&mut piece)?;
        if length == 0 {
            break;
        }
        target.append(&piece[..length])?;
    }
    target.seal(|_| Ok(()))?;
    Ok(())
}

/// Sets owner and mode as configured, if they are not so already: each change of them is a change of the image's file too.
fn own(path: &Path, settings: &PoolSettings, steps: &Steps) -> io::Result<()> {
    let found = fs::symlink_metadata(path)?;
    if !found.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "only a plain file can be a base"));
    }
    let owner = settings.owner;
    let is_so = owner.uid().is_none_or(|uid| uid == found.uid())
        && owner.gid().is_none_or(|gid| gid == found.gid())
        && found.permissions().mode() & 0o7777 == settings.mode;
    if is_so {
        return Ok(());
    }
    steps.before(Op::Own(path)).and_then(|()| give(&File::open(path)?, settings)).map_err(|error| {
        io::Error::new(
            error.kind(),
            format!(
                "owner and mode of {} cannot be set ({error}). If root is squashed there, export it with no_root_squash, run this as the \
                 files' owner, or choose the owner that they have",
                path.display()
            ),
        )
    })
}

fn give(file: &File, settings: &PoolSettings) -> io::Result<()> {
    settings.owner.give(file)?;
    file.set_permissions(Permissions::from_mode(settings.mode))
}

/// The digest of all of a file's bytes.
pub(crate) fn digest(
    path: &Path,
    algorithm: DigestAlgorithm,
    steps: &Steps,
) -> io::Result<ContentDigest> {
    steps.before(Op::Read(path))?;
    let hex = match algorithm {
        DigestAlgorithm::Md5 => digest_with::<Md5>(path)?,
        DigestAlgorithm::Sha256 => digest_with::<Sha256>(path)?,
        DigestAlgorithm::Sha512 => digest_with::<Sha512>(path)?,
    };
    Ok(ContentDigest { algorithm, hex })
}

fn digest_with<D: Digest>(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = D::new();
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            return Ok(hex(&digest.finalize()));
        }
        digest.update(&piece[..length]);
    }
}

fn beginning(path: &Path) -> io::Result<(Vec<u8>, u64)> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut head = Vec::new();
    file.take(BEGINNING as u64).read_to_end(&mut head)?;
    Ok((head, length))
}

/// Judges the beginning of a file that is to be a base. `InvalidData`: it must not be one; the text says why.
pub(crate) fn inspect(path: &Path, declared: DiskFormat) -> io::Result<Inspection> {
    let (head, length) = beginning(path)?;
    judge_beginning(declared, &head, length)
        .map_err(|refusal| io::Error::new(io::ErrorKind::InvalidData, refusal.to_string()))
}

/// What the first bytes of a file say: only to tell people, and to compare with what disks name.
pub(crate) fn looks(path: &Path) -> io::Result<ImageFormat> {
    let mut magic = [0; 4];
    let read = File::open(path)?.read(&mut magic)?;
    Ok(if read == 4 && magic == crate::qcow2::MAGIC {
        ImageFormat::Qcow2
    } else {
        ImageFormat::Raw
    })
}
