//! `cargo xtask tidy`: the rules of the house that a compiler does not know.
//!
//! Reads `cargo metadata` and every file that git knows or would take, and prints
//! one line a violation, `file:line: reason`. A rule that must be broken somewhere
//! is broken by name, in the tables of its module, with the reason beside it.

mod arrows;
mod code_rules;
mod format_rules;
mod source;
mod text_rules;

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::failure::{Failure, output_of};
use source::Source;

/// One broken rule at one place.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Violation {
    file: String,
    line: usize,
    reason: String,
}

impl Violation {
    fn new(file: &str, line: usize, reason: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, reason: reason.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}: {}", self.file, self.line, self.reason)
    }
}

/// Checks the checkout that the task was started in; prints what is wrong, and
/// fails if anything is.
pub fn run() -> Result<(), Failure> {
    let root = root()?;
    let mut found = arrows::check(&metadata(&root)?, &root)?;
    let names = files(&root)?;
    for name in &names {
        found.extend(check_file(&root, name)?);
    }
    found.sort();
    for violation in &found {
        println!("{violation}");
    }
    match found.len() {
        0 => {
            eprintln!("tidy: {} files, nothing to complain about", names.len());
            Ok(())
        }
        count => Err(Failure::new(format!("tidy: {count} violations"))),
    }
}

/// The folder of the checkout.
pub fn root() -> Result<PathBuf, Failure> {
    let shown = output_of(Command::new("git").args(["rev-parse", "--show-toplevel"]))?;
    Ok(PathBuf::from(shown.trim()))
}

fn metadata(root: &Path) -> Result<String, Failure> {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(root).args(["metadata", "--no-deps", "--format-version", "1"]);
    output_of(&mut cargo)
}

/// What git tracks, and what it would if asked: nothing that it ignores.
fn files(root: &Path) -> Result<Vec<String>, Failure> {
    let mut git = Command::new("git");
    git.current_dir(root).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listed = output_of(&mut git)?;
    let mut names: Vec<String> = listed
        .split('\0')
        .filter(|name| !name.is_empty() && root.join(name).is_file())
        .map(str::to_owned)
        .collect();
    names.sort();
    names.dedup();
    Ok(names)
}

fn check_file(root: &Path, name: &str) -> Result<Vec<Violation>, Failure> {
    let path = root.join(name);
    let bytes = fs::read(&path).map_err(Failure::at(&path))?;
    let mut found = text_rules::name(name);
    // What is no text has no lines to check.
    let Ok(text) = String::from_utf8(bytes) else {
        return Ok(found);
    };
    found.extend(text_rules::check(name, &text));
    found.extend(format_rules::check(name, &text));
    if name.ends_with(".rs") {
        found.extend(code_rules::check(&Source::new(name, &text)));
    }
    Ok(found)
}
