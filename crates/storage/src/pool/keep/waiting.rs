//! Servers that wait for a base which is lost: written down before it is put back, told to whoever can help them, forgotten when that was done.
//! Whoever is killed between any two of these finds them again.

use super::judge::{Act, Place, judge};
use super::round::Round;
use hatchery_model::base::{BaseName, Did, LeaseHolder, ResetStep, ServerReset};
use hatchery_model::id::ServerId;
use std::collections::BTreeSet;
use std::io;
use std::path::Path;

impl Round<'_> {
    /// Writes down, at one go, the servers of every base that is about to be put back. An error is no matter here: each base asks again.
    pub(super) fn note_all_waiting(&mut self) {
        if !self.remembers() {
            return;
        }
        let held: BTreeSet<BaseName> = self
            .leases
            .into_iter()
            .flat_map(|leases| leases.iter())
            .map(|l| l.base.clone())
            .collect();
        let mut changed = false;
        for base in held {
            for act in judge(&self.view(&base)) {
                changed |= self.add_waiting(&base, &act);
            }
        }
        if changed && let Err(error) = self.ledger.write(&self.settings.state, self.steps) {
            tracing::debug!(%error, "servers that wait for bases are not written down yet");
        }
    }

    /// Writes down the servers that wait for what this act puts back, if they are not yet. Durable when it returns.
    pub(super) fn note_waiting(&mut self, base: &BaseName, act: &Act) -> io::Result<()> {
        if self.remembers() && self.add_waiting(base, act) {
            self.ledger.write(&self.settings.state, self.steps)?;
        }
        Ok(())
    }

    fn remembers(&self) -> bool {
        self.settings.remember_servers && !self.dry_run
    }

    /// Says whether there is anything new.
    fn add_waiting(&mut self, base: &BaseName, act: &Act) -> bool {
        let servers = match act {
            Act::Name { heals: true, .. } | Act::Replace { .. } => self.servers(base),
            Act::Name { place, heals: false, .. } => self.servers_beside(base, *place),
            Act::Examine { .. }
            | Act::Adopt
            | Act::Verify { .. }
            | Act::NoteUnused
            | Act::NoteUsed
            | Act::Remove { .. }
            | Act::Forget
            | Act::Leave { .. }
            | Act::Wrong { .. } => return false,
        };
        let Some(entry) = self.ledger.entries.get_mut(base) else {
            return false;
        };
        let mut added = false;
        for server in servers {
            // A base that is lost again makes a server wait anew.
            let before = entry.servers.insert(server, ResetStep::Due);
            added |= before != Some(ResetStep::Due);
        }
        added
    }

    /// Servers whose disks lie beside a `_base` folder that lacks the base, though nobody knew that it had been there: it was lost before
    /// anybody kept this pool.
    fn servers_beside(&self, base: &BaseName, place: Place) -> Vec<ServerId> {
        let Place::Base(number) = place else {
            return Vec::new();
        };
        let folder = &self.world.bases[number];
        if folder.files.contains_key(base) {
            return Vec::new();
        }
        let leases = self.leases.map_or(&[][..], |leases| leases.of(base));
        let beside = leases.iter().filter_map(|lease| match &lease.holder {
            LeaseHolder::Disk { host, server, .. } => {
                server.filter(|_| folder.path.parent() == Some(Path::new(host)))
            }
            LeaseHolder::Pin { .. } => None,
        });
        beside.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether the next pass is to put something back of which a link knows too little: who waits for it.
    pub(super) fn leaves_to_the_pass(&self, base: &BaseName) -> bool {
        let known = self.ledger.entries.contains_key(base);
        let names = |act: &Act| matches!(act, Act::Name { .. } | Act::Replace { .. });
        self.remembers() && known && judge(&self.view(base)).iter().any(names)
    }

    /// The servers that waited for what is whole now.
    pub(super) fn waited(&self) -> Vec<ServerReset> {
        if !self.remembers() {
            return Vec::new();
        }
        let failed: BTreeSet<&BaseName> = self
            .deeds
            .iter()
            .filter(|deed| deed.did == Did::Failed)
            .map(|deed| &deed.base)
            .collect();
        let waited = self.ledger.entries.iter().filter(|(_, entry)| !entry.servers.is_empty());
        let whole = waited.filter(|(base, _)| {
            let view = self.view(base);
            let names = view.cached.is_some() && view.bases.iter().all(Option::is_some);
            names && !failed.contains(base)
        });
        let servers = whole.flat_map(|(base, entry)| {
            entry.servers.iter().map(|(server, step)| ServerReset {
                base: base.clone(),
                server: *server,
                step: step.clone(),
            })
        });
        servers.collect()
    }
}
