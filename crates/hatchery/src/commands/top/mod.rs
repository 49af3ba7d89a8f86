//! `hatchery top`: what is moving, on a terminal, as people read `nload`; or one reading of it as text.

mod amount;
mod bar;
mod history;
mod once;
mod poll;
mod screen;
mod source;
mod table;
#[cfg(test)]
mod tests;
mod view;

use crate::cli::Top;
use crate::clock::SystemClock;
use anyhow::{Context, bail};
use hatchery_ports::clock::Clock;
use poll::Poll;
use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use screen::{Palette, draw};
use source::Source;
use std::io::IsTerminal;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};
use view::View;

/// Keys are looked at, and readings taken over, at least so often.
const TICK: Duration = Duration::from_millis(100);

/// Shows it until it is told to stop.
pub fn run(args: &Top) -> anyhow::Result<ExitCode> {
    let source = Source::of(args)?;
    let interval = Duration::from_secs_f64(args.interval);
    let mut view = View::new(source.name());
    let poll = Poll::start(source, interval);
    if args.once {
        return once::print(&mut view, &poll);
    }
    if !std::io::stdout().is_terminal() {
        bail!("the screen needs a terminal; `hatchery top --once` prints a reading as text");
    }
    let told_to_stop = signals()?;
    // From here on the terminal is another's; a panic restores it too.
    let mut terminal = ratatui::try_init().context("the terminal cannot be taken over")?;
    let ended = show(&mut terminal, &mut view, &poll, &told_to_stop);
    ratatui::restore();
    ended.map(|()| ExitCode::SUCCESS)
}

fn show(
    terminal: &mut DefaultTerminal,
    view: &mut View,
    poll: &Poll,
    told_to_stop: &AtomicBool,
) -> anyhow::Result<()> {
    let palette = Palette::from_environment();
    loop {
        while let Some(reading) = poll.next_now() {
            view.take(reading, SystemClock.now());
        }
        let now = SystemClock.now();
        terminal.draw(|frame| draw(frame, view, now, palette)).context("the terminal is gone")?;
        if told_to_stop.load(Ordering::Relaxed) || asked_to_stop(view)? {
            return Ok(());
        }
    }
}

/// Waits a moment for keys, and does what they say.
fn asked_to_stop(view: &mut View) -> anyhow::Result<bool> {
    let until = Instant::now() + TICK;
    while event::poll(until.saturating_duration_since(Instant::now()))? {
        // Anything else is a change of size, which the next drawing sees.
        let Event::Key(KeyEvent { code, modifiers, kind, .. }) = event::read()? else { break };
        if kind == KeyEventKind::Release {
            continue;
        }
        match code {
            KeyCode::Char('q') | KeyCode::Esc => return Ok(true),
            KeyCode::Char('c') if modifiers.contains(KeyModifiers::CONTROL) => return Ok(true),
            KeyCode::Right | KeyCode::Down | KeyCode::Tab => view.choose(1),
            KeyCode::Left | KeyCode::Up | KeyCode::BackTab => view.choose(-1),
            _ => continue,
        }
        break;
    }
    Ok(false)
}

/// True once the process is told to end, so that the terminal is restored then too.
fn signals() -> anyhow::Result<Arc<AtomicBool>> {
    let told = Arc::new(AtomicBool::new(false));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let (mut terminate, mut hang_up) = {
        let _inside = runtime.enter();
        (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?)
    };
    let heard = told.clone();
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = terminate.recv() => {}
                // The terminal is gone: there is nothing to restore, and a read of it may never come back.
                _ = hang_up.recv() => std::process::exit(0),
            }
        });
        heard.store(true, Ordering::Relaxed);
    });
    Ok(told)
}
