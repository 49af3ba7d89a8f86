//! `hatchery heal`: puts lost and changed bases right now, and says what was done and whose servers can start again.

use super::pool::{Heal, Source, deeds, say, verdict};
use std::process::ExitCode;

/// One full pass.
pub fn run(args: &Heal) -> anyhow::Result<ExitCode> {
    let answer = Source::of_owner(&args.place, Some(&args.owner))?.heal(args.dry_run)?;
    say(args.place.format, &answer, deeds);
    Ok(verdict(&answer))
}
