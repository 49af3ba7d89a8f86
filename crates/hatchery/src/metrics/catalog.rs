//! Every metric: its name, kind and meaning, and the values that its labels begin with, so that a count is 0 before the first time and not absent.
//! `docs/observability.md` has the same names, which a test compares.

use hatchery_model::base::Did;
use hatchery_model::live::TransferKind;
use hatchery_model::provision::Rung;
use hatchery_model::volume::VolumeWork;
use metrics::{Label, Unit};

/// What is measured how.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Kind {
    /// Only grows, while the process lives.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Durations, in buckets with these upper bounds.
    Histogram(&'static [f64]),
}

/// Who has it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Of {
    /// `hatchery up` alone.
    Cloud,
    /// Every process that serves metrics.
    Every,
}

/// One metric.
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// What one of it is.
    pub unit: Unit,
    /// What it means, for people.
    pub help: &'static str,
    /// Who has it.
    pub of: Of,
    /// Its labels with the values that each has from the start; a label without values begins with the first event.
    pub labels: &'static [(&'static str, &'static [&'static str])],
}

/// From half a millisecond to two minutes: requests and what is done to a guest.
const SHORT: Kind = Kind::Histogram(&[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    60.0, 120.0,
]);
/// From a tenth of a second to an hour: images on their way.
const LONG: Kind = Kind::Histogram(&[
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 1800.0, 3600.0,
]);

/// From a millisecond to an hour: what is done to a volume, from a link to a copy of all its bytes.
const WIDE: Kind = Kind::Histogram(&[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 900.0, 3600.0,
]);

const KINDS: &[&str] = &{
    let mut names = [""; TransferKind::ALL.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = TransferKind::ALL[at].name();
        at += 1;
    }
    names
};
const DEEDS: &[&str] = &[
    Did::Linked.name(),
    Did::Healed.name(),
    Did::Quarantined.name(),
    Did::Removed.name(),
    Did::LeftAlone.name(),
    Did::Failed.name(),
];
const SERVICES: &[&str] = &["identity", "image", "compute", "network", "volume", "none"];
const STEPS: &[&str] = &["claim", "disk", "define", "start", "power_off", "power_on", "reboot"];

/// Orders about volumes: those to the volumes' backends, then those to the guests that have them.
const ORDERS: &[&str] = &{
    let guests = ["attach", "detach", "swap"];
    let mut names = [""; VolumeWork::LABELS.len() + 3];
    let mut at = 0;
    while at < names.len() {
        names[at] = if at < VolumeWork::LABELS.len() {
            VolumeWork::LABELS[at]
        } else {
            guests[at - VolumeWork::LABELS.len()]
        };
        at += 1;
    }
    names
};
const RUNGS: &[&str] = &{
    let mut names = [""; Rung::LADDER.len()];
    let mut at = 0;
    while at < names.len() {
        names[at] = Rung::LADDER[at].label();
        at += 1;
    }
    names
};
/// Orders that say how much they have copied.
const COPYING: &[&str] = &["create", "copy_from", "backup", "restore"];

const fn counter(name: &'static str, unit: Unit, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Counter, unit, help, of: Of::Every, labels: &[] }
}

const fn gauge(name: &'static str, unit: Unit, help: &'static str) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, help, of: Of::Every, labels: &[] }
}

const fn histogram(name: &'static str, kind: Kind, help: &'static str) -> Metric {
    Metric { name, kind, unit: Unit::Seconds, help, of: Of::Every, labels: &[] }
}

impl Metric {
    const fn by(mut self, labels: &'static [(&'static str, &'static [&'static str])]) -> Self {
        self.labels = labels;
        self
    }

    const fn of_the_cloud(mut self) -> Self {
        self.of = Of::Cloud;
        self
    }

    /// Every combination of the labels' first values; none where a label has none.
    pub fn series(&self) -> Vec<Vec<Label>> {
        self.labels.iter().fold(vec![Vec::new()], |series, (label, values)| {
            let with = |rest: &Vec<Label>, value: &'static str| {
                let mut all = rest.clone();
                all.push(Label::from_static_parts(label, value));
                all
            };
            series
                .iter()
                .flat_map(|rest| values.iter().map(move |value| with(rest, value)))
                .collect()
        })
    }
}

