//! The screen as it looks, drawn into memory.

use super::once;
use super::poll::Taken;
use super::screen::{Palette, draw};
use super::source::{Moving, Reading};
use super::view::View;
use hatchery_model::live::InterfaceFigures;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use insta::assert_snapshot;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Color;
use std::time::{Duration, Instant};

/// 2026-01-01T00:00:00Z
const BEGAN: Timestamp = Timestamp(1_767_225_600_000_000);

fn reading(second: u64) -> Reading {
    let mut reading = Reading::default();
    let figures = &mut reading.figures;
    let wave = |second: u64| (0..second).map(|at| (at * 7 % 13) << 20).sum::<u64>();
    let eth0 =
        InterfaceFigures { received_bytes: 5 << 30 | wave(second), sent_bytes: second << 14 };
    figures.interfaces.insert("eth0".into(), eth0);
    let lo = InterfaceFigures { received_bytes: second << 10, sent_bytes: second << 10 };
    figures.interfaces.insert("lo".into(), lo);
    figures.transferred_bytes.insert("upload".into(), wave(second));
    figures.transfers_active.insert("upload".into(), 2);
    for (deed, count) in [("linked", 12 + second), ("healed", 1), ("failed", 0)] {
        figures.deeds.insert(deed.into(), count);
    }
    figures.builds.active = 2;
    figures.builds.started = 17;
    for (step, seconds) in
        [("claim", 0.02618), ("disk", 0.0262), ("define", 0.0037), ("start", 1.5)]
    {
        figures.builds.last_step_seconds.insert(step.into(), seconds);
    }
    (figures.pool.bytes, figures.pool.names, figures.pool.leases) = (3 << 30, 12, 3);
    figures.requests = 23 * second;
    figures.process.resident_bytes = 41 << 20;
    figures.process.cpu_seconds = 0.03 * second as f64;
    figures.process.started_at_seconds = BEGAN.seconds() as f64 - 725.0;
    reading.transfers = Some(vec![
        moving(7, "upload", "debian-13-genericcloud-amd64", Some(1 << 30)),
        moving(8, "download", "tiny", None),
    ]);
    reading
}

fn moving(id: u64, kind: &str, what: &str, total: Option<u64>) -> Moving {
    Moving {
        id,
        kind: kind.into(),
        what: what.into(),
        bytes: Bytes(450 << 20),
        total: total.map(Bytes),
        bytes_per_second: 35 << 20,
    }
}

/// Watched for so many seconds.
fn watched(seconds: u64) -> View {
    let mut view = View::new("/var/lib/hatchery".into());
    let began = Instant::now();
    for second in 0..=seconds {
        let at = began + Duration::from_secs(second);
        view.take(Taken { at, reading: Ok(reading(second)) }, BEGAN.plus_seconds(second as i64));
    }
    view
}

fn screen(view: &View, (width, height): (u16, u16), seconds: i64) -> TestBackend {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let palette = Palette { colours: false };
    terminal.draw(|frame| draw(frame, view, BEGAN.plus_seconds(seconds), palette)).unwrap();
    terminal.backend().clone()
}

