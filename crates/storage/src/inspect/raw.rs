//! Raw disks: any bytes, but a partition table must not contradict itself.

use super::Refusal;

const TABLE: usize = 446;
const ENTRY: usize = 16;
/// The partition type of a GPT's protective entry.
const PROTECTIVE: u8 = 0xee;

/// Whether the first sector ends like a boot record.
pub(super) fn has_boot_signature(head: &[u8]) -> bool {
    head.get(510..512) == Some(&[0x55, 0xaa])
}

/// Refuses a partition table that programs read in different ways. A disk without one is taken as it is.
pub(super) fn judge(head: &[u8]) -> Result<(), Refusal> {
    if !has_boot_signature(head) || is_fat(head) {
        return Ok(());
    }
    let mut used = Vec::new();
    let mut protective = false;
    for (index, entry) in head[TABLE..510].chunks_exact(ENTRY).enumerate() {
        let number = index + 1;
        if entry[0] & 0x7f != 0 {
            return Err(refuse(&format!("entry {number} has the boot flag {:#04x}", entry[0])));
        }
        if entry[4] == 0 {
            continue;
        }
        used.push(index);
        if entry[4] == PROTECTIVE {
            protective = true;
            if entry[1..4] != [0, 2, 0] || entry[8..12] != [1, 0, 0, 0] {
                return Err(refuse(&format!(
                    "entry {number} protects a GPT and does not begin at the second sector"
                )));
            }
        }
    }
    if used.is_empty() {
        return Err(refuse("there is a boot signature and no partition"));
    }
    if protective && used != [0] {
        return Err(refuse("a GPT's protective entry stands beside other partitions"));
    }
    Ok(())
}

/// A FAT file system's boot sector ends like a partition table's, and has other things in its place.
fn is_fat(head: &[u8]) -> bool {
    head.get(0x10) == Some(&2) && head.get(0x15) == Some(&0xf8)
}

fn refuse(what: &str) -> Refusal {
    Refusal::new(format!(
        "the disk's partition table is not sound: {what}. Write the table anew (with `sfdisk` or `sgdisk`), or upload \
         the disk without one"
    ))
}
