//! The volumes of a guest: which it has, which are to come and to go. A file beside the journal's entry, since orders about volumes come beside
//! those about the guest's power and neither may undo the other.

use super::{Order, What};
use crate::agent::Host;
use crate::folder;
use hatchery_model::compute::{GuestPhase, GuestSpec};
use hatchery_model::generation::Generation;
use hatchery_model::id::{AttachmentId, HostName, RequestId, ServerId};
use hatchery_model::message::{AttachOutcome, Event};
use hatchery_model::volume::GuestVolume;
use serde::{Deserialize, Serialize};
use std::io;
use std::mem;
use std::path::Path;
use std::sync::Arc;

/// The file in a guest's folder.
const FILE: &str = "volumes.json";
/// So many answers are kept, to be given again.
const ANSWERS: usize = 32;

/// See the head of this file.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Plugs {
    /// That of the last order about them.
    pub(crate) generation: Generation,
    /// What the guest has at every start.
    pub(crate) volumes: Vec<GuestVolume>,
    /// What is still to be done, the oldest first.
    pub(super) pending: Vec<Pending>,
    /// What became of the last orders; told again after every restart.
    pub(super) answers: Vec<(RequestId, Event)>,
}

/// An order about a volume that has been written down and not been done.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(super) struct Pending {
    pub(super) generation: Generation,
    pub(super) request: RequestId,
    pub(super) change: Change,
}

/// What is to become of a volume.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) enum Change {
    /// The guest gets it.
    Attach(Box<GuestVolume>),
    /// The guest gives it away.
    Detach(AttachmentId),
    /// The guest gets it in another one's place.
    Swap(Box<Swap>),
}

/// A volume in another one's place.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub(crate) struct Swap {
    /// What binds the old one.
    pub(super) old: AttachmentId,
    /// The new one.
    pub(super) new: GuestVolume,
    /// Written down once both hold the same, before the guest may use the new one alone: from then on that is the right one, whatever is lost.
    pub(super) is_copied: bool,
}

impl Change {
    fn attachment(&self) -> AttachmentId {
        match self {
            Self::Attach(volume) => volume.attachment,
            Self::Detach(attachment) => *attachment,
            Self::Swap(swap) => swap.new.attachment,
        }
    }

    /// Its name in metrics.
    pub(super) const fn label(&self) -> &'static str {
        match self {
            Self::Attach(_) => "attach",
            Self::Detach(_) => "detach",
            Self::Swap(_) => "swap",
        }
    }

    /// Whether both ask for the same.
    fn is_same(&self, other: &Self) -> bool {
        mem::discriminant(self) == mem::discriminant(other)
            && self.attachment() == other.attachment()
    }

    /// A new volume in the place of the one that `old` binds.
    pub(crate) fn swap(old: AttachmentId, new: GuestVolume) -> Self {
        Self::Swap(Box::new(Swap { old, new, is_copied: false }))
    }
}

impl Plugs {
    /// Those that a guest is made with.
    pub(crate) fn of(spec: &GuestSpec) -> Self {
        Self {
            generation: spec.generation,
            volumes: spec.volumes.clone(),
            pending: Vec::new(),
            answers: Vec::new(),
        }
    }

    /// Those that the guest is started with: where a swap has made both volumes hold the same, it may have gone over to the new one before it ended.
    pub(super) fn at_start(&self) -> Vec<GuestVolume> {
        let mut volumes = self.volumes.clone();
        for pending in &self.pending {
            let Change::Swap(swap) = &pending.change else { continue };
            if let Some(place) = volumes.iter_mut().find(|one| one.attachment == swap.old)
                && swap.is_copied
            {
                *place = swap.new.clone();
            }
        }
        volumes
    }

    /// Reads them; where nothing was ever changed, they are what the guest was made with.
    pub(crate) async fn read(folder: &Path, spec: &GuestSpec) -> io::Result<Self> {
        let path = folder.join(FILE);
        match folder::off_thread(move || std::fs::read(path)).await {
            Ok(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::of(spec)),
            Err(error) => Err(error),
        }
    }

    /// Writes them down; when this returns, they survive a power cut.
    async fn write(&self, folder: &Path) -> io::Result<()> {
        let path = folder.join(FILE);
        let bytes = serde_json::to_vec(self).map_err(io::Error::other)?;
        folder::off_thread(move || folder::write_durably(&path, &bytes)).await
    }

    /// Whether the same is still to be done, or just being done, which may take long: what becomes of it is for the last who asked.
    fn is_sent_again(&mut self, generation: Generation, change: &Change) -> bool {
        match self.pending.iter_mut().find(|one| one.change.is_same(change)) {
            Some(known) => {
                known.generation = generation;
                true
            }
            None => false,
        }
    }

    /// The answer to an order that was taken over before, or to one that came after a later one.
    fn answer_again(&self, generation: Generation, change: &Change) -> AttachOutcome {
        let known = self.answers.iter().rev().find_map(|(_, event)| {
            let Event::GuestVolumeChanged { generation: of, outcome, .. } = event else {
                return None;
            };
            (*of == generation).then(|| outcome.clone())
        });
        let has = self.volumes.iter().any(|one| one.attachment == change.attachment());
        let late = || ("A later order for the server came first.".to_owned(), "late".to_owned());
        known.unwrap_or_else(|| match (change, has) {
            (Change::Attach(_) | Change::Swap(_), true) => AttachOutcome::Attached,
            (Change::Attach(_) | Change::Swap(_), false) => {
                let (message, details) = late();
                AttachOutcome::NotAttached { message, details }
            }
            (Change::Detach(_), false) => AttachOutcome::Detached,
            (Change::Detach(_), true) => {
                let (message, details) = late();
                AttachOutcome::NotDetached { message, details }
            }
        })
    }
}

