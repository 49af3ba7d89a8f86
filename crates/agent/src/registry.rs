//! The guests of this host, in memory: who they are, how far they have come, whom to tell.

use crate::guest::{Order, Plugs};
use hatchery_model::compute::{GuestPhase, GuestSpec};
use hatchery_model::generation::Generation;
use hatchery_model::id::{ImageId, NetworkId, ServerId, VolumeId};
use hatchery_ports::hypervisor::Guest;
use hatchery_ports::metadata::MetadataSource;
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::futures::Notified;
use tokio::sync::{Mutex as AsyncMutex, Notify, OwnedMutexGuard, mpsc};

/// See the head of this file. Cheap to clone.
#[derive(Clone, Default)]
pub struct Registry {
    inner: Arc<Mutex<Inner>>,
    changed: Arc<Notify>,
}

#[derive(Default)]
struct Inner {
    guests: HashMap<ServerId, Known>,
    addresses: HashMap<(NetworkId, IpAddr), Arc<GuestSpec>>,
    gone: HashMap<ServerId, Generation>,
}

struct Known {
    spec: Arc<GuestSpec>,
    /// That of the last order about the guest itself.
    generation: Generation,
    /// Its volumes, and the generation of the last order about them.
    plugs: (Arc<AsyncMutex<Plugs>>, Generation),
    phase: GuestPhase,
    orders: mpsc::UnboundedSender<Order>,
    running: Option<Arc<dyn Guest>>,
    writing: Arc<AsyncMutex<()>>,
}

impl Known {
    fn last(&self) -> Generation {
        self.generation.max(self.plugs.1)
    }
}

