//! qcow2 images that stand on their own, with a header that makes sense.

use super::Refusal;
use super::raw::has_boot_signature;
use super::table::TableWatch;
use crate::qcow2::{
    EXTENSION_DATA_FILE, EXTENSION_ENCRYPTION, Header, HeaderError, MAX_VIRTUAL_BYTES,
};

const DIRTY: u64 = 1;
const CORRUPT: u64 = 1 << 1;
const DATA_FILE: u64 = 1 << 2;
const COMPRESSION: u64 = 1 << 3;
const EXTENDED_L2: u64 = 1 << 4;
/// A dirty image needs its reference counts rebuilt before anyone writes to it; nobody ever writes to a base.
const TAKEN: u64 = DIRTY | COMPRESSION | EXTENDED_L2;
/// Autoclear bit: the external data file is raw.
const AUTOCLEAR_RAW_DATA_FILE: u64 = 1 << 1;

/// Longest header: it is read as a whole from the first sector.
const MAX_HEADER_BYTES: u64 = 512;
/// Largest L1 table, as QEMU has it.
const MAX_L1_BYTES: u64 = 32 << 20;
/// Largest refcount table, as QEMU has it.
const MAX_REFCOUNT_TABLE_BYTES: u64 = 8 << 20;
/// More internal snapshots than a person makes.
const MAX_SNAPSHOTS: u32 = 64;
/// Least length of a snapshot's entry.
const SNAPSHOT_ENTRY: u64 = 40;

/// The tables to be watched, given an image's first sector. None when it is not a header that will be accepted.
pub(super) fn tables(first: &[u8]) -> Vec<TableWatch> {
    let Ok(header) = Header::parse(first) else {
        return Vec::new();
    };
    let (Some(cluster), Ok(())) = (header.cluster_bytes(), judge_fields(&header)) else {
        return Vec::new();
    };
    let refcounts = u64::from(header.refcount_table_clusters) * cluster / 8;
    vec![
        TableWatch::new(header.l1_offset, u64::from(header.l1_entries), cluster),
        TableWatch::new(header.refcount_table_offset, refcounts, cluster),
    ]
}

/// All that the head alone says.
pub(super) fn judge_header(head: &[u8]) -> Result<(), Refusal> {
    let header = parse(head)?;
    judge_fields(&header)?;
    judge_references(&header, head)?;
    if has_boot_signature(head) {
        return Err(Refusal::new(
            "the image begins as qcow2 and has a boot signature as well: such a file means one thing to one program and \
             another to the next. Convert it to a clean one with `qemu-img convert`",
        ));
    }
    Ok(())
}

/// What only the whole image shows, after its header was found good. Gives the size of the disk in it.
pub(super) fn judge_whole(head: &[u8], length: u64, tables: &[TableWatch]) -> Result<u64, Refusal> {
    let header = parse(head)?;
    let cut = || {
        Refusal::new(format!(
            "the qcow2 image is cut off: it has {length} bytes, and its tables point past them. Upload it again, and \
             compare its length first"
        ))
    };
    // An image below one sector was never watched, and cannot hold its tables.
    if tables.len() != 2 {
        return Err(cut());
    }
    for table in tables {
        if table.misplaced {
            return Err(damaged("a table points into the header or between clusters"));
        }
        if table.end() > length || table.reach > length {
            return Err(cut());
        }
    }
    let snapshots = u64::from(header.snapshots) * SNAPSHOT_ENTRY;
    if header.snapshots > 0 && header.snapshots_offset.saturating_add(snapshots) > length {
        return Err(cut());
    }
    Ok(header.virtual_bytes)
}

fn parse(head: &[u8]) -> Result<Header, Refusal> {
    Header::parse(head).map_err(|error| match error {
        HeaderError::Version(version) => Refusal::new(format!(
            "the image has qcow2 version {version}; versions 2 and 3 are taken: convert it with \
             `qemu-img convert -O qcow2`"
        )),
        HeaderError::Truncated => Refusal::new(
            "the qcow2 image is cut off within its header: upload it again, and compare its length first",
        ),
        HeaderError::NotQcow2 | HeaderError::Length(_) => damaged(&error.to_string()),
    })
}

fn damaged(what: &str) -> Refusal {
    Refusal::new(format!(
        "the qcow2 image is damaged or made to harm: {what}. Check it with `qemu-img check`, and make a clean copy with \
         `qemu-img convert -O qcow2`"
    ))
}

