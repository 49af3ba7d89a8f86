//! qcow2 images that are broken, or made to read other files, to use up memory, or to mean two things.

use crate::bytes::{
    CLUSTER, extended, filled, partitioned, patched, protective, put, qcow2, qcow2_version_2,
};
use crate::verdict::{Case, refused, run};
use hatchery_model::image::DiskFormat::{Qcow2, Raw};

/// A qcow2 image with other bytes at some offsets, which must be refused.
fn edited(name: &'static str, edits: &[(usize, &[u8])], words: &'static str) -> Case {
    refused(name, Qcow2, patched(qcow2(), edits), words)
}

/// A qcow2 image that names a backing file, written after the header.
fn backed(name: &'static str, path: &[u8]) -> Case {
    let header: Vec<u8> =
        [512u64.to_be_bytes().as_slice(), &(path.len() as u32).to_be_bytes()].concat();
    edited(name, &[(8, &header), (512, path)], "has a backing file")
}

#[test]
fn references_to_other_files_are_refused() {
    let mut version_2 = qcow2_version_2();
    put(&mut version_2, 14, &[2, 0, 0, 0, 0, 11]);
    put(&mut version_2, 512, b"/etc/passwd");
    run(vec![
        backed("an absolute path", b"/etc/passwd"),
        backed("a relative path", b"base.raw"),
        backed("json", br#"json:{"driver":"file","filename":"/etc/shadow"}"#),
        backed("nbd", b"nbd://127.0.0.1:10809/x"),
        backed("rbd", b"rbd:vms/other_disk"),
        backed("http", b"http://169.254.169.254/latest/user-data"),
        backed("no name, with an offset", b""),
        edited("a length without an offset", &[(19, &[9])], "has a backing file"),
        edited("an offset past the file", &[(8, &[0xff; 8])], "has a backing file"),
        refused("version 2", Qcow2, version_2, "has a backing file"),
        edited("a data file's bit", &[(79, &[4])], "in another file"),
        edited("a raw data file's bit", &[(95, &[2])], "in another file"),
        refused(
            "a data file's name alone",
            Qcow2,
            extended(0x4441_5441, b"/dev/sda"),
            "in another file",
        ),
        refused(
            "a data file with its name",
            Qcow2,
            patched(extended(0x4441_5441, b"x"), &[(79, &[4])]),
            "in another file",
        ),
        refused(
            "a backing file, declared raw",
            Raw,
            patched(qcow2(), &[(15, &[200]), (19, &[1])]),
            "disk_format qcow2",
        ),
    ]);
}

#[test]
fn features_that_are_not_known_are_refused() {
    let bit = |bit: u32| (1u64 << bit).to_be_bytes();
    run(vec![
        edited("corrupt", &[(79, &[2])], "marked as corrupt"),
        edited("bit 5", &[(72, &bit(5))], "bit 5"),
        edited("bit 7", &[(72, &bit(7))], "bit 7"),
        edited("bit 8", &[(72, &bit(8))], "bit 8"),
        edited("bit 40", &[(72, &bit(40))], "bit 40"),
        edited("bit 63", &[(72, &bit(63))], "bit 63"),
        edited("AES", &[(35, &[1])], "encrypted"),
        edited("LUKS within", &[(35, &[2])], "encrypted"),
        edited("an unknown cipher", &[(32, &[0xff; 4])], "encrypted"),
        refused("an encryption header", Qcow2, extended(0x0537_be77, &[0; 16]), "encrypted"),
        edited("zstd's bit without zstd", &[(79, &[8])], "compression"),
        edited("zstd without its bit", &[(104, &[1])], "compression"),
        edited("an unknown compression", &[(79, &[8]), (104, &[2])], "compression"),
        edited("version 0", &[(4, &[0, 0, 0, 0])], "version 0"),
        edited("version 1", &[(4, &[0, 0, 0, 1])], "version 1"),
        edited("version 4", &[(4, &[0, 0, 0, 4])], "version 4"),
        edited("version 2^32 - 1", &[(4, &[0xff; 4])], "version 4294967295"),
    ]);
}

#[test]
fn absurd_claims_are_refused() {
    run(vec![
        edited("clusters of 2^0", &[(23, &[0])], "clusters of 2^0"),
        edited("clusters of 2^8", &[(23, &[8])], "clusters of 2^8"),
        edited("clusters of 2^22", &[(23, &[22])], "clusters of 2^22"),
        edited("clusters of 2^63", &[(23, &[63])], "clusters of 2^63"),
        edited("clusters of 2^(2^32 - 1)", &[(20, &[0xff; 4])], "clusters of 2^4294967295"),
        edited("no disk", &[(24, &[0; 8])], "disk of 0 bytes"),
        edited("half a sector", &[(31, &[1])], "claims a disk of"),
        edited("16 TiB and a sector", &[(24, &((16u64 << 40) + 512).to_be_bytes())], "at most"),
        edited("2^62 bytes", &[(24, &(1u64 << 62).to_be_bytes())], "at most"),
        edited("2^64 - 512 bytes", &[(24, &(u64::MAX - 511).to_be_bytes())], "at most"),
    ]);
}

#[test]
fn absurd_tables_are_refused() {
    run(vec![
        edited("an L1 table of 2^32 - 1", &[(36, &[0xff; 4])], "L1 table of 4294967295"),
        edited("no L1 table", &[(36, &[0; 4])], "L1 table of 0"),
        edited(
            "an L1 table that is too short",
            &[(24, &(1u64 << 40).to_be_bytes())],
            "its disk needs 2048",
        ),
        edited("no refcount table", &[(59, &[0])], "refcount table of 0"),
        edited("a refcount table of 2^32 - 1", &[(56, &[0xff; 4])], "refcount table of 4294967295"),
        edited("refcounts of 2^7 bits", &[(99, &[7])], "wider than 64"),
        edited("refcounts of 2^(2^32 - 1) bits", &[(96, &[0xff; 4])], "wider than 64"),
    ]);
}

#[test]
fn absurd_snapshots_and_headers_are_refused() {
    let cluster = |number: u64| (number * CLUSTER as u64).to_be_bytes();
    run(vec![
        edited("65 snapshots", &[(63, &[65]), (64, &cluster(4))], "65 internal snapshots"),
        edited("2^32 - 1 snapshots", &[(60, &[0xff; 4])], "4294967295 internal snapshots"),
        edited("a snapshot past the end", &[(63, &[1]), (64, &cluster(4))], "cut off"),
        edited("snapshots on the L1 table", &[(63, &[1]), (64, &cluster(3))], "lies on"),
        edited("a header of 0 bytes", &[(100, &[0; 4])], "header of 0"),
        edited("a header of 103 bytes", &[(103, &[103])], "header of 103"),
        edited("a header of 2^32 - 8 bytes", &[(100, &[0xff, 0xff, 0xff, 0xf8])], "cut off within"),
        edited("a header of 1 KiB", &[(102, &[4, 0])], "longer than"),
    ]);
}

#[test]
fn tables_in_the_wrong_place_are_refused() {
    let cluster = |number: u64| (number * CLUSTER as u64).to_be_bytes();
    run(vec![
        edited("L1 on the header", &[(40, &[0; 8])], "lies on the header"),
        edited("refcounts on the header", &[(48, &[0; 8])], "lies on the header"),
        edited("L1 on the refcounts", &[(40, &cluster(1))], "lies on"),
        edited("L1 between clusters", &[(47, &[8])], "between clusters"),
        edited("refcounts between clusters", &[(55, &[1])], "between clusters"),
        edited("L1 past the file", &[(40, &cluster(4))], "cut off"),
        edited(
            "L1 past all files",
            &[(40, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0])],
            "past all files",
        ),
        edited("refcounts past the file", &[(48, &cluster(9))], "cut off"),
    ]);
}

