//! Runs a program that should say something now and then, and ends one that does not: a run that hangs would else be ended from outside,
//! and tell nobody where.

use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};

use crate::failure::Failure;

/// No test needs so long, on two cores that do other things too.
const SILENCE: Duration = Duration::from_secs(600);

/// Runs it and hands over each line that it prints.
pub(super) fn run(command: &mut Command, heard: impl FnMut(&str)) -> Result<(), Failure> {
    run_within(SILENCE, command, heard)
}

fn run_within(
    silence: Duration,
    command: &mut Command,
    mut heard: impl FnMut(&str),
) -> Result<(), Failure> {
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .spawn()
        .map_err(Failure::of(format!("cannot start {}", command.get_program().display())))?;
    let (lines, said) = mpsc::channel();
    if let Some(stdout) = child.stdout.take() {
        listen(stdout, lines.clone());
    }
    if let Some(stderr) = child.stderr.take() {
        listen(stderr, lines.clone());
    }
    drop(lines);
    loop {
        match said.recv_timeout(silence) {
            Ok(line) => heard(&line),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                // A program that has ended may have left children behind that hold its output.
                if !matches!(child.try_wait(), Ok(Some(_))) {
                    stacks(&child, &mut heard);
                }
                end(&mut child);
                return Err(Failure::new(format!(
                    "it has said nothing for {} s and was ended: the tests that have begun and not ended hang",
                    silence.as_secs()
                )));
            }
        }
    }
    let status = child.wait().map_err(Failure::of("wait for it"))?;
    if status.success() { Ok(()) } else { Err(Failure::new(format!("it ended with {status}"))) }
}

/// Sends what is written there, line by line, until the end.
fn listen(stream: impl Read + Send + 'static, lines: mpsc::Sender<String>) {
    thread::spawn(move || {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            if lines.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                return;
            }
        }
    });
}

/// Where its threads are, if there is a debugger.
fn stacks(child: &Child, heard: &mut impl FnMut(&str)) {
    let process = child.id().to_string();
    let asked = Command::new("gdb")
        .args(["--batch", "-ex", "thread apply all bt 40", "-p", &process])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    match asked {
        Ok(output) => String::from_utf8_lossy(&output.stdout).lines().for_each(heard),
        Err(_) => heard("install gdb to see where it hangs"),
    }
}

fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

#[cfg(test)]
mod tests {
    use super::{run, run_within};
    use std::process::Command;
    use std::time::Duration;

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn all_lines_and_the_end_are_told() {
        let mut lines = Vec::new();
        let ended =
            run(&mut shell("echo a; echo b >&2; exit 3"), |line| lines.push(line.to_owned()));
        lines.sort();
        assert_eq!(lines, ["a", "b"]);
        assert!(ended.unwrap_err().to_string().contains("exit status: 3"));
        assert!(run(&mut shell("true"), |_| {}).is_ok());
    }

    #[test]
    fn what_is_silent_is_ended_with_its_children() {
        let mut first = String::new();
        let silence = Duration::from_millis(300);
        let ended = run_within(silence, &mut shell("sleep 1000 & echo $!; wait"), |line| {
            if first.is_empty() {
                line.clone_into(&mut first);
            }
        });
        assert!(ended.unwrap_err().to_string().contains("said nothing"));
        // A zombie has no command line.
        let left = std::fs::read(format!("/proc/{first}/cmdline")).unwrap_or_default();
        assert!(left.is_empty(), "{first} runs still");
    }
}
