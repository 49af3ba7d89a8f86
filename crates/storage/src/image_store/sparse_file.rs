//! A file that is written once from the front, leaves runs of zeroes as holes, and keeps its dirty memory bounded.

use crate::ffi::{await_writeback, start_writeback};
use nix::errno::Errno;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A run of zeroes of this length, aligned, is not written.
const GRAIN: usize = 64 << 10;
static ZEROES: [u8; GRAIN] = [0; GRAIN];
/// Writeback is started after so many bytes, and waited for one window later.
const WINDOW: u64 = 32 << 20;

/// See the head of this file.
#[derive(Debug)]
pub(crate) struct SparseFile {
    file: File,
    position: u64,
    /// Bytes written, holes not counted.
    written: u64,
    /// Everything before is under writeback.
    started: u64,
}

impl SparseFile {
    /// Over an empty file that is open for writing.
    pub(crate) const fn new(file: File) -> Self {
        Self { file, position: 0, written: 0, started: 0 }
    }

    /// The same, of a length that is known before: XFS takes room ahead of a file that grows, and keeps it where the file grows over it.
    pub(crate) fn of_length(file: File, length: u64) -> io::Result<Self> {
        file.set_len(length)?;
        Ok(Self::new(file))
    }

    /// Appends bytes.
    pub(crate) fn append(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            // Up to the next boundary, so that the grains are aligned in the file whatever the pieces are.
            let within = (self.position % GRAIN as u64) as usize;
            let (grain, rest) = bytes.split_at(bytes.len().min(GRAIN - within));
            if *grain != ZEROES[..grain.len()] {
                self.file.write_all_at(grain, self.position)?;
                self.written += grain.len() as u64;
            }
            self.position += grain.len() as u64;
            bytes = rest;
        }
        if self.position - self.started >= WINDOW {
            self.write_back()?;
        }
        Ok(())
    }

    /// Appends zeroes, as a hole.
    pub(crate) fn skip(&mut self, length: u64) -> io::Result<()> {
        self.position += length;
        if self.position - self.started >= WINDOW {
            self.write_back()?;
        }
        Ok(())
    }

    fn write_back(&mut self) -> io::Result<()> {
        let length = self.position - self.started;
        let mut asked = start_writeback(&self.file, self.started, length);
        if let Some(before) = self.started.checked_sub(WINDOW) {
            asked = asked.and_then(|()| await_writeback(&self.file, before, WINDOW));
        }
        self.started = self.position;
        match asked {
            Err(error) if is_lost(&error) => Err(error),
            // A filesystem that does not take the advice writes back in its own time; `seal` waits for all of it.
            Ok(()) | Err(_) => Ok(()),
        }
    }

    /// Ends the file at its length and makes it durable, after `last` has set what else there is to set.
    pub(crate) fn seal(self, last: impl FnOnce(&File) -> io::Result<()>) -> io::Result<u64> {
        self.file.set_len(self.position)?;
        last(&self.file)?;
        self.file.sync_all()?;
        Ok(self.written)
    }
}

/// Whether bytes did not reach the disk.
fn is_lost(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error().map(Errno::from_raw),
        Some(Errno::EIO | Errno::ENOSPC | Errno::EDQUOT)
    )
}

#[cfg(test)]
mod tests {
    use super::SparseFile;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn zeroes_are_holes_and_the_bytes_are_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut bytes = vec![0; 3 << 20];
        bytes[1 << 20..(1 << 20) + 5].copy_from_slice(b"hello");
        let mut file = SparseFile::new(std::fs::File::create(&path).unwrap());
        for chunk in bytes.chunks(100_003) {
            file.append(chunk).unwrap();
        }
        let written = file.seal(|_| Ok(())).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), bytes);
        assert!(written <= 128 << 10, "{written}");
        let blocks = std::fs::metadata(&path).unwrap().blocks();
        assert!(blocks * 512 < 1 << 20, "{blocks} blocks");
    }
}
