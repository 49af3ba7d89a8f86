//! From the request to running processors, and from the request to delete to nothing, with real guests; beside a bare QEMU
//! with the same devices. One after the other: a later guest, bare, the first guest of a network and an image, bare.

use std::time::Duration;

use rustix::process::{Signal, kill_process};

use super::bare::Bare;
use super::client::{Client, Recipe, find};
use super::cloud::{Cloud, pid_of};
use super::process::{guest_process, pause};
use super::report::{Goal, Row, lowest, median};
use super::{Bench, complain};
use crate::failure::Failure;

const NAME: &str = "start";
/// Between two looks at a server.
const LOOK: Duration = Duration::from_millis(5);
/// For what a delete leaves to be done after its answer: both sides begin on a quiet machine.
const QUIET: Duration = Duration::from_millis(700);
/// A create's steps as the timeline names them, and where each ends a wait.
const STEPS: [&str; 6] = [
    "api_create",
    "conductor_schedule",
    "compute_claim",
    "compute_disk",
    "compute_define",
    "compute_start",
];

/// One kind of create, measured again and again.
#[derive(Default)]
struct Series {
    running_ms: Vec<f64>,
    ratio: Vec<f64>,
    answered_ms: Vec<f64>,
    active_ms: Vec<f64>,
    gone_ms: Vec<f64>,
    before_start_ms: Vec<f64>,
    copied: Vec<f64>,
    steps: Vec<(String, f64)>,
    failed: usize,
}

/// A repeat's figures: milliseconds, and bytes of image data.
pub(super) struct Made {
    pub(super) running: f64,
    answered: f64,
    active: f64,
    gone: f64,
    before_start: f64,
    pub(super) copied: f64,
    steps: Vec<(String, f64)>,
}

pub fn run(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let cloud = Cloud::start(&bench.binary, "qemu")?;
    let mut client = cloud.client()?;
    let recipe = client.recipe(&bench.image)?;
    let pattern = client.create(&recipe)?;
    client.until_active(&pattern.id, LOOK)?;
    let process = guest_process(&pattern.id).ok_or_else(|| Failure::new("no QEMU is seen"))?;
    let bare = Bare::of(process, &cloud.state().join("bare"))?;
    // Its tap is needed, its processor time is not.
    signal(process, Signal::STOP)?;
    let (mut later, mut first, mut bare_ms, mut bare_failed) =
        (Series::default(), Series::default(), Vec::new(), 0);
    for round in 0..=bench.repeats {
        for (series, is_first) in [(&mut later, false), (&mut first, true)] {
            let made = if is_first {
                first_of_all(&mut client, bench, round)
            } else {
                one(&mut client, &recipe)
            };
            pause(QUIET);
            let beside = bare.start();
            pause(QUIET);
            // The first round warms the machine's caches for both sides.
            match (made, beside) {
                (Ok(_), Ok(_)) if round == 0 => {}
                (Ok(made), Ok(beside)) => {
                    bare_ms.push(beside);
                    series.add(made, beside);
                }
                (made, beside) => {
                    series.failed += usize::from(made.is_err());
                    bare_failed += usize::from(beside.is_err());
                    complain(NAME, made.err());
                    complain(NAME, beside.err());
                }
            }
        }
    }
    signal(process, Signal::CONT)?;
    let beside = (lowest(&bare_ms), median(&bare_ms));
    let mut rows = vec![
        Row::new(NAME, "a bare QEMU: fork -> vCPU running", "ms", bare_ms).failed(bare_failed),
    ];
    rows.extend(first.rows("first guest of image and network", true, beside));
    rows.extend(later.rows("later guest", false, beside));
    Ok(rows)
}

fn signal(process: u32, signal: Signal) -> Result<(), Failure> {
    let pid = pid_of(process).ok_or_else(|| Failure::new("no such process"))?;
    kill_process(pid, signal).map_err(Failure::of("the guest's process"))
}

