//! Images to upload.

const CLUSTER: usize = 64 << 10;

/// A qcow2 image of version 3 that holds this disk, whose length must be of whole clusters of 64 KiB, at most 8192 of them. A cluster of
/// zeroes takes no room in it.
pub fn qcow2_of(disk: &[u8]) -> Vec<u8> {
    assert!(!disk.is_empty() && disk.len().is_multiple_of(CLUSTER) && disk.len() / CLUSTER <= 8192);
    // Clusters: header, refcount table, refcount block, L1 table, L2 table, data.
    let (mut l2, mut data): (Vec<u8>, Vec<u8>) = (Vec::new(), Vec::new());
    for cluster in disk.chunks(CLUSTER) {
        let is_hole = cluster.iter().all(|byte| *byte == 0);
        let place = if is_hole { 0 } else { 5 * CLUSTER + data.len() };
        let used = if is_hole { 0 } else { 1 << 63 };
        l2.extend((place as u64 | used).to_be_bytes());
        if !is_hole {
            data.extend(cluster);
        }
    }
    let mut header = b"QFI\xfb".to_vec();
    header.extend(3_u32.to_be_bytes());
    header.extend([0; 12]);
    header.extend(16_u32.to_be_bytes());
    header.extend((disk.len() as u64).to_be_bytes());
    header.extend([0; 4]);
    header.extend(1_u32.to_be_bytes());
    header.extend((3 * CLUSTER as u64).to_be_bytes());
    header.extend((CLUSTER as u64).to_be_bytes());
    header.extend(1_u32.to_be_bytes());
    header.extend([0; 4 + 8 + 24]);
    header.extend(4_u32.to_be_bytes());
    header.extend(104_u32.to_be_bytes());
    let counts = (0..5 + data.len() / CLUSTER).flat_map(|_| 1_u16.to_be_bytes()).collect();
    let table = (2 * CLUSTER as u64).to_be_bytes().to_vec();
    let l1 = ((4 * CLUSTER as u64) | (1 << 63)).to_be_bytes().to_vec();
    let mut image = Vec::new();
    for mut part in [header, table, counts, l1, l2] {
        part.resize(CLUSTER, 0);
        image.extend(part);
    }
    image.extend(data);
    image
}
