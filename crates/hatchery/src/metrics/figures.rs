//! From Prometheus's text to what people look at: `hatchery top` reads it from any process that serves it.

use super::exposition::{Sample, samples};
use hatchery_model::live::LiveFigures;

/// The figures in a text; what it does not name is 0 or absent.
pub fn figures(text: &str) -> LiveFigures {
    let mut figures = LiveFigures::default();
    for sample in samples(text).filter(|sample| sample.value.is_finite()) {
        take(&mut figures, &sample);
    }
    figures
}

fn take(figures: &mut LiveFigures, sample: &Sample) {
    let (value, count) = (sample.value, sample.value.max(0.0) as u64);
    let label = |name: &str| sample.label(name).to_owned();
    let (builds, pool, process) = (&mut figures.builds, &mut figures.pool, &mut figures.process);
    match sample.name.as_str() {
        "hatchery_interface_received_bytes_total" => {
            figures.interfaces.entry(label("interface")).or_default().received_bytes = count;
        }
        "hatchery_interface_sent_bytes_total" => {
            figures.interfaces.entry(label("interface")).or_default().sent_bytes = count;
        }
        "hatchery_transfer_bytes_total" => {
            figures.transferred_bytes.insert(label("kind"), count);
        }
        "hatchery_transfers_active" => {
            figures.transfers_active.insert(label("kind"), count);
        }
        "hatchery_base_deeds_total" => {
            figures.deeds.insert(label("deed"), count);
        }
        "hatchery_guest_builds_active" => builds.active = count,
        "hatchery_guest_starts_total" => builds.started = count,
        "hatchery_guest_failures_total" => builds.failed = count,
        "hatchery_guest_stops_total" => builds.stopped = count,
        "hatchery_guest_bytes_copied_total" => builds.bytes_copied = count,
        "hatchery_guest_last_step_duration_seconds" => {
            builds.last_step_seconds.insert(label("step"), value);
        }
        "hatchery_pool_bytes" => pool.bytes = count,
        "hatchery_pool_names" => pool.names = count,
        "hatchery_pool_leases" => pool.leases = count,
        "hatchery_http_requests_total" => figures.requests += count,
        "hatchery_process_resident_memory_bytes" => process.resident_bytes = count,
        "hatchery_process_cpu_seconds_total" => process.cpu_seconds = value,
        "hatchery_process_start_time_seconds" => process.started_at_seconds = value,
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::figures;

    #[test]
    fn requests_are_added_up_and_labels_kept_apart() {
        let text = "hatchery_http_requests_total{service=\"image\",status=\"200\"} 3\n\
            hatchery_http_requests_total{service=\"compute\",status=\"202\"} 4\n\
            hatchery_interface_sent_bytes_total{interface=\"eth0\"} 5\n\
            hatchery_interface_received_bytes_total{interface=\"eth0\"} 6\n\
            hatchery_base_deeds_total{deed=\"linked\"} 7\n\
            hatchery_pool_bytes NaN\nhatchery_guest_builds_active -0\nanother_total 9\n";
        let found = figures(text);
        assert_eq!(found.requests, 7);
        let eth0 = found.interfaces["eth0"];
        assert_eq!((eth0.received_bytes, eth0.sent_bytes), (6, 5));
        assert_eq!(found.deeds["linked"], 7);
        assert_eq!((found.pool.bytes, found.builds.active), (0, 0));
    }
}