/// Those that the recorder keeps.
pub const RECORDED: &[Metric] = &[
    counter(
        "hatchery_http_requests_total",
        Unit::Count,
        "Requests answered; status none: the client did not wait.",
    )
    .by(&[("service", SERVICES), ("method", &[]), ("status", &[])])
    .of_the_cloud(),
    histogram(
        "hatchery_http_request_duration_seconds",
        SHORT,
        "Time from a request's head to its answer's head.",
    )
    .by(&[("service", SERVICES), ("method", &[])])
    .of_the_cloud(),
    gauge("hatchery_http_requests_active", Unit::Count, "Requests without an answer yet.")
        .by(&[("service", SERVICES)])
        .of_the_cloud(),
    counter("hatchery_transfer_bytes_total", Unit::Bytes, "Bytes of images that were moved.")
        .by(&[("kind", KINDS)]),
    gauge("hatchery_transfers_active", Unit::Count, "Transfers under way.").by(&[("kind", KINDS)]),
    counter("hatchery_transfers_total", Unit::Count, "Transfers that ended.")
        .by(&[("kind", KINDS), ("ending", &["done", "broken"])]),
    histogram("hatchery_transfer_duration_seconds", LONG, "Time that transfers took.")
        .by(&[("kind", KINDS)]),
    counter("hatchery_guest_builds_total", Unit::Count, "Builds of guests that were begun.")
        .of_the_cloud(),
    gauge("hatchery_guest_builds_active", Unit::Count, "Builds of guests under way.")
        .of_the_cloud(),
    counter(
        "hatchery_guest_starts_total",
        Unit::Count,
        "Starts of guests, by a build or by an order.",
    )
    .of_the_cloud(),
    counter(
        "hatchery_guest_failures_total",
        Unit::Count,
        "Builds of guests that failed or were given up.",
    )
    .of_the_cloud(),
    counter(
        "hatchery_guest_stops_total",
        Unit::Count,
        "Stops of guests, by an order or by themselves.",
    )
    .of_the_cloud(),
    counter(
        "hatchery_guest_bytes_copied_total",
        Unit::Bytes,
        "Bytes of image data that builds have copied.",
    )
    .of_the_cloud(),
    histogram(
        "hatchery_guest_step_duration_seconds",
        SHORT,
        "Time that each step of a build took, and each change of power.",
    )
    .by(&[("step", STEPS)])
    .of_the_cloud(),
    gauge(
        "hatchery_guest_last_step_duration_seconds",
        Unit::Seconds,
        "Time that each step took the last time.",
    )
    .by(&[("step", STEPS)])
    .of_the_cloud(),
    counter("hatchery_base_deeds_total", Unit::Count, "What was done to bases, or left alone.")
        .by(&[("deed", DEEDS)]),
    gauge(
        "hatchery_pool_bytes",
        Unit::Bytes,
        "Bytes that the bases take on the disk, each file once.",
    ),
    gauge("hatchery_pool_names", Unit::Count, "Names of bases in the pool."),
    gauge("hatchery_pool_leases", Unit::Count, "Leases of bases that stand."),
    gauge(
        "hatchery_image_removals_waiting",
        Unit::Count,
        "Deleted images whose bytes stay for the clones that need them.",
    )
    .of_the_cloud(),
    counter("hatchery_volume_orders_total", Unit::Count, "Orders about volumes that ended.")
        .by(&[("order", ORDERS), ("ending", &["done", "failed"])])
        .of_the_cloud(),
    gauge("hatchery_volume_orders_waiting", Unit::Count, "Orders that wait for their turn.")
        .by(&[("order", ORDERS)])
        .of_the_cloud(),
    gauge("hatchery_volume_orders_active", Unit::Count, "Orders that are being carried out.")
        .by(&[("order", ORDERS)])
        .of_the_cloud(),
    histogram(
        "hatchery_volume_order_duration_seconds",
        WIDE,
        "Time that orders took which were done, from their turn on.",
    )
    .by(&[("order", ORDERS)])
    .of_the_cloud(),
    counter(
        "hatchery_volume_ways_total",
        Unit::Count,
        "Volumes made of images, by the rung of the ladder that was taken.",
    )
    .by(&[("rung", RUNGS)])
    .of_the_cloud(),
    counter("hatchery_volume_bytes_copied_total", Unit::Bytes, "Bytes that orders have copied.")
        .by(&[("order", COPYING)])
        .of_the_cloud(),
    gauge("hatchery_volume_backend_up", Unit::Count, "1: the backend can be used.")
        .by(&[("backend", &[])])
        .of_the_cloud(),
    gauge(
        "hatchery_volume_backend_capacity_bytes",
        Unit::Bytes,
        "Size of the backend; 0: not known.",
    )
    .by(&[("backend", &[])])
    .of_the_cloud(),
    gauge("hatchery_volume_backend_free_bytes", Unit::Bytes, "Free of that.")
        .by(&[("backend", &[])])
        .of_the_cloud(),
    counter(
        "hatchery_image_volume_cache_hits_total",
        Unit::Count,
        "Volumes cloned of an image that a cache had.",
    )
    .of_the_cloud(),
    counter(
        "hatchery_image_volume_cache_misses_total",
        Unit::Count,
        "Volumes for which an image was brought into a cache.",
    )
    .of_the_cloud(),
    counter(
        "hatchery_image_volume_cache_evictions_total",
        Unit::Count,
        "Images that have left a cache.",
    )
    .of_the_cloud(),
    gauge(
        "hatchery_volume_flattenings_active",
        Unit::Count,
        "Volumes of images that are made independent in the background, or wait for that.",
    )
    .of_the_cloud(),
    counter("hatchery_volume_flattenings_total", Unit::Count, "The same, of those that ended.")
        .by(&[("ending", &["done", "failed", "stopped"])])
        .of_the_cloud(),
    counter("hatchery_volume_flattened_bytes_total", Unit::Bytes, "Bytes copied by that.")
        .of_the_cloud(),
];

