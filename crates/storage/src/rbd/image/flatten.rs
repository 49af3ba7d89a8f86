//! A clone becomes an image of its own, and loses nothing on the way.
//!
//! Librbd's own way (seen in Ceph 16) passes over each object that the object map calls there, and then lets the parent go. The map is written
//! before the object: where a client died between the two, or lost its lock and began again, the map is wrong, and what the parent had there
//! reads as zeros from then on. A rebuilt map keeps the error, since "an object may be on its way". So objects are looked for where they are
//! stored, and those that are missing are made first.

use super::OpenImage;
use crate::rbd::error::{CephError, Doing};
use nix::errno::Errno;
use std::collections::BTreeSet;

/// Ceph is asked for data in ranges of this length.
const WINDOW: u64 = 4 << 30;
/// What is written again, so that Ceph copies the whole object from the parent.
const SECTOR: u64 = 512;

impl OpenImage {
    /// Copies what it still has in common with its parent, and lets the parent go. Ends with `Canceled` when `go_on`, which is told how much is
    /// done of how much, first of the search and then of the copying, says `false`; what was copied stays.
    pub fn flatten(&self, go_on: &mut dyn FnMut(u64, u64) -> bool) -> Result<(), CephError> {
        if self.parent()?.is_none() {
            return Ok(());
        }
        self.make_missing_objects(go_on)?;
        match self.handle.flatten(go_on) {
            // Somebody else was quicker.
            Err(Errno::EINVAL) if self.parent()?.is_none() => Ok(()),
            done => done.doing(|| format!("flatten {}", self.name)),
        }
    }

    /// Has every object that the parent has data for. Others may write meanwhile, and nothing that they write is lost.
    fn make_missing_objects(
        &self,
        go_on: &mut dyn FnMut(u64, u64) -> bool,
    ) -> Result<(), CephError> {
        let unit = self.handle.stripe_unit();
        let unit = unit.doing(|| format!("tell how {} is laid out", self.name))?.max(SECTOR);
        let size = self.size()?;
        for window in (0..size).step_by(WINDOW as usize) {
            let range = (window, WINDOW.min(size - window));
            for offset in self.missing(range, unit)? {
                if !go_on(offset, size) {
                    return Err(CephError::Canceled(format!("flatten {}", self.name)));
                }
                let mut there = vec![0; SECTOR.min(size - offset) as usize];
                self.read(offset, &mut there)?;
                // Whoever has written something else there has made the object.
                self.handle
                    .write_again(offset, &there)
                    .doing(|| format!("copy to {} what its parent has", self.name))?;
            }
        }
        self.flush()
    }

    /// A place in each stripe unit that has data of the parent and none of its own.
    fn missing(&self, range: (u64, u64), unit: u64) -> Result<Vec<u64>, CephError> {
        let units = |offset: u64, length: u64| offset / unit..=(offset + length - 1) / unit;
        let own = self.extents(None, range, true)?;
        let mut known: BTreeSet<u64> =
            own.iter().flat_map(|one| units(one.offset, one.length)).collect();
        let mut missing = Vec::new();
        for one in self.extents(None, range, false)?.iter().filter(|one| one.has_data) {
            for number in units(one.offset, one.length) {
                if known.insert(number) {
                    let offset = one.offset.max(number * unit);
                    missing.push(offset - offset % SECTOR);
                }
            }
        }
        Ok(missing)
    }
}
