//! A qcow2 header as it stands in the file. Every field is what the file says, believed by nobody yet.

use super::MAGIC;

/// Length of a version 2 header, and of what both versions share.
const V2_LENGTH: usize = 72;
/// Least length of a version 3 header.
const V3_LENGTH: usize = 104;

/// Why bytes are not a header that can be read.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum HeaderError {
    /// The magic number is not there.
    #[error("it does not begin with a qcow2 header")]
    NotQcow2,
    /// It ends within the header, or its header extensions run past what was given.
    #[error("it ends within the qcow2 header")]
    Truncated,
    /// A version other than 2 and 3.
    #[error("it has qcow2 version {0}")]
    Version(u32),
    /// A header length that version 3 does not allow.
    #[error("it claims a qcow2 header of {0} bytes")]
    Length(u32),
}

/// The fields of versions 2 and 3. Those that version 2 lacks have the values that it implies.
#[derive(Clone, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub struct Header {
    pub version: u32,
    pub backing_offset: u64,
    pub backing_length: u32,
    pub cluster_bits: u32,
    pub virtual_bytes: u64,
    pub encryption: u32,
    pub l1_entries: u32,
    pub l1_offset: u64,
    pub refcount_table_offset: u64,
    pub refcount_table_clusters: u32,
    pub snapshots: u32,
    pub snapshots_offset: u64,
    pub incompatible: u64,
    pub compatible: u64,
    pub autoclear: u64,
    pub refcount_order: u32,
    pub length: u32,
    /// 0 is deflate, 1 is zstd.
    pub compression: u8,
}

/// One header extension.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extension<'a> {
    /// What it is.
    pub kind: u32,
    /// Its content.
    pub data: &'a [u8],
}

/// The big-endian integer at `offset`; bytes past the end read as zero.
pub(crate) fn be32(bytes: &[u8], offset: usize) -> u32 {
    u32::from_be_bytes(at(bytes, offset))
}

/// As `be32`, of eight bytes.
pub(crate) fn be64(bytes: &[u8], offset: usize) -> u64 {
    u64::from_be_bytes(at(bytes, offset))
}

fn at<const N: usize>(bytes: &[u8], offset: usize) -> [u8; N] {
    let mut out = [0; N];
    let rest = bytes.get(offset..).unwrap_or_default();
    for (to, from) in out.iter_mut().zip(rest) {
        *to = *from;
    }
    out
}

impl Header {
    /// Reads a header from the first bytes of a file.
    pub fn parse(head: &[u8]) -> Result<Self, HeaderError> {
        if !head.starts_with(&MAGIC) {
            return Err(HeaderError::NotQcow2);
        }
        if head.len() < 8 {
            return Err(HeaderError::Truncated);
        }
        let version = be32(head, 4);
        let least = match version {
            2 => V2_LENGTH,
            3 => V3_LENGTH,
            other => return Err(HeaderError::Version(other)),
        };
        if head.len() < least {
            return Err(HeaderError::Truncated);
        }
        let mut header = Self {
            version,
            backing_offset: be64(head, 8),
            backing_length: be32(head, 16),
            cluster_bits: be32(head, 20),
            virtual_bytes: be64(head, 24),
            encryption: be32(head, 32),
            l1_entries: be32(head, 36),
            l1_offset: be64(head, 40),
            refcount_table_offset: be64(head, 48),
            refcount_table_clusters: be32(head, 56),
            snapshots: be32(head, 60),
            snapshots_offset: be64(head, 64),
            incompatible: 0,
            compatible: 0,
            autoclear: 0,
            refcount_order: 4,
            length: V2_LENGTH as u32,
            compression: 0,
        };
        if version == 3 {
            header.incompatible = be64(head, 72);
            header.compatible = be64(head, 80);
            header.autoclear = be64(head, 88);
            header.refcount_order = be32(head, 96);
            header.length = be32(head, 100);
            let length = header.length as usize;
            if length < V3_LENGTH || !length.is_multiple_of(8) {
                return Err(HeaderError::Length(header.length));
            }
            if head.len() < length {
                return Err(HeaderError::Truncated);
            }
            if length > V3_LENGTH {
                header.compression = head[V3_LENGTH];
            }
        }
        Ok(header)
    }

    /// Size of a cluster; `None` when the claimed size is outside of what the format allows (512 B to 2 MiB).
    pub fn cluster_bytes(&self) -> Option<u64> {
        (9..=21).contains(&self.cluster_bits).then(|| 1 << self.cluster_bits)
    }

    /// The header extensions, which stand between the header and the backing file's name (or the end of the first
    /// cluster). `head` is the file's beginning; an extension that reaches past it is an error.
    pub fn extensions<'a>(&self, head: &'a [u8]) -> Result<Vec<Extension<'a>>, HeaderError> {
        let cluster = self.cluster_bytes().unwrap_or(512);
        let end = match self.backing_offset {
            0 => cluster,
            offset => offset.min(cluster),
        };
        let end = usize::try_from(end).unwrap_or(usize::MAX);
        let mut found = Vec::new();
        let mut offset = self.length as usize;
        // A list without an end mark ends where its room ends.
        while offset.saturating_add(8) <= end {
            let start = offset + 8;
            if head.len() < start {
                return Err(HeaderError::Truncated);
            }
            let (kind, length) = (be32(head, offset), be32(head, offset + 4) as usize);
            if kind == 0 {
                break;
            }
            let stop = start.saturating_add(length);
            if stop > end {
                return Err(HeaderError::Truncated);
            }
            let data = head.get(start..stop).ok_or(HeaderError::Truncated)?;
            found.push(Extension { kind, data });
            offset = start.saturating_add(length.next_multiple_of(8));
        }
        Ok(found)
    }
}
