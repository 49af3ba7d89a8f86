//! A qcow2 image becomes a raw one: read by our own reader, digested while it is written, holes left as holes.
//!
//! In process, so that no program that knows more formats than we do ever sees a stranger's bytes, and no second reading is
//! needed for the digest. The image is judged by the inspector's rules first: what has a backing file, a data file, encryption or
//! unknown features is refused, and so is a disk that is itself an image. Internal snapshots are left behind, as the active disk does not need them.
//!
//! Not here: whose image it is, where the result gets its name, other formats.

mod cluster_map;
mod decompress;

use crate::durable::remove;
use crate::image_store::SparseFile;
use crate::inspect::{Inspector, judge_file};
use crate::owner::FileOwner;
use crate::pool::{free_bytes, hex};
use crate::qcow2::Header;
use cluster_map::{Cluster, ClusterMap};
pub(crate) use decompress::Decompressor;
use hatchery_model::image::{DiskFormat, ImageFormat};
use hatchery_model::units::Bytes;
use nix::errno::Errno;
use nix::libc;
use sha2::{Digest, Sha512};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Neighbouring clusters are read together up to this length.
const RUN: usize = 1 << 20;
/// Pieces that wait for the digest.
const WAITING: usize = 4;
/// What holes are digested as.
static ZEROES: [u8; 64 << 10] = [0; 64 << 10];

/// Why there is no raw form.
#[derive(Debug, thiserror::Error)]
pub enum ConvertError {
    /// The image is not one that can be converted. The text is for the user.
    #[error("{0}")]
    Invalid(String),
    /// No room, or the disk in it is larger than is taken. The text is for the user.
    #[error("{0}")]
    Exhausted(String),
    /// The file is in no other format than raw, or in one that is not converted here.
    #[error("{0}")]
    Unsupported(String),
    /// An error that may pass.
    #[error("the image cannot be converted: {doing} failed")]
    Unavailable {
        /// What was being done.
        doing: &'static str,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

impl From<ConvertError> for io::Error {
    fn from(error: ConvertError) -> Self {
        let kind = match &error {
            ConvertError::Invalid(_) => io::ErrorKind::InvalidData,
            ConvertError::Exhausted(_) => io::ErrorKind::StorageFull,
            ConvertError::Unsupported(_) => io::ErrorKind::Unsupported,
            ConvertError::Unavailable { source, .. } => source.kind(),
        };
        Self::new(kind, error)
    }
}

/// A raw form that is on the disk.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Converted {
    /// Length of the file: the size of the disk in the image.
    pub size: Bytes,
    /// SHA-512 of all its bytes, lower-case hex.
    pub sha512: String,
    /// Bytes written; holes are not counted.
    pub written: Bytes,
}

/// Writes the raw form of the image `from` to `to`, which must be a free name: durable when this returns, owned by `owner`, mode 0644.
/// An error leaves nothing there. `cap` bounds the size of the disk in the image, and so does what is free in the target's filesystem:
/// both are asked before a byte is written. The name's folder is the caller's to sync. Blocks, and uses one more thread.
pub fn to_raw(
    from: &Path,
    declared: ImageFormat,
    to: &Path,
    owner: FileOwner,
    cap: Bytes,
) -> Result<Converted, ConvertError> {
    match declared {
        ImageFormat::Qcow2 => {}
        ImageFormat::Raw => {
            return Err(ConvertError::Unsupported(
                "the image is raw already: it needs no conversion".to_owned(),
            ));
        }
    }
    let source = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_NOFOLLOW)
        .open(from)
        .map_err(failed("opening it"))?;
    let header = judge_file(&source)
        .map_err(failed("reading its tables"))?
        .map_err(|refusal| ConvertError::Invalid(refusal.to_string()))?;
    has_room(&header, to, cap)?;
    let target = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to);
    let target = target.map_err(failed("making the raw file"))?;
    let done = write(&source, header, target, owner);
    if done.is_err()
        && let Err(error) = remove(to)
    {
        tracing::warn!(path = %to.display(), %error, "a raw form that was not finished is left");
    }
    done
}

/// Whether the disk in the image may be so large, and whether all of it would fit.
fn has_room(header: &Header, to: &Path, cap: Bytes) -> Result<(), ConvertError> {
    let size = Bytes(header.virtual_bytes);
    if size > cap {
        return Err(ConvertError::Exhausted(format!(
            "the disk in the image has {size} ({} bytes), and at most {cap} are taken as raw: make it smaller with \
             `qemu-img resize`, and upload the result",
            size.0
        )));
    }
    let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
    let free = free_bytes(folder.unwrap_or(Path::new(".")))
        .map_err(failed("asking how much room there is"))?;
    if size > free {
        return Err(ConvertError::Exhausted(format!(
            "the disk in the image has {size} ({} bytes) as raw, and {free} are free: delete images that nobody needs, or ask \
             the operator for room",
            size.0
        )));
    }
    Ok(())
}

fn write(
    source: &File,
    header: Header,
    target: File,
    owner: FileOwner,
) -> Result<Converted, ConvertError> {
    let size = Bytes(header.virtual_bytes);
    let target = SparseFile::of_length(target, size.0).map_err(failed("making the raw file"))?;
    std::thread::scope(|scope| {
        let (pieces, waiting) = sync_channel(WAITING);
        let digest = scope.spawn(move || digest(&waiting));
        let mut out = Out { target, pieces: Some(pieces), left: size.0 };
        let copied = copy(source, header, &mut out);
        // The digest ends when nobody can send any more.
        out.pieces = None;
        let judged = digest.join().map_err(|_| ConvertError::Unavailable {
            doing: "digesting",
            source: io::Error::other("its thread has died"),
        })?;
        copied?;
        let sha512 = judged?;
        let sealed = out.target.seal(|file| {
            owner.give(file)?;
            file.set_permissions(owner.readable())
        });
        let written = Bytes(sealed.map_err(failed("ending the raw file"))?);
        Ok(Converted { size, sha512, written })
    })
}

