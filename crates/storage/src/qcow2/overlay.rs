//! Overlays: qcow2 files without data of their own, laid on a base.

use super::header::Header;
use super::{EXTENSION_BACKING_FORMAT, EXTENSION_NOTE, MAGIC, MAX_VIRTUAL_BYTES};
use crate::durable::{remove, sync_folder};
use crate::owner::FileOwner;
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const CLUSTER_BITS: u32 = 16;
pub(super) const CLUSTER: u64 = 1 << CLUSTER_BITS;
const HEADER_LENGTH: u32 = 112;
/// QEMU takes no longer name of a backing file.
const MAX_BACKING_NAME: usize = 1023;
const MAX_NOTE: usize = 256;
/// What the largest disk has.
const MOST_L1_ENTRIES: usize = (MAX_VIRTUAL_BYTES / (CLUSTER * (CLUSTER / 8))) as usize;
/// Where the disk's size stands in a header.
const SIZE_OFFSET: u64 = 24;
/// One reference count is 16 bits.
const REFCOUNT_ORDER: u32 = 4;

/// An overlay's header: all that there is to an overlay as long as nobody has written to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Overlay {
    /// What it lies on. Absolute, so that it means the same to everyone.
    pub backing: PathBuf,
    /// The backing file's format, written down so that nobody probes for it.
    pub backing_format: ImageFormat,
    /// Size that a guest sees. Rounded up to whole sectors when written.
    pub size: Bytes,
    /// A few bytes of ours (at most 256), kept in the header.
    pub note: Vec<u8>,
}

/// Writes an overlay under a temporary name beside `path`, makes it durable and gives it its name; an overlay that is
/// there is replaced. An error leaves nothing. Invalid input: a backing path that is not absolute or too long, a size
/// of 0 or above 16 TiB, a note that is too long.
pub fn write_overlay(path: &Path, overlay: &Overlay, owner: FileOwner) -> io::Result<()> {
    let (head, l1_clusters) = encode(overlay)?;
    place(path, &head, l1_clusters, owner)
}

/// As [`write_overlay`], of a disk that can grow in place: its first table has entries for the largest disk. `backing`: what it lies on, with its
/// format; without one it is a disk of zeroes.
pub(crate) fn write_growable(
    path: &Path,
    size: Bytes,
    backing: Option<(&Path, ImageFormat)>,
    owner: FileOwner,
) -> io::Result<()> {
    let (head, l1_clusters) = encode_growable(size, backing)?;
    place(path, &head, l1_clusters, owner)
}

/// Grows a file of [`write_growable`] that nobody has open: 8 bytes of its header change, at once and durably. `InvalidData` when it is another
/// file. A smaller size changes nothing.
pub(crate) fn grow(path: &Path, size: Bytes) -> io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).open(path)?;
    let mut head = Vec::new();
    (&file).take(CLUSTER).read_to_end(&mut head)?;
    let bad = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let header = Header::parse(&head).map_err(|error| bad(error.to_string()))?;
    let size = size.0.next_multiple_of(512);
    if size <= header.virtual_bytes {
        return Ok(());
    }
    let covered = header.cluster_bytes().map(|cluster| cluster * (cluster / 8));
    if covered.is_none_or(|covered| size.div_ceil(covered) > u64::from(header.l1_entries)) {
        return Err(bad("its first table has no room for the larger disk".to_owned()));
    }
    file.write_all_at(&size.to_be_bytes(), SIZE_OFFSET)?;
    file.sync_data()
}

/// Whether nobody has written to an overlay: all that it holds is what it lies on. Nobody has it open.
pub(crate) fn is_untouched(path: &Path) -> io::Result<bool> {
    let mut file = File::open(path)?;
    let mut head = Vec::new();
    (&mut file).take(CLUSTER).read_to_end(&mut head)?;
    let Ok(header) = Header::parse(&head) else { return Ok(false) };
    let is_ours = header.l1_entries as usize <= MOST_L1_ENTRIES;
    if header.backing_offset == 0 || header.snapshots != 0 || !is_ours {
        return Ok(false);
    }
    let mut table = vec![0; header.l1_entries as usize * 8];
    file.read_exact_at(&mut table, header.l1_offset)?;
    Ok(table.iter().all(|byte| *byte == 0))
}

