//! What is said of the backends in the host's reports. One that does not answer in time keeps no report waiting.

use super::measured;
use futures_util::future::join_all;
use hatchery_model::units::Bytes;
use hatchery_model::volume::BackendReport;
use hatchery_ports::volume_backend::VolumeBackend;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::task::JoinHandle;

/// So long a backend may take.
const PATIENCE: Duration = Duration::from_secs(3);

/// The backends' reporters.
pub(super) struct Reporters(Vec<Mutex<Reporter>>);

struct Reporter {
    section: String,
    backend: Arc<dyn VolumeBackend>,
    /// A question that has not been answered yet. There is one at a time, or a filesystem that hangs would take one thread after the other.
    asked: Option<JoinHandle<BackendReport>>,
    last: Option<BackendReport>,
}

impl Reporters {
    pub(super) fn new(backends: &BTreeMap<String, Arc<dyn VolumeBackend>>) -> Self {
        let reporters = backends.iter().map(|(section, backend)| {
            Mutex::new(Reporter {
                section: section.clone(),
                backend: backend.clone(),
                asked: None,
                last: None,
            })
        });
        Self(reporters.collect())
    }

    /// How each backend is. One that has never answered is left out.
    pub(super) async fn all(&self) -> Vec<BackendReport> {
        let told = join_all(self.0.iter().map(async |one| one.lock().await.tell().await)).await;
        told.into_iter().flatten().collect()
    }
}

impl Reporter {
    async fn tell(&mut self) -> Option<BackendReport> {
        let told = self.ask().await;
        measured::backend(&self.section, told.as_ref());
        told
    }

    async fn ask(&mut self) -> Option<BackendReport> {
        let backend = self.backend.clone();
        let asked =
            self.asked.get_or_insert_with(|| tokio::spawn(async move { backend.report().await }));
        let answered = tokio::time::timeout(PATIENCE, asked).await;
        match answered {
            Ok(Ok(report)) => {
                self.asked = None;
                self.last = Some(report);
                return self.last.clone();
            }
            Ok(Err(error)) => {
                self.asked = None;
                tracing::error!(backend = self.section, %error, "a volume backend's report came to nothing");
            }
            Err(_) => {
                tracing::warn!(backend = self.section, "a volume backend does not answer");
            }
        }
        let last = self.last.clone()?;
        let down = format!(
            "the backend {} has not answered within {} s: see whether its storage can be reached",
            self.section,
            PATIENCE.as_secs()
        );
        Some(BackendReport { free: Bytes(0), down: Some(down), ..last })
    }
}
