//! A server's timeline, drawn from its action events.

use crate::client::Client;
use anyhow::Context;
use serde_json::Value;

/// Width of the bars, in characters.
const WIDTH: f64 = 40.0;

/// One step: name, beginning and end in microseconds, what it says of itself.
struct Step {
    name: String,
    start: i64,
    end: i64,
    details: String,
}

/// The timeline of a server's creation, a line a step.
pub fn of_create(client: &Client, server: &str) -> anyhow::Result<String> {
    let actions = client.get("compute", &format!("/servers/{server}/os-instance-actions"))?;
    let create = actions["instanceActions"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|action| action["action"] == "create")
        .and_then(|action| action["request_id"].as_str())
        .context("the server has no create action")?;
    let path = format!("/servers/{server}/os-instance-actions/{create}");
    let action = client.get("compute", &path)?;
    let action = &action["instanceAction"];
    let mut steps: Vec<Step> =
        action["events"].as_array().into_iter().flatten().filter_map(step).collect();
    steps.sort_by_key(|step| (step.start, step.end));
    let begun = action["start_time"].as_str().and_then(micros);
    Ok(draw(&steps, begun.or(steps.first().map(|step| step.start)).unwrap_or_default()))
}

fn step(event: &Value) -> Option<Step> {
    let time = |field: &str| event[field].as_str().and_then(micros);
    let start = time("start_time")?;
    Some(Step {
        name: event["event"].as_str()?.to_owned(),
        start,
        end: time("finish_time").unwrap_or(start),
        details: event["details"].as_str().unwrap_or_default().to_owned(),
    })
}

fn draw(steps: &[Step], begun: i64) -> String {
    let last = steps.iter().map(|step| step.end).max().unwrap_or(begun);
    let whole = (last - begun).max(1) as f64;
    let place = |at: i64| (((at - begun).max(0) as f64 / whole) * WIDTH).round() as usize;
    let mut text = String::new();
    for step in steps {
        let (from, to) = (place(step.start), place(step.end).max(place(step.start) + 1));
        text.push_str(&format!(
            "{:<20} {:>9.2} ms  {:>9.2} ms  |{}{}{}| {}\n",
            step.name,
            (step.start - begun) as f64 / 1000.0,
            (step.end - step.start) as f64 / 1000.0,
            " ".repeat(from),
            "#".repeat(to - from),
            " ".repeat((WIDTH as usize + 1).saturating_sub(to)),
            step.details
        ));
    }
    text.push_str(&format!("{:<20} {:>9.2} ms\n", "in all", whole / 1000.0));
    text
}

/// Microseconds since midnight of 1970-01-01 of `2026-11-21T05:23:25.000042`.
fn micros(text: &str) -> Option<i64> {
    let (date, time) = text.split_once('T')?;
    let mut parts = date.split('-').map(|part| part.parse::<i64>().ok());
    let (year, month, day) = (parts.next()??, parts.next()??, parts.next()??);
    let (clock, fraction) = time.trim_end_matches('Z').split_once('.').unwrap_or((time, "0"));
    let mut parts = clock.trim_end_matches('Z').split(':').map(|part| part.parse::<i64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let fraction: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    // Days from civil, with March as the first month.
    let (y, m) = if month <= 2 { (year - 1, month + 9) } else { (year, month - 3) };
    let days = 365 * y + y / 4 - y / 100 + y / 400 + (m * 306 + 5) / 10 + day - 1 - 719_468;
    Some((((days * 24 + hour) * 60 + minute) * 60 + second) * 1_000_000 + fraction)
}

#[cfg(test)]
mod tests {
    use super::{Step, draw, micros};

    #[test]
    fn reads_novas_times() {
        assert_eq!(micros("1970-01-01T00:00:00.000042"), Some(42));
        assert_eq!(micros("2025-11-21T05:23:25.000042"), Some(1_763_702_605_000_042));
        assert_eq!(micros("2024-02-29T00:00:00.0"), Some(1_709_164_800_000_000));
        assert_eq!(micros("soon"), None);
    }

    #[test]
    fn draws_a_bar_where_a_step_was() {
        let step =
            |name: &str, start, end| Step { name: name.into(), start, end, details: "d".into() };
        let text = draw(&[step("a", 0, 50_000), step("b", 50_000, 100_000)], 0);
        let bar = |line: &str| line.split('|').nth(1).unwrap().find('#').unwrap();
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!((bar(lines[0]), bar(lines[1])), (0, 20));
        assert!(lines[2].contains("100.00 ms"), "{text}");
    }
}
