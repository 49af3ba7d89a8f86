//! The one error of the build tasks: a sentence for whoever ran the command.
//! Tasks end at their first failure, so nothing here is meant to be matched on.

use std::fmt;
use std::path::Path;
use std::process::Command;

/// Says what a task could not do and why, in words for the person at the terminal.
#[derive(Debug)]
pub struct Failure(String);

impl Failure {
    /// A failure with this message.
    pub fn new(message: impl Into<String>) -> Self {
        Self(message.into())
    }

    /// For `map_err`: puts what was being done in front of the cause.
    pub fn of<E: fmt::Display>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        let what = what.into();
        move |cause| Self(format!("{what}: {cause}"))
    }

    /// For `map_err` on calls of the file system: names the path.
    pub fn at<E: fmt::Display>(path: &Path) -> impl FnOnce(E) -> Self {
        Self::of(path.display().to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl std::error::Error for Failure {}

/// Runs a command to its end and gives its standard output. A command that
/// cannot be started, or ends with a failure, is a `Failure` with its own words.
pub fn output_of(command: &mut Command) -> Result<String, Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().map_err(Failure::of(format!("cannot start {name}")))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(Failure::new(format!("{name} ended with {}: {}", output.status, words.trim())))
}
