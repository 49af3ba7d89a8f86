//! The volume descriptors: what the image is, and where its trees are.

use super::tree::View;
use super::{SECTOR, both_16, both_32, date, path_table, record};
use hatchery_model::timestamp::Timestamp;

const PRIMARY: u8 = 1;
const SUPPLEMENTARY: u8 = 2;
const END: u8 = 255;
const PREPARER: &str = "HATCHERY";

/// The descriptor of a tree in an image of so many sectors.
pub(super) fn volume(
    view: &View,
    label: &str,
    sectors: u32,
    record_date: &[u8; 7],
    at: Timestamp,
) -> Vec<u8> {
    let kind = if view.is_joliet { SUPPLEMENTARY } else { PRIMARY };
    let text = |text: &str, length: usize| text_field(view.is_joliet, text, length);
    let mut bytes = begin(kind);
    bytes.push(0);
    bytes.extend(text("", 32));
    bytes.extend(text(label, 32));
    bytes.extend([0; 8]);
    bytes.extend(both_32(sectors));
    // Joliet's third level.
    let escape: &[u8] = if view.is_joliet { b"%/E" } else { b"" };
    bytes.extend(escape);
    bytes.resize(bytes.len() + 32 - escape.len(), 0);
    for number in [1, 1, SECTOR as u16] {
        bytes.extend(both_16(number));
    }
    let table = path_table::size(view);
    bytes.extend(both_32(table as u32));
    bytes.extend(view.table_at.to_le_bytes());
    bytes.extend([0; 4]);
    bytes.extend((view.table_at + table.div_ceil(SECTOR) as u32).to_be_bytes());
    bytes.extend([0; 4]);
    bytes.extend(record::root(view, record_date));
    for content in ["", "", PREPARER, ""] {
        bytes.extend(text(content, 128));
    }
    for _ in 0..3 {
        bytes.extend(text("", 37));
    }
    let (now, never) = (date::of_volume(at), [&[b'0'; 16] as &[u8], &[0]].concat());
    bytes.extend(now);
    bytes.extend(now);
    bytes.extend(&never);
    bytes.extend(&never);
    bytes.extend([1, 0]);
    bytes.resize(SECTOR, 0);
    bytes
}

/// The descriptor after the last.
pub(super) fn end() -> Vec<u8> {
    begin(END)
}

fn begin(kind: u8) -> Vec<u8> {
    let mut bytes = vec![kind];
    bytes.extend(b"CD001");
    bytes.push(1);
    bytes
}

/// Text with spaces after it; in UCS-2 for Joliet.
fn text_field(is_joliet: bool, text: &str, length: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = match is_joliet {
        true => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        false => text.bytes().collect(),
    };
    let space: &[u8] = if is_joliet { &[0, b' '] } else { b" " };
    while bytes.len() + space.len() <= length {
        bytes.extend(space);
    }
    bytes.resize(length, 0);
    bytes
}
