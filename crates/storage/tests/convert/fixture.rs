//! qcow2 images as `qemu-img` writes them.

use hatchery_model::image::ImageFormat;
use hatchery_model::units::Bytes;
use hatchery_storage::{ConvertError, Converted, FileOwner, to_raw};
use sha2::{Digest, Sha512};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

pub const CAP: Bytes = Bytes::from_gib(4);

/// A folder with a raw disk in it: noise, text that packs well, and more zeroes than both, of a length that fits no cluster.
pub struct Bench {
    pub folder: TempDir,
}

impl Bench {
    /// `None`, loudly, without `qemu-img`.
    pub fn new() -> Option<Self> {
        if let Err(error) = Command::new("qemu-img").arg("--version").output()
            && error.kind() == ErrorKind::NotFound
        {
            eprintln!("SKIPPED: qemu-img is not installed, so there is nobody to compare with");
            return None;
        }
        let bench = Self { folder: tempfile::tempdir().unwrap() };
        std::fs::write(bench.path("disk.raw"), disk()).unwrap();
        Some(bench)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The disk as qcow2 with these options of `-o`.
    pub fn qcow2(&self, name: &str, options: &str, compressed: bool) -> PathBuf {
        let path = self.path(name);
        let mut command = Command::new("qemu-img");
        command.args(["convert", "-f", "raw", "-O", "qcow2", "-o", options]);
        if compressed {
            command.arg("-c");
        }
        run(command.arg(self.path("disk.raw")).arg(&path));
        path
    }

    /// Ours.
    pub fn convert(&self, image: &Path) -> Result<(Converted, PathBuf), ConvertError> {
        let to = self.path("ours.raw");
        let _ = std::fs::remove_file(&to);
        let done = to_raw(image, ImageFormat::Qcow2, &to, FileOwner::process(), CAP);
        assert_eq!(done.is_ok(), to.exists(), "a failure leaves nothing, and a success a file");
        Ok((done?, to))
    }

    /// QEMU's; `None` when it refuses.
    pub fn by_qemu(&self, image: &Path) -> Option<Vec<u8>> {
        let to = self.path("theirs.raw");
        let _ = std::fs::remove_file(&to);
        let mut command = Command::new("qemu-img");
        command.args(["convert", "-f", "qcow2", "-O", "raw"]).arg(image).arg(&to);
        let done = command.output().unwrap();
        done.status.success().then(|| std::fs::read(&to).unwrap())
    }
}

pub fn run(command: &mut Command) {
    let done = command.output().unwrap();
    assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
}

pub fn noise(length: usize, seed: u64) -> Vec<u8> {
    let mut state = seed | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..length).map(|_| next()).collect()
}

pub fn disk() -> Vec<u8> {
    let mut disk = vec![0; (13 << 20) + 7 * 512];
    let mut put = |at: usize, bytes: &[u8]| disk[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, &b"begins like nothing in particular\n".repeat(3000));
    put(1 << 20, &noise(700_000, 1));
    put((5 << 20) + 300, &b"packs well, packs well, ".repeat(50_000));
    put((9 << 20) - 5, &noise(5, 2));
    put((13 << 20) + 6 * 512, &noise(512, 3));
    disk
}

pub fn sha512(bytes: &[u8]) -> String {
    Sha512::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