/// The first guest of a new image on a new network: nothing of either is on the host but the image's file in the pool.
fn first_of_all(client: &mut Client, bench: &Bench, round: usize) -> Result<Made, Failure> {
    let image = client.upload("bench-first", &bench.image)?;
    let cidr = format!("10.250.{}.0/24", round % 250);
    let network = client.new_network("bench-first", &cidr)?;
    pause(QUIET);
    let made = one(client, &Recipe { image: image.clone(), network })?;
    client.delete(&format!("/image/v2/images/{image}"))?;
    Ok(made)
}

/// Creates a server, waits for it, reads its timeline, and removes it.
pub(super) fn one(client: &mut Client, recipe: &Recipe) -> Result<Made, Failure> {
    one_of(client, recipe, "c1")
}

/// The same of this flavor.
pub(super) fn one_of(client: &mut Client, recipe: &Recipe, flavor: &str) -> Result<Made, Failure> {
    let asked = client.create_of(recipe, flavor)?;
    let began = std::time::Instant::now();
    client.until_active(&asked.id, LOOK)?;
    let active = asked.answered_ms + began.elapsed().as_secs_f64() * 1000.0;
    let steps = client.timeline(&asked.id)?;
    let start = find(&steps, "compute_start")?;
    let since = |at: i64| (at - asked.sent_micros) as f64 / 1000.0;
    let (running, before_start) = (since(start.end), since(start.start));
    let mut spans = Vec::new();
    for name in STEPS {
        let step = find(&steps, name)?;
        spans.push((name.to_owned(), (step.end - step.start) as f64 / 1000.0));
    }
    let copied = client.bytes_copied(&asked.id)?;
    let gone = client.remove(&asked.id, Duration::from_millis(1))?;
    Ok(Made {
        running,
        answered: asked.answered_ms,
        active,
        gone,
        before_start,
        copied,
        steps: spans,
    })
}

impl Series {
    fn add(&mut self, made: Made, bare: f64) {
        self.ratio.push(made.running / bare);
        self.running_ms.push(made.running);
        self.answered_ms.push(made.answered);
        self.active_ms.push(made.active);
        self.gone_ms.push(made.gone);
        self.before_start_ms.push(made.before_start);
        self.copied.push(made.copied);
        self.steps.extend(made.steps);
    }

    fn rows(self, what: &str, is_first: bool, bare: (f64, f64)) -> Vec<Row> {
        let failed = self.failed;
        // What neighbours on the machine have disturbed least, on both sides.
        let fastest = vec![lowest(&self.running_ms) / bare.0];
        let medians = vec![median(&self.running_ms) / bare.1];
        let row = |name: &str, unit, samples| {
            Row::new(NAME, format!("{what}: {name}"), unit, samples).failed(failed)
        };
        let mut rows = vec![
            row("create -> vCPU running / bare QEMU", "x", self.ratio)
                .goal("G1", Goal::AtMost(1.15)),
            row("the same, of both sides' medians", "x", medians),
            row("the same, of both sides' fastest", "x", fastest),
            row("create -> vCPU running", "ms", self.running_ms),
            row("create -> ACTIVE seen by a client", "ms", self.active_ms)
                .goal("real thing", Goal::AtMost(125.0)),
            row("create -> 202", "ms", self.answered_ms),
            row("create -> QEMU's turn (compute_start begins)", "ms", self.before_start_ms),
        ];
        let copied = row("image data copied", "bytes", self.copied);
        rows.push(copied.goal("no copy", Goal::AtMost(0.0)));
        for name in STEPS {
            let spans = self.steps.iter().filter(|(step, _)| step == name).map(|(_, ms)| *ms);
            rows.push(row(&format!("step {name}"), "ms", spans.collect()));
        }
        let gone = row("delete -> gone", "ms", self.gone_ms);
        rows.push(if is_first { gone } else { gone.goal("real thing", Goal::AtMost(50.0)) });
        rows
    }
}
