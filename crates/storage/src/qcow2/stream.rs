//! A qcow2 file from its beginning to its end, for a disk whose runs of data are known before the first byte is written: tables first, then
//! the clusters in their order. Nothing that lies outside of the runs is in it.

use super::MAX_VIRTUAL_BYTES;
use super::overlay::{CLUSTER, head_of};

/// Entries of a second table, each for one cluster.
const L2_ENTRIES: u64 = CLUSTER / 8;
/// Clusters that one block of reference counts is for.
const COUNTED: u64 = CLUSTER / 2;
/// A cluster that is referred to once and may be written in place.
const COPIED: u64 = 1 << 63;

/// Where everything lies in the file.
#[derive(Debug)]
pub(crate) struct Layout {
    size: u64,
    /// Clusters of the disk that are in the file: the first of each run, and how many. In order, none touching another.
    runs: Vec<(u64, u64)>,
    table_clusters: u64,
    block_clusters: u64,
    l1_clusters: u64,
    /// Which second tables there are.
    l2: Vec<u64>,
    data_clusters: u64,
}

impl Layout {
    /// For a disk of `size` bytes whose data lies within `runs` (offset, length), which come in order. `None`: such a disk cannot be.
    pub(crate) fn new(size: u64, runs: impl IntoIterator<Item = (u64, u64)>) -> Option<Self> {
        if size == 0 || size > MAX_VIRTUAL_BYTES {
            return None;
        }
        let runs = whole_clusters(size, runs);
        let data_clusters: u64 = runs.iter().map(|(_, count)| count).sum();
        let mut l2: Vec<u64> = Vec::new();
        for (first, count) in &runs {
            let tables = first / L2_ENTRIES..=(first + count - 1) / L2_ENTRIES;
            l2.extend(tables.filter(|table| l2.last() != Some(table)).collect::<Vec<_>>());
        }
        let l1_clusters = size.div_ceil(CLUSTER * L2_ENTRIES).div_ceil(L2_ENTRIES);
        let fixed = 1 + l1_clusters + l2.len() as u64 + data_clusters;
        let (mut table_clusters, mut block_clusters) = (1_u64, 1_u64);
        // Counts are counted, too.
        loop {
            let all = fixed + table_clusters + block_clusters;
            let blocks = all.div_ceil(COUNTED);
            let tables = blocks.div_ceil(L2_ENTRIES);
            if (tables, blocks) == (table_clusters, block_clusters) {
                break;
            }
            (table_clusters, block_clusters) = (tables, blocks);
        }
        Some(Self { size, runs, table_clusters, block_clusters, l1_clusters, l2, data_clusters })
    }

    /// The disk's runs that follow the tables: offset and length within the disk. The last may lack the end of a cluster, which is zeros.
    pub(crate) fn data(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        self.runs.iter().map(|(first, count)| {
            let start = first * CLUSTER;
            (start, (count * CLUSTER).min(self.size - start))
        })
    }

    /// Zeros that a run of so many bytes needs behind it.
    pub(crate) fn padding(length: u64) -> u64 {
        length.next_multiple_of(CLUSTER) - length
    }

    fn l1_at(&self) -> u64 {
        1 + self.table_clusters + self.block_clusters
    }

    fn l2_at(&self) -> u64 {
        self.l1_at() + self.l1_clusters
    }

    fn data_at(&self) -> u64 {
        self.l2_at() + self.l2.len() as u64
    }

    fn all(&self) -> u64 {
        self.data_at() + self.data_clusters
    }

    /// The tables, cluster by cluster, from the file's first byte on.
    pub(crate) fn tables(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        let head = std::iter::once_with(|| {
            let l1_entries = self.size.div_ceil(CLUSTER * L2_ENTRIES);
            let (l1, counts) = (self.l1_at() * CLUSTER, self.table_clusters);
            padded(head_of(self.size.next_multiple_of(512), l1_entries, l1, counts))
        });
        let blocks_at = 1 + self.table_clusters;
        let table = (0..self.table_clusters).map(move |cluster| {
            let first = cluster * L2_ENTRIES;
            entries(|entry| {
                let block = first + entry;
                if block < self.block_clusters { (blocks_at + block) * CLUSTER } else { 0 }
            })
        });
        let blocks = (0..self.block_clusters).map(|block| {
            let used = (self.all() - block * COUNTED).min(COUNTED) as usize;
            padded(1u16.to_be_bytes().repeat(used))
        });
        let l1 = (0..self.l1_clusters).map(|cluster| {
            entries(|entry| match self.l2.binary_search(&(cluster * L2_ENTRIES + entry)) {
                Ok(at) => COPIED | ((self.l2_at() + at as u64) * CLUSTER),
                Err(_) => 0,
            })
        });
        head.chain(table).chain(blocks).chain(l1).chain(self.second_tables())
    }

