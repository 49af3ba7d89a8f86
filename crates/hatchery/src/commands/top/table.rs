//! The screen's lists: interfaces, transfers, and the cloud's own lines.

use super::amount::{bytes, rate, seconds, time_left};
use super::bar::bar;
use super::screen::Palette;
use super::source::Moving;
use super::view::View;
use hatchery_model::live::TransferKind;
use ratatui::text::{Line, Span};

/// Columns of an interface's name.
const NAME: usize = 13;
/// Columns of a kind of transfer.
const KIND: usize = 11;
/// Columns of a rate.
const RATE: usize = 12;

/// A line an interface, the shown one marked; at most `rows`, from the one on that keeps it in sight.
pub fn interfaces(
    view: &View,
    columns: usize,
    rows: usize,
    palette: Palette,
) -> Vec<Line<'static>> {
    let shown = view.shown().map_or("", |(name, _)| name);
    // One by which nothing has ever come or gone takes a line only if it is asked for.
    let wires: Vec<_> = view
        .wires
        .iter()
        .filter(|(name, wire)| *name == shown || wire.received.total() + wire.sent.total() > 0)
        .collect();
    let rates = view.wires.values().flat_map(|wire| [wire.received.now(), wire.sent.now()]);
    let most = rates.fold(1.0, f64::max);
    let at = wires.iter().position(|(name, _)| *name == shown).unwrap_or_default();
    let width = columns.saturating_sub(NAME + 2 * RATE + 8) / 2;
    let line = |(name, wire): (&String, &super::view::Wire)| {
        let (is_shown, received, sent) = (name == shown, wire.received.now(), wire.sent.now());
        let mark = if is_shown { "›" } else { " " };
        let name: String = name.chars().take(NAME - 1).collect();
        let style = if is_shown { palette.strong() } else { palette.plain() };
        Line::from(vec![
            Span::styled(format!("{mark} {name:<NAME$}"), style),
            Span::styled("↓ ", palette.faint()),
            Span::styled(bar(received / most, width, ' '), palette.incoming()),
            Span::raw(format!("{:>RATE$}", rate(received))),
            Span::styled(" ↑ ", palette.faint()),
            Span::styled(bar(sent / most, width, ' '), palette.outgoing()),
            Span::raw(format!("{:>RATE$}", rate(sent))),
        ])
    };
    wires.into_iter().skip((at + 1).saturating_sub(rows)).take(rows).map(line).collect()
}

/// A line a transfer, or a line a kind where only sums are told; at most `rows`.
pub fn transfers(view: &View, columns: usize, rows: usize, palette: Palette) -> Vec<Line<'static>> {
    let Some(last) = &view.last else { return Vec::new() };
    let Some(transfers) = &last.transfers else { return sums(view, rows, palette) };
    if transfers.is_empty() {
        return vec![Line::styled("  nothing is moving", palette.faint())];
    }
    let hidden = transfers.len().saturating_sub(rows);
    let rows = if hidden > 0 { rows.saturating_sub(1) } else { rows };
    let mut lines: Vec<_> =
        transfers.iter().take(rows).map(|one| transfer(one, columns, palette)).collect();
    if hidden > 0 {
        let more = transfers.len() - rows;
        lines.push(Line::styled(format!("  and {more} more"), palette.faint()));
    }
    lines
}

fn transfer(one: &Moving, columns: usize, palette: Palette) -> Line<'static> {
    let fixed = 2 + KIND + 5 + 11 + RATE + 9;
    let free = columns.saturating_sub(fixed);
    let what = free / 2;
    let width = free.saturating_sub(what + 1);
    let mut named: String = one.what.chars().take(what).collect();
    if one.what.chars().count() > what && what > 1 {
        named = one.what.chars().take(what - 1).chain(['…']).collect();
    }
    let part = one.total.map(|total| one.bytes.0 as f64 / total.0.max(1) as f64);
    let percent = part.map_or_else(|| "   ?".into(), |part| format!("{:>3.0}%", part * 100.0));
    let size = bytes(one.total.map_or(one.bytes.0, |total| total.0));
    let left = one.total.and_then(|total| time_left(one.bytes, total, one.bytes_per_second));
    Line::from(vec![
        Span::styled(format!("  {:<KIND$}", one.kind), palette.kind()),
        Span::raw(format!("{named:<what$} ")),
        Span::styled(bar(part.unwrap_or_default(), width, '░'), palette.progress()),
        Span::raw(format!(" {percent}{size:>11}{:>RATE$}", rate(one.bytes_per_second as f64))),
        Span::styled(format!("{:>8}", left.unwrap_or_else(|| "-".into())), palette.faint()),
    ])
}

fn sums(view: &View, rows: usize, palette: Palette) -> Vec<Line<'static>> {
    let active = view.last.as_ref().map(|last| &last.figures.transfers_active);
    let kinds = TransferKind::ALL.iter().map(|kind| kind.name());
    let line = |kind: &str| {
        let track = view.moved.get(kind)?;
        let under_way = active.and_then(|active| active.get(kind)).copied().unwrap_or_default();
        Some(Line::from(vec![
            Span::styled(format!("  {kind:<KIND$}"), palette.kind()),
            Span::raw(format!("{under_way:>5} under way{:>RATE$}", rate(track.now()))),
            Span::styled(format!("   {} in all", bytes(track.total())), palette.faint()),
        ]))
    };
    kinds.filter_map(line).take(rows).collect()
}

/// The cloud's own lines: guests, their last steps, bases, pool and process.
pub fn cloud(view: &View, palette: Palette) -> Vec<Line<'static>> {
    let Some(last) = &view.last else { return Vec::new() };
    let (builds, pool) = (&last.figures.builds, last.figures.pool);
    let guests = format!(
        "{} building   {} started   {} failed   {} stopped   {} copied",
        builds.active,
        builds.started,
        builds.failed,
        builds.stopped,
        bytes(builds.bytes_copied)
    );
    let steps = ["claim", "disk", "define", "start"].iter().filter_map(|step| {
        let took = builds.last_step_seconds.get(*step).filter(|took| **took > 0.0)?;
        Some(format!("{step} {}", seconds(*took)))
    });
    let steps = steps.collect::<Vec<_>>().join("   ");
    let deeds =
        ["linked", "healed", "quarantined", "removed", "failed"].iter().filter_map(|deed| {
            let track = view.deeds.get(*deed)?;
            let now = track.now();
            let rate = if now > 0.0 { format!(" +{now:.1}/s") } else { String::new() };
            Some(format!("{} {deed}{rate}", track.total()))
        });
    let process = last.figures.process;
    let pool = format!(
        "{} in {} names, {} leases  api {:.1}/s  rss {}  cpu {:.1}%",
        bytes(pool.bytes),
        pool.names,
        pool.leases,
        view.requests.now(),
        bytes(process.resident_bytes),
        view.cpu.now() / 1e4
    );
    let line = |name: &str, text: String| {
        Line::from(vec![Span::styled(format!("  {name:<KIND$}"), palette.kind()), Span::raw(text)])
    };
    vec![
        line("guests", guests),
        line("last build", if steps.is_empty() { "-".into() } else { steps }),
        line("bases", deeds.collect::<Vec<_>>().join("   ")),
        line("pool", pool),
    ]
}
