//! Bytes of deleted images that volumes and disks were cloned of go when the last of those has gone. Nobody is told then, so they are looked for now and
//! then.

use crate::error::Error;
use hatchery_ports::image_store::ImageStore;
use hatchery_ports::measure::record_waiting_removals;
use std::sync::Arc;
use std::time::Duration;

/// Between two looks, each of which asks for one list when nothing waits.
const INTERVAL: Duration = Duration::from_secs(15);

/// See the head of this file.
pub struct WaitingRemovals {
    /// The bytes.
    pub bytes: Arc<dyn ImageStore>,
}

impl WaitingRemovals {
    /// Looks for ever.
    pub async fn run(&self) {
        let mut before = Vec::new();
        loop {
            match self.look().await {
                Ok(waiting) => {
                    if waiting != before {
                        let images = waiting.join(" ");
                        tracing::info!(
                            waiting = waiting.len(),
                            images,
                            "deleted images wait for the clones that need their bytes"
                        );
                    }
                    before = waiting;
                }
                Err(error) => tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "removals of images could not be finished; it is tried again"
                ),
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Removes what nobody needs any more, and gives what still waits.
    pub async fn look(&self) -> Result<Vec<String>, Error> {
        let waiting = self.bytes.finish_removals().await?;
        record_waiting_removals(waiting.len());
        Ok(waiting)
    }
}
