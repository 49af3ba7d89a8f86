//! The list of all folders that each tree begins with.

use super::tree::{Tree, View};

/// Its length in bytes.
pub(super) fn size(view: &View) -> usize {
    view.folder_names.iter().map(|name| 8 + name.len().next_multiple_of(2)).sum()
}

/// Its bytes, with numbers in the given order.
pub(super) fn bytes(
    view: &View,
    tree: &Tree,
    long: fn(u32) -> [u8; 4],
    short: fn(u16) -> [u8; 2],
) -> Vec<u8> {
    let number_of = |folder| view.order.iter().position(|known| *known == folder);
    let mut bytes = Vec::with_capacity(size(view));
    for folder in &view.order {
        let name = &view.folder_names[*folder];
        let parent = number_of(tree.folders[*folder].parent).unwrap_or(0) + 1;
        bytes.extend([name.len() as u8, 0]);
        bytes.extend(long(view.folders[*folder].sector));
        bytes.extend(short(parent as u16));
        bytes.extend(name);
        bytes.resize(bytes.len().next_multiple_of(2), 0);
    }
    bytes
}
