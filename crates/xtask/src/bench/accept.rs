//! The control plane's share of a create, on a host whose guests cost nothing: time to 202, time until the host begins,
//! processor time. Once with each create alone, once as fast as one client can ask.

use std::time::{Duration, Instant};

use super::client::{Asked, Client, Recipe, find};
use super::cloud::Cloud;
use super::process::{cpu_ms, pause};
use super::report::{Goal, Row};
use super::{Bench, complain};
use crate::failure::Failure;

const NAME: &str = "accept";
/// Enough for a p99.
const SERVERS: usize = 1000;
const WARM_UP: usize = 50;

pub fn run(bench: &Bench) -> Result<Vec<Row>, Failure> {
    let cloud = Cloud::start(&bench.binary, "sim")?;
    let mut client = cloud.client()?;
    let recipe = client.recipe(&bench.image)?;
    for _ in 0..WARM_UP {
        alone(&mut client, &recipe)?;
    }
    let mut rows = Vec::new();
    let (mut asked, mut failed) = (Vec::new(), 0);
    for _ in 0..SERVERS {
        take(alone(&mut client, &recipe), &mut asked, &mut failed);
    }
    rows.extend(shares(&mut client, &asked, failed, "alone")?);
    let (mut asked, mut failed) = (Vec::new(), 0);
    let (before, began) = (cpu_ms(cloud.process()?)?, Instant::now());
    for _ in 0..SERVERS {
        take(client.create(&recipe), &mut asked, &mut failed);
    }
    let (last, rest) = asked.split_last().ok_or_else(|| Failure::new("every create failed"))?;
    client.until_active(&last.id, Duration::from_millis(20))?;
    let rate = (rest.len() + 1) as f64 / began.elapsed().as_secs_f64();
    pause(Duration::from_secs(1));
    let cpu = (cpu_ms(cloud.process()?)? - before) / asked.len() as f64;
    rows.extend(shares(&mut client, &asked, failed, "in a row")?);
    rows.push(
        Row::new(NAME, "processor time of a create to ACTIVE, no QEMU", "ms", vec![cpu])
            .goal("real thing", Goal::AtMost(5.0)),
    );
    rows.push(Row::new(NAME, "creates to ACTIVE, one client in a row", "1/s", vec![rate]));
    Ok(rows)
}

/// A create that is over before the next.
fn alone(client: &mut Client, recipe: &Recipe) -> Result<Asked, Failure> {
    let asked = client.create(recipe)?;
    pause(Duration::from_millis(5));
    client.until_active(&asked.id, Duration::from_millis(2))?;
    Ok(asked)
}

fn take(one: Result<Asked, Failure>, asked: &mut Vec<Asked>, failed: &mut usize) {
    match one {
        Ok(one) => asked.push(one),
        Err(failure) => {
            *failed += 1;
            complain(NAME, Some(failure));
        }
    }
}

fn shares(
    client: &mut Client,
    asked: &[Asked],
    failed: usize,
    how: &str,
) -> Result<Vec<Row>, Failure> {
    let (mut begun, mut lost) = (Vec::new(), 0);
    for one in asked {
        client.until_active(&one.id, Duration::from_millis(5))?;
        match find(&client.timeline(&one.id)?, "compute_claim") {
            Ok(claim) => begun.push((claim.start - one.sent_micros) as f64 / 1000.0),
            Err(_) => lost += 1,
        }
    }
    let answered: Vec<f64> = asked.iter().map(|one| one.answered_ms).collect();
    let mut rows = Vec::new();
    for (what, samples, failed) in
        [("create -> 202", answered, failed), ("create -> the host begins", begun, failed + lost)]
    {
        for (quantile, most) in [(0.5, 1.0), (0.99, 3.0)] {
            let row = Row::new(NAME, format!("{how}: {what}"), "ms", samples.clone());
            let row = row.at(quantile).failed(failed);
            // The goal is one create's, not that of a queue.
            let has_goal = how == "alone";
            rows.push(if has_goal { row.goal("G2", Goal::AtMost(most)) } else { row });
        }
    }
    Ok(rows)
}
