//! The steps of a build or teardown, as they are timed.

use super::measured;
use hatchery_model::message::{StepName, StepTiming};
use hatchery_model::provision::Rung;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::clock::Clock;
use std::sync::Arc;

/// Collects timings.
pub(super) struct Steps {
    clock: Arc<dyn Clock>,
    done: Vec<StepTiming>,
}

/// What a step that went well says of itself.
pub(super) struct Told {
    pub(super) details: String,
    pub(super) rung: Option<Rung>,
}

impl Told {
    /// A sentence.
    pub(super) fn details(details: impl Into<String>) -> Self {
        Self { details: details.into(), rung: None }
    }
}

impl Steps {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, done: Vec::new() }
    }

    /// Now: where a step begins or ends.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Notes a step that began then and ends now.
    pub(super) fn end<E: std::fmt::Display>(
        &mut self,
        step: StepName,
        started_at: Timestamp,
        result: Result<&Told, &E>,
    ) {
        self.note(step, (started_at, self.clock.now()), result);
    }

    /// Notes a step that ran from one time to another, beside other steps.
    pub(super) fn note<E: std::fmt::Display>(
        &mut self,
        step: StepName,
        (started_at, finished_at): (Timestamp, Timestamp),
        result: Result<&Told, &E>,
    ) {
        if result.is_ok() {
            measured::step(step, (started_at, finished_at));
        }
        let (ok, details, rung) = match result {
            Ok(told) => (true, told.details.clone(), told.rung),
            Err(error) => (false, error.to_string(), None),
        };
        self.done.push(StepTiming { step, started_at, finished_at, ok, details, rung });
    }

    /// All that was noted, in the order of beginning.
    pub(super) fn into_timings(mut self) -> Vec<StepTiming> {
        self.done.sort_by_key(|timing| timing.started_at);
        self.done
    }
}