impl Registry {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic elsewhere leaves whole entries here: each change is one insert or remove.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a guest in.
    pub(crate) fn insert(
        &self,
        spec: Arc<GuestSpec>,
        phase: GuestPhase,
        orders: mpsc::UnboundedSender<Order>,
        plugs: (Arc<AsyncMutex<Plugs>>, Generation),
    ) {
        let mut inner = self.lock();
        for nic in &spec.nics {
            for address in &nic.addresses {
                inner.addresses.insert((nic.network.id, address.address), spec.clone());
            }
        }
        let generation = spec.generation;
        let known = Known {
            spec: spec.clone(),
            generation,
            plugs,
            phase,
            orders,
            running: None,
            writing: Arc::default(),
        };
        inner.guests.insert(spec.server, known);
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Notes how far a guest has come with the order of that generation, and its handle while it runs. Once there is a later order, the phase is
    /// that order's.
    pub(crate) fn set(
        &self,
        server: ServerId,
        generation: Generation,
        phase: GuestPhase,
        running: Option<Arc<dyn Guest>>,
    ) {
        if let Some(known) = self.lock().guests.get_mut(&server) {
            if known.generation <= generation {
                known.phase = phase;
            }
            known.running = running;
        }
        self.changed.notify_waiters();
    }

    /// Forgets a guest, and remembers up to which generation it is gone.
    pub(crate) fn remove(&self, server: ServerId, generation: Generation) {
        let mut inner = self.lock();
        inner.guests.remove(&server);
        inner.addresses.retain(|_, spec| spec.server != server);
        inner.gone.insert(server, generation);
        drop(inner);
        self.changed.notify_waiters();
    }

    /// Up to which generation a guest is known to be gone.
    pub(crate) fn gone(&self, server: ServerId) -> Option<Generation> {
        self.lock().gone.get(&server).copied()
    }

    /// The generation of a guest's last order.
    pub(crate) fn generation(&self, server: ServerId) -> Option<Generation> {
        self.lock().guests.get(&server).map(Known::last)
    }

    /// The generation of the last order about the guest itself, those about its volumes left out.
    pub(crate) fn ordered(&self, server: ServerId) -> Option<Generation> {
        self.lock().guests.get(&server).map(|known| known.generation)
    }

    /// A guest's volumes.
    pub(crate) fn plugs(&self, server: ServerId) -> Option<Arc<AsyncMutex<Plugs>>> {
        self.lock().guests.get(&server).map(|known| known.plugs.0.clone())
    }

    /// Tells a guest of an order about its volumes that has been written down.
    pub(crate) fn plug(&self, server: ServerId, order: Order) {
        if let Some(known) = self.lock().guests.get_mut(&server) {
            known.plugs.1 = order.generation;
            // Without its actor it is found in the file by the next agent.
            let _ = known.orders.send(order);
        }
        self.changed.notify_waiters();
    }

    /// The guests that run and have the volume.
    pub(crate) async fn running_with(&self, volume: VolumeId) -> Vec<Arc<dyn Guest>> {
        let running: Vec<_> = self
            .lock()
            .guests
            .values()
            .filter_map(|known| Some((known.plugs.0.clone(), known.running.clone()?)))
            .collect();
        let mut found = Vec::new();
        for (plugs, guest) in running {
            if plugs.lock().await.volumes.iter().any(|one| one.volume == volume) {
                found.push(guest);
            }
        }
        found
    }

    /// Held by whoever writes a guest's journal entry, so that an older entry never replaces a newer one.
    pub(crate) async fn writing(&self, server: ServerId) -> Option<OwnedMutexGuard<()>> {
        let writing = self.lock().guests.get(&server).map(|known| known.writing.clone())?;
        Some(writing.lock_owned().await)
    }

    /// What a guest was made from.
    pub(crate) fn spec(&self, server: ServerId) -> Option<Arc<GuestSpec>> {
        self.lock().guests.get(&server).map(|known| known.spec.clone())
    }

    /// How far a guest has come.
    pub(crate) fn phase(&self, server: ServerId) -> Option<GuestPhase> {
        self.lock().guests.get(&server).map(|known| known.phase.clone())
    }

    /// Gives a guest an order that has been written down, with the phase in which it is from now on. Says whether there is such a guest.
    pub(crate) fn order(&self, server: ServerId, phase: GuestPhase, order: Order) -> bool {
        let mut inner = self.lock();
        let Some(known) = inner.guests.get_mut(&server) else {
            return false;
        };
        known.generation = order.generation;
        known.phase = phase;
        known.orders.send(order).is_ok()
    }

    /// The handle of a guest that runs.
    pub(crate) fn running(&self, server: ServerId) -> Option<Arc<dyn Guest>> {
        self.lock().guests.get(&server).and_then(|known| known.running.clone())
    }

    /// Whether this very guest is one that runs, as far as is known.
    pub(crate) fn is_running(&self, guest: &Arc<dyn Guest>) -> bool {
        let inner = self.lock();
        let mut running = inner.guests.values().filter_map(|known| known.running.as_ref());
        running.any(|one| Arc::as_ptr(one).addr() == Arc::as_ptr(guest).addr())
    }

    /// Whether there is such a guest.
    pub(crate) fn has(&self, server: ServerId) -> bool {
        self.lock().guests.contains_key(&server)
    }

    /// Every guest, for the host's report.
    pub(crate) fn phases(&self) -> Vec<(ServerId, Generation, GuestPhase)> {
        let inner = self.lock();
        let mut all: Vec<_> = inner
            .guests
            .iter()
            .map(|(server, known)| (*server, known.last(), known.phase.clone()))
            .collect();
        all.sort_by_key(|(server, ..)| *server);
        all
    }

    /// Images whose bases are needed.
    pub(crate) fn images_in_use(&self) -> Vec<ImageId> {
        let images: HashSet<_> = self
            .lock()
            .guests
            .values()
            .filter_map(|known| known.spec.root.as_ref())
            .map(|root| root.image)
            .collect();
        images.into_iter().collect()
    }

    /// Networks with guests.
    pub(crate) fn networks_in_use(&self) -> HashSet<NetworkId> {
        self.lock()
            .guests
            .values()
            .flat_map(|known| known.spec.networks().collect::<Vec<_>>())
            .collect()
    }

    /// Completes at the next change after this call.
    pub(crate) fn changed(&self) -> Notified<'_> {
        self.changed.notified()
    }
}

impl MetadataSource for Registry {
    fn find(&self, network: NetworkId, address: IpAddr) -> Option<Arc<GuestSpec>> {
        self.lock().addresses.get(&(network, address)).cloned()
    }
}
