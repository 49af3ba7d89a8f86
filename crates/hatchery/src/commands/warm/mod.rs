//! `hatchery warm`: keeps the bases of an existing OpenStack.

mod args;
mod keeper;
mod parts;
mod resets;
mod said;

pub use args::{Convert, Elsewhere, WarmArgs};
pub use keeper::Schedule;
pub use parts::Parts;
pub use resets::Resets;

use crate::logging::{self, Logging};
use crate::wire;
use anyhow::bail;
use hatchery_model::base::Did;
use said::Said;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// How long what is under way at the end may take. It may be cut off anywhere.
const GRACE: Duration = Duration::from_secs(5);

/// One pass, or pass after pass until SIGTERM or SIGINT.
pub fn run(args: &WarmArgs) -> anyhow::Result<ExitCode> {
    logging::start(&Logging::to_file(args.log_file.clone(), args.log_json));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let done = runtime.block_on(async {
        let (parts, news) = wire::warm::parts(args)?;
        if args.once { once(&parts).await } else { stay(args, parts, news).await }
    });
    runtime.shutdown_timeout(GRACE);
    match done {
        Ok(()) => Ok(ExitCode::SUCCESS),
        // Where there is a log that somebody reads, it has the reason too; and JSON stays JSON.
        Err(error) if is_logged(args) => {
            tracing::error!("{error:#}");
            Ok(ExitCode::FAILURE)
        }
        Err(error) => Err(error),
    }
}

fn is_logged(args: &WarmArgs) -> bool {
    (args.log_json || args.log_file.is_some()) && tracing::enabled!(tracing::Level::ERROR)
}

async fn once(parts: &Parts) -> anyhow::Result<()> {
    let outcome = parts.pass().await;
    // The trouble is the error below, said once.
    let quiet = parts::Outcome { trouble: Vec::new(), ..outcome };
    Said::default().pass(&quiet, parts.dry_run);
    let not_reset = parts.reset(&quiet.resets).await;
    let failed = quiet.deeds.iter().filter(|deed| deed.did == Did::Failed).count();
    let mut trouble = outcome.trouble;
    if failed > 0 {
        trouble.push(format!("{failed} bases could not be put right (see above)"));
    }
    trouble.extend(not_reset);
    if !trouble.is_empty() {
        bail!("{}", trouble.join("; "));
    }
    Ok(())
}

async fn stay(args: &WarmArgs, parts: Parts, news: keeper::News) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let _metrics = match args.metrics {
        Some(address) => Some(crate::metrics::serve(address).await?),
        None => None,
    };
    let schedule =
        Schedule { interval: args.interval, scrub_mib_per_second: args.scrub_mib_per_second };
    tracing::info!(images = %args.images.display(), cache = %args.cache.display(), "keeps the bases warm");
    tokio::select! {
        () = keeper::keep(parts, news, schedule) => {}
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopped");
    Ok(())
}
