//! What the test programs said of themselves, and how long they took.

use std::time::Duration;

/// The programs that the summary names.
const SLOWEST: usize = 12;

/// See the head of this file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    passed: usize,
    failed: usize,
    /// What could not be tested here, and what it lacks.
    skipped: Vec<String>,
    times: Vec<(Duration, String)>,
}

impl Tally {
    /// Takes a line of a test program.
    pub(super) fn note(&mut self, line: &str) {
        if let Some(at) = line.find("SKIPPED: ") {
            self.skipped.push(line[at..].to_owned());
        }
        if let Some(result) = line.strip_prefix("test result: ") {
            self.passed += count(result, " passed");
            self.failed += count(result, " failed");
        }
    }

    /// Takes how long a program ran.
    pub(super) fn time(&mut self, program: &str, took: Duration) {
        self.times.push((took, program.to_owned()));
    }

    /// Shows it: the slowest programs, what was skipped, and the counts as the last line.
    pub(super) fn print(&self) {
        let mut slowest: Vec<_> = self.times.iter().collect();
        slowest.sort_by(|one, other| other.cmp(one));
        for (took, program) in slowest.into_iter().take(SLOWEST) {
            println!("{:>17.1} s  {program}", took.as_secs_f64());
        }
        for line in &self.skipped {
            println!("{line}");
        }
        println!("{} passed, {} failed", self.passed, self.failed);
    }
}

/// The number that stands before a word.
fn count(result: &str, word: &str) -> usize {
    result
        .split(word)
        .next()
        .and_then(|before| before.rsplit(' ').next())
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::Tally;

    #[test]
    fn results_of_all_programs_are_added_up() {
        let mut tally = Tally::default();
        for line in [
            "test a ... ok",
            "test result: ok. 26 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s",
            "test b ... SKIPPED: postgres: no initdb",
        ] {
            tally.note(line);
        }
        assert_eq!(
            tally,
            Tally {
                passed: 29,
                failed: 2,
                skipped: vec!["SKIPPED: postgres: no initdb".to_owned()],
                times: Vec::new(),
            }
        );
    }
}
