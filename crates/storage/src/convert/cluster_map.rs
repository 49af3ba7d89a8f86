//! Where the disk's clusters are in a qcow2 file, table by table. Everything in the file is a claim: what points nowhere sensible ends
//! the conversion.

use super::{ConvertError, damaged, failed, read};
use crate::qcow2::{Header, be64};
use std::fs::File;
use std::io;

const EXTENDED_L2: u64 = 1 << 4;
/// Bits of an entry of a table that are the offset.
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
/// The cluster reads as zeroes, whatever it has on the disk. Version 3, without extended entries.
const ZERO: u64 = 1;
/// An extended entry tells of so many parts of its cluster.
const PARTS: u64 = 32;
/// So many entries are told of at once.
const PART: usize = 1024;

/// A part of the disk, and where its bytes are. Lengths are those on the disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Cluster {
    /// Zeroes.
    Hole(u64),
    /// As they are.
    Data { offset: u64, length: u64 },
    /// Compressed, within so many bytes.
    Packed { offset: u64, packed: u64, unpacked: u64 },
}

/// See the head of this file.
pub(super) struct ClusterMap<'a> {
    file: &'a File,
    header: Header,
    /// Length of the file.
    length: u64,
    cluster: u64,
    /// Length of an entry of an L2 table.
    entry: u64,
    l1: Vec<u8>,
    next: usize,
    /// The L2 table that is being told of, and how far.
    table: Vec<u8>,
    at: usize,
    /// Of the disk, not told yet.
    left: u64,
    clusters: Vec<Cluster>,
}

impl<'a> ClusterMap<'a> {
    /// Over a file of this length whose header has been judged.
    pub(super) fn open(file: &'a File, header: Header, length: u64) -> Result<Self, ConvertError> {
        let cluster = header.cluster_bytes().ok_or_else(|| damaged("its clusters have no size"))?;
        let entry = if header.incompatible & EXTENDED_L2 == 0 { 8 } else { 16 };
        if entry == 16 && cluster / PARTS < 512 {
            return Err(damaged("its clusters are too small for the parts that it claims"));
        }
        let l1 = read(file, header.l1_offset, u64::from(header.l1_entries) * 8, length)?;
        Ok(Self {
            file,
            length,
            cluster,
            entry,
            l1,
            next: 0,
            table: Vec::new(),
            at: 0,
            left: header.virtual_bytes,
            header,
            clusters: Vec::new(),
        })
    }

    /// The next part of the disk, in order. `None` at the disk's end.
    pub(super) fn next_part(&mut self) -> Result<Option<&[Cluster]>, ConvertError> {
        self.clusters.clear();
        if self.at == self.table.len() {
            if self.left == 0 {
                return Ok(None);
            }
            self.next_table()?;
        }
        let entry = self.entry as usize;
        let end = self.table.len().min(self.at + PART * entry);
        while self.at < end {
            let (one, two) = (be64(&self.table, self.at), be64(&self.table, self.at + 8));
            match entry {
                8 => self.tell(one)?,
                _ => self.tell_parts(one, two)?,
            }
            self.at += entry;
        }
        Ok(Some(&self.clusters))
    }

    /// Reads the next L2 table, as much of it as the disk needs. Where there is none, tells so.
    fn next_table(&mut self) -> Result<(), ConvertError> {
        if self.next * 8 >= self.l1.len() {
            return Err(damaged("its L1 table is shorter than its disk"));
        }
        let offset = be64(&self.l1, self.next * 8) & OFFSET;
        self.next += 1;
        (self.table, self.at) = (Vec::new(), 0);
        let covered = (self.cluster / self.entry * self.cluster).min(self.left);
        self.left -= covered;
        if offset == 0 {
            self.hole(covered);
            return Ok(());
        }
        if !offset.is_multiple_of(self.cluster) {
            return Err(damaged("an L2 table lies between clusters"));
        }
        let wanted = covered.div_ceil(self.cluster) * self.entry;
        let table = read(self.file, offset, wanted, self.length)?;
        if table.len() as u64 != wanted {
            return Err(failed("reading its tables")(io::ErrorKind::UnexpectedEof.into()));
        }
        self.table = table;
        Ok(())
    }

    fn tell(&mut self, entry: u64) -> Result<(), ConvertError> {
        let offset = entry & OFFSET;
        if entry & COMPRESSED != 0 {
            return self.tell_packed(entry);
        }
        if entry & ZERO != 0 && self.header.version < 3 {
            return Err(damaged("a cluster is marked as zeroes, which its version cannot do"));
        }
        if entry & ZERO != 0 || offset == 0 {
            self.hole(self.cluster);
            return Ok(());
        }
        self.check_place(offset)?;
        self.clusters.push(Cluster::Data { offset, length: self.cluster });
        Ok(())
    }

    /// An entry whose cluster has 32 parts, each there, zeroes, or neither.
    fn tell_parts(&mut self, entry: u64, parts: u64) -> Result<(), ConvertError> {
        if entry & COMPRESSED != 0 {
            if parts != 0 {
                return Err(damaged("a compressed cluster has parts"));
            }
            return self.tell_packed(entry);
        }
        let (there, zeroes) = (parts as u32, (parts >> PARTS) as u32);
        if there & zeroes != 0 {
            return Err(damaged("a part of a cluster is there and zeroes as well"));
        }
        let offset = entry & OFFSET;
        if there != 0 {
            if offset == 0 {
                return Err(damaged("a part of a cluster is there, and the cluster is not"));
            }
            self.check_place(offset)?;
        }
        let part = self.cluster / PARTS;
        for number in 0..PARTS {
            if there >> number & 1 == 0 {
                self.hole(part);
            } else {
                let offset = offset + number * part;
                self.clusters.push(Cluster::Data { offset, length: part });
            }
        }
        Ok(())
    }

    fn tell_packed(&mut self, entry: u64) -> Result<(), ConvertError> {
        // The offset's bits and those of the number of further sectors share the entry, by the cluster's size.
        let bits = 62 - (self.header.cluster_bits - 8);
        let offset = entry & ((1 << bits) - 1);
        let sectors = ((entry & (COMPRESSED - 1)) >> bits) + 1;
        let packed = sectors * 512 - (offset % 512);
        if offset < self.cluster || offset >= self.length {
            return Err(damaged("a compressed cluster lies outside of it"));
        }
        self.clusters.push(Cluster::Packed { offset, packed, unpacked: self.cluster });
        Ok(())
    }

    fn check_place(&self, offset: u64) -> Result<(), ConvertError> {
        if !offset.is_multiple_of(self.cluster) || offset < self.cluster {
            return Err(damaged("a cluster lies on the header or between clusters"));
        }
        if offset >= self.length {
            return Err(ConvertError::Invalid(format!(
                "the qcow2 image is cut off: it has {} bytes, and a cluster lies past them. Upload it again, and compare its \
                 length first",
                self.length
            )));
        }
        Ok(())
    }

    fn hole(&mut self, length: u64) {
        match self.clusters.last_mut() {
            Some(Cluster::Hole(before)) => *before += length,
            Some(Cluster::Data { .. } | Cluster::Packed { .. }) | None => {
                self.clusters.push(Cluster::Hole(length));
            }
        }
    }
}
