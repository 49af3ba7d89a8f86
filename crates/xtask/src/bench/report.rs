//! What was measured, beside what was wanted: as a table and as JSON.

use serde_json::{Value, json};

/// What a figure should be.
#[derive(Clone, Copy)]
pub enum Goal {
    AtMost(f64),
    AtLeast(f64),
}

/// One figure: a quantile of samples, and the goal that it stands for.
pub struct Row {
    bench: &'static str,
    what: String,
    unit: &'static str,
    samples: Vec<f64>,
    failed: usize,
    quantile: f64,
    /// Place in the list of goals, and the goal.
    goal: Option<(&'static str, Goal)>,
}

impl Row {
    /// The median of these samples.
    pub fn new(
        bench: &'static str,
        what: impl Into<String>,
        unit: &'static str,
        mut samples: Vec<f64>,
    ) -> Self {
        samples.sort_by(f64::total_cmp);
        Self { bench, what: what.into(), unit, samples, failed: 0, quantile: 0.5, goal: None }
    }

    /// Another quantile instead of the median.
    pub fn at(mut self, quantile: f64) -> Self {
        self.quantile = quantile;
        self
    }

    /// How many attempts gave no sample.
    pub fn failed(mut self, failed: usize) -> Self {
        self.failed = failed;
        self
    }

    /// The goal that this figure is for.
    pub fn goal(mut self, name: &'static str, goal: Goal) -> Self {
        self.goal = Some((name, goal));
        self
    }

    fn value(&self) -> Option<f64> {
        let last = self.samples.len().checked_sub(1)?;
        let at = (last as f64 * self.quantile).round() as usize;
        self.samples.get(at).copied()
    }

    /// Whether the goal is met; `None` where there is none, or nothing was measured.
    fn met(&self) -> Option<bool> {
        let (value, (_, goal)) = (self.value()?, self.goal?);
        Some(match goal {
            Goal::AtMost(most) => value <= most,
            Goal::AtLeast(least) => value >= least,
        })
    }

    fn quantile_name(&self) -> String {
        match self.samples.len() {
            0 | 1 => "-".into(),
            _ => format!("p{}", self.quantile * 100.0),
        }
    }

    fn json(&self) -> Value {
        let (name, goal) = match self.goal {
            Some((name, Goal::AtMost(most))) => (json!(name), json!({"at_most": most})),
            Some((name, Goal::AtLeast(least))) => (json!(name), json!({"at_least": least})),
            None => (Value::Null, Value::Null),
        };
        json!({
            "benchmark": self.bench, "what": self.what, "unit": self.unit,
            "quantile": self.quantile, "value": self.value(),
            "min": self.samples.first(), "max": self.samples.last(),
            "n": self.samples.len(), "failed": self.failed,
            "goal_of": name, "goal": goal, "met": self.met(),
        })
    }

    fn cells(&self) -> [String; 9] {
        let goal = match self.goal {
            Some((name, Goal::AtMost(most))) => format!("{name} <= {}", number(most)),
            Some((name, Goal::AtLeast(least))) => format!("{name} >= {}", number(least)),
            None => String::new(),
        };
        let verdict = match (self.met(), self.goal, self.failed) {
            (Some(true), _, 0) => "met",
            (Some(true), _, _) => "met, but failures",
            (Some(false), _, _) => "MISSED",
            (None, Some(_), _) => "NOT MEASURED",
            (None, None, _) => "",
        };
        let range = match (self.samples.first(), self.samples.last()) {
            (Some(least), Some(most)) if self.samples.len() > 1 => {
                format!("{} .. {}", number(*least), number(*most))
            }
            _ => String::new(),
        };
        [
            self.bench.to_owned(),
            self.what.clone(),
            self.quantile_name(),
            self.value().map_or_else(|| "none".to_owned(), number),
            self.unit.to_owned(),
            range,
            format!("{}/{}", self.samples.len(), self.failed),
            goal,
            verdict.to_owned(),
        ]
    }
}

/// The middle one of these samples; no number where there are none.
pub fn median(samples: &[f64]) -> f64 {
    let mut sorted = samples.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The lowest of these samples; no number where there are none.
pub fn lowest(samples: &[f64]) -> f64 {
    samples.iter().copied().fold(f64::NAN, f64::min)
}

/// All figures as JSON.
pub fn json(rows: &[Row]) -> Value {
    Value::Array(rows.iter().map(Row::json).collect())
}

/// All figures as a table.
pub fn table(rows: &[Row]) -> String {
    let heads = ["benchmark", "what", "", "value", "unit", "range", "n/failed", "goal", ""];
    let mut lines = vec![heads.map(str::to_owned)];
    lines.extend(rows.iter().map(Row::cells));
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..heads.len()).map(width).collect();
    let mut text = String::new();
    for line in &lines {
        let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

/// Three digits that count, and whole numbers whole.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || value.fract() == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Goal, Row, json, table};

    #[test]
    fn a_figure_is_its_quantile_and_is_judged_by_it() {
        let samples: Vec<f64> = (1..=1000).rev().map(f64::from).collect();
        let median = Row::new("b", "w", "ms", samples.clone()).goal("G1", Goal::AtMost(600.0));
        let tail = Row::new("b", "w", "ms", samples).at(0.99).goal("G1", Goal::AtMost(600.0));
        let rows = json(&[median.failed(2), tail]);
        assert_eq!(rows[0]["value"], 501.0);
        assert_eq!(rows[0]["met"], true);
        assert_eq!(rows[0]["failed"], 2);
        assert_eq!(rows[1]["value"], 990.0);
        assert_eq!(rows[1]["met"], false);
        assert_eq!((&rows[1]["min"], &rows[1]["max"]), (&1.0.into(), &1000.0.into()));
    }

    #[test]
    fn what_was_not_measured_is_not_met() {
        let row = Row::new("b", "w", "ms", Vec::new()).goal("G2", Goal::AtLeast(0.0)).failed(5);
        assert!(json(std::slice::from_ref(&row))[0]["met"].is_null());
        let text = table(&[row]);
        assert!(text.contains("NOT MEASURED") && text.contains("0/5"), "{text}");
    }
}
