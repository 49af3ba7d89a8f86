//! The screen: graphs of one interface above, lists below.

use super::amount::{bytes, rate, span};
use super::history::Track;
use super::table;
use super::view::View;
use hatchery_model::timestamp::Timestamp;
use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph, RenderDirection, Sparkline};

/// Columns beside a graph.
const FIGURES: u16 = 18;
/// Rows of the cloud's own lines, with their head.
const CLOUD: u16 = 5;

/// How things stand out: by colour, or where colours are not wanted by weight alone.
#[derive(Clone, Copy, Debug)]
pub struct Palette {
    /// Whether colours are wanted.
    pub colours: bool,
}

impl Palette {
    /// Without colours where `NO_COLOR` says so, or the terminal is a dumb one.
    pub fn from_environment() -> Self {
        let is_set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self { colours: !is_set("NO_COLOR") && !is_dumb }
    }

    fn colour(self, colour: Color, otherwise: Modifier) -> Style {
        if self.colours { Style::new().fg(colour) } else { Style::new().add_modifier(otherwise) }
    }

    /// As any text.
    pub fn plain(self) -> Style {
        Style::new()
    }

    /// What is chosen.
    pub fn strong(self) -> Style {
        Style::new().add_modifier(Modifier::BOLD)
    }

    /// What matters less.
    pub fn faint(self) -> Style {
        self.colour(Color::DarkGray, Modifier::DIM)
    }

    /// Bytes that come in.
    pub fn incoming(self) -> Style {
        self.colour(Color::Green, Modifier::empty())
    }

    /// Bytes that go out.
    pub fn outgoing(self) -> Style {
        self.colour(Color::Blue, Modifier::empty())
    }

    /// How far a transfer is.
    pub fn progress(self) -> Style {
        self.colour(Color::Cyan, Modifier::empty())
    }

    /// What a line is about.
    pub fn kind(self) -> Style {
        self.colour(Color::Yellow, Modifier::BOLD)
    }

    /// What is wrong.
    pub fn alarm(self) -> Style {
        self.colour(Color::Red, Modifier::REVERSED).add_modifier(Modifier::BOLD)
    }
}

/// Draws everything into the frame, whatever its size.
pub fn draw(frame: &mut Frame<'_>, view: &View, now: Timestamp, palette: Palette) {
    let area = frame.area();
    // Of a higher screen the lists get a part, and the graphs the rest.
    let spare = area.height.saturating_sub(24);
    let wires = u16::try_from(view.wires.len()).unwrap_or(u16::MAX).clamp(1, 2 + spare / 4);
    let transfers = 4 + spare / 3;
    let [head, incoming, outgoing, interfaces, moving, cloud, foot] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Fill(1),
        Constraint::Fill(1),
        Constraint::Length(1 + wires),
        Constraint::Length(transfers),
        Constraint::Length(CLOUD),
        Constraint::Length(1),
    ])
    .areas(area);
    frame.render_widget(heading(view, now, palette), head);
    let shown = view.shown();
    let name = shown.map_or("no interface", |(name, _)| name);
    let idle = Track::default();
    let (received, sent) = shown.map_or((&idle, &idle), |(_, wire)| (&wire.received, &wire.sent));
    graph(frame, incoming, (&format!("{name} in"), received), palette.incoming(), palette);
    graph(frame, outgoing, (&format!("{name} out"), sent), palette.outgoing(), palette);
    let (columns, rows) = (usize::from(area.width), |area: Rect| usize::from(area.height) - 1);
    let list = |frame: &mut Frame<'_>, area: Rect, title: &str, lines: Vec<Line<'static>>| {
        frame.render_widget(Paragraph::new(lines).block(titled(title, palette)), area);
    };
    if interfaces.height > 0 {
        let lines = table::interfaces(view, columns, rows(interfaces), palette);
        list(frame, interfaces, "interfaces", lines);
    }
    if moving.height > 0 {
        let lines = table::transfers(view, columns, rows(moving), palette);
        list(frame, moving, "transfers", lines);
    }
    list(frame, cloud, "cloud", table::cloud(view, palette));
    let last = match &view.outage {
        Some(outage) => Line::styled(format!(" {}", outage.why), palette.alarm()),
        None => Line::styled(" q ends   ←→ another interface", palette.faint()),
    };
    frame.render_widget(last, foot);
}

fn titled(title: &str, palette: Palette) -> Block<'static> {
    Block::new()
        .borders(Borders::TOP)
        .border_style(palette.faint())
        .title(Span::styled(format!(" {title} "), palette.strong()))
}

fn heading(view: &View, now: Timestamp, palette: Palette) -> Line<'static> {
    let mut words = vec![
        Span::styled(" hatchery top", palette.strong()),
        Span::styled(format!("  {}", view.name), palette.faint()),
    ];
    if let Some(outage) = &view.outage {
        let passed = span(now.micros_since(outage.since) / 1_000_000);
        let text = format!(" not reachable since {}, for {passed} ", time_of_day(outage.since));
        words.insert(1, Span::styled(text, palette.alarm()));
        words.insert(1, Span::raw("  "));
    } else if let Some(last) = &view.last {
        let up = (now.0 as f64 / 1e6 - last.figures.process.started_at_seconds).max(0.0);
        words.push(Span::raw(format!("  up {}", span(up as u64))));
        words.push(Span::styled(format!("  {}", time_of_day(now)), palette.faint()));
    } else {
        words.push(Span::raw("  waiting for the first reading"));
    }
    Line::from(words)
}

/// `14:03:21 UTC`
fn time_of_day(at: Timestamp) -> String {
    let second = at.seconds().rem_euclid(86_400);
    format!("{:02}:{:02}:{:02} UTC", second / 3600, second / 60 % 60, second % 60)
}

fn graph(
    frame: &mut Frame<'_>,
    area: Rect,
    (title, track): (&str, &Track),
    style: Style,
    palette: Palette,
) {
    let block = titled(title, palette);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let [picture, figures] =
        Layout::horizontal([Constraint::Fill(1), Constraint::Length(FIGURES)]).areas(inner);
    // What is seen fills the height, and the scale stands beside it.
    let seen: Vec<u64> =
        track.rates().take(usize::from(picture.width)).map(|rate| rate as u64).collect();
    let most = seen.iter().copied().max().unwrap_or_default().max(1);
    frame.render_widget(
        Sparkline::default()
            .data(seen)
            .max(most)
            .direction(RenderDirection::RightToLeft)
            .style(style),
        picture,
    );
    let lines = [
        ("now", rate(track.now())),
        ("avg", rate(track.average())),
        ("peak", rate(track.peak())),
        ("total", bytes(track.total())),
    ];
    let lines = lines.map(|(name, value)| {
        Line::from(vec![
            Span::styled(format!(" {name:<5}"), palette.faint()),
            Span::raw(format!("{value:>11}")),
        ])
    });
    frame.render_widget(Paragraph::new(lines.to_vec()), figures);
}