/// A piece of the disk, in order.
enum Piece {
    Data(Vec<u8>),
    Hole(u64),
}

/// The digest of all pieces, if what they are together would be taken in as a raw image: whoever has only the raw form must not find
/// another image in it.
fn digest(waiting: &Receiver<Piece>) -> Result<String, ConvertError> {
    let (mut digest, mut inspector) = (Sha512::new(), Inspector::new(DiskFormat::Raw));
    let mut take = |bytes: &[u8]| {
        digest.update(bytes);
        inspector.feed(bytes);
    };
    while let Ok(piece) = waiting.recv() {
        match piece {
            Piece::Data(bytes) => take(&bytes),
            Piece::Hole(mut length) => {
                while length > 0 {
                    let part = length.min(ZEROES.len() as u64);
                    take(&ZEROES[..part as usize]);
                    length -= part;
                }
            }
        }
    }
    match inspector.finish() {
        Ok(_) => Ok(hex(&digest.finalize())),
        Err(refusal) => Err(ConvertError::Invalid(format!(
            "the disk in the image cannot be kept as raw: {refusal}"
        ))),
    }
}

/// Where the disk's bytes go: into the file, and to the digest. What lies past the disk's end is dropped.
struct Out {
    target: SparseFile,
    pieces: Option<SyncSender<Piece>>,
    left: u64,
}

impl Out {
    fn data(&mut self, mut bytes: Vec<u8>) -> Result<(), ConvertError> {
        bytes.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left -= bytes.len() as u64;
        self.target.append(&bytes).map_err(failed("writing the raw file"))?;
        self.send(Piece::Data(bytes))
    }

    fn hole(&mut self, length: u64) -> Result<(), ConvertError> {
        let length = length.min(self.left);
        self.left -= length;
        self.target.skip(length).map_err(failed("writing the raw file"))?;
        self.send(Piece::Hole(length))
    }

    fn send(&self, piece: Piece) -> Result<(), ConvertError> {
        let sent = self.pieces.as_ref().map(|pieces| pieces.send(piece));
        match sent {
            Some(Ok(())) => Ok(()),
            Some(Err(_)) | None => Err(ConvertError::Unavailable {
                doing: "digesting",
                source: io::Error::other("its thread has died"),
            }),
        }
    }
}

/// Clusters that lie one behind the other in the image and are read together.
#[derive(Default)]
struct Run {
    offset: u64,
    length: u64,
}

fn copy(source: &File, header: Header, out: &mut Out) -> Result<(), ConvertError> {
    let length = source.metadata().map_err(failed("reading it"))?.len();
    let mut decompressor = Decompressor::new(header.compression);
    let mut map = ClusterMap::open(source, header, length)?;
    let mut run = Run::default();
    while let Some(clusters) = map.next_part()? {
        for cluster in clusters {
            let (offset, bytes) = match *cluster {
                Cluster::Data { offset, length } => (offset, length),
                Cluster::Hole(_) | Cluster::Packed { .. } => (0, 0),
            };
            let goes_on = bytes > 0
                && run.length > 0
                && run.offset + run.length == offset
                && run.length + bytes <= RUN as u64;
            if goes_on {
                run.length += bytes;
                continue;
            }
            flush(source, &mut run, length, out)?;
            match *cluster {
                Cluster::Data { offset, length } => run = Run { offset, length },
                Cluster::Hole(bytes) => out.hole(bytes)?,
                Cluster::Packed { offset, packed, unpacked } => {
                    let packed = read(source, offset, packed, length)?;
                    out.data(decompressor.unpack(&packed, unpacked)?)?;
                }
            }
        }
    }
    flush(source, &mut run, length, out)?;
    let left = out.left;
    out.hole(left)
}

fn flush(source: &File, run: &mut Run, length: u64, out: &mut Out) -> Result<(), ConvertError> {
    let Run { offset, length: wanted } = std::mem::take(run);
    if wanted == 0 {
        return Ok(());
    }
    let mut bytes = read(source, offset, wanted, length)?;
    // The end of an image's last cluster need not be in the file: it reads as zeroes.
    bytes.resize(wanted as usize, 0);
    out.data(bytes)
}

/// Reads a range, as much of it as there is in a file of this length.
fn read(source: &File, offset: u64, wanted: u64, length: u64) -> Result<Vec<u8>, ConvertError> {
    let wanted = wanted.min(length.saturating_sub(offset));
    let mut bytes = vec![0; wanted as usize];
    source.read_exact_at(&mut bytes, offset).map_err(failed("reading it"))?;
    Ok(bytes)
}

fn damaged(what: &str) -> ConvertError {
    ConvertError::Invalid(format!(
        "the qcow2 image is damaged or made to harm: {what}. Check it with `qemu-img check`, and make a clean copy with \
         `qemu-img convert -O qcow2`"
    ))
}

/// Tells a full disk from other trouble.
fn failed(doing: &'static str) -> impl Fn(io::Error) -> ConvertError {
    move |error| {
        match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENOSPC | Errno::EDQUOT | Errno::EFBIG) => ConvertError::Exhausted(
            "there is no room for the image as raw: delete images that nobody needs, or ask the operator for room".to_owned(),
        ),
        Some(_) | None => ConvertError::Unavailable { doing, source: error },
    }
    }
}
