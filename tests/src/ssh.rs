//! Logins to guests, with a key of the test's own.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A key pair, and logins with it.
pub struct Ssh {
    private: PathBuf,
    /// The public half, one line.
    pub public: String,
}

impl Ssh {
    /// Makes a key in a folder.
    pub fn new(folder: &Path) -> Self {
        let private = folder.join("id");
        let made = Command::new("ssh-keygen")
            .args(["-q", "-t", "ed25519", "-N", "", "-f"])
            .arg(&private)
            .status()
            .unwrap();
        assert!(made.success());
        fs::set_permissions(&private, fs::Permissions::from_mode(0o600)).unwrap();
        let public = fs::read_to_string(private.with_extension("pub")).unwrap();
        Self { private, public }
    }

    /// Where the public half lies.
    pub fn public_file(&self) -> PathBuf {
        self.private.with_extension("pub")
    }

    /// Runs a command in the guest at an address, and gives what it printed.
    pub fn run(&self, address: &str, command: &str) -> String {
        let out = Command::new("ssh")
            .args(["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
            // A guest that goes away in the midst of it is noticed.
            .args(["-o", "ServerAliveInterval=5"])
            .args(["-o", "ConnectTimeout=20", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR", "-i"])
            .arg(&self.private)
            .args([&format!("root@{address}"), command])
            .output()
            .unwrap();
        assert!(out.status.success(), "{command}: {}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8_lossy(&out.stdout).trim().to_owned()
    }
}
