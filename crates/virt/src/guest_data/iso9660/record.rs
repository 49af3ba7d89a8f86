//! What stands in a folder: a record for each entry, with the true name and mode beside it as Rock Ridge.

use super::tree::{Tree, View};
use super::{SECTOR, both_16, both_32, wrong};
use std::io;

const IS_FOLDER: u8 = 2;
/// Mode of a folder, and of a file: everybody reads, nobody writes.
const FOLDER_MODE: u32 = 0o040_555;
const FILE_MODE: u32 = 0o100_444;

/// Where bytes stand.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Extent {
    pub(super) sector: u32,
    length: u32,
}

impl Extent {
    pub(super) fn new(sector: u32, length: usize) -> io::Result<Self> {
        let length = u32::try_from(length).map_err(|_| wrong("a file is over 4 GiB"))?;
        Ok(Self { sector, length })
    }

    /// The whole sectors of a folder.
    fn padded(self) -> Self {
        let length = (self.length as usize).next_multiple_of(SECTOR) as u32;
        Self { length, ..self }
    }
}

/// One entry, before its place is known.
struct Entry<'a> {
    name: &'a [u8],
    extent: Extent,
    flags: u8,
    system_use: Vec<u8>,
}

/// How many bytes the records of a folder take, the gaps at the ends of sectors included.
pub(super) fn folder_size(view: &View, tree: &Tree, folder: usize) -> usize {
    let unknown = vec![Extent::default(); tree.files.len()];
    self::folder(view, tree, folder, &unknown, &[0; 7]).len().next_multiple_of(SECTOR)
}

/// The records of a folder.
pub(super) fn folder(
    view: &View,
    tree: &Tree,
    folder: usize,
    files: &[Extent],
    date: &[u8; 7],
) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries(view, tree, folder, files) {
        let record = record(&entry, date);
        let room = SECTOR - bytes.len() % SECTOR;
        if record.len() > room {
            bytes.resize(bytes.len() + room, 0);
        }
        bytes.extend(record);
    }
    bytes
}

/// The root's record in a volume descriptor.
pub(super) fn root(view: &View, date: &[u8; 7]) -> Vec<u8> {
    record(
        &Entry {
            name: &[0],
            extent: view.folders[0].padded(),
            flags: IS_FOLDER,
            system_use: Vec::new(),
        },
        date,
    )
}

fn entries<'a>(view: &'a View, tree: &'a Tree, folder: usize, files: &[Extent]) -> Vec<Entry<'a>> {
    let rock_ridge = |parts: Vec<u8>| if view.is_joliet { Vec::new() } else { parts };
    let posix_of = |folder: usize| posix(FOLDER_MODE, 2 + tree.folders[folder].folders.len());
    let this = &tree.folders[folder];
    let mut own = posix_of(folder);
    if folder == 0 {
        own = [announce(), own, extension()].concat();
    }
    let dots = [(&[0u8] as &[u8], folder, own), (&[1], this.parent, posix_of(this.parent))];
    let mut entries: Vec<_> = dots
        .into_iter()
        .map(|(name, target, parts)| Entry {
            name,
            extent: view.folders[target].padded(),
            flags: IS_FOLDER,
            system_use: rock_ridge(parts),
        })
        .collect();
    let folders = this.folders.iter().map(|index| Entry {
        name: &view.folder_names[*index],
        extent: view.folders[*index].padded(),
        flags: IS_FOLDER,
        system_use: rock_ridge([posix_of(*index), name(&tree.folders[*index].name)].concat()),
    });
    let files = this.files.iter().map(|index| Entry {
        name: &view.file_names[*index],
        extent: files[*index],
        flags: 0,
        system_use: rock_ridge([posix(FILE_MODE, 1), name(&tree.files[*index])].concat()),
    });
    let mut named: Vec<_> = folders.chain(files).collect();
    named.sort_by_key(|entry| entry.name);
    entries.extend(named);
    entries
}

fn record(entry: &Entry<'_>, date: &[u8; 7]) -> Vec<u8> {
    let mut bytes = vec![0, 0];
    bytes.extend(both_32(entry.extent.sector));
    bytes.extend(both_32(entry.extent.length));
    bytes.extend(date);
    bytes.extend([entry.flags, 0, 0]);
    bytes.extend(both_16(1));
    bytes.push(entry.name.len() as u8);
    bytes.extend(entry.name);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    bytes.extend(&entry.system_use);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
    // Names are short enough for it: at most 33 and 128 bytes, and 69 of Rock Ridge.
    bytes[0] = bytes.len() as u8;
    bytes
}

/// `SP`: Rock Ridge begins here.
fn announce() -> Vec<u8> {
    vec![b'S', b'P', 7, 1, 0xbe, 0xef, 0]
}

/// `ER`: which extension it is.
fn extension() -> Vec<u8> {
    const ID: &[u8] = b"RRIP_1991A";
    let head = [b'E', b'R', 8 + ID.len() as u8, 1, ID.len() as u8, 0, 0, 1];
    [&head, ID].concat()
}

/// `PX`: mode, links, owner.
fn posix(mode: u32, links: usize) -> Vec<u8> {
    let numbers = [mode, links as u32, 0, 0].map(both_32);
    [&[b'P', b'X', 36, 1], numbers.as_flattened()].concat()
}

/// `NM`: the true name.
fn name(name: &str) -> Vec<u8> {
    let head = [b'N', b'M', 5 + name.len() as u8, 1, 0];
    [&head, name.as_bytes()].concat()
}
