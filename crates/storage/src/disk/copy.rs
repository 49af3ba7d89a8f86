//! Copies an image's bytes to where a base will be, and proves that they are the image's.

use crate::image_store::SparseFile;
use crate::owner::FileOwner;
use crate::pool::hex;
use sha2::{Digest, Sha512};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

const PIECE: usize = 1 << 20;

/// A copy that is on the disk.
pub(crate) struct Copied {
    /// Bytes written; runs of zeroes are left as holes and not counted.
    pub(crate) written: u64,
    /// SHA-512 of all bytes, lower-case hex.
    pub(crate) sha512: String,
}

/// Copies to a name that must be free. The caller removes what a failure leaves.
pub(crate) fn copy(from: &Path, to: &Path, owner: FileOwner) -> io::Result<Copied> {
    let mut source = File::open(from)?;
    let mut target = SparseFile::of_length(create(to)?, source.metadata()?.len())?;
    let mut digest = Sha512::new();
    let mut piece = vec![0; PIECE];
    loop {
        let length = source.read(&mut piece)?;
        if length == 0 {
            break;
        }
        digest.update(&piece[..length]);
        target.append(&piece[..length])?;
    }
    Ok(Copied { written: target.seal(|file| give(file, owner))?, sha512: hex(&digest.finalize()) })
}

/// SHA-512 of a file's bytes, lower-case hex.
pub(crate) fn digest(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha512::new();
    let mut piece = vec![0; PIECE];
    loop {
        let length = file.read(&mut piece)?;
        if length == 0 {
            return Ok(hex(&digest.finalize()));
        }
        digest.update(&piece[..length]);
    }
}

/// A new file for a base.
pub(crate) fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path)
}

/// Bases belong to the hypervisor's user and can be read by all.
pub(crate) fn give(file: &File, owner: FileOwner) -> io::Result<()> {
    owner.give(file)?;
    file.set_permissions(owner.readable())
}