#[test]
fn pointers_in_the_wrong_place_are_refused() {
    let cluster = |number: u64| (number * CLUSTER as u64).to_be_bytes();
    let l2 = |entry: u64| patched(qcow2(), &[(3 * CLUSTER, &entry.to_be_bytes())]);
    run(vec![
        refused("an L2 table past the file", Qcow2, l2((1 << 63) | (9 << 16)), "cut off"),
        refused("an L2 table at 2^55", Qcow2, l2((1 << 63) | (1 << 55)), "cut off"),
        refused(
            "an L2 table between clusters",
            Qcow2,
            l2((1 << 63) | (5 << 9)),
            "into the header or between",
        ),
        refused(
            "the header as an L2 table",
            Qcow2,
            l2((1 << 63) | 512),
            "into the header or between",
        ),
        edited("a refcount block past the file", &[(CLUSTER, &cluster(40))], "cut off"),
        edited(
            "a refcount block between clusters",
            &[(CLUSTER + 6, &[2])],
            "into the header or between",
        ),
    ]);
}

#[test]
fn images_that_are_cut_off_are_refused() {
    let cut = |name, mut image: Vec<u8>, length: usize| {
        image.truncate(length);
        refused(name, Qcow2, image, "cut off")
    };
    let endless = |name| refused(name, Qcow2, extended(1, &[]), "no end");
    run(vec![
        cut("before the L2 table's end", filled(), 5 * CLUSTER - 1),
        cut("before the L1 table", qcow2(), 3 * CLUSTER),
        cut("after the header", qcow2(), 600),
        cut("within the first sector", qcow2(), 300),
        cut("within the header", qcow2(), 50),
        cut("after the magic number", qcow2(), 4),
        endless("an extension without end").with_length(u32::MAX),
        endless("an extension past the cluster").with_length(65_500),
    ]);
}

#[test]
fn files_that_mean_two_things_are_refused() {
    let poly = |offset: usize, mark: &[u8]| patched(qcow2(), &[(offset, mark)]);
    let table = partitioned(&[protective()]);
    run(vec![
        refused("and an ISO", Qcow2, poly(32_769, b"CD001"), "ISO 9660"),
        refused("and an ISO, declared raw", Raw, poly(32_769, b"CD001"), "ISO 9660"),
        refused("and UDF", Qcow2, poly(32_769 + 2048, b"NSR02"), "ISO 9660 or UDF"),
        refused("and a GPT", Qcow2, poly(446, &table[446..512]), "boot signature"),
        refused("and LUKS", Qcow2, poly(0x4000, b"SKUL\xba\xbe"), "LUKS"),
        refused("and VDI", Qcow2, poly(0x40, &[0x7f, 0x10, 0xda, 0xbe]), "VDI"),
    ]);
}

impl Case {
    /// With another claimed length of the first header extension.
    fn with_length(mut self, length: u32) -> Self {
        put(&mut self.bytes, 116, &length.to_be_bytes());
        self
    }
}
