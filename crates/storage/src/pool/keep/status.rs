//! Every base as it is now, for people.

use super::judge::View;
use super::round::Round;
use hatchery_model::base::{BaseHealth, BaseName, BaseStatus};
use hatchery_model::units::Bytes;
use std::collections::BTreeSet;

impl Round<'_> {
    /// The bases by name, each inode's bytes counted at the first of its names only.
    pub(super) fn statuses(&self) -> Vec<BaseStatus> {
        let mut counted = BTreeSet::new();
        self.names().iter().map(|base| self.status(base, &mut counted)).collect()
    }

    fn status(&self, base: &BaseName, counted: &mut BTreeSet<(u64, u64)>) -> BaseStatus {
        let view = self.view(base);
        let there = view.cached.or_else(|| view.bases.iter().flatten().next().copied());
        let first = there.is_some_and(|seen| counted.insert((seen.stamp.dev, seen.stamp.ino)));
        let entry = view.entry;
        let size = there.map(|seen| seen.stamp.size).or(entry.map(|entry| entry.size.0));
        BaseStatus {
            base: base.clone(),
            image: entry.and_then(|entry| entry.image),
            format: entry.map(|entry| entry.format),
            size: Bytes(size.unwrap_or_default()),
            virtual_size: entry.map(|entry| entry.virtual_size),
            allocated: there.filter(|_| first).map_or(Bytes(0), |seen| seen.allocated),
            inode: there.map_or(0, |seen| seen.stamp.ino),
            links: there.map_or(0, |seen| seen.links),
            digest: entry.and_then(|entry| entry.digest.clone()),
            inspector_version: entry.map(|entry| entry.inspector_version),
            since: entry.map(|entry| entry.since),
            verified_at: entry.and_then(|entry| entry.verified_at),
            holders: view.leases.to_vec(),
            health: health(&view),
        }
    }
}

fn health(view: &View<'_>) -> BaseHealth {
    let Some(entry) = view.entry else {
        return BaseHealth::Good;
    };
    let changed = |why: &str| BaseHealth::Changed { why: why.to_owned() };
    if view.cached.is_none() || (!view.leases.is_empty() && view.bases.iter().any(Option::is_none))
    {
        return BaseHealth::Missing;
    }
    if entry.damaged.is_some() && entry.damaged == view.cached.map(|seen| seen.stamp) {
        return changed("its bytes are not those that were taken in");
    }
    let strange = view.base_folders.iter().zip(&view.bases).find_map(|(folder, seen)| {
        let strange = entry.strange.get(folder)?;
        (strange.same == Some(false) && seen.map(|seen| seen.stamp) == Some(strange.stamp))
            .then_some((folder, strange.looks))
    });
    if let Some((folder, looks)) = strange {
        return changed(&format!("in {folder} lies another file, {looks}, in its place"));
    }
    match view.unused_seconds {
        Some(seconds) => BaseHealth::Unused { seconds },
        None => BaseHealth::Good,
    }
}
