//! Every kind of qcow2 that is taken in gives the bytes that QEMU reads from it.

use crate::fixture::{Bench, CAP, disk, run, sha512};
use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_storage::{ConvertError, FileOwner, to_raw};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

/// Ours and QEMU's have the same bytes, and those of the disk where it is given; holes are holes; QEMU's own comparison agrees.
fn is_same(bench: &Bench, name: &str, image: &Path, expected: Option<&[u8]>) {
    let (done, path) = bench.convert(image).unwrap_or_else(|error| panic!("{name}: {error}"));
    let ours = std::fs::read(&path).unwrap();
    let theirs = bench.by_qemu(image).unwrap();
    assert!(ours == theirs, "{name}: the bytes differ from QEMU's");
    if let Some(expected) = expected {
        assert!(ours == expected, "{name}: the bytes differ from the disk's");
    }
    assert_eq!(done.size, Bytes(ours.len() as u64), "{name}");
    assert_eq!(done.sha512, sha512(&ours), "{name}");
    let found = std::fs::metadata(&path).unwrap();
    assert_eq!(found.permissions().mode() & 0o7777, 0o644, "{name}");
    let allocated = found.blocks() * 512;
    assert!(allocated < 4 << 20, "{name}: {allocated} bytes are taken");
    assert!(done.written.0 < 4 << 20, "{name}: {} bytes were written", done.written.0);
    let mut compare = Command::new("qemu-img");
    run(compare.args(["compare", "-f", "qcow2", "-F", "raw"]).arg(image).arg(&path));
}

#[test]
fn every_cluster_size_and_version() {
    let Some(bench) = Bench::new() else { return };
    let disk = disk();
    for size in ["512", "1k", "4k", "64k", "256k", "2M"] {
        for version in ["compat=0.10", "compat=1.1", "compat=1.1,lazy_refcounts=on"] {
            let options = format!("{version},cluster_size={size}");
            let image = bench.qcow2("image", &options, false);
            is_same(&bench, &options, &image, Some(&disk));
        }
    }
}

#[test]
fn compressed_ones() {
    let Some(bench) = Bench::new() else { return };
    let disk = disk();
    for kind in ["zlib", "zstd"] {
        for size in ["512", "4k", "64k", "2M"] {
            let options = format!("compat=1.1,compression_type={kind},cluster_size={size}");
            let image = bench.qcow2("image", &options, true);
            is_same(&bench, &options, &image, Some(&disk));
        }
    }
    let image = bench.qcow2("image", "compat=0.10", true);
    is_same(&bench, "version 2, compressed", &image, Some(&disk));
}

#[test]
fn clusters_with_parts() {
    let Some(bench) = Bench::new() else { return };
    let disk = disk();
    for size in ["16k", "128k", "2M"] {
        let options = format!("compat=1.1,extended_l2=on,cluster_size={size}");
        for compressed in [false, true] {
            let image = bench.qcow2("image", &options, compressed);
            is_same(&bench, &options, &image, Some(&disk));
        }
        let image = bench.qcow2("image", &options, false);
        io(&image, &["write -z 1M 300k", "write -P 7 3145728 4k", "discard 9M 64k"]);
        is_same(&bench, &options, &image, None);
    }
}

#[test]
fn zeroed_and_discarded_clusters() {
    let Some(bench) = Bench::new() else { return };
    for version in ["compat=0.10", "compat=1.1"] {
        let image = bench.qcow2("image", version, false);
        io(&image, &["write -z 1M 128k", "write -z -u 1245184 64k", "discard 5M 1M"]);
        is_same(&bench, version, &image, None);
    }
    // Clusters that have a place and were never written.
    let image = bench.qcow2("image", "compat=1.1,preallocation=metadata", false);
    is_same(&bench, "preallocated", &image, Some(&disk()));
}

#[test]
fn snapshots_are_left_behind() {
    let Some(bench) = Bench::new() else { return };
    let image = bench.qcow2("image", "compat=1.1", false);
    for name in ["one", "two"] {
        let mut command = Command::new("qemu-img");
        let file = image.display();
        run(command.args([
            "snapshot",
            "--image-opts",
            "-c",
            name,
            &format!("driver=qcow2,file.filename={file}"),
        ]));
        io(&image, &["write -P 9 2M 256k", "write -P 8 6M 64k"]);
    }
    is_same(&bench, "snapshots", &image, None);
}

/// Lets QEMU write to the image.
fn io(image: &Path, commands: &[&str]) {
    let mut qemu = Command::new("qemu-io");
    qemu.args(["-f", "qcow2", "-d", "unmap"]);
    for command in commands {
        qemu.args(["-c", command]);
    }
    run(qemu.arg(image));
}

#[test]
fn a_disk_without_any_data_is_a_hole() {
    let Some(bench) = Bench::new() else { return };
    let image = bench.path("empty");
    let mut command = Command::new("qemu-img");
    run(command.args(["create", "-f", "qcow2"]).arg(&image).arg("3G"));
    let (done, path) = bench.convert(&image).unwrap();
    assert_eq!((done.size, done.written), (Bytes::from_gib(3), Bytes(0)));
    let found = std::fs::metadata(path).unwrap();
    assert_eq!((found.len(), found.blocks()), (3 << 30, 0));
}

#[test]
fn what_is_too_large_is_refused_before_a_byte_is_written() {
    let Some(bench) = Bench::new() else { return };
    let image = bench.path("bomb");
    for (size, word) in [("5G", "at most"), ("15T", "are free")] {
        let mut command = Command::new("qemu-img");
        command.args(["create", "-f", "qcow2", "-o", "cluster_size=2M"]);
        run(command.arg(&image).arg(size));
        let cap = if size == "5G" { CAP } else { Bytes(u64::MAX) };
        let to = bench.path("raw");
        let done = to_raw(&image, ImageFormat::Qcow2, &to, FileOwner::process(), cap);
        let error = done.unwrap_err();
        assert!(matches!(error, ConvertError::Exhausted(_)), "{error:?}");
        assert!(error.to_string().contains(word), "{error}");
        assert!(!to.exists());
    }
}

#[test]
fn a_name_that_is_taken_is_never_written_to() {
    let Some(bench) = Bench::new() else { return };
    let image = bench.qcow2("image", "compat=1.1", false);
    let to = bench.path("taken");
    std::fs::write(&to, b"somebody's").unwrap();
    let done = to_raw(&image, ImageFormat::Qcow2, &to, FileOwner::process(), CAP);
    assert!(matches!(done, Err(ConvertError::Unavailable { .. })), "{done:?}");
    assert_eq!(std::fs::read(&to).unwrap(), b"somebody's");
    let done = to_raw(&to, ImageFormat::Raw, &bench.path("x"), FileOwner::process(), CAP);
    assert!(matches!(done, Err(ConvertError::Unsupported(_))), "{done:?}");
    let link = bench.path("link");
    std::os::unix::fs::symlink(&image, &link).unwrap();
    let done = to_raw(&link, ImageFormat::Qcow2, &bench.path("x"), FileOwner::process(), CAP);
    assert!(matches!(done, Err(ConvertError::Unavailable { .. })), "{done:?}");
}
