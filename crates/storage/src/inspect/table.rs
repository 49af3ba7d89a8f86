//! A table of pointers within an image, checked while it passes by.

/// Bits of an entry that are the pointer.
const POINTER: u64 = 0x00ff_ffff_ffff_fe00;

/// Watches one table of big-endian 64-bit entries. Remembers no entry, only what they add up to.
#[derive(Debug)]
pub(super) struct TableWatch {
    offset: u64,
    end: u64,
    cluster: u64,
    /// An entry that arrives in pieces.
    entry: [u8; 8],
    filled: usize,
    /// End of the furthest cluster that an entry points to.
    pub(super) reach: u64,
    /// An entry points into the header or between clusters.
    pub(super) misplaced: bool,
}

impl TableWatch {
    /// A table of `entries` at `offset` in an image whose clusters are so large.
    pub(super) fn new(offset: u64, entries: u64, cluster: u64) -> Self {
        Self {
            offset,
            end: offset.saturating_add(entries.saturating_mul(8)),
            cluster,
            entry: [0; 8],
            filled: 0,
            reach: 0,
            misplaced: false,
        }
    }

    /// First byte.
    pub(super) const fn start(&self) -> u64 {
        self.offset
    }

    /// First byte after the table.
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    /// Takes the bytes that stand at `position` in the image.
    pub(super) fn feed(&mut self, position: u64, bytes: &[u8]) {
        let stop = position.saturating_add(bytes.len() as u64);
        let (from, to) = (self.offset.max(position), self.end.min(stop));
        if from >= to {
            return;
        }
        // Both differences are at most the slice's length.
        let (start, stop) = ((from - position) as usize, (to - position) as usize);
        for byte in &bytes[start..stop] {
            self.entry[self.filled] = *byte;
            self.filled += 1;
            if self.filled == 8 {
                self.filled = 0;
                self.judge(u64::from_be_bytes(self.entry));
            }
        }
    }

    fn judge(&mut self, entry: u64) {
        let pointer = entry & POINTER;
        if pointer == 0 {
            return;
        }
        if pointer < self.cluster || !pointer.is_multiple_of(self.cluster) {
            self.misplaced = true;
        }
        self.reach = self.reach.max(pointer.saturating_add(self.cluster));
    }
}
