//! The real `openstack` client, run as a user runs it.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The client with a cloud's `clouds.yaml`.
pub struct Openstack {
    program: PathBuf,
    clouds: PathBuf,
}

impl Openstack {
    /// The client that `make test` has installed beside the checkout, against the cloud of a state folder.
    pub fn new(state: &Path) -> Self {
        let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let program = checkout.join(".venv/bin/openstack");
        assert!(program.exists(), "{} is missing; `make test` installs it", program.display());
        Self { program, clouds: state.join("clouds.yaml") }
    }

    /// The Python beside the client, with `openstacksdk`.
    pub fn python(&self) -> Command {
        let mut command = Command::new(self.program.with_file_name("python"));
        command.env("OS_CLIENT_CONFIG_FILE", &self.clouds).env("OS_CLOUD", "hatchery");
        command
    }

    /// Runs a command line and returns its output; the test fails if it fails.
    pub fn run(&self, line: &[&str]) -> String {
        let (ok, out, err) = self.try_run(line);
        assert!(ok, "openstack {}: {err}{out}", line.join(" "));
        out
    }

    /// Runs a command line with `-f json`.
    pub fn json(&self, line: &[&str]) -> Value {
        let mut line = line.to_vec();
        line.extend(["-f", "json"]);
        let out = self.run(&line);
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    /// Runs a command line; says whether it went well, and what it printed.
    pub fn try_run(&self, line: &[&str]) -> (bool, String, String) {
        let out = Command::new(&self.program)
            .env("OS_CLIENT_CONFIG_FILE", &self.clouds)
            .env("OS_CLOUD", "hatchery")
            .env_remove("OS_AUTH_URL")
            .args(line)
            .output()
            .unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (out.status.success(), text(&out.stdout), text(&out.stderr))
    }
}