fn place(path: &Path, head: &[u8], l1_clusters: u64, owner: FileOwner) -> io::Result<()> {
    let temporary = temporary_name(path);
    remove(&temporary)?;
    let written = write_file(&temporary, head, l1_clusters, owner)
        .and_then(|()| fs::rename(&temporary, path));
    if let Err(error) = written {
        remove(&temporary)?;
        return Err(error);
    }
    sync_folder(path.parent().unwrap_or(Path::new("/")))
}

/// The name that an overlay has until it is whole. The same every time, so that a crash leaves at most one.
pub(crate) fn temporary_name(path: &Path) -> PathBuf {
    path.with_extension("new")
}

fn write_file(path: &Path, head: &[u8], l1_clusters: u64, owner: FileOwner) -> io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    // Clusters: header, refcount table, refcount block, then the L1 table, whose zeroes are a hole.
    let clusters = 3 + l1_clusters;
    file.set_len(clusters * CLUSTER)?;
    file.write_all_at(head, 0)?;
    file.write_all_at(&(2 * CLUSTER).to_be_bytes(), CLUSTER)?;
    let counts: Vec<u8> = (0..clusters).flat_map(|_| 1u16.to_be_bytes()).collect();
    file.write_all_at(&counts, 2 * CLUSTER)?;
    owner.give(&file)?;
    file.sync_data()
}

/// The header's bytes, and how many clusters the L1 table has.
fn encode(overlay: &Overlay) -> io::Result<(Vec<u8>, u64)> {
    let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidInput, text.to_owned());
    let name = overlay.backing.as_os_str().as_bytes();
    if !overlay.backing.is_absolute() || name.len() > MAX_BACKING_NAME {
        return Err(invalid(
            "the path of an overlay's base must be absolute, and at most 1023 bytes long",
        ));
    }
    if overlay.size.0 == 0 || overlay.size.0 > MAX_VIRTUAL_BYTES {
        return Err(invalid("an overlay's size must be above 0 and at most 16 TiB"));
    }
    if overlay.note.len() > MAX_NOTE {
        return Err(invalid("an overlay's note must be at most 256 bytes long"));
    }
    let size = overlay.size.0.next_multiple_of(512);
    let mut extensions = Vec::new();
    extend(&mut extensions, EXTENSION_BACKING_FORMAT, overlay.backing_format.as_str().as_bytes());
    if !overlay.note.is_empty() {
        extend(&mut extensions, EXTENSION_NOTE, &overlay.note);
    }
    extend(&mut extensions, 0, &[]);
    Ok(compose(size, entries_for(size), &extensions, name))
}

/// As `encode`, with a first table for the largest disk.
fn encode_growable(
    size: Bytes,
    backing: Option<(&Path, ImageFormat)>,
) -> io::Result<(Vec<u8>, u64)> {
    let invalid = |text: &str| io::Error::new(io::ErrorKind::InvalidInput, text.to_owned());
    let name = backing.map_or(&[][..], |(path, _)| path.as_os_str().as_bytes());
    if backing.is_some_and(|(path, _)| !path.is_absolute()) || name.len() > MAX_BACKING_NAME {
        return Err(invalid(
            "the path of a volume's layer must be absolute, and at most 1023 bytes long",
        ));
    }
    if size.0 == 0 || size.0 > MAX_VIRTUAL_BYTES {
        return Err(invalid("a volume's size must be above 0 and at most 16 TiB"));
    }
    let mut extensions = Vec::new();
    if let Some((_, format)) = backing {
        extend(&mut extensions, EXTENSION_BACKING_FORMAT, format.as_str().as_bytes());
    }
    extend(&mut extensions, 0, &[]);
    let size = size.0.next_multiple_of(512);
    Ok(compose(size, entries_for(MAX_VIRTUAL_BYTES), &extensions, name))
}

