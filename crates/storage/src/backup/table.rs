//! Which block is where: entries of one length, by their place in the volume.

use crate::pool::hex;
use sha2::{Digest, Sha256};
use std::fs::File;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::Path;

const LENGTH: usize = 56;

/// A block that is not zeros.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Entry {
    /// Number of the block in the volume.
    pub(super) block: u64,
    /// Number of its source.
    pub(super) source: u32,
    /// Its bytes.
    pub(super) length: u32,
    /// Where they are in the source's data.
    pub(super) offset: u64,
    pub(super) sha256: [u8; 32],
}

impl Entry {
    fn encode(&self) -> [u8; LENGTH] {
        let mut bytes = [0; LENGTH];
        bytes[..8].copy_from_slice(&self.block.to_le_bytes());
        bytes[8..12].copy_from_slice(&self.source.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.length.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.offset.to_le_bytes());
        bytes[24..].copy_from_slice(&self.sha256);
        bytes
    }

    fn decode(bytes: &[u8; LENGTH]) -> Self {
        let long = |at: usize| {
            let mut eight = [0; 8];
            eight.copy_from_slice(&bytes[at..at + 8]);
            u64::from_le_bytes(eight)
        };
        let short = |at: usize| {
            let mut four = [0; 4];
            four.copy_from_slice(&bytes[at..at + 4]);
            u32::from_le_bytes(four)
        };
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(&bytes[24..]);
        Self { block: long(0), source: short(8), length: short(12), offset: long(16), sha256 }
    }
}

/// Writes a table.
pub(super) struct TableWriter {
    file: BufWriter<File>,
    digest: Sha256,
    entries: u64,
}

impl TableWriter {
    pub(super) fn new(file: File) -> Self {
        Self { file: BufWriter::new(file), digest: Sha256::new(), entries: 0 }
    }

    pub(super) fn push(&mut self, entry: &Entry) -> io::Result<()> {
        let bytes = entry.encode();
        self.digest.update(bytes);
        self.entries += 1;
        self.file.write_all(&bytes)
    }

    /// Makes it durable. Says how many entries it has, and its checksum.
    pub(super) fn seal(self) -> io::Result<(u64, String)> {
        let file = self.file.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        Ok((self.entries, hex(&self.digest.finalize())))
    }
}

/// Reads a table, from its first block to its last.
pub(super) struct TableReader {
    file: BufReader<File>,
    left: u64,
}

impl TableReader {
    /// `None` when it is not the one that was written. Reads it whole once before.
    pub(super) fn open(path: &Path, entries: u64, sha256: &str) -> io::Result<Option<Self>> {
        let mut file = File::open(path)?;
        if entries.checked_mul(LENGTH as u64) != Some(file.metadata()?.len()) {
            return Ok(None);
        }
        let mut digest = Sha256::new();
        let mut piece = vec![0; LENGTH * 4096];
        loop {
            match file.read(&mut piece)? {
                0 => break,
                read => digest.update(&piece[..read]),
            }
        }
        if hex(&digest.finalize()) != sha256 {
            return Ok(None);
        }
        Ok(Some(Self { file: BufReader::new(File::open(path)?), left: entries }))
    }

    pub(super) fn next(&mut self) -> io::Result<Option<Entry>> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        let mut bytes = [0; LENGTH];
        self.file.read_exact(&mut bytes)?;
        Ok(Some(Entry::decode(&bytes)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Entry, TableReader, TableWriter};
    use std::fs::{self, File};

    #[test]
    fn what_was_written_is_read_and_what_was_changed_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("blocks");
        let entry = |block: u64| Entry {
            block: u64::MAX - block,
            source: u32::MAX,
            length: 7,
            offset: 1 << 40,
            sha256: [9; 32],
        };
        let mut table = TableWriter::new(File::create(&path).unwrap());
        for block in 0..3 {
            table.push(&entry(block)).unwrap();
        }
        let (entries, sha256) = table.seal().unwrap();
        let mut read = TableReader::open(&path, entries, &sha256).unwrap().unwrap();
        for block in 0..3 {
            assert_eq!(read.next().unwrap(), Some(entry(block)));
        }
        assert_eq!(read.next().unwrap(), None);
        assert!(TableReader::open(&path, entries - 1, &sha256).unwrap().is_none());
        let mut bytes = fs::read(&path).unwrap();
        bytes[80] ^= 1;
        fs::write(&path, bytes).unwrap();
        assert!(TableReader::open(&path, entries, &sha256).unwrap().is_none());
    }
}
