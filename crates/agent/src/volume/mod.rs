//! Volumes of the backends that this agent serves.
//!
//! An order is written down, then acknowledged, then done, and its answer is written down before it is told. One volume has one order at
//! a time done with it; guests that start or get a volume wait for their turn in the same queue, since an order may move a volume's bytes.

mod attached;
mod backup;
mod disk_image;
mod measured;
mod moving;
mod note;
mod report;
mod snapshot;
mod sweeping;
mod turns;
mod upload;
mod work;

pub(crate) use attached::{find, locate};
pub(crate) use measured::Measured;
pub(crate) use sweeping::sweep_backends;
pub(crate) use turns::{Needs, Turn, Turns};
pub(crate) use work::chain;

use crate::agent::Host;
use hatchery_model::generation::Generation;
use hatchery_model::id::RequestId;
use hatchery_model::message::Event;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{
    BackendReport, Manageable, ManageableSnapshot, VolumeNews, VolumeOrder, VolumeOutcome,
    VolumeSubject, VolumeWork,
};
use hatchery_ports::volume_backend::VolumeBackend;
use note::{Note, Notes};
use report::Reporters;
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Mutex as AsyncMutex, Notify, Semaphore};
use tokio::time::Instant;
use turns::Ticket;

/// For so long it is remembered that a subject is gone, so that an order which comes late does not make it again.
const REMEMBER_GONE_SECONDS: i64 = 24 * 3600;
/// Between two looks for what need not be remembered any more.
const FORGET_EVERY: Duration = Duration::from_secs(3600);

/// What is known of a subject. Locked by whoever writes its note.
type Entry = Arc<AsyncMutex<Option<Note>>>;

/// See the head of this file.
pub(crate) struct Volumes {
    backends: BTreeMap<String, Arc<dyn VolumeBackend>>,
    reporters: Reporters,
    notes: Notes,
    entries: Mutex<HashMap<VolumeSubject, Entry>>,
    /// Whose turn it is with which volume.
    pub(crate) turns: Turns,
    /// Orders that are done at the same time.
    places: Semaphore,
    changed: Notify,
}

impl Volumes {
    /// With the notes of this folder.
    pub(crate) fn open(
        folder: PathBuf,
        backends: BTreeMap<String, Arc<dyn VolumeBackend>>,
        most_at_once: usize,
    ) -> io::Result<Self> {
        Ok(Self {
            reporters: Reporters::new(&backends),
            backends,
            notes: Notes::open(folder)?,
            entries: Mutex::default(),
            turns: Turns::default(),
            places: Semaphore::new(most_at_once.max(1)),
            changed: Notify::new(),
        })
    }

    /// How each backend is.
    pub(crate) async fn reports(&self) -> Vec<BackendReport> {
        self.reporters.all().await
    }

    /// What a backend's space holds, by name.
    pub(crate) async fn manageable(&self, backend: &str) -> Result<Vec<Manageable>, String> {
        let Some(found) = self.backends.get(backend) else {
            return Err(format!("this host serves no backend {backend}"));
        };
        found.manageable().await.map_err(|error| chain(&error))
    }

    /// What snapshots it holds, by what they are of and their names.
    pub(crate) async fn manageable_snapshots(
        &self,
        backend: &str,
    ) -> Result<Vec<ManageableSnapshot>, String> {
        let Some(found) = self.backends.get(backend) else {
            return Err(format!("this host serves no backend {backend}"));
        };
        found.manageable_snapshots().await.map_err(|error| chain(&error))
    }

    /// Completes when an order has been done after this call.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    fn entry(&self, subject: VolumeSubject) -> Entry {
        // Whole entries, whatever has panicked elsewhere.
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.entry(subject).or_default().clone()
    }
}

/// Takes an order over: when this returns `Ok`, it will be done and answered, whatever happens to this process.
pub(crate) async fn take_over(
    host: &Arc<Host>,
    order: VolumeOrder,
    request: RequestId,
) -> Result<(), String> {
    let entry = host.volumes.entry(order.subject);
    let mut known = entry.lock().await;
    match known.as_ref() {
        Some(note) if note.order.generation > order.generation => {
            tracing::debug!(subject = ?order.subject, "an order about a volume that is older than the last");
            return Ok(());
        }
        Some(note) if note.order.generation == order.generation => {
            if let Some(answer) = note.answer.clone() {
                let answer = Event::VolumeAnswered(Box::new(answer));
                host.publisher.send_in_background(request, answer);
            }
            return Ok(());
        }
        Some(_) | None => {}
    }
    let taken_at = host.parts.clock.now();
    let note = Note { order, request, taken_at, answer: None, is_told: false };
    host.volumes.notes.write(&note).await.map_err(|error| {
        format!("the order about {:?} could not be written down: {error}", note.order.subject)
    })?;
    *known = Some(note.clone());
    queue(host, note);
    Ok(())
}

/// Has an order wait for its turn, behind all that wait now.
fn queue(host: &Arc<Host>, note: Note) {
    let ticket = host.volumes.turns.queue(work::needs_of(&note.order.work));
    let measured = Measured::waits(note.order.work.label());
    tokio::spawn(work_off(host.clone(), note, (ticket, measured)));
}

/// Goes on where the last agent has stopped: does what was not answered, tells what may not have been heard.
pub(crate) async fn resume(host: &Arc<Host>) -> io::Result<()> {
    for note in host.volumes.notes.scan().await? {
        let subject = note.order.subject;
        *host.volumes.entry(subject).lock().await = Some(note.clone());
        match note.answer.clone() {
            None => {
                tracing::info!(
                    ?subject,
                    work = note.order.work.name(),
                    "an order about a volume is done again"
                );
                queue(host, note);
            }
            Some(answer) if !note.is_told => {
                tokio::spawn(tell(host.clone(), note.request, answer));
            }
            Some(_) => {}
        }
    }
    Ok(())
}