    fn second_tables(&self) -> impl Iterator<Item = Vec<u8>> + '_ {
        let (mut run, mut passed) = (0, 0);
        self.l2.iter().map(move |table| {
            let first = table * L2_ENTRIES;
            let mut cluster = vec![0; CLUSTER as usize];
            while let Some((start, count)) = self.runs.get(run) {
                let end = (start + count).min(first + L2_ENTRIES);
                for of_disk in (*start).max(first)..end {
                    let of_file = self.data_at() + passed + (of_disk - start);
                    let at = ((of_disk - first) * 8) as usize;
                    let entry = COPIED | (of_file * CLUSTER);
                    cluster[at..at + 8].copy_from_slice(&entry.to_be_bytes());
                }
                if end < start + count {
                    break;
                }
                (run, passed) = (run + 1, passed + count);
            }
            cluster
        })
    }
}

/// Runs of whole clusters, those that touch made one.
fn whole_clusters(size: u64, runs: impl IntoIterator<Item = (u64, u64)>) -> Vec<(u64, u64)> {
    let mut whole: Vec<(u64, u64)> = Vec::new();
    for (offset, length) in runs {
        let end = offset.saturating_add(length).min(size).div_ceil(CLUSTER);
        let mut start = offset / CLUSTER;
        if let Some((first, count)) = whole.last_mut() {
            start = start.max(*first + *count);
            if start == *first + *count && start < end {
                *count += end - start;
                continue;
            }
        }
        if start < end {
            whole.push((start, end - start));
        }
    }
    whole
}

fn padded(mut bytes: Vec<u8>) -> Vec<u8> {
    bytes.resize(CLUSTER as usize, 0);
    bytes
}

fn entries(entry: impl Fn(u64) -> u64) -> Vec<u8> {
    (0..L2_ENTRIES).flat_map(|number| entry(number).to_be_bytes()).collect()
}

#[cfg(test)]
mod tests {
    use super::{CLUSTER, Layout, whole_clusters};
    use crate::qcow2::be64;

    #[test]
    fn runs_become_clusters() {
        let c = CLUSTER;
        assert_eq!(whole_clusters(10 * c, [(1, 1), (c - 1, 2), (5 * c, c)]), [(0, 2), (5, 1)]);
        assert_eq!(whole_clusters(3 * c - 5, [(2 * c, 99 * c)]), [(2, 1)]);
        assert_eq!(whole_clusters(c, []), []);
    }

    #[test]
    fn each_cluster_is_where_its_tables_say() {
        // Two second tables, a gap, and an end within a cluster.
        let size = 600 << 20 | 512;
        let runs = [(0, 3), (511 << 20, 2 << 20), (600 << 20, 512)];
        let layout = Layout::new(size, runs).unwrap();
        let tables: Vec<u8> = layout.tables().flatten().collect();
        assert_eq!(tables.len() as u64, layout.data_at() * CLUSTER);
        let at = |offset: u64| be64(&tables, offset as usize);
        let l1 = at(40);
        let find = |disk: u64| {
            let l2 = at(l1 + disk / (CLUSTER * 8192) * 8) & !super::COPIED;
            if l2 == 0 { 0 } else { at(l2 + disk / CLUSTER % 8192 * 8) & !super::COPIED }
        };
        let mut next = layout.data_at() * CLUSTER;
        for (start, length) in layout.data() {
            for disk in (start..start + length).step_by(CLUSTER as usize) {
                assert_eq!(find(disk), next, "{disk}");
                next += CLUSTER;
            }
        }
        assert_eq!(next, layout.all() * CLUSTER);
        assert_eq!((find(CLUSTER), find(520 << 20)), (0, 0));
        assert!(Layout::new(0, []).is_none() && Layout::new(u64::MAX, []).is_none());
    }
}
