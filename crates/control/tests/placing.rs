//! The scheduler as a pure function, filter by filter.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may")]

mod lab;

use hatchery_control::scheduler::{PlaceRequest, SchedulerSettings, place};
use hatchery_model::compute::{Aggregate, Claim, Host, HostFacts};
use hatchery_model::generation::Generation;
use hatchery_model::id::HostName;
use hatchery_model::message::{Body, Event};
use hatchery_model::provision::Backing;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use lab::FakeHost;
use std::collections::BTreeMap;
use uuid::Uuid;

const NOW: Timestamp = Timestamp(1_000_000_000);

fn host(name: &str, vcpus: u32, memory_mib: u64, disk_gib: u64) -> Host {
    let fake = FakeHost::new(name, 1, vcpus, memory_mib, disk_gib);
    let Body::Event(Event::HostReported(report)) = fake.report().body else {
        panic!("a report is wanted");
    };
    Host {
        id: report.id,
        name: report.name,
        generation: Generation::FIRST,
        resources: report.resources,
        claimed: Claim::default(),
        target: report.target,
        backends: report.backends,
        heard_at: NOW,
        disabled: None,
        availability_zone: "nova".into(),
        created_at: NOW,
    }
}

fn request() -> PlaceRequest {
    let (image, flavor) = (lab::image(NOW), lab::flavor("1", "m1.tiny"));
    PlaceRequest::new(&flavor, &image).unwrap()
}

fn settings() -> SchedulerSettings {
    SchedulerSettings::default()
}

/// The one filter that refuses the one host.
fn refused(host: &Host, request: &PlaceRequest, settings: &SchedulerSettings) -> Option<String> {
    match place(std::slice::from_ref(host), &HostFacts::default(), request, settings, NOW) {
        Ok(_) => None,
        Err(not) => {
            assert_eq!((not.hosts, not.refused.len()), (1, 1));
            Some(not.refused[0].0.clone())
        }
    }
}

type Change = fn(&mut Host);

#[test]
fn each_filter_refuses_at_its_edge() {
    let fits = host("a", 1, 1024, 1);
    assert_eq!(refused(&fits, &request(), &settings()), None);
    let filter = |name: &str| Some(name.to_owned());
    let cases: [(&str, Change); 9] = [
        ("RamFilter", |host| host.resources.memory_mib = 1023),
        ("RamFilter", |host| host.claimed.memory_mib = 1),
        ("CoreFilter", |host| host.claimed.vcpus = 4),
        ("CoreFilter", |host| host.resources.vcpus = 0),
        ("DiskFilter", |host| host.claimed.disk_gib = 1),
        ("ComputeFilter", |host| host.disabled = Some(String::new())),
        ("ComputeFilter", |host| host.heard_at = NOW.plus_seconds(-61)),
        ("ProvisionFilter", |host| {
            let Backing::File(file) = &mut host.target.backing else { panic!() };
            file.hard_link = Err("two filesystems".into());
            file.free = Bytes(1);
        }),
        ("ImagePropertiesFilter", |host| host.resources.arch = "aarch64".into()),
    ];
    let mut wanted = request();
    wanted.architecture = Some("amd64".into());
    assert_eq!(refused(&fits, &wanted, &settings()), None);
    for (name, change) in cases {
        let mut changed = fits.clone();
        change(&mut changed);
        assert_eq!(refused(&changed, &wanted, &settings()), filter(name));
    }
    let excluded = PlaceRequest { excluded: vec![fits.name.clone()], ..request() };
    assert_eq!(refused(&fits, &excluded, &settings()), filter("RetryFilter"));
    let elsewhere = PlaceRequest { zone: Some("east".into()), ..request() };
    assert_eq!(refused(&fits, &elsewhere, &settings()), filter("AvailabilityZoneFilter"));
    let other = PlaceRequest { host: Some(HostName::from("b")), ..request() };
    assert_eq!(refused(&fits, &other, &settings()), filter("AvailabilityZoneFilter"));
}

#[test]
fn ratios_and_reserves_are_the_operator_s() {
    let small = host("a", 1, 1024, 1);
    let set = SchedulerSettings { reserved_host_memory_mib: 513, ..settings() };
    assert_eq!(refused(&small, &request(), &set).as_deref(), Some("RamFilter"));
    let set = SchedulerSettings { ram_allocation_ratio: 1.5, ..set };
    assert_eq!(refused(&small, &request(), &set), None);
    let mut full = small;
    full.claimed.disk_gib = 1;
    let set = SchedulerSettings { disk_allocation_ratio: 2.0, ..settings() };
    assert_eq!(refused(&full, &request(), &set), None);
    let set = SchedulerSettings { reserved_host_disk_mib: 1, ..set };
    assert_eq!(refused(&full, &request(), &set).as_deref(), Some("DiskFilter"));
    let set = SchedulerSettings { cpu_allocation_ratio: 0.5, ..settings() };
    full.claimed = Claim::default();
    assert_eq!(refused(&full, &request(), &set).as_deref(), Some("CoreFilter"));
}

