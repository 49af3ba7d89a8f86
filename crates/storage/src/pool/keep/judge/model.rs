//! A model of the lease protocol around the real `judge`: two servers that are built and taken apart, an image that is deleted, two keepers that
//! look at different moments, any of which may be killed, and someone who removes names by hand. Every interleaving is walked.
//!
//! What must hold in every state: a disk lies on bytes that are still there under some name that the pool can give back, and a server that was
//! accepted finds its image when it comes to be built. What must hold where nothing more can happen: an image that is gone, and that nobody
//! holds, has left nothing.

use super::{Act, From, Place, Rules, View, judge};
use crate::pool::keep::ledger::{Entry, How};
use crate::pool::keep::seen::{Seen, Stamp};
use hatchery_model::base::{BaseLease, BaseName, LeaseHolder};
use hatchery_model::id::ImageId;
use hatchery_model::image::{CatalogImage, CatalogState, DiskFormat, ImageFormat};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use std::collections::{BTreeMap, HashMap, VecDeque};

const SERVERS: usize = 2;

/// An image's row.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Row {
    Saving,
    Active,
    Deleting,
    None,
}

/// How far a server has come.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Server {
    /// Not asked for yet.
    Idle,
    /// Accepted: the lease was taken with the claim.
    Placed,
    /// Its disk lies on the base.
    Built,
    /// Its disk is gone; the lease stands until the host has said so.
    Cleared,
    /// Gone, or refused since the image was.
    Over,
}

/// How far the image has come in its life.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Life {
    /// Not uploaded yet: a keeper may have looked before there was anything.
    Absent,
    /// Its file has its name; the row does not say so.
    Published,
    Active,
    /// The row says so.
    Promised,
    /// Whoever holds the base has a name of it.
    Linked,
    /// The bytes' own name is gone.
    Unlinked,
    Done,
}

/// How far a keeper has come in a pass.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Keeper {
    Idle,
    Begun(u64),
    SawImages(u64, Row),
    SawLeases(u64, Row, u8),
    /// It has the pool's turn, and these acts to do.
    Acts(u64, Row, u8, VecDeque<Do>),
}