#[test]
fn fits_a_terminal_of_80_by_24() {
    let mut view = watched(60);
    assert_snapshot!(screen(&view, (80, 24), 60), @r#"
    " hatchery top  /var/lib/hatchery  up 13:05  00:01:00 UTC                        "
    " eth0 in ───────────────────────────────────────────────────────────────────────"
    "         ▂ ▅ █        ▂ ▅ █        ▂ ▅ █        ▂ ▅ █        ▂ now   10.0 MiB/s "
    "   ▂ ▅ █ █ █ █  ▂ ▅ █ █ █ █  ▂ ▅ █ █ █ █  ▂ ▅ █ █ █ █  ▂ ▅ █ █ avg    5.9 MiB/s "
    "   █ █ █ █▂█▅██ █ █ █ █▂█▅██ █ █ █ █▂█▅██ █ █ █ █▂█▅██ █ █ █ █ peak  12.0 MiB/s "
    "   █▂█▅████████ █▂█▅████████ █▂█▅████████ █▂█▅████████ █▂█▅███ total    5.3 GiB "
    " eth0 out ──────────────────────────────────────────────────────────────────────"
    "  ████████████████████████████████████████████████████████████ now   16.0 KiB/s "
    "  ████████████████████████████████████████████████████████████ avg   16.0 KiB/s "
    "  ████████████████████████████████████████████████████████████ peak  16.0 KiB/s "
    "  ████████████████████████████████████████████████████████████ total  960.0 KiB "
    " interfaces ────────────────────────────────────────────────────────────────────"
    "› eth0         ↓ █████████████████  10.0 MiB/s ↑                    16.0 KiB/s  "
    "  lo           ↓                     1.0 KiB/s ↑                     1.0 KiB/s  "
    " transfers ─────────────────────────────────────────────────────────────────────"
    "  upload     debian-13-gene… ██████▏░░░░░░░  44%    1.0 GiB  35.0 MiB/s    0:16 "
    "  download   tiny            ░░░░░░░░░░░░░░    ?  450.0 MiB  35.0 MiB/s       - "
    "                                                                                "
    " cloud ─────────────────────────────────────────────────────────────────────────"
    "  guests     2 building   17 started   0 failed   0 stopped   0 B copied        "
    "  last build claim 26.2 ms   disk 26.2 ms   define 3.7 ms   start 1.5 s         "
    "  bases      72 linked +1.0/s   1 healed   0 failed                             "
    "  pool       3.0 GiB in 12 names, 3 leases  api 23.0/s  rss 41.0 MiB  cpu 3.0%  "
    " q ends   ←→ another interface                                                  "
    "#);
    view.choose(1);
    let shown = screen(&view, (80, 24), 60).to_string();
    assert!(shown.contains(" lo in ") && shown.contains("› lo"), "{shown}");
}

#[test]
fn uses_a_larger_one() {
    assert_snapshot!(screen(&watched(60), (120, 34), 60), @r#"
    " hatchery top  /var/lib/hatchery  up 13:05  00:01:00 UTC                                                                "
    " eth0 in ───────────────────────────────────────────────────────────────────────────────────────────────────────────────"
    "                                                   ▂ █          ▂ █          ▂ █          ▂ █          now   10.0 MiB/s "
    "                                                 ▅ █ █        ▅ █ █        ▅ █ █        ▅ █ █        ▅ avg    5.9 MiB/s "
    "                                             ▂ █ █ █ █    ▂ █ █ █ █    ▂ █ █ █ █    ▂ █ █ █ █    ▂ █ █ peak  12.0 MiB/s "
    "                                           ▅ █ █ █ █ █  ▅ █ █ █ █ █  ▅ █ █ █ █ █  ▅ █ █ █ █ █  ▅ █ █ █ total    5.3 GiB "
    "                                           █ █ █ █ █▂██ █ █ █ █ █▂██ █ █ █ █ █▂██ █ █ █ █ █▂██ █ █ █ █                  "
    "                                           █ █ █ █▅████ █ █ █ █▅████ █ █ █ █▅████ █ █ █ █▅████ █ █ █ █                  "
    "                                           █ █▂████████ █ █▂████████ █ █▂████████ █ █▂████████ █ █▂███                  "
    "                                           █▅██████████ █▅██████████ █▅██████████ █▅██████████ █▅█████                  "
    " eth0 out ──────────────────────────────────────────────────────────────────────────────────────────────────────────────"
    "                                          ████████████████████████████████████████████████████████████ now   16.0 KiB/s "
    "                                          ████████████████████████████████████████████████████████████ avg   16.0 KiB/s "
    "                                          ████████████████████████████████████████████████████████████ peak  16.0 KiB/s "
    "                                          ████████████████████████████████████████████████████████████ total  960.0 KiB "
    "                                          ████████████████████████████████████████████████████████████                  "
    "                                          ████████████████████████████████████████████████████████████                  "
    "                                          ████████████████████████████████████████████████████████████                  "
    " interfaces ────────────────────────────────────────────────────────────────────────────────────────────────────────────"
    "› eth0         ↓ █████████████████████████████████████  10.0 MiB/s ↑                                        16.0 KiB/s  "
    "  lo           ↓                                         1.0 KiB/s ↑                                         1.0 KiB/s  "
    " transfers ─────────────────────────────────────────────────────────────────────────────────────────────────────────────"
    "  upload     debian-13-genericcloud-amd64        ███████████████░░░░░░░░░░░░░░░░░░░  44%    1.0 GiB  35.0 MiB/s    0:16 "
    "  download   tiny                                ░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░░    ?  450.0 MiB  35.0 MiB/s       - "
    "                                                                                                                        "
    "                                                                                                                        "
    "                                                                                                                        "
    "                                                                                                                        "
    " cloud ─────────────────────────────────────────────────────────────────────────────────────────────────────────────────"
    "  guests     2 building   17 started   0 failed   0 stopped   0 B copied                                                "
    "  last build claim 26.2 ms   disk 26.2 ms   define 3.7 ms   start 1.5 s                                                 "
    "  bases      72 linked +1.0/s   1 healed   0 failed                                                                     "
    "  pool       3.0 GiB in 12 names, 3 leases  api 23.0/s  rss 41.0 MiB  cpu 3.0%                                          "
    " q ends   ←→ another interface                                                                                          "
    "#);
}

#[test]
fn says_since_when_the_server_is_gone_and_goes_on_when_it_is_back() {
    let mut view = watched(3);
    for second in [4, 9] {
        let taken = Taken { at: Instant::now(), reading: Err("connection refused".into()) };
        view.take(taken, BEGAN.plus_seconds(second));
    }
    let shown = screen(&view, (100, 24), 69).to_string();
    let told = "hatchery top   not reachable since 00:00:04 UTC, for 1:05 ";
    assert!(shown.lines().next().unwrap().contains(told), "{shown}");
    assert!(shown.lines().last().unwrap().contains("connection refused"), "{shown}");
    assert!(shown.contains("debian-13"), "the last reading stays: {shown}");
    let at = Instant::now() + Duration::from_secs(90);
    view.take(Taken { at, reading: Ok(reading(80)) }, BEGAN.plus_seconds(80));
    assert!(!screen(&view, (100, 24), 80).to_string().contains("not reachable"));
}

#[test]
fn no_size_is_too_small_or_too_strange() {
    let view = watched(5);
    for size in [(1, 1), (2, 40), (20, 5), (79, 10), (500, 3), (300, 100)] {
        let shown = screen(&view, size, 5).to_string();
        assert_eq!(shown.lines().count(), usize::from(size.1), "{size:?}");
    }
    let nothing = View::new("x".into());
    assert!(screen(&nothing, (80, 24), 0).to_string().contains("waiting for the first reading"));
}

#[test]
fn colours_are_used_only_where_they_are_wanted() {
    let view = watched(5);
    let has_colours = |colours| {
        let mut terminal = Terminal::new(TestBackend::new(80, 24)).unwrap();
        let palette = Palette { colours };
        terminal.draw(|frame| draw(frame, &view, BEGAN, palette)).unwrap();
        terminal.backend().buffer().content().iter().any(|cell| cell.fg != Color::Reset)
    };
    assert!(has_colours(true));
    assert!(!has_colours(false));
}

#[test]
fn sums_are_shown_where_transfers_are_not_told() {
    let mut view = View::new("127.0.0.1:9100".into());
    let began = Instant::now();
    for second in [0, 2] {
        let reading = Reading { transfers: None, ..reading(second) };
        let at = began + Duration::from_secs(second);
        view.take(Taken { at, reading: Ok(reading) }, BEGAN);
    }
    let shown = screen(&view, (80, 24), 0).to_string();
    assert!(shown.contains("upload         2 under way   3.5 MiB/s"), "{shown}");
}

#[test]
fn one_reading_is_text_for_scripts() {
    assert_snapshot!(once::text(&watched(2)), @r#"
    interface name=eth0 received_bytes=5376049152 received_bytes_per_second=7340032 sent_bytes=32768 sent_bytes_per_second=16384
    interface name=lo received_bytes=2048 received_bytes_per_second=1024 sent_bytes=2048 sent_bytes_per_second=1024
    transfers kind=upload active=2 bytes=7340032 bytes_per_second=7340032
    transfer id=7 kind=upload bytes=471859200 total=1073741824 bytes_per_second=36700160 what="debian-13-genericcloud-amd64"
    transfer id=8 kind=download bytes=471859200 total=unknown bytes_per_second=36700160 what="tiny"
    guests building=2 started=17 failed=0 stopped=0 bytes_copied=0
    step name=claim last_seconds=0.02618
    step name=define last_seconds=0.0037
    step name=disk last_seconds=0.0262
    step name=start last_seconds=1.5
    deeds name=failed count=0 per_second=0.0
    deeds name=healed count=1 per_second=0.0
    deeds name=linked count=14 per_second=1.0
    pool bytes=3221225472 names=12 leases=3
    process requests=46 requests_per_second=23.0 resident_bytes=42991616 cpu_percent=3.0
    "#);
}
