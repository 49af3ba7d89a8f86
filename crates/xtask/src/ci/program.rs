//! The workspace's test programs, as cargo lists them once they are built.

use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use crate::failure::{Failure, output_of};

/// One test program.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Program {
    /// Its package's folder and its target, such as `storage/rbd`.
    pub(super) name: String,
    executable: PathBuf,
    /// Where cargo would start it.
    folder: PathBuf,
}

#[derive(Deserialize)]
struct Message {
    manifest_path: Option<PathBuf>,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
}

impl Program {
    /// What starts it.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new(&self.executable);
        command.current_dir(&self.folder).env("CARGO_MANIFEST_DIR", &self.folder);
        command
    }
}

/// Builds what is not built yet, and lists all of them.
pub(super) fn all(root: &Path) -> Result<Vec<Program>, Failure> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args(["test", "--workspace", "--no-run", "--message-format=json"]);
    read(&output_of(&mut cargo)?)
}

fn read(messages: &str) -> Result<Vec<Program>, Failure> {
    let mut programs = Vec::new();
    for line in messages.lines() {
        let message: Message =
            serde_json::from_str(line).map_err(Failure::of("cargo's messages"))?;
        let Message {
            manifest_path: Some(manifest),
            target: Some(target),
            executable: Some(executable),
        } = message
        else {
            continue;
        };
        let folder = manifest.parent().unwrap_or(Path::new("/")).to_owned();
        let package = folder.file_name().unwrap_or_default().to_string_lossy();
        // Of the kinds that have an executable, binaries are built for the tests' sake too.
        if executable.parent().is_some_and(|parent| parent.ends_with("deps")) {
            let name = format!("{package}/{}", target.name);
            programs.push(Program { name, executable, folder });
        }
    }
    programs.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(programs)
}

#[cfg(test)]
mod tests {
    use super::{Program, read};

    #[test]
    fn programs_are_told_from_libraries_and_binaries() {
        let messages = concat!(
            r#"{"reason":"compiler-artifact","manifest_path":"/h/crates/db/Cargo.toml","target":{"name":"hatchery_db"},"executable":null}"#,
            "\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/h/crates/x/Cargo.toml","target":{"name":"x"},"executable":"/h/target/debug/x"}"#,
            "\n",
            r#"{"reason":"compiler-artifact","manifest_path":"/h/crates/db/Cargo.toml","target":{"name":"sqlite"},"executable":"/h/target/debug/deps/sqlite-1"}"#,
            "\n",
            r#"{"reason":"build-finished","success":true}"#,
            "\n",
        );
        assert_eq!(
            read(messages).unwrap(),
            [Program {
                name: "db/sqlite".to_owned(),
                executable: "/h/target/debug/deps/sqlite-1".into(),
                folder: "/h/crates/db".into(),
            }]
        );
        assert!(read("not json").is_err());
    }
}
