//! The text that Prometheus reads, for the metrics that no recorder keeps: written, and read again.

use super::catalog::{Kind, READ};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Writes samples of the metrics in [`READ`].
#[derive(Default)]
pub struct Text(String);

impl Text {
    /// The metric's head, and its samples: each with its label's value, if the metric has a label.
    pub fn metric<'a>(
        &mut self,
        name: &str,
        samples: impl IntoIterator<Item = (Option<&'a str>, f64)>,
    ) {
        let Some(metric) = READ.iter().find(|metric| metric.name == name) else {
            return;
        };
        let kind = match metric.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        };
        let _ = writeln!(self.0, "# HELP {name} {}\n# TYPE {name} {kind}", metric.help);
        for (value, sample) in samples {
            let _ = match (value, metric.labels.first()) {
                (Some(value), Some((label, _))) => {
                    writeln!(self.0, "{name}{{{label}=\"{}\"}} {sample}", escaped(value))
                }
                (Some(_), None) | (None, _) => writeln!(self.0, "{name} {sample}"),
            };
        }
    }

    /// All of it.
    pub fn into_string(self) -> String {
        self.0
    }
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

/// One line of the text.
#[derive(Clone, PartialEq, Debug)]
pub struct Sample {
    /// The metric's name, as it stands there.
    pub name: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
}

impl Sample {
    /// A label's value; empty where there is no such label.
    pub fn label(&self, name: &str) -> &str {
        self.labels.get(name).map_or("", String::as_str)
    }
}

/// Reads the text. Lines that are none of it are passed over.
pub fn samples(text: &str) -> impl Iterator<Item = Sample> {
    text.lines().filter_map(sample)
}

fn sample(line: &str) -> Option<Sample> {
    let line = line.trim();
    let end = line.find(['{', ' ']).filter(|end| *end > 0 && !line.starts_with('#'))?;
    let (name, rest) = line.split_at(end);
    let (labels, rest) = match rest.strip_prefix('{') {
        Some(rest) => labels(rest)?,
        None => (BTreeMap::new(), rest),
    };
    let value = rest.split_whitespace().next()?.parse().ok()?;
    Some(Sample { name: name.to_owned(), labels, value })
}

/// The labels up to the closing brace, and what comes after it.
fn labels(mut text: &str) -> Option<(BTreeMap<String, String>, &str)> {
    let mut found = BTreeMap::new();
    loop {
        text = text.trim_start_matches([',', ' ']);
        if let Some(rest) = text.strip_prefix('}') {
            return Some((found, rest));
        }
        let (name, rest) = text.split_once("=\"")?;
        let (value, rest) = quoted(rest)?;
        found.insert(name.to_owned(), value);
        text = rest;
    }
}

/// A value up to its closing quote, and what comes after it.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut letters = text.char_indices();
    while let Some((at, letter)) = letters.next() {
        match letter {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => match letters.next()?.1 {
                'n' => value.push('\n'),
                other => value.push(other),
            },
            other => value.push(other),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{Text, samples};

    #[test]
    fn what_is_written_is_read_again() {
        let mut text = Text::default();
        let odd = "a\"b\\c\nd}";
        text.metric(
            "hatchery_interface_sent_bytes_total",
            [(Some("eth0"), 12.0), (Some(odd), 3.5)],
        );
        text.metric("hatchery_tasks", [(None, 7.0)]);
        text.metric("no_metric_of_ours", [(None, 1.0)]);
        let text = text.into_string();
        let all: Vec<_> = samples(&text).collect();
        assert_eq!(all.len(), 3, "{text}");
        assert_eq!((all[0].label("interface"), all[0].value), ("eth0", 12.0));
        assert_eq!((all[1].label("interface"), all[1].value), (odd, 3.5));
        assert_eq!((all[2].name.as_str(), all[2].value), ("hatchery_tasks", 7.0));
        assert!(text.contains("# TYPE hatchery_tasks gauge\n"), "{text}");
    }

    #[test]
    fn other_writers_are_understood_and_litter_is_passed_over() {
        let text =
            "# HELP a b\n\na{x=\"1\",y=\"2\",} 1e3 1700000000\nb NaN\n{ 1\nc{x=\"1 2\nd\n<html>\n";
        let all: Vec<_> = samples(text).collect();
        assert_eq!(all.len(), 2, "{all:?}");
        assert_eq!((all[0].label("y"), all[0].value), ("2", 1000.0));
        assert!(all[1].value.is_nan());
    }
}