#[test]
fn most_memory_then_fewest_servers_then_the_name() {
    let mut hosts = vec![host("c", 8, 8192, 99), host("b", 8, 8192, 99), host("a", 8, 4096, 99)];
    let placed = |hosts: &[Host]| {
        place(hosts, &HostFacts::default(), &request(), &settings(), NOW).unwrap().0
    };
    assert_eq!(placed(&hosts), "b");
    hosts[1].claimed.servers = 1;
    assert_eq!(placed(&hosts), "c");
    hosts[0].claimed.memory_mib = 5000;
    hosts[1].claimed.memory_mib = 5000;
    assert_eq!(placed(&hosts), "a");
}

#[test]
fn a_refusal_counts_each_host_once() {
    let mut hosts = vec![host("a", 1, 100, 1), host("b", 1, 1024, 0), host("c", 1, 100, 0)];
    hosts[2].disabled = Some("broken".into());
    let not = place(&hosts, &HostFacts::default(), &request(), &settings(), NOW).unwrap_err();
    assert_eq!(not.hosts, 3);
    let counts = [("ComputeFilter", 1), ("RamFilter", 1), ("DiskFilter", 1)];
    assert_eq!(not.refused, counts.map(|(name, count)| (name.to_owned(), count)));
    assert_eq!(
        place(&[], &HostFacts::default(), &request(), &settings(), NOW).unwrap_err().refused,
        []
    );
}

/// An aggregate of the host `a`.
fn aggregate(key: &str, value: &str) -> HostFacts {
    let aggregate = Aggregate {
        number: 1,
        uuid: Uuid::nil(),
        generation: Generation::FIRST,
        name: "fast".into(),
        hosts: vec![HostName::from("a")],
        metadata: BTreeMap::from([(key.into(), value.into())]),
        created_at: NOW,
        updated_at: None,
    };
    HostFacts { aggregates: vec![aggregate], ..HostFacts::default() }
}

#[test]
fn a_flavor_asks_for_an_aggregate() {
    let hosts = [host("a", 8, 4096, 99), host("b", 8, 8192, 99)];
    let facts = aggregate("disk", "ssd, nvme");
    let placed = |key: &str, wanted: &str| {
        let extra_specs = BTreeMap::from([(key.to_owned(), wanted.to_owned())]);
        let request = PlaceRequest { extra_specs, ..request() };
        place(&hosts, &facts, &request, &settings(), NOW)
    };
    assert_eq!(placed("aggregate_instance_extra_specs:disk", "ssd").unwrap().0, "a");
    assert_eq!(placed("disk", "<or> nvme <or> tape").unwrap().0, "a");
    assert_eq!(
        placed("hw:cpu_policy", "dedicated").unwrap().0,
        "b",
        "another scope asks for nothing"
    );
    let refused = placed("disk", "tape").unwrap_err().refused;
    assert_eq!(refused, [("AggregateInstanceExtraSpecsFilter".to_owned(), 2)]);
}

#[test]
fn the_image_s_base_weighs_as_much_as_the_operator_says() {
    let hosts = [host("a", 8, 4096, 99), host("b", 8, 6144, 99), host("c", 8, 8192, 99)];
    let placed = |with_base: &[&str], multiplier| {
        let with_base = with_base.iter().map(|name| HostName::from(*name)).collect();
        let facts = HostFacts { with_base, ..HostFacts::default() };
        let set = SchedulerSettings { image_base_weight_multiplier: multiplier, ..settings() };
        place(&hosts, &facts, &request(), &set, NOW).unwrap().0
    };
    assert_eq!(placed(&[], 1.0), "c");
    assert_eq!(placed(&["b"], 1.0), "b");
    assert_eq!(placed(&["a", "b"], 1.0), "b", "of those that have it, the one with more memory");
    assert_eq!(placed(&["a"], 0.0), "c");
    assert_eq!(placed(&["b"], 0.4), "c", "0.5 of memory and 0.4 are less than 1 of memory");
    assert_eq!(placed(&["b"], 0.6), "b");
    assert_eq!(placed(&["c"], -5.0), "b", "or hosts with it are avoided");
}
