//! `hatchery pool`: the bases, of a running cloud or of folders that `hatchery warm` keeps.

mod args;
mod files;
mod print;
mod source;

pub use args::{Format, Heal, PoolArgs};
pub use print::{deeds, has_failed, table};
pub use source::Source;

use args::PoolCommand;
use serde_json::Value;
use std::process::ExitCode;

/// Runs the chosen one.
pub fn run(args: &PoolArgs) -> anyhow::Result<ExitCode> {
    match &args.command {
        PoolCommand::Ls(place) => {
            let answer = Source::of(place)?.list()?;
            say(place.format, &answer, print::bases);
        }
        PoolCommand::Show(show) => {
            let answer = Source::of(&show.place)?.show(&show.base)?;
            say(show.place.format, &answer, print::base);
        }
        PoolCommand::Verify(verify) => {
            let answer = Source::of(&verify.place)?.verify(verify.base.as_deref())?;
            say(verify.place.format, &answer, print::deeds);
            return Ok(verdict(&answer));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints an answer.
pub fn say(format: Format, answer: &Value, table: fn(&Value) -> String) {
    match format {
        Format::Table => print!("{}", table(answer)),
        Format::Json => println!("{answer:#}"),
    }
}

/// 1 where something is not as it should be and was not put right.
pub fn verdict(answer: &Value) -> ExitCode {
    if has_failed(answer) { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
