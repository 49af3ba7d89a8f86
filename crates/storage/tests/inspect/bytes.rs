//! Images built byte by byte.

/// Cluster of the images built here.
pub const CLUSTER: usize = 65_536;
/// Size of the disk in them.
pub const SIZE: u64 = 4 << 20;

/// Puts bytes at an offset, lengthening the image with zeroes.
pub fn put(image: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    if image.len() < offset + bytes.len() {
        image.resize(offset + bytes.len(), 0);
    }
    image[offset..offset + bytes.len()].copy_from_slice(bytes);
}

/// An empty qcow2 image of version 3, as `qemu-img create` lays it out.
pub fn qcow2() -> Vec<u8> {
    let mut image = vec![0; 4 * CLUSTER];
    put(&mut image, 0, b"QFI\xfb\0\0\0\x03");
    put(&mut image, 20, &16u32.to_be_bytes());
    put(&mut image, 24, &SIZE.to_be_bytes());
    put(&mut image, 36, &1u32.to_be_bytes());
    put(&mut image, 40, &(3 * CLUSTER as u64).to_be_bytes());
    put(&mut image, 48, &(CLUSTER as u64).to_be_bytes());
    put(&mut image, 56, &1u32.to_be_bytes());
    put(&mut image, 96, &4u32.to_be_bytes());
    put(&mut image, 100, &112u32.to_be_bytes());
    put(&mut image, CLUSTER, &(2 * CLUSTER as u64).to_be_bytes());
    put(&mut image, 2 * CLUSTER, &[0, 1, 0, 1, 0, 1, 0, 1]);
    image
}

/// The same of version 2: no feature bits, a header of 72 bytes.
pub fn qcow2_version_2() -> Vec<u8> {
    let mut image = qcow2();
    put(&mut image, 4, &2u32.to_be_bytes());
    put(&mut image, 72, &[0; 40]);
    image
}

/// With other bytes at some offsets.
pub fn patched(mut image: Vec<u8>, edits: &[(usize, &[u8])]) -> Vec<u8> {
    for (offset, bytes) in edits {
        put(&mut image, *offset, bytes);
    }
    image
}

/// With a header extension after the header.
pub fn extended(kind: u32, data: &[u8]) -> Vec<u8> {
    let mut image = qcow2();
    put(&mut image, 112, &kind.to_be_bytes());
    put(&mut image, 116, &(data.len() as u32).to_be_bytes());
    put(&mut image, 120, data);
    image
}

/// With one L2 table and one cluster of data.
pub fn filled() -> Vec<u8> {
    let mut image = qcow2();
    put(&mut image, 3 * CLUSTER, &((1 << 63) | (4 * CLUSTER as u64)).to_be_bytes());
    put(&mut image, 4 * CLUSTER, &((1 << 63) | (5 * CLUSTER as u64)).to_be_bytes());
    put(&mut image, 5 * CLUSTER, &[0xaa; CLUSTER]);
    put(&mut image, 2 * CLUSTER + 8, &[0, 1, 0, 1]);
    image
}

/// A raw disk with a boot signature and the given partition entries.
pub fn partitioned(entries: &[[u8; 16]]) -> Vec<u8> {
    let mut image = vec![0; 1 << 20];
    for (index, entry) in entries.iter().enumerate() {
        put(&mut image, 446 + 16 * index, entry);
    }
    put(&mut image, 510, &[0x55, 0xaa]);
    image
}

/// A partition entry: flag, start as heads and sectors, kind, first sector.
pub fn partition(flag: u8, start: [u8; 3], kind: u8, first: u32) -> [u8; 16] {
    let mut entry = [0; 16];
    entry[0] = flag;
    entry[1..4].copy_from_slice(&start);
    entry[4] = kind;
    entry[8..12].copy_from_slice(&first.to_le_bytes());
    entry[12..16].copy_from_slice(&2047u32.to_le_bytes());
    entry
}

/// The entry that protects a GPT.
pub fn protective() -> [u8; 16] {
    partition(0, [0, 2, 0], 0xee, 1)
}
