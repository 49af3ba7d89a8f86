//! Overlays as QEMU's own tool sees them.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_storage::FileOwner;
use hatchery_storage::qcow2::{Overlay, read_overlay, write_overlay};
use std::path::Path;
use std::process::Command;

/// Runs `qemu-img`, or says loudly that it is missing.
fn qemu_img(arguments: &[&str]) -> Option<serde_json::Value> {
    let output = match Command::new("qemu-img").args(arguments).output() {
        Err(_) => {
            eprintln!("SKIPPED: qemu-img is not installed, so nobody else looks at our overlays");
            return None;
        }
        Ok(output) => output,
    };
    assert!(
        output.status.success(),
        "qemu-img {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Some(serde_json::from_slice(&output.stdout).unwrap_or_default())
}

fn overlay(base: &Path, format: ImageFormat, size: u64) -> Overlay {
    Overlay {
        backing: base.to_owned(),
        backing_format: format,
        size: Bytes(size),
        note: b"a note".to_vec(),
    }
}

#[test]
fn qemu_finds_nothing_wrong_from_1_mib_to_16_tib() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path().join("base");
    std::fs::write(&base, [7; 1 << 20]).unwrap();
    let sizes = [
        1 << 20,
        (1 << 20) + 512,
        512 << 20,
        (512 << 20) + 512,
        1 << 30,
        10 << 30,
        (4 << 40) - 512,
        4 << 40,
        (4 << 40) + 512,
        8 << 40,
        16 << 40,
    ];
    for size in sizes {
        let path = folder.path().join("disk");
        let made = overlay(&base, ImageFormat::Raw, size);
        write_overlay(&path, &made, FileOwner::process()).unwrap();
        assert_eq!(read_overlay(&path).unwrap(), Some(made));
        let path = path.to_str().unwrap();
        let Some(check) = qemu_img(&["check", "-f", "qcow2", "--output=json", path]) else {
            return;
        };
        assert_eq!(check["check-errors"], 0, "{size}: {check}");
        assert_eq!(check.get("leaks"), None, "{size}: {check}");
        let info = qemu_img(&["info", "-f", "qcow2", "--output=json", path]).unwrap();
        assert_eq!(info["virtual-size"], size);
        assert_eq!(info["backing-filename"], base.to_str().unwrap());
        assert_eq!(info["backing-filename-format"], "raw");
        assert_eq!(info["cluster-size"], 65536);
        assert_eq!(info["format-specific"]["data"]["compat"], "1.1");
        assert!(info["actual-size"].as_u64().unwrap() <= 64 << 10, "{info}");
    }
}

#[test]
fn what_qemu_writes_and_rewrites_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let (base, path) = (folder.path().join("base"), folder.path().join("disk"));
    std::fs::write(&base, [7; 1 << 20]).unwrap();
    let made = overlay(&base, ImageFormat::Raw, 64 << 20);
    write_overlay(&path, &made, FileOwner::process()).unwrap();
    let text = path.to_str().unwrap();
    // Writes guest data, then makes QEMU rewrite the header: our note must come through.
    let io = "write -P 9 0 1M";
    match Command::new("qemu-io").args(["-f", "qcow2", "-c", io, text]).output() {
        Err(_) => return eprintln!("SKIPPED: qemu-io is not installed"),
        Ok(output) => assert!(output.status.success()),
    }
    qemu_img(&["amend", "-f", "qcow2", "-o", "lazy_refcounts=on", text]);
    assert_eq!(read_overlay(&path).unwrap(), Some(made));
    qemu_img(&["check", "-f", "qcow2", text]);
    assert_eq!(std::fs::read(&base).unwrap(), [7; 1 << 20]);

    let theirs = folder.path().join("theirs");
    let base = base.to_str().unwrap();
    qemu_img(&[
        "create",
        "-q",
        "-f",
        "qcow2",
        "-b",
        base,
        "-F",
        "raw",
        theirs.to_str().unwrap(),
        "1G",
    ]);
    let theirs = read_overlay(&theirs).unwrap().unwrap();
    assert_eq!(
        theirs,
        Overlay { note: Vec::new(), ..overlay(Path::new(base), ImageFormat::Raw, 1 << 30) }
    );
}

#[test]
fn what_cannot_be_an_overlay_is_refused_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("disk");
    let base = Path::new("/base");
    let long = format!("/{}", "x".repeat(1023));
    let mut noisy = overlay(base, ImageFormat::Raw, 1 << 20);
    noisy.note = vec![0; 257];
    for bad in [
        overlay(Path::new("relative"), ImageFormat::Raw, 1 << 20),
        overlay(Path::new(&long), ImageFormat::Raw, 1 << 20),
        overlay(base, ImageFormat::Raw, 0),
        overlay(base, ImageFormat::Raw, (16 << 40) + 512),
        noisy,
    ] {
        assert!(write_overlay(&path, &bad, FileOwner::process()).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
    assert_eq!(read_overlay(&path).unwrap(), None);
    std::fs::write(&path, b"QFI\xfb torn").unwrap();
    assert!(read_overlay(&path).is_err());
}