/// Forgets what has been gone for long. Runs for ever.
pub(crate) async fn forget_gone(host: Arc<Host>) {
    loop {
        let before = host.parts.clock.now().plus_seconds(-REMEMBER_GONE_SECONDS);
        if let Err(error) = forget_before(&host, before).await {
            tracing::warn!(%error, "notes of volumes that are gone could not be removed");
        }
        tokio::time::sleep(FORGET_EVERY).await;
    }
}

async fn forget_before(host: &Host, before: Timestamp) -> io::Result<()> {
    for note in host.volumes.notes.scan().await? {
        let subject = note.order.subject;
        let entry = host.volumes.entry(subject);
        let mut known = entry.lock().await;
        if known.as_ref().is_some_and(|note| note.ends_its_subject() && note.taken_at < before) {
            host.volumes.notes.remove(subject).await?;
            *known = None;
        }
    }
    // Held by nobody else, and with nothing in it.
    let mut entries = host.volumes.entries.lock().unwrap_or_else(PoisonError::into_inner);
    entries.retain(|_, entry| {
        Arc::strong_count(entry) > 1 || entry.try_lock().map_or(true, |note| note.is_some())
    });
    Ok(())
}

/// Does an order when its turn has come, unless a later one about its subject has been taken over meanwhile.
async fn work_off(host: Arc<Host>, note: Note, (ticket, mut measured): (Ticket, Measured)) {
    let turn = ticket.turn().await;
    // Closed only when the agent ends, and then nobody waits.
    let Ok(place) = host.volumes.places.acquire().await else { return };
    let (subject, generation) = (note.order.subject, note.order.generation);
    if !is_last(&host, subject, generation).await {
        return;
    }
    measured.begins();
    let (began, work) = (Instant::now(), note.order.work.name());
    // In a task of its own, so that a panic is an answer too.
    let doing = tokio::spawn(outcome(host.clone(), note.order.clone(), note.request.clone()));
    let outcome = doing.await.unwrap_or_else(|error| VolumeOutcome::Failed {
        message: "The agent failed while it worked on the volume: try again.".into(),
        details: error.to_string(),
        leaves: false,
    });
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let is_done = match &outcome {
        VolumeOutcome::Done { .. }
        | VolumeOutcome::Managed { .. }
        | VolumeOutcome::ManagedSnapshot { .. }
        | VolumeOutcome::Uploaded { .. } => {
            tracing::info!(?subject, work, took_ms, "volume order done");
            true
        }
        VolumeOutcome::Failed { details, .. } => {
            tracing::warn!(?subject, work, took_ms, details, "volume order failed");
            false
        }
    };
    measured.ends(is_done);
    measured::done(&note.order.work, &outcome);
    let answer = VolumeNews {
        host: host.settings.host.clone(),
        backend: note.order.backend.clone(),
        subject,
        generation,
        work: work.to_owned(),
        outcome,
        took_ms,
    };
    if !keep(&host, Note { answer: Some(answer.clone()), ..note.clone() }).await {
        return;
    }
    drop((turn, place));
    host.volumes.changed.notify_one();
    tell(host, note.request, answer).await;
}

async fn outcome(host: Arc<Host>, order: VolumeOrder, request: RequestId) -> VolumeOutcome {
    if let VolumeWork::DiskToImage(server, wanted) = &order.work {
        return disk_image::make(&host, (order.generation, &request), *server, wanted).await;
    }
    match host.volumes.backends.get(&order.backend) {
        Some(backend) => work::carry_out(&host, backend.as_ref(), &order).await,
        None => work::refused(format!(
            "The agent of host {} serves no backend {}: add it to enabled_backends there, or choose another volume type.",
            host.settings.host, order.backend
        )),
    }
}

async fn is_last(host: &Host, subject: VolumeSubject, generation: Generation) -> bool {
    let entry = host.volumes.entry(subject);
    let known = entry.lock().await;
    known.as_ref().is_some_and(|note| note.order.generation == generation)
}

/// Writes an answer down, unless there is a later order: that one is answered instead.
async fn keep(host: &Host, note: Note) -> bool {
    let entry = host.volumes.entry(note.order.subject);
    let mut known = entry.lock().await;
    let is_last =
        known.as_ref().is_some_and(|known| known.order.generation == note.order.generation);
    if !is_last {
        return false;
    }
    // What is lost with this is done again by the next agent, and comes to the same.
    if let Err(error) = host.volumes.notes.write(&note).await {
        tracing::error!(subject = ?note.order.subject, %error, "the answer to an order about a volume could not be written down");
    }
    *known = Some(note);
    true
}

/// Tells an answer until it has been taken over, and notes that.
async fn tell(host: Arc<Host>, request: RequestId, answer: VolumeNews) {
    let (subject, generation) = (answer.subject, answer.generation);
    host.publisher.send(request, Event::VolumeAnswered(Box::new(answer))).await;
    let entry = host.volumes.entry(subject);
    let mut known = entry.lock().await;
    let Some(note) = known.as_mut().filter(|note| note.order.generation == generation) else {
        return;
    };
    note.is_told = true;
    if let Err(error) = host.volumes.notes.write(note).await {
        tracing::debug!(?subject, %error, "an answer is told again after the next start");
    }
}