/// An act, small.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Do {
    Name(Place2, From2),
    Remove(Place2),
    Mark,
    Unmark,
    Adopt,
    Forget,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Place2 {
    Cache,
    Base,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum From2 {
    Store,
    Cache,
    Base,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct State {
    row: Row,
    life: Life,
    servers: [Server; SERVERS],
    /// By server.
    leases: u8,
    store: bool,
    cached: bool,
    base: bool,
    /// The ledger's entry: its mark, 0 for none.
    entry: Option<u64>,
    marks: u64,
    keepers: [Keeper; 2],
    /// What may still go wrong.
    kills: u8,
    thefts: u8,
}

impl State {
    fn first() -> Self {
        Self {
            row: Row::None,
            life: Life::Absent,
            servers: [Server::Idle; SERVERS],
            leases: 0,
            store: false,
            cached: false,
            base: false,
            entry: None,
            marks: 0,
            keepers: [Keeper::Idle, Keeper::Idle],
            kills: 1,
            thefts: 1,
        }
    }

    fn bytes_are_somewhere(&self) -> bool {
        self.store || self.cached || self.base
    }

    /// Every state that can come next, with what happened.
    fn next(&self) -> Vec<(String, State)> {
        let mut all = Vec::new();
        for server in 0..SERVERS {
            all.extend(self.server_goes_on(server));
        }
        all.extend(self.image_goes_on());
        for keeper in 0..2 {
            all.extend(self.keeper_goes_on(keeper));
        }
        if self.thefts > 0 {
            for (what, cached, base) in [("cache", false, self.base), ("_base", self.cached, false)]
            {
                if (cached, base) != (self.cached, self.base) {
                    let next = State { cached, base, thefts: self.thefts - 1, ..self.clone() };
                    // Whoever removes the last name of the bytes loses them: no protocol can help.
                    let lost = self.bytes_are_somewhere() && !next.bytes_are_somewhere();
                    if !lost || next.leases == 0 {
                        all.push((format!("someone removes the name in {what}"), next));
                    }
                }
            }
        }
        all
    }

    fn server_goes_on(&self, at: usize) -> Vec<(String, State)> {
        let mut next = self.clone();
        let bit = 1 << at;
        let what = match self.servers[at] {
            Server::Idle if self.row == Row::Active => {
                (next.servers[at], next.leases) = (Server::Placed, self.leases | bit);
                "is accepted"
            }
            Server::Idle if self.life < Life::Promised => return Vec::new(),
            Server::Idle => {
                next.servers[at] = Server::Over;
                "is refused"
            }
            Server::Placed => {
                // The disk backend links by itself what is not linked yet.
                (next.cached, next.base) = (self.cached || self.store, true);
                next.servers[at] = Server::Built;
                "is built"
            }
            Server::Built => {
                next.servers[at] = Server::Cleared;
                "is taken apart"
            }
            Server::Cleared => {
                (next.servers[at], next.leases) = (Server::Over, self.leases & !bit);
                "gives its lease back"
            }
            Server::Over => return Vec::new(),
        };
        vec![(format!("server {at} {what}"), next)]
    }

    fn image_goes_on(&self) -> Vec<(String, State)> {
        let mut next = self.clone();
        let what = match self.life {
            Life::Absent => {
                (next.life, next.store, next.row) = (Life::Published, true, Row::Saving);
                "the image's file has its name"
            }
            Life::Published => {
                (next.life, next.row) = (Life::Active, Row::Active);
                let linked = State { cached: true, base: true, ..next.clone() };
                return vec![
                    ("the image is active".to_owned(), next),
                    ("the image is active, and linked at once".to_owned(), linked),
                ];
            }
            Life::Active => {
                (next.life, next.row) = (Life::Promised, Row::Deleting);
                "the deletion is promised"
            }
            Life::Promised => {
                if self.leases != 0 && self.store {
                    (next.cached, next.base) = (true, true);
                }
                next.life = Life::Linked;
                "the base's names are made sure of"
            }
            Life::Linked => {
                (next.life, next.store) = (Life::Unlinked, false);
                "the image's own name goes"
            }
            Life::Unlinked => {
                (next.life, next.row) = (Life::Done, Row::None);
                "the row goes"
            }
            Life::Done => return Vec::new(),
        };
        let mut all = vec![(what.to_owned(), next)];
        // Killed in the middle, it begins anew by its task.
        if self.kills > 0 && matches!(self.life, Life::Linked | Life::Unlinked) {
            let again = State { life: Life::Promised, kills: self.kills - 1, ..self.clone() };
            all.push(("the deletion is killed, and begins anew".to_owned(), again));
        }
        all
    }

    fn keeper_goes_on(&self, at: usize) -> Vec<(String, State)> {
        let mut next = self.clone();
        let what = match &self.keepers[at] {
            Keeper::Idle => {
                next.keepers[at] = Keeper::Begun(self.marks);
                "begins".to_owned()
            }
            Keeper::Begun(begun) => {
                next.keepers[at] = Keeper::SawImages(*begun, self.row);
                "lists the images".to_owned()
            }
            Keeper::SawImages(begun, row) => {
                next.keepers[at] = Keeper::SawLeases(*begun, *row, self.leases);
                "lists the leases".to_owned()
            }
            Keeper::SawLeases(begun, row, leases) => {
                let other_has_turn = matches!(self.keepers[1 - at], Keeper::Acts(..));
                if other_has_turn {
                    return Vec::new();
                }
                let acts = self.judged(*begun, *row, *leases);
                next.keepers[at] = Keeper::Acts(*begun, *row, *leases, acts);
                "takes its turn, looks and decides".to_owned()
            }
            Keeper::Acts(begun, row, leases, acts) => {
                let mut rest = acts.clone();
                match rest.pop_front() {
                    None => {
                        next.keepers[at] = Keeper::Idle;
                        "is done".to_owned()
                    }
                    Some(act) => {
                        let looks_again = next.done(act);
                        next.keepers[at] = Keeper::Acts(*begun, *row, *leases, rest);
                        if looks_again {
                            let acts = next.judged(*begun, *row, *leases);
                            next.keepers[at] = Keeper::Acts(*begun, *row, *leases, acts);
                        }
                        format!("does {act:?}")
                    }
                }
            }
        };
        let mut all = vec![(format!("keeper {at} {what}"), next)];
        if self.kills > 0 && self.keepers[at] != Keeper::Idle {
            let mut killed = State { kills: self.kills - 1, ..self.clone() };
            killed.keepers[at] = Keeper::Idle;
            all.push((format!("keeper {at} is killed"), killed));
        }
        all
    }

    /// Does one act; says whether the base has to be judged again.
    fn done(&mut self, act: Do) -> bool {
        match act {
            Do::Name(place, from) => {
                let there = match from {
                    From2::Store => self.store,
                    From2::Cache => self.cached,
                    From2::Base => self.base,
                };
                match place {
                    Place2::Cache => self.cached |= there,
                    Place2::Base => self.base |= there,
                }
                if there && place == Place2::Cache && from == From2::Store {
                    self.entry = Some(0);
                }
            }
            Do::Remove(Place2::Cache) => self.cached = false,
            Do::Remove(Place2::Base) => self.base = false,
            Do::Mark => {
                self.marks += 1;
                self.entry = Some(self.marks);
            }
            Do::Unmark => self.entry = self.entry.map(|_| 0),
            Do::Adopt => {
                self.entry = Some(0);
                return true;
            }
            Do::Forget => self.entry = None,
        }
        false
    }

    /// The real judgement.
    fn judged(&self, begun: u64, row: Row, leases: u8) -> VecDeque<Do> {
        let image = (row != Row::None).then(|| image(row));
        let entry = self.entry.map(entry);
        let leases: Vec<BaseLease> =
            (0..SERVERS).filter(|at| leases & (1 << at) != 0).map(lease).collect();
        let folders = ["base".to_owned()];
        let view = View {
            image: image.as_ref(),
            source: self.store.then(seen),
            cached: self.cached.then(seen),
            bases: vec![self.base.then(seen)],
            base_folders: &folders,
            entry: entry.as_ref(),
            leases: &leases,
            unused_seconds: self.entry.filter(|mark| *mark > 0).map(|_| 0),
            marked_before: self.entry.is_some_and(|mark| mark > 0 && mark <= begun),
            rules: Rules {
                force_raw: false,
                may_remove: true,
                minimum_age: 0,
                trusted_store: true,
            },
        };
        judge(&view).into_iter().filter_map(small).collect()
    }

    fn check(&self) -> Result<(), String> {
        let lies = self.servers.contains(&Server::Built);
        if self.servers.contains(&Server::Placed) && !self.bytes_are_somewhere() {
            return Err("an accepted server finds no image".to_owned());
        }
        if lies && !self.bytes_are_somewhere() {
            return Err("a disk has lost the bytes that it lies on".to_owned());
        }
        if lies && !self.base && !self.cached && self.thefts == 1 {
            return Err("a disk's base is gone, and nobody took it".to_owned());
        }
        Ok(())
    }

    fn is_over(&self) -> bool {
        self.life == Life::Done && self.servers.iter().all(|server| *server == Server::Over)
    }
}

fn small(act: Act) -> Option<Do> {
    let place = |place| match place {
        Place::Cache => Place2::Cache,
        Place::Base(_) => Place2::Base,
    };
    match act {
        Act::Name { place: at, from, .. } | Act::Replace { place: at, from, .. } => {
            let from = match from {
                From::Store => From2::Store,
                From::Name(Place::Cache) => From2::Cache,
                From::Name(Place::Base(_)) => From2::Base,
            };
            Some(Do::Name(place(at), from))
        }
        Act::Remove { place: at, .. } => Some(Do::Remove(place(at))),
        Act::NoteUnused => Some(Do::Mark),
        Act::NoteUsed => Some(Do::Unmark),
        Act::Adopt => Some(Do::Adopt),
        Act::Forget => Some(Do::Forget),
        Act::Examine { .. } | Act::Verify { .. } | Act::Leave { .. } | Act::Wrong { .. } => None,
    }
}

/// There is one inode in this world.
fn seen() -> Seen {
    let stamp = Stamp { dev: 1, ino: 1, size: 1, mtime_ns: 0 };
    Seen { stamp, links: 1, allocated: Bytes(1), regular: true }
}

fn image(row: Row) -> CatalogImage {
    let state = match row {
        Row::Saving => CatalogState::Unfinished,
        Row::Active => CatalogState::Active,
        Row::Deleting | Row::None => CatalogState::Going,
    };
    let id = ImageId(uuid::Uuid::nil());
    CatalogImage {
        id,
        state,
        format: Some(DiskFormat::Raw),
        size: Some(Bytes(1)),
        digest: None,
        raw: None,
    }
}

fn entry(marked: u64) -> Entry {
    Entry {
        image: Some(ImageId(uuid::Uuid::nil())),
        how: How::Link,
        format: ImageFormat::Raw,
        size: Bytes(1),
        virtual_size: Bytes(1),
        digest: None,
        inspector_version: 1,
        since: Timestamp(0),
        good: Some(seen().stamp),
        damaged: None,
        verified_at: None,
        unused: if marked > 0 { BTreeMap::from([("boot".to_owned(), 0)]) } else { BTreeMap::new() },
        marked,
        strange: BTreeMap::new(),
        servers: BTreeMap::new(),
    }
}

fn lease(server: usize) -> BaseLease {
    let base = BaseName::of(ImageId(uuid::Uuid::nil()));
    let holder = LeaseHolder::Disk { host: "h".into(), disk: format!("{server}"), server: None };
    BaseLease { base, holder, format: Some(ImageFormat::Raw) }
}

/// Marks only count by their order: the lowest that is still known becomes the first, so that there are finitely many states.
fn normal(mut state: State) -> State {
    let known = state.keepers.iter().filter_map(|keeper| match keeper {
        Keeper::Idle => None,
        Keeper::Begun(begun)
        | Keeper::SawImages(begun, _)
        | Keeper::SawLeases(begun, ..)
        | Keeper::Acts(begun, ..) => Some(*begun),
    });
    let lowest = known.chain(state.entry.filter(|mark| *mark > 0)).chain([state.marks]).min();
    let shift = lowest.unwrap_or(0).saturating_sub(1);
    // Servers are alike, and so are keepers: who is which makes no other state.
    if state.servers[0] > state.servers[1] {
        state.servers.swap(0, 1);
        state.leases = swapped(state.leases);
        for keeper in &mut state.keepers {
            if let Keeper::SawLeases(_, _, leases) | Keeper::Acts(_, _, leases, _) = keeper {
                *leases = swapped(*leases);
            }
        }
    }
    state.keepers.sort();
    state.marks -= shift;
    state.entry = state.entry.map(|mark| mark.saturating_sub(shift));
    for keeper in &mut state.keepers {
        match keeper {
            Keeper::Idle => {}
            Keeper::Begun(begun)
            | Keeper::SawImages(begun, _)
            | Keeper::SawLeases(begun, ..)
            | Keeper::Acts(begun, ..) => *begun -= shift,
        }
    }
    state
}

fn swapped(leases: u8) -> u8 {
    (leases >> 1) | ((leases & 1) << 1)
}

fn trace(states: &[State], before: &[Option<(usize, String)>], mut at: usize) -> String {
    let mut lines = vec![format!("{:?}", states[at])];
    while let Some((from, what)) = &before[at] {
        lines.push(what.clone());
        at = *from;
    }
    lines.reverse();
    lines.join("\n")
}

/// Walks everything. How many states there are.
fn walk() -> Result<usize, String> {
    let mut known = HashMap::from([(State::first(), 0)]);
    let mut states = vec![State::first()];
    let mut before: Vec<Option<(usize, String)>> = vec![None];
    let mut at = 0;
    while at < states.len() {
        let state = states[at].clone();
        state.check().map_err(|why| format!("{why}:\n{}", trace(&states, &before, at)))?;
        for (what, next) in state.next() {
            let next = normal(next);
            if !known.contains_key(&next) {
                known.insert(next.clone(), states.len());
                states.push(next);
                before.push(Some((at, what)));
            }
        }
        at += 1;
    }
    // From wherever everybody is done, a few quiet passes leave nothing.
    for (at, state) in states.iter().enumerate() {
        // A name that the pool never heard of is not the pool's to judge.
        let known = state.entry.is_some() || state.thefts > 0;
        if known && state.is_over() && state.keepers.iter().all(|keeper| *keeper == Keeper::Idle) {
            let mut quiet = State { kills: 0, thefts: 0, ..state.clone() };
            for _ in 0..40 {
                quiet = match quiet.keeper_goes_on(0).into_iter().next() {
                    Some((_, next)) => next,
                    None => break,
                };
            }
            if quiet.cached || quiet.base {
                return Err(format!("something is left:\n{}", trace(&states, &before, at)));
            }
        }
    }
    Ok(states.len())
}

#[test]
fn no_interleaving_loses_a_base_or_leaves_one() {
    let states = walk().unwrap_or_else(|why| panic!("{why}"));
    println!("{states} states");
    assert!(states > 10_000, "{states} states only");
}
