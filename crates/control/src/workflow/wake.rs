//! Wakes whoever looks for work: a hint, never the work itself.

use std::sync::Arc;
use tokio::sync::Notify;

/// Says "look at the rows again". Losing it costs a timer's interval, nothing else.
#[derive(Clone, Debug, Default)]
pub struct Wake(Arc<Notify>);

impl Wake {
    /// Wakes one sleeper, now or as soon as it sleeps.
    pub fn wake(&self) {
        self.0.notify_one();
    }

    /// Sleeps until woken.
    pub async fn woken(&self) {
        self.0.notified().await;
    }
}