/// An L2 table is one cluster of 8-byte entries, each for one cluster.
const fn entries_for(size: u64) -> u64 {
    size.div_ceil(CLUSTER * (CLUSTER / 8))
}

/// The header of a file that lies on nothing: so many entries at `l1_offset`, and so many clusters of its table of reference counts.
pub(super) fn head_of(size: u64, l1_entries: u64, l1_offset: u64, count_clusters: u64) -> Vec<u8> {
    let (mut head, _) = compose(size, l1_entries, &[0; 8], &[]);
    head[40..48].copy_from_slice(&l1_offset.to_be_bytes());
    head[56..60].copy_from_slice(&(count_clusters as u32).to_be_bytes());
    head
}

/// The header's bytes, and how many clusters its L1 table has.
fn compose(size: u64, l1_entries: u64, extensions: &[u8], name: &[u8]) -> (Vec<u8>, u64) {
    let l1_clusters = (l1_entries * 8).div_ceil(CLUSTER);
    let name_offset = if name.is_empty() { 0 } else { HEADER_LENGTH as usize + extensions.len() };
    let mut head = Vec::with_capacity(HEADER_LENGTH as usize + extensions.len() + name.len());
    head.extend(MAGIC);
    head.extend(3u32.to_be_bytes());
    head.extend((name_offset as u64).to_be_bytes());
    head.extend((name.len() as u32).to_be_bytes());
    head.extend(CLUSTER_BITS.to_be_bytes());
    head.extend(size.to_be_bytes());
    head.extend(0u32.to_be_bytes());
    head.extend((l1_entries as u32).to_be_bytes());
    head.extend((3 * CLUSTER).to_be_bytes());
    head.extend(CLUSTER.to_be_bytes());
    head.extend(1u32.to_be_bytes());
    // No snapshots, no feature bits.
    head.extend([0; 4 + 8 + 3 * 8]);
    head.extend(REFCOUNT_ORDER.to_be_bytes());
    head.extend(HEADER_LENGTH.to_be_bytes());
    // Deflate, and padding.
    head.extend([0; 8]);
    head.extend(extensions);
    head.extend(name);
    (head, l1_clusters)
}

fn extend(out: &mut Vec<u8>, kind: u32, data: &[u8]) {
    out.extend(kind.to_be_bytes());
    out.extend((data.len() as u32).to_be_bytes());
    out.extend(data);
    out.resize(out.len().next_multiple_of(8), 0);
}

/// Reads an overlay's header; `None` when there is no file. `InvalidData` when the file is not an overlay that names its
/// base and the base's format.
pub fn read_overlay(path: &Path) -> io::Result<Option<Overlay>> {
    let mut head = Vec::new();
    match File::open(path) {
        Ok(file) => file.take(CLUSTER).read_to_end(&mut head)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    decode(&head).map(Some)
}

fn decode(head: &[u8]) -> io::Result<Overlay> {
    let bad = |text: String| io::Error::new(io::ErrorKind::InvalidData, text);
    let header = Header::parse(head).map_err(|error| bad(error.to_string()))?;
    let start = usize::try_from(header.backing_offset).unwrap_or(usize::MAX);
    let stop = start.saturating_add(header.backing_length as usize);
    let name = match head.get(start..stop) {
        Some(name) if start >= header.length as usize && !name.is_empty() => name,
        Some(_) | None => return Err(bad("it names no base".to_owned())),
    };
    let extensions = header.extensions(head).map_err(|error| bad(error.to_string()))?;
    let find = |kind| extensions.iter().find(|one| one.kind == kind);
    let backing_format = find(EXTENSION_BACKING_FORMAT)
        .and_then(|one| std::str::from_utf8(one.data).ok())
        .and_then(|name| name.parse().ok())
        .ok_or_else(|| bad("it does not name its base's format".to_owned()))?;
    Ok(Overlay {
        backing: PathBuf::from(OsStr::from_bytes(name)),
        backing_format,
        size: Bytes(header.virtual_bytes),
        note: find(EXTENSION_NOTE).map(|one| one.data.to_vec()).unwrap_or_default(),
    })
}
