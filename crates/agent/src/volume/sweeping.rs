//! What nobody needs any more on the backends goes when an agent starts, and from time to time.

use super::work::chain;
use crate::agent::Host;
use std::sync::Arc;
use std::time::Duration;

/// Behind the first sweep: what agents that have died had open is free by then.
const SOON: Duration = Duration::from_secs(60);
/// Between two others. What they find takes room, and harms nobody.
const EVERY: Duration = Duration::from_secs(600);

/// Sweeps each backend. Runs for ever.
pub(crate) async fn sweep_backends(host: Arc<Host>) {
    let mut pause = SOON;
    loop {
        for (section, backend) in &host.volumes.backends {
            if let Err(error) = backend.sweep().await {
                let error = chain(&error);
                tracing::warn!(backend = section, error, "a backend is swept later");
            }
        }
        tokio::time::sleep(pause).await;
        pause = EVERY;
    }
}