/// References to other files, encryption, features: all that could make the image more than itself.
fn judge_references(header: &Header, head: &[u8]) -> Result<(), Refusal> {
    let flatten =
        "make it stand on its own with `qemu-img convert -O qcow2`, and upload the result";
    if header.backing_offset != 0 || header.backing_length != 0 {
        return Err(Refusal::new(format!(
            "the qcow2 image has a backing file, which stays behind when it is uploaded: {flatten}"
        )));
    }
    let extensions =
        header.extensions(head).map_err(|_| damaged("its header extensions have no end"))?;
    if header.incompatible & DATA_FILE != 0
        || header.autoclear & AUTOCLEAR_RAW_DATA_FILE != 0
        || extensions.iter().any(|one| one.kind == EXTENSION_DATA_FILE)
    {
        return Err(Refusal::new(format!(
            "the qcow2 image keeps its data in another file, which stays behind when it is uploaded: {flatten}"
        )));
    }
    if header.encryption != 0 || extensions.iter().any(|one| one.kind == EXTENSION_ENCRYPTION) {
        return Err(Refusal::new(
            "the qcow2 image is encrypted, and nobody here has its key: decrypt it with `qemu-img convert`, and upload \
             the result",
        ));
    }
    if header.incompatible & CORRUPT != 0 {
        return Err(Refusal::new(
            "the qcow2 image is marked as corrupt: repair it with `qemu-img check -r all`, and upload it again",
        ));
    }
    let unknown = header.incompatible & !TAKEN;
    if unknown != 0 {
        return Err(Refusal::new(format!(
            "the qcow2 image needs a feature that is not known here (bit {}): convert it with `qemu-img convert -O qcow2`",
            unknown.trailing_zeros()
        )));
    }
    let compression = u8::from(header.incompatible & COMPRESSION != 0);
    if header.compression != compression {
        return Err(damaged("it names one kind of compression and uses another"));
    }
    Ok(())
}

/// Sizes and places of the tables: only the header's numbers are needed.
fn judge_fields(header: &Header) -> Result<(), Refusal> {
    let Some(cluster) = header.cluster_bytes() else {
        return Err(damaged(&format!(
            "it claims clusters of 2^{} bytes, and 512 bytes to 2 MiB are allowed",
            header.cluster_bits
        )));
    };
    if u64::from(header.length) > MAX_HEADER_BYTES {
        return Err(damaged("its header is longer than the smallest cluster"));
    }
    if header.refcount_order > 6 {
        return Err(damaged("its reference counts are wider than 64 bits"));
    }
    judge_size(header, cluster)?;
    let l1 = Table {
        name: "the L1 table",
        offset: header.l1_offset,
        length: u64::from(header.l1_entries) * 8,
    };
    let refcounts = Table {
        name: "the refcount table",
        offset: header.refcount_table_offset,
        length: u64::from(header.refcount_table_clusters) * cluster,
    };
    if header.refcount_table_clusters == 0 || refcounts.length > MAX_REFCOUNT_TABLE_BYTES {
        return Err(damaged(&format!(
            "it claims a refcount table of {} clusters",
            header.refcount_table_clusters
        )));
    }
    if header.snapshots > MAX_SNAPSHOTS {
        return Err(Refusal::new(format!(
            "the qcow2 image claims {} internal snapshots, and at most {MAX_SNAPSHOTS} are taken: drop them with \
             `qemu-img convert -O qcow2`, and upload the result",
            header.snapshots
        )));
    }
    let mut tables = vec![l1, refcounts];
    if header.snapshots > 0 {
        tables.push(Table {
            name: "the snapshot table",
            offset: header.snapshots_offset,
            length: u64::from(header.snapshots) * SNAPSHOT_ENTRY,
        });
    }
    judge_places(&tables, cluster)
}

fn judge_size(header: &Header, cluster: u64) -> Result<(), Refusal> {
    let size = header.virtual_bytes;
    if size == 0 || !size.is_multiple_of(512) {
        return Err(damaged(&format!("it claims a disk of {size} bytes")));
    }
    if size > MAX_VIRTUAL_BYTES {
        return Err(Refusal::new(format!(
            "the qcow2 image claims a disk of {size} bytes, and at most {MAX_VIRTUAL_BYTES} (16 TiB) are taken: make \
             the disk smaller"
        )));
    }
    let entry = if header.incompatible & EXTENDED_L2 != 0 { 16 } else { 8 };
    let needed = size.div_ceil(cluster * (cluster / entry));
    let claimed = u64::from(header.l1_entries);
    if claimed < needed || claimed * 8 > MAX_L1_BYTES {
        return Err(damaged(&format!(
            "it claims an L1 table of {claimed} entries, and its disk needs {needed}"
        )));
    }
    Ok(())
}

struct Table {
    name: &'static str,
    offset: u64,
    length: u64,
}

/// Each table begins on a cluster after the header's, and none lies on another.
fn judge_places(tables: &[Table], cluster: u64) -> Result<(), Refusal> {
    for (index, table) in tables.iter().enumerate() {
        if !table.offset.is_multiple_of(cluster) {
            return Err(damaged(&format!("{} begins between clusters", table.name)));
        }
        if table.offset < cluster {
            return Err(damaged(&format!("{} lies on the header", table.name)));
        }
        // Offsets are 56 bits wide in the format; this also keeps the sums below from overflowing.
        if table.offset >> 56 != 0 {
            return Err(damaged(&format!("{} lies past all files", table.name)));
        }
        for other in &tables[..index] {
            if table.offset < other.offset + other.length
                && other.offset < table.offset + table.length
            {
                return Err(damaged(&format!("{} lies on {}", table.name, other.name)));
            }
        }
    }
    Ok(())
}
