//! The pool of bases: a quiet pass over many images, the names of a new one, a lost base put back.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::Bench;
use super::report::{Goal, Row};
use crate::failure::{Failure, output_of};

const NAME: &str = "pool";
/// As many images as the goal is said of.
const IMAGES: &str = "10000";
/// Images that become active one after the other.
const LINKS: &str = "1000";

pub fn run(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let folder = std::env::temp_dir().join(format!("hatchery-pool-{}", std::process::id()));
    fs::create_dir_all(&folder).map_err(Failure::at(&folder))?;
    let measured = measure(bench, &folder);
    fs::remove_dir_all(&folder).map_err(Failure::at(&folder))?;
    measured
}

fn measure(bench: &Bench, folder: &Path) -> Result<Vec<Row>, Failure> {
    let program = bench.binary.with_file_name("examples").join("pool");
    let mut command = Command::new(&program);
    let text = output_of(command.arg(folder).arg(IMAGES).arg(LINKS))?;
    let of = |what: &str| -> Vec<f64> {
        let mine = text.lines().filter_map(|line| line.strip_prefix(what)?.trim().parse().ok());
        mine.collect()
    };
    let (passes, links, heals) = (of("pass "), of("link "), of("heal "));
    Ok(vec![
        Row::new(
            NAME,
            "pass over 10,000 images that finds nothing to do, and writes nothing",
            "ms",
            passes,
        )
        .goal("H2", Goal::AtMost(1000.0)),
        Row::new(NAME, "an active image to its names, with 10,000 others", "ms", links.clone()),
        Row::new(NAME, "the same, p99", "ms", links).at(0.99).goal("H2", Goal::AtMost(100.0)),
        Row::new(
            NAME,
            "a lost base under 20 disks to its return, by a full pass over 11,000",
            "ms",
            heals,
        )
        .goal("H6", Goal::AtMost(2000.0)),
    ])
}
