//! What the agent counts of its guests. `docs/observability.md` says what each name means.

use hatchery_model::message::StepName;
use hatchery_model::timestamp::Timestamp;

/// A build under way, for as long as this lives.
pub(super) struct Building;

impl Building {
    pub(super) fn begin() -> Self {
        metrics::counter!("hatchery_guest_builds_total").increment(1);
        metrics::gauge!("hatchery_guest_builds_active").increment(1.0);
        Self
    }
}

impl Drop for Building {
    fn drop(&mut self) {
        metrics::gauge!("hatchery_guest_builds_active").decrement(1.0);
    }
}

/// A build has started its guest, and copied so many bytes of image data for it.
pub(super) fn built(bytes_copied: u64) {
    started();
    metrics::counter!("hatchery_guest_bytes_copied_total").increment(bytes_copied);
}

fn started() {
    metrics::counter!("hatchery_guest_starts_total").increment(1);
}

/// A build has come to nothing.
pub(super) fn failed() {
    metrics::counter!("hatchery_guest_failures_total").increment(1);
}

/// A guest has stopped running.
pub(super) fn stopped() {
    metrics::counter!("hatchery_guest_stops_total").increment(1);
}

/// A step went well.
pub(super) fn step(step: StepName, (began, ended): (Timestamp, Timestamp)) {
    let name = match step {
        StepName::Claim => "claim",
        StepName::Disk => "disk",
        StepName::Define => "define",
        StepName::Start => "start",
        StepName::PowerOff => {
            stopped();
            "power_off"
        }
        StepName::PowerOn => {
            started();
            "power_on"
        }
        StepName::Reboot => {
            stopped();
            started();
            "reboot"
        }
        // What is taken apart is waited for by nobody.
        StepName::Destroy => return,
    };
    let seconds = ended.micros_since(began) as f64 / 1e6;
    metrics::histogram!("hatchery_guest_step_duration_seconds", "step" => name).record(seconds);
    metrics::gauge!("hatchery_guest_last_step_duration_seconds", "step" => name).set(seconds);
}
