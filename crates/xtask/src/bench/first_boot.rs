//! The first boot of an image on a host beside the second: images of 1 GiB of real content, qcow2 and raw in turns, each round with
//! bytes that no image had before. The network has been used, and a guest of another image has run: what is measured is what the image's
//! size costs, which should be nothing.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::client::{Client, Recipe};
use super::cloud::Cloud;
use super::process::pause;
use super::report::{Goal, Row, lowest, median};
use super::start::{Made, one};
use super::upload::noise;
use super::{Bench, complain};
use crate::failure::{Failure, output_of};

const NAME: &str = "first-boot";
/// What the smallest flavor's disk has room for.
const BYTES: u64 = 1 << 30;
/// For what an upload leaves to be written back.
const QUIET: Duration = Duration::from_millis(700);

/// One format's figures.
#[derive(Default)]
struct Series {
    ratio: Vec<f64>,
    first_ms: Vec<f64>,
    second_ms: Vec<f64>,
    copied: Vec<f64>,
    failed: usize,
}

pub fn run(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let folder = std::env::temp_dir().join(format!("hatchery-first-boot-{}", std::process::id()));
    fs::create_dir(&folder).map_err(Failure::at(&folder))?;
    let measured = measure(bench, &folder);
    fs::remove_dir_all(&folder).map_err(Failure::at(&folder))?;
    measured
}

fn measure(bench: &Bench, folder: &Path) -> Result<Vec<Row>, Failure> {
    let images = [("qcow2", large(bench, folder, "qcow2")?), ("raw", large(bench, folder, "raw")?)];
    let cloud = Cloud::start(&bench.binary, "qemu")?;
    let mut client = cloud.client()?;
    let small = client.recipe(&bench.image)?;
    one(&mut client, &small)?;
    let mut all = [Series::default(), Series::default()];
    for round in 0..=bench.repeats {
        for ((format, file), series) in images.iter().zip(&mut all) {
            stamp(file, round)?;
            match pair(&mut client, format, file, &small.network) {
                // The first round warms the machine's caches.
                Ok(_) if round == 0 => {}
                Ok(pair) => series.add(&pair),
                Err(failure) => {
                    series.failed += 1;
                    complain(NAME, Some(failure));
                }
            }
        }
    }
    Ok(images.iter().zip(all).flat_map(|((format, _), series)| series.rows(format)).collect())
}

/// Uploads the file as a new image, and boots it twice, one after the other.
fn pair(
    client: &mut Client,
    format: &str,
    file: &Path,
    network: &str,
) -> Result<[Made; 2], Failure> {
    let image = client.upload_as("bench-large", format, file)?;
    pause(QUIET);
    let recipe = Recipe { image: image.clone(), network: network.to_owned() };
    let booted = one(client, &recipe).and_then(|first| {
        pause(QUIET);
        Ok([first, one(client, &recipe)?])
    });
    client.delete(&format!("/image/v2/images/{image}"))?;
    booted
}

/// The guest's disk, filled up with noise to its full length behind the partition that it boots from.
fn large(bench: &Bench, folder: &Path, format: &str) -> Result<PathBuf, Failure> {
    let raw = folder.join("large.raw");
    if !raw.exists() {
        let mut command = Command::new("qemu-img");
        command.args(["convert", "-f", "qcow2", "-O", "raw"]).arg(&bench.image).arg(&raw);
        output_of(&mut command)?;
        let mut file = OpenOptions::new().append(true).open(&raw).map_err(Failure::at(&raw))?;
        let mut left = BYTES - file.metadata().map_err(Failure::at(&raw))?.len().min(BYTES);
        let block = noise();
        while left > 0 {
            let part = left.min(block.len() as u64);
            file.write_all(&block[..part as usize]).map_err(Failure::at(&raw))?;
            left -= part;
        }
    }
    if format == "raw" {
        return Ok(raw);
    }
    let image = folder.join(format!("large.{format}"));
    let mut command = Command::new("qemu-img");
    command.args(["convert", "-f", "raw", "-O", format]).arg(&raw).arg(&image);
    output_of(&mut command)?;
    Ok(image)
}

/// Makes the file's bytes others than before. Its end is noise in either format.
fn stamp(path: &Path, round: usize) -> Result<(), Failure> {
    let file = File::options().write(true).open(path).map_err(Failure::at(path))?;
    let length = file.metadata().map_err(Failure::at(path))?.len();
    let text = format!("{:>16}", round + 1);
    file.write_all_at(text.as_bytes(), length - 4096).map_err(Failure::at(path))
}

impl Series {
    fn add(&mut self, [first, second]: &[Made; 2]) {
        self.ratio.push(first.running / second.running);
        self.first_ms.push(first.running);
        self.second_ms.push(second.running);
        self.copied.extend([first.copied, second.copied]);
    }

    fn rows(self, format: &str) -> Vec<Row> {
        let failed = self.failed;
        let medians = vec![median(&self.first_ms) / median(&self.second_ms)];
        let fastest = vec![lowest(&self.first_ms) / lowest(&self.second_ms)];
        let row = |what: &str, unit, samples| {
            Row::new(NAME, format!("1 GiB {format}: {what}"), unit, samples).failed(failed)
        };
        vec![
            row("first boot / second", "x", self.ratio).goal("issue 3", Goal::AtMost(1.2)),
            row("the same, of both sides' medians", "x", medians),
            row("the same, of both sides' fastest", "x", fastest),
            row("first: create -> vCPU running", "ms", self.first_ms),
            row("second: create -> vCPU running", "ms", self.second_ms),
            row("image data copied", "bytes", self.copied).goal("no copy", Goal::AtMost(0.0)),
        ]
    }
}
