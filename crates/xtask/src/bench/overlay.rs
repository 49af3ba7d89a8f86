//! A root disk's overlay: written in process, durably, beside `qemu-img create` as a command.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use super::Bench;
use super::report::{Goal, Row, median};
use crate::failure::{Failure, output_of};

const NAME: &str = "overlay";
/// Overlays of one repeat, on each side.
const COUNT: usize = 20;

pub fn run(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let folder = std::env::temp_dir().join(format!("hatchery-overlays-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(Failure::at(&folder))?;
    let measured = measure(bench, &folder);
    fs::remove_dir_all(&folder).map_err(Failure::at(&folder))?;
    measured
}

fn measure(bench: &Bench, folder: &Path) -> Result<Vec<Row>, Failure> {
    let program = bench.binary.with_file_name("examples").join("overlay");
    let base = folder.join("base");
    let mut command = Command::new("qemu-img");
    output_of(command.args(["create", "-q", "-f", "raw"]).arg(&base).arg("1G"))?;
    let (mut ours, mut theirs, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.repeats {
        let mut command = Command::new(&program);
        let text = output_of(command.arg(folder).arg(&base).arg(COUNT.to_string()))?;
        let in_process: Vec<f64> =
            text.lines().filter_map(|line| line.parse().ok()).map(|ns: f64| ns / 1e6).collect();
        let mut by_command = Vec::new();
        for number in 0..COUNT {
            let mut command = Command::new("qemu-img");
            command.args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"]).arg(&base);
            command.arg(folder.join(format!("command-{number}"))).arg("1G");
            let began = Instant::now();
            output_of(&mut command)?;
            by_command.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        ratios.push(median(&by_command) / median(&in_process));
        ours.extend(in_process);
        theirs.extend(by_command);
    }
    Ok(vec![
        Row::new(NAME, "overlay in process, with fsync of file and folder", "ms", ours),
        Row::new(NAME, "qemu-img create -b, without any fsync", "ms", theirs),
        Row::new(NAME, "qemu-img / in process", "x", ratios).goal("G7", Goal::AtLeast(100.0)),
    ])
}
