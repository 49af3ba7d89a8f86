//! Reads a volume through all that it lies on. Which files these are and what format they have comes from our records; what a file's tables
//! claim is checked before it is followed.

use crate::convert::Decompressor;
use crate::qcow2::{Header, be64};
use hatchery_model::disk::BlockSource;
use hatchery_model::image::ImageFormat;
use nix::errno::Errno;
use nix::unistd::{Whence, lseek};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;

const EXTENDED_L2: u64 = 1 << 4;
const OFFSET: u64 = 0x00ff_ffff_ffff_fe00;
const COMPRESSED: u64 = 1 << 62;
const ZERO: u64 = 1;
/// An extended entry tells of so many parts of its cluster.
const PARTS: u64 = 32;
/// Data is told of in runs of at most this length.
const RUN: u64 = 1 << 20;

/// The file that is written to first, then what it lies on.
pub(super) struct Chain {
    layers: Vec<Layer>,
}

struct Layer {
    file: File,
    length: u64,
    size: u64,
    tables: Option<Tables>,
}

struct Tables {
    header: Header,
    cluster: u64,
    entry: u64,
    l1: Vec<u8>,
    /// The last table that was read, by its place in the first one.
    l2: Option<(u64, Vec<u8>)>,
    decompressor: Decompressor,
}

/// What a layer has at a place.
enum Place {
    /// The layer below tells.
    Below,
    Zeroes,
    At(u64),
    Packed {
        offset: u64,
        packed: u64,
        within: u64,
    },
}

fn damaged(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("a volume's file is damaged: {what}"))
}

impl Chain {
    pub(super) fn open(source: &BlockSource) -> io::Result<Self> {
        let mut layers = Vec::new();
        let mut next = Some(source);
        while let Some(source) = next {
            let path = source.path().ok_or_else(|| damaged("it is no file"))?;
            layers.push(Layer::open(File::open(path)?, source.format())?);
            next = source.backing();
        }
        Ok(Self { layers })
    }

    /// Size of the disk.
    pub(super) fn size(&self) -> u64 {
        self.layers.first().map_or(0, |layer| layer.size)
    }

    /// Of one open file that lies on nothing.
    pub(super) fn of(file: File, format: ImageFormat) -> io::Result<Self> {
        Ok(Self { layers: vec![Layer::open(file, format)?] })
    }

    /// Fills `to` with what is at `offset`. Past the end are zeroes.
    pub(super) fn read(&mut self, mut offset: u64, mut to: &mut [u8]) -> io::Result<()> {
        while !to.is_empty() {
            let length = self.read_some(0, offset, to)?;
            offset += length as u64;
            to = &mut to[length..];
        }
        Ok(())
    }

    fn read_some(&mut self, at: usize, offset: u64, to: &mut [u8]) -> io::Result<usize> {
        let Some(layer) = self.layers.get_mut(at) else {
            to.fill(0);
            return Ok(to.len());
        };
        let (place, run) = layer.place(offset)?;
        let length = usize::try_from(run).unwrap_or(usize::MAX).min(to.len());
        let to = &mut to[..length];
        match place {
            Place::Below => return self.read_some(at + 1, offset, to),
            Place::Zeroes => to.fill(0),
            Place::At(from) => read_at(&layer.file, from, to)?,
            Place::Packed { offset: from, packed, within } => {
                let unpacked = layer.unpack(from, packed)?;
                let start = usize::try_from(within).unwrap_or(usize::MAX);
                let part = unpacked.get(start..start.saturating_add(length));
                to.copy_from_slice(part.ok_or_else(|| damaged("a packed cluster is too short"))?);
            }
        }
        Ok(length)
    }

    /// The next run before `size` that may hold other bytes than zeroes.
    pub(super) fn next_data(&mut self, from: u64, size: u64) -> io::Result<Option<(u64, u64)>> {
        let (mut start, mut end) = (from, from);
        while end < size && end - start < RUN {
            let (is_data, run) = self.extent(0, end)?;
            let run = run.min(size - end);
            match (is_data, end > start) {
                (true, _) => end += run,
                (false, true) => break,
                (false, false) => (start, end) = (end + run, end + run),
            }
        }
        Ok((end > start).then(|| (start, (end - start).min(RUN))))
    }

    fn extent(&mut self, at: usize, offset: u64) -> io::Result<(bool, u64)> {
        let Some(layer) = self.layers.get_mut(at) else {
            return Ok((false, u64::MAX - offset));
        };
        let (place, run) = layer.place(offset)?;
        match place {
            Place::Below => {
                let (is_data, below) = self.extent(at + 1, offset)?;
                Ok((is_data, run.min(below)))
            }
            Place::Zeroes => Ok((false, run)),
            Place::At(_) | Place::Packed { .. } => Ok((true, run)),
        }
    }
}

/// Past the end of the file are zeroes.
fn read_at(file: &File, mut offset: u64, mut to: &mut [u8]) -> io::Result<()> {
    while !to.is_empty() {
        let length = file.read_at(to, offset)?;
        if length == 0 {
            to.fill(0);
            return Ok(());
        }
        offset += length as u64;
        to = &mut to[length..];
    }
    Ok(())
}

