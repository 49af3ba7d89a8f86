//! `cargo xtask ci`: everything that a change must pass, in one command, with a
//! summary at the end. A step that fails does not keep the later ones from
//! running, unless they are built on it.

mod program;
mod tally;
mod watch;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tally::Tally;

use crate::failure::Failure;
use crate::{guest, tidy};

/// What came of one step.
struct Step {
    name: &'static str,
    took: Duration,
    outcome: Result<(), Failure>,
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
    let mut failed = Vec::new();
    for program in program::all(root)? {
        println!("--- {}", program.name);
        let began = Instant::now();
        let ended = watch::run(&mut program.command(), |line| {
            println!("{line}");
            tally.note(line);
        });
        tally.time(&program.name, began.elapsed());
        if let Err(failure) = ended {
            println!("{}: {failure}", program.name);
            failed.push(program.name);
        }
    }
    let mut documentation = Command::new("cargo");
    documentation.current_dir(root).args(["test", "--workspace", "--doc", "--no-fail-fast"]);
    if let Err(failure) = watch::run(&mut documentation, |line| {
        println!("{line}");
        tally.note(line);
    }) {
        println!("{failure}");
        failed.push("documentation".to_owned());
    }
    if failed.is_empty() {
        return Ok(());
    }
    Err(Failure::new(format!("these failed: {}", failed.join(", "))))
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
    tally.print();
}