/// Takes an order about a volume over. One about a guest that is not here, or that was taken over before, is answered at once.
pub(crate) async fn take_over(
    host: &Arc<Host>,
    server: ServerId,
    generation: Generation,
    change: Change,
    request: RequestId,
) -> Result<(), String> {
    let attachment = change.attachment();
    let answer = |request: RequestId, outcome| {
        let event = changed(&host.settings.host, server, generation, attachment, outcome);
        host.publisher.send_in_background(request, event);
    };
    let plugs = match host.registry.phase(server) {
        Some(GuestPhase::Planned | GuestPhase::Destroying) => {
            return Err(format!(
                "guest {server} is just being made or taken apart; send the order again"
            ));
        }
        None | Some(GuestPhase::Failed) => None,
        Some(
            GuestPhase::Running
            | GuestPhase::Stopped
            | GuestPhase::Stopping
            | GuestPhase::Starting
            | GuestPhase::BaseLost,
        ) => host.registry.plugs(server),
    };
    let Some(plugs) = plugs else {
        let outcome = match change {
            Change::Attach(_) | Change::Swap(_) => AttachOutcome::NotAttached {
                message: format!("The server's guest is not on host {}.", host.settings.host),
                details: "no such guest".into(),
            },
            Change::Detach(_) => AttachOutcome::Detached,
        };
        answer(request, outcome);
        return Ok(());
    };
    let mut known = plugs.lock().await;
    if host.registry.generation(server).is_some_and(|last| last >= generation) {
        if known.pending.iter().all(|one| one.generation != generation) {
            answer(request, known.answer_again(generation, &change));
        }
        return Ok(());
    }
    let mut next = known.clone();
    next.generation = generation;
    if !next.is_sent_again(generation, &change) {
        next.pending.push(Pending { generation, request: request.clone(), change });
    }
    next.write(&host.journal.folder(server)).await.map_err(|error| {
        format!("the order about a volume of guest {server} could not be written down: {error}")
    })?;
    *known = next;
    host.registry.plug(server, Order { generation, request, what: What::Plug });
    Ok(())
}

/// Notes that both volumes of a swap hold the same. An error: it is not written down, and must not be acted on.
pub(super) async fn note_copied(
    host: &Host,
    server: ServerId,
    plugs: &mut Plugs,
    new: AttachmentId,
) -> io::Result<()> {
    let mut next = plugs.clone();
    for one in &mut next.pending {
        if let Change::Swap(swap) = &mut one.change
            && swap.new.attachment == new
        {
            swap.is_copied = true;
        }
    }
    next.write(&host.journal.folder(server)).await?;
    *plugs = next;
    Ok(())
}

/// Notes what became of an order, and gives what is to be told.
pub(super) async fn settle(
    host: &Host,
    server: ServerId,
    plugs: &mut Plugs,
    done: Pending,
    outcome: AttachOutcome,
) -> Event {
    let attachment = done.change.attachment();
    // Whoever has asked again meanwhile is answered with this, too: while it is done once more they would ask a third time.
    let asked = plugs.pending.iter().filter(|one| one.change.is_same(&done.change));
    let generation =
        asked.map(|one| one.generation).max().map_or(done.generation, |g| g.max(done.generation));
    plugs.pending.retain(|one| !one.change.is_same(&done.change));
    match (&outcome, done.change) {
        (AttachOutcome::Attached, Change::Attach(volume)) => {
            plugs.volumes.retain(|one| one.volume != volume.volume);
            plugs.volumes.push(*volume);
        }
        (AttachOutcome::Attached, Change::Swap(swap)) => {
            plugs.volumes.retain(|one| one.volume != swap.new.volume);
            match plugs.volumes.iter_mut().find(|one| one.attachment == swap.old) {
                Some(place) => *place = swap.new,
                None => plugs.volumes.push(swap.new),
            }
        }
        (AttachOutcome::Detached | AttachOutcome::NotAttached { .. }, _) => {
            plugs.volumes.retain(|one| one.attachment != attachment);
        }
        (AttachOutcome::Attached | AttachOutcome::NotDetached { .. }, _) => {}
    }
    let event = changed(&host.settings.host, server, generation, attachment, outcome);
    plugs.answers.push((done.request, event.clone()));
    let excess = plugs.answers.len().saturating_sub(ANSWERS);
    plugs.answers.drain(..excess);
    // What is lost with this is done again by the next agent, and comes to the same.
    if let Err(error) = plugs.write(&host.journal.folder(server)).await {
        tracing::error!(guest.id = %server, %error, "a guest's volumes could not be written down");
    }
    event
}

fn changed(
    host: &HostName,
    server: ServerId,
    generation: Generation,
    attachment: AttachmentId,
    outcome: AttachOutcome,
) -> Event {
    Event::GuestVolumeChanged { host: host.clone(), server, generation, attachment, outcome }
}
