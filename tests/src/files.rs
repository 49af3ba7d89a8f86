//! Images that tests boot or upload.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder that cargo builds into.
pub(crate) fn target_dir() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let mut dir = exe.parent().unwrap();
    if dir.ends_with("deps") {
        dir = dir.parent().unwrap();
    }
    dir.to_owned()
}

/// The tiny cloud guest, as `make test` has built it.
pub fn boot_image() -> PathBuf {
    let path = target_dir().parent().unwrap().join("guest/tiny.qcow2");
    assert!(
        path.exists(),
        "{} is missing; `make test` builds it, or `cargo xtask guest tiny --out {}`",
        path.display(),
        path.display()
    );
    path
}

/// An empty qcow2 image of this virtual size, for tests that boot nothing.
pub fn sample_qcow2(dir: &Path, mib: u64) -> PathBuf {
    let path = dir.join(format!("sample-{mib}.qcow2"));
    let made = Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2"])
        .arg(&path)
        .arg(format!("{mib}M"))
        .status()
        .unwrap();
    assert!(made.success());
    path
}