impl Layer {
    fn open(file: File, format: ImageFormat) -> io::Result<Self> {
        let length = file.metadata()?.len();
        if format == ImageFormat::Raw {
            return Ok(Self { file, length, size: length, tables: None });
        }
        let mut head = Vec::new();
        (&file).take(4096).read_to_end(&mut head)?;
        let header = Header::parse(&head).map_err(|error| damaged(&error.to_string()))?;
        let cluster = header.cluster_bytes().ok_or_else(|| damaged("its clusters have no size"))?;
        let entry = if header.incompatible & EXTENDED_L2 == 0 { 8 } else { 16 };
        let mut l1 = vec![0; (header.l1_entries as usize).min(4 << 20) * 8];
        read_at(&file, header.l1_offset, &mut l1)?;
        let decompressor = Decompressor::new(header.compression);
        let size = header.virtual_bytes;
        let tables = Some(Tables { header, cluster, entry, l1, l2: None, decompressor });
        Ok(Self { file, length, size, tables })
    }

    /// What is at a place, and for how many bytes this holds.
    fn place(&mut self, offset: u64) -> io::Result<(Place, u64)> {
        if offset >= self.size {
            return Ok((Place::Zeroes, u64::MAX - offset));
        }
        let left = self.size - offset;
        let (place, run) = match &mut self.tables {
            None => raw_place(&self.file, offset, left)?,
            Some(tables) => tables.place(&self.file, offset)?,
        };
        match place {
            Place::At(from) if self.tables.is_some() && from >= self.length => {
                Err(damaged("a cluster lies past its end"))
            }
            Place::Below | Place::Zeroes | Place::At(_) | Place::Packed { .. } => {
                Ok((place, run.min(left)))
            }
        }
    }

    fn unpack(&mut self, offset: u64, packed: u64) -> io::Result<Vec<u8>> {
        let Some(tables) = &mut self.tables else { return Err(damaged("a raw file is packed")) };
        let mut bytes = vec![0; packed.min(4 << 20) as usize];
        read_at(&self.file, offset, &mut bytes)?;
        Ok(tables.decompressor.unpack(&bytes, tables.cluster)?)
    }
}

fn raw_place(file: &File, offset: u64, left: u64) -> io::Result<(Place, u64)> {
    let seek = |whence| {
        let from = i64::try_from(offset).unwrap_or(i64::MAX);
        match lseek(file, from, whence) {
            Ok(found) => Ok(Some(u64::try_from(found).unwrap_or_default().saturating_sub(offset))),
            // Nothing but a hole up to the end.
            Err(Errno::ENXIO) => Ok(Some(left)),
            // A filesystem that knows of no holes.
            Err(Errno::EINVAL | Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::ENOTTY) => Ok(None),
            Err(errno) => Err(io::Error::from(errno)),
        }
    };
    Ok(match seek(Whence::SeekData)? {
        None => (Place::At(offset), left),
        Some(0) => (Place::At(offset), seek(Whence::SeekHole)?.map_or(left, |run| run.max(1))),
        Some(hole) => (Place::Zeroes, hole),
    })
}

impl Tables {
    fn place(&mut self, file: &File, offset: u64) -> io::Result<(Place, u64)> {
        let per_table = self.cluster / self.entry;
        let covered = per_table * self.cluster;
        let (number, within) = (offset / covered, offset % covered);
        let l1_at = usize::try_from(number * 8).unwrap_or(usize::MAX);
        if l1_at >= self.l1.len() {
            return Err(damaged("its first table is shorter than its disk"));
        }
        let table = be64(&self.l1, l1_at) & OFFSET;
        if table == 0 {
            return Ok((Place::Below, covered - within));
        }
        if self.l2.as_ref().is_none_or(|(read, _)| *read != number) {
            let mut bytes = vec![0; self.cluster as usize];
            read_at(file, table, &mut bytes)?;
            self.l2 = Some((number, bytes));
        }
        let l2 = self.l2.as_ref().map_or(&[][..], |(_, bytes)| bytes);
        let entry_at = ((within / self.cluster) * self.entry) as usize;
        let (one, parts) = (be64(l2, entry_at), be64(l2, entry_at + 8));
        Ok(self.entry_place(one, parts, offset % self.cluster))
    }

    fn entry_place(&self, entry: u64, parts: u64, within: u64) -> (Place, u64) {
        let at = entry & OFFSET;
        if entry & COMPRESSED != 0 {
            let bits = 62 - (self.header.cluster_bits - 8);
            let offset = entry & ((1 << bits) - 1);
            let sectors = ((entry & (COMPRESSED - 1)) >> bits) + 1;
            let packed = sectors * 512 - (offset % 512);
            return (Place::Packed { offset, packed, within }, self.cluster - within);
        }
        if self.entry == 16 {
            let part = (self.cluster / PARTS).max(1);
            let (number, run) = (within / part, part - within % part);
            return match ((parts >> number) & 1, (parts >> (PARTS + number)) & 1) {
                (1, _) => (Place::At(at + within), run),
                (_, 1) => (Place::Zeroes, run),
                _ => (Place::Below, run),
            };
        }
        let run = self.cluster - within;
        match (entry & ZERO != 0 && self.header.version >= 3, at) {
            (true, _) => (Place::Zeroes, run),
            (false, 0) => (Place::Below, run),
            (false, at) => (Place::At(at + within), run),
        }
    }
}
