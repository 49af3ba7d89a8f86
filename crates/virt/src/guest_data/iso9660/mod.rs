//! A writer of small ISO 9660 images: files in folders under a label, read by Linux by way of Rock Ridge and by Windows by
//! way of Joliet. Pure, in memory. Not here: boot records, links, files over 4 GiB, folders more than eight deep.
//!
//! The image: 16 empty sectors, the volume descriptors, both trees' path tables, both trees' folders, the bytes.
//! Files with the same bytes share them.

mod date;
mod descriptor;
mod path_table;
mod record;
mod tree;

use hatchery_model::timestamp::Timestamp;
use record::Extent;
use std::collections::HashMap;
use std::io;
use tree::{Tree, View};

const SECTOR: usize = 2048;
/// Where the volume descriptors begin.
const DESCRIPTORS: u32 = 16;
/// How many there are: primary, Joliet, end.
const DESCRIPTOR_COUNT: u32 = 3;

/// An image with these files, by path (`a/b/c`), dated `at`. `InvalidInput` for a label, a name or a size that the format
/// cannot hold.
pub(crate) fn image(
    label: &str,
    files: &[(String, Vec<u8>)],
    at: Timestamp,
) -> io::Result<Vec<u8>> {
    if !label.is_ascii() || label.len() > 16 {
        return Err(wrong(format!("the label {label} is not up to 16 ASCII characters")));
    }
    let tree = Tree::new(files)?;
    let date = date::of_record(at);
    let mut views = [View::plain(&tree)?, View::joliet(&tree)?];

    let mut next = DESCRIPTORS + DESCRIPTOR_COUNT;
    for view in &mut views {
        view.table_at = next;
        // Least significant byte first, then once more the other way round.
        next += 2 * sectors(path_table::size(view))?;
    }
    for view in &mut views {
        for folder in 0..tree.folders.len() {
            let length = record::folder_size(view, &tree, folder);
            view.folders[folder] = Extent::new(next, length)?;
            next += sectors(length)?;
        }
    }
    let mut contents: HashMap<&[u8], Extent> = HashMap::new();
    let mut extents = Vec::with_capacity(files.len());
    for (_, bytes) in files {
        let extent = match contents.get(bytes.as_slice()) {
            Some(shared) => *shared,
            None => {
                let extent = Extent::new(next, bytes.len())?;
                next += sectors(bytes.len())?;
                contents.insert(bytes, extent);
                extent
            }
        };
        extents.push(extent);
    }

    let mut out = Image(vec![0; next as usize * SECTOR]);
    for (index, view) in views.iter().enumerate() {
        let descriptor = descriptor::volume(view, label, next, &date, at);
        out.put(DESCRIPTORS + index as u32, &descriptor);
        let size = sectors(path_table::size(view))?;
        out.put(view.table_at, &path_table::bytes(view, &tree, u32::to_le_bytes, u16::to_le_bytes));
        out.put(
            view.table_at + size,
            &path_table::bytes(view, &tree, u32::to_be_bytes, u16::to_be_bytes),
        );
        for folder in 0..tree.folders.len() {
            let records = record::folder(view, &tree, folder, &extents, &date);
            out.put(view.folders[folder].sector, &records);
        }
    }
    out.put(DESCRIPTORS + 2, &descriptor::end());
    for (bytes, extent) in contents {
        out.put(extent.sector, bytes);
    }
    Ok(out.0)
}

/// The image's bytes, laid out by sector.
struct Image(Vec<u8>);

impl Image {
    fn put(&mut self, sector: u32, bytes: &[u8]) {
        let begin = sector as usize * SECTOR;
        self.0[begin..begin + bytes.len()].copy_from_slice(bytes);
    }
}

fn sectors(bytes: usize) -> io::Result<u32> {
    u32::try_from(bytes.div_ceil(SECTOR)).map_err(|_| wrong("the image would be too large"))
}

fn wrong(text: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text.into())
}

/// A number in both byte orders, as the format wants most of them.
fn both_32(number: u32) -> [u8; 8] {
    let mut bytes = [0; 8];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    bytes[4..].copy_from_slice(&number.to_be_bytes());
    bytes
}

/// The same for a short number.
fn both_16(number: u16) -> [u8; 4] {
    let [low, high] = number.to_le_bytes();
    [low, high, high, low]
}
