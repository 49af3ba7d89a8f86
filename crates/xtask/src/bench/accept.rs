//! The control plane's share of a create, on a host whose guests cost nothing: time to 202, time until the host begins,
//! processor time; and what a thousand servers leave in memory.

use std::time::{Duration, Instant};

use super::client::{Asked, find};
use super::cloud::Cloud;
use super::process::{cpu_ms, pause};
use super::report::{Goal, Row};
use super::{Bench, complain};
use crate::failure::Failure;

const NAME: &str = "accept";
/// Enough for a p99.
const SERVERS: usize = 1000;
/// Asked for without a pause, like a script that loops.
const WARM_UP: usize = 50;

pub fn run(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let cloud = Cloud::start(&bench.binary, "sim")?;
    let mut client = cloud.client()?;
    let recipe = client.recipe(&bench.image)?;
    for _ in 0..WARM_UP {
        let asked = client.create(&recipe)?;
        client.until_active(&asked.id, Duration::from_millis(2))?;
    }
    let (before, began) = (cpu_ms(cloud.process()?)?, Instant::now());
    let mut asked: Vec<Asked> = Vec::new();
    let mut failed = 0;
    for _ in 0..SERVERS {
        match client.create(&recipe) {
            Ok(one) => asked.push(one),
            Err(failure) => {
                failed += 1;
                complain(NAME, Some(failure));
            }
        }
    }
    let (last, rest) = asked.split_last().ok_or_else(|| Failure::new("every create failed"))?;
    client.until_active(&last.id, Duration::from_millis(20))?;
    let rate = (rest.len() + 1) as f64 / began.elapsed().as_secs_f64();
    pause(Duration::from_secs(1));
    let cpu = (cpu_ms(cloud.process()?)? - before) / asked.len() as f64;
    let (mut reached, mut lost) = (Vec::new(), 0);
    for one in &asked {
        client.until_active(&one.id, Duration::from_millis(5))?;
        let steps = client.timeline(&one.id)?;
        match find(&steps, "compute_claim") {
            Ok(claim) => reached.push((claim.start - one.sent_micros) as f64 / 1000.0),
            Err(_) => lost += 1,
        }
    }
    let answered: Vec<f64> = asked.iter().map(|one| one.answered_ms).collect();
    let row = |what: &str, unit, samples: &Vec<f64>| Row::new(NAME, what, unit, samples.clone());
    Ok(vec![
        row("create -> 202", "ms", &answered).failed(failed).goal("G2", Goal::AtMost(1.0)),
        row("create -> 202", "ms", &answered).at(0.99).failed(failed).goal("G2", Goal::AtMost(3.0)),
        row("create -> the host begins", "ms", &reached).failed(lost).goal("G2", Goal::AtMost(1.0)),
        row("create -> the host begins", "ms", &reached)
            .at(0.99)
            .failed(lost)
            .goal("G2", Goal::AtMost(3.0)),
        row("processor time of a create to ACTIVE, no QEMU", "ms", &vec![cpu])
            .goal("real thing", Goal::AtMost(5.0)),
        row("creates to ACTIVE, one client, one connection", "1/s", &vec![rate]),
    ])
}