/// Those that are read when they are asked for.
pub const READ: &[Metric] = &[
    gauge(
        "hatchery_outbox_messages",
        Unit::Count,
        "Messages written down and not yet taken over by their receivers.",
    )
    .of_the_cloud(),
    gauge("hatchery_tasks", Unit::Count, "Tasks promised and not yet done.").of_the_cloud(),
    gauge("hatchery_image_volume_cache_images", Unit::Count, "Images in a backend's cache.")
        .by(&[("backend", &[])])
        .of_the_cloud(),
    gauge("hatchery_image_volume_cache_bytes", Unit::Bytes, "Size of the volumes that hold them.")
        .by(&[("backend", &[])])
        .of_the_cloud(),
    counter("hatchery_sql_statements_total", Unit::Count, "SQL statements run.").of_the_cloud(),
    counter("hatchery_sql_commits_total", Unit::Count, "Transactions committed.").of_the_cloud(),
    counter(
        "hatchery_interface_received_bytes_total",
        Unit::Bytes,
        "Bytes that came in by an interface of the host.",
    )
    .by(&[("interface", &[])]),
    counter(
        "hatchery_interface_sent_bytes_total",
        Unit::Bytes,
        "Bytes that went out by an interface of the host.",
    )
    .by(&[("interface", &[])]),
    gauge(
        "hatchery_process_resident_memory_bytes",
        Unit::Bytes,
        "Memory that the process has resident.",
    ),
    counter(
        "hatchery_process_cpu_seconds_total",
        Unit::Seconds,
        "CPU time of the process, user and system.",
    ),
    gauge(
        "hatchery_process_start_time_seconds",
        Unit::Seconds,
        "When the process began, since 1970-01-01T00:00:00Z.",
    ),
    gauge("hatchery_build_info", Unit::Count, "Always 1; the label says which version runs.")
        .by(&[("version", &[])]),
];
