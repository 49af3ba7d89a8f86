//! `cargo xtask ci`: everything that a change must pass, in one command, with a
//! summary at the end. A step that fails does not keep the later ones from
//! running, unless they are built on it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::Failure;
use crate::{guest, tidy};

/// What came of one step.
struct Step {
    name: &'static str,
    took: Duration,
    outcome: Result<(), Failure>,
}

/// What the test programs said of themselves.
#[derive(Debug, Default, PartialEq, Eq)]
struct Tally {
    passed: usize,
    failed: usize,
    /// What could not be tested here, and what it lacks.
    skipped: Vec<String>,
}

/// Runs all steps; a failure if any of them failed.
pub fn run() -> Result<(), Failure> {
    let root = tidy::root()?;
    let mut tally = Tally::default();
    let mut steps = vec![
        step("format", || cargo(&root, &["fmt", "--all", "--check"])),
        step("clippy", || {
            let arguments = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
            cargo(&root, &arguments)
        }),
        step("tidy", tidy::run),
        step("scripts", || scripts(&root)),
        step("guest", || guest::build_for_tests(&target(&root))),
    ];
    let build = step("build", || cargo(&root, &["build", "--workspace", "--all-targets"]));
    let built = build.outcome.is_ok();
    steps.push(build);
    if built {
        steps.push(step("tests", || tests(&root, &mut tally)));
    }
    summary(&steps, &tally);
    match steps.iter().filter(|step| step.outcome.is_err()).count() {
        0 => Ok(()),
        count => Err(Failure::new(format!("{count} of {} steps failed", steps.len()))),
    }
}

fn step(name: &'static str, work: impl FnOnce() -> Result<(), Failure>) -> Step {
    println!("=== {name}");
    let began = Instant::now();
    let outcome = work();
    if let Err(failure) = &outcome {
        println!("{failure}");
    }
    Step { name, took: began.elapsed(), outcome }
}

fn cargo(root: &Path, arguments: &[&str]) -> Result<(), Failure> {
    succeed(Command::new("cargo").current_dir(root).args(arguments))
}

fn succeed(command: &mut Command) -> Result<(), Failure> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command.status().map_err(Failure::of(format!("cannot start {name}")))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("{name} ended with {status}"))) }
}

/// Where cargo builds to.
fn target(root: &Path) -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root.join("target"), PathBuf::from)
}

fn scripts(root: &Path) -> Result<(), Failure> {
    let mut shellcheck = Command::new("shellcheck");
    shellcheck.current_dir(root).arg(".ci/run");
    let folder = root.join("scripts");
    for entry in std::fs::read_dir(&folder).map_err(Failure::at(&folder))? {
        shellcheck.arg(entry.map_err(Failure::at(&folder))?.path());
    }
    succeed(&mut shellcheck)
}

/// Runs all tests and shows what they say while they run.
fn tests(root: &Path, tally: &mut Tally) -> Result<(), Failure> {
    let mut child = Command::new("cargo")
        .current_dir(root)
        .args(["test", "--workspace", "--no-fail-fast"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Failure::of("cannot start cargo"))?;
    let (lines, heard) = mpsc::channel();
    let mut listeners = Vec::new();
    if let Some(stdout) = child.stdout.take() {
        listeners.push(listen(stdout, lines.clone()));
    }
    if let Some(stderr) = child.stderr.take() {
        listeners.push(listen(stderr, lines.clone()));
    }
    drop(lines);
    for line in heard {
        println!("{line}");
        tally.note(&line);
    }
    let status = child.wait().map_err(Failure::of("cargo test"))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::new(format!("cargo test ended with {status}")))
    }
}

/// Sends what is written there, line by line, until the end.
fn listen(
    stream: impl Read + Send + 'static,
    lines: mpsc::Sender<String>,
) -> thread::JoinHandle<()> {
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    })
}

impl Tally {
    fn note(&mut self, line: &str) {
        if let Some(at) = line.find("SKIPPED: ") {
            self.skipped.push(line[at..].to_owned());
        }
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += count(result, " passed");
            self.failed += count(result, " failed");
        }
    }
}

/// The number that stands before a word.
fn count(result: &str, word: &str) -> usize {
    result
        .split(word)
        .next()
        .and_then(|before| before.rsplit(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

fn summary(steps: &[Step], tally: &Tally) {
    println!("\n=== summary");
    for step in steps {
        let outcome = match &step.outcome {
            Ok(()) => "ok".to_owned(),
            Err(failure) => format!("FAILED: {failure}"),
        };
        println!("{:>8} {:>7.1} s  {outcome}", step.name, step.took.as_secs_f64());
    }
    for line in &tally.skipped {
        println!("{line}");
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn results_of_all_programs_are_added_up() {
        let mut tally = Tally::default();
        for line in [
            "test a ... ok",
            "test result: ok. 26 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test b ... SKIPPED: postgres: no initdb",
        ] {
            tally.note(line);
        }
        assert_eq!(
            tally,
            Tally {
                passed: 29,
                failed: 2,
                skipped: vec!["SKIPPED: postgres: no initdb".to_owned()]
            }
        );
    }
}
