//! qcow2 images that are taken: ours, and QEMU's own of every kind.

use crate::bytes::{CLUSTER, SIZE, extended, filled, patched, put, qcow2, qcow2_version_2};
use crate::verdict::{inspect, run, taken};
use hatchery_model::image::DiskFormat::Qcow2;
use std::path::Path;
use std::process::Command;

/// With the largest disk that is taken, and an L1 table for it.
fn largest() -> Vec<u8> {
    let entries = 32_768u32;
    let size = (16u64 << 40).to_be_bytes();
    let mut image = patched(qcow2(), &[(24, &size), (36, &entries.to_be_bytes())]);
    put(&mut image, 3 * CLUSTER + 8 * entries as usize - 1, &[0]);
    image
}

#[test]
fn images_that_stand_on_their_own_are_taken() {
    run(vec![
        taken("version 3", Qcow2, qcow2(), SIZE),
        taken("version 2", Qcow2, qcow2_version_2(), SIZE),
        taken("with data", Qcow2, filled(), SIZE),
        taken("16 TiB", Qcow2, largest(), 16 << 40),
        taken("dirty", Qcow2, patched(qcow2(), &[(79, &[1])]), SIZE),
        taken("zstd", Qcow2, patched(qcow2(), &[(79, &[8]), (104, &[1])]), SIZE),
        taken("extended L2", Qcow2, patched(qcow2(), &[(79, &[16])]), SIZE),
        taken("lazy refcounts", Qcow2, patched(qcow2(), &[(87, &[1])]), SIZE),
        taken("a feature that one may ignore", Qcow2, patched(qcow2(), &[(80, &[0x80])]), SIZE),
        taken("bitmaps", Qcow2, patched(qcow2(), &[(95, &[1])]), SIZE),
        taken("names of features", Qcow2, extended(0x6803_f857, &[0; 48 * 8]), SIZE),
        taken("an extension nobody knows", Qcow2, extended(0x1234_5678, b"hello"), SIZE),
        taken("a header of 104 bytes", Qcow2, patched(qcow2(), &[(103, &[104])]), SIZE),
        taken(
            "two snapshots",
            Qcow2,
            patched(
                qcow2(),
                &[
                    (63, &[2]),
                    (64, &(4u64 * CLUSTER as u64).to_be_bytes()),
                    (4 * CLUSTER, &[0; 80]),
                ],
            ),
            SIZE,
        ),
    ]);
}

/// Makes an image with QEMU's tool and reads it; `None` when the tool is missing.
fn made_by_qemu(folder: &Path, options: &str, compress: bool) -> Option<Vec<u8>> {
    let (raw, image) = (folder.join("raw"), folder.join("image"));
    let mut content = vec![0; 3 << 20];
    for (index, byte) in content.iter_mut().enumerate().skip(1 << 20) {
        *byte = (index / 512) as u8;
    }
    std::fs::write(&raw, content).unwrap();
    let mut command = Command::new("qemu-img");
    command.args(["convert", "-f", "raw", "-O", "qcow2", "-o", options]);
    if compress {
        command.arg("-c");
    }
    let output = command.arg(&raw).arg(&image).output().ok()?;
    assert!(output.status.success(), "{options}: {}", String::from_utf8_lossy(&output.stderr));
    Some(std::fs::read(&image).unwrap())
}

#[test]
fn what_qemu_makes_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    for (options, compress) in [
        ("compat=0.10", false),
        ("compat=0.10", true),
        ("compat=1.1", false),
        ("compat=1.1,compression_type=zlib", true),
        ("compat=1.1,compression_type=zstd", true),
        ("extended_l2=on", false),
        ("lazy_refcounts=on", false),
        ("refcount_bits=1", false),
        ("refcount_bits=64", false),
        ("cluster_size=512", false),
        ("cluster_size=4096", true),
        ("cluster_size=2097152", false),
        ("preallocation=metadata", false),
        ("preallocation=full", false),
    ] {
        let Some(image) = made_by_qemu(folder.path(), options, compress) else {
            return eprintln!("SKIPPED: qemu-img is not installed");
        };
        let found = inspect(Qcow2, &image, &[65_536]);
        let found = found.unwrap_or_else(|refusal| panic!("{options}: {refusal}"));
        assert_eq!(found.virtual_bytes.0, 3 << 20, "{options}");
        // Cut off behind its tables' first byte at the latest.
        let cut = &image[..image.len().min(CLUSTER).min(1000)];
        assert!(inspect(Qcow2, cut, &[512]).is_err(), "{options}");
    }
}
