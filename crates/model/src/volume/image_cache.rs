//! The image-volume cache of a backend: volumes of an internal project that hold images, of which others are cloned.
//!
//! An entry counts from when its volume may have bytes until none is left, so what is promised is never more than the bounds, and what is there
//! neither.

use super::{BackendName, Volume};
use crate::generation::Generation;
use crate::id::{ImageId, VolumeId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// How much a backend's cache may hold. 0: any number of.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
pub struct ImageCacheBounds {
    /// `image_volume_cache_max_size_gb`
    pub max_gib: u64,
    /// `image_volume_cache_max_count`
    pub max_count: u64,
}

/// An entry's row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImageCacheEntry {
    /// The volume that holds the image, whose id is the entry's as well.
    pub volume: VolumeId,
    /// Compare-and-set counter.
    pub generation: Generation,
    /// The backend whose cache it is in.
    pub backend: BackendName,
    /// The image.
    pub image: ImageId,
    /// SHA-512 of the image's own bytes when this was made: an image with others is not served from it.
    pub image_sha512: String,
    /// Size of the volume.
    pub size_gib: u64,
    /// Where it is in its life.
    pub state: ImageCacheState,
    /// When a volume was last made of it.
    pub last_used_at: Timestamp,
    /// The image's own volume (`image_upload_use_cinder_backend`): it stands as long as the image does, within no bounds.
    #[serde(default)]
    pub kept: bool,
}

/// Where an entry is in its life.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum ImageCacheState {
    /// It waits for others to be gone. The volume's row is written when that has happened.
    Waiting(Box<Volume>),
    /// Its volume is being made.
    Building,
    /// Volumes are made of it.
    Ready,
    /// Its volume is being removed.
    Leaving,
}

impl ImageCacheEntry {
    /// Whether volumes are made of it, now or when it is there.
    pub const fn serves(&self) -> bool {
        match self.state {
            ImageCacheState::Waiting(_) | ImageCacheState::Building | ImageCacheState::Ready => {
                true
            }
            ImageCacheState::Leaving => false,
        }
    }

    /// Whether its volume may have bytes.
    pub const fn is_there(&self) -> bool {
        match self.state {
            ImageCacheState::Building | ImageCacheState::Ready | ImageCacheState::Leaving => true,
            ImageCacheState::Waiting(_) => false,
        }
    }
}

impl ImageCacheBounds {
    /// Whether these and one of `size_gib` more are within the bounds.
    fn hold<'a>(self, all: impl Iterator<Item = &'a ImageCacheEntry>, size_gib: u64) -> bool {
        let (mut count, mut gib) = (1_u64, size_gib);
        for entry in all.filter(|entry| !entry.kept) {
            count += 1;
            gib = gib.saturating_add(entry.size_gib);
        }
        (self.max_count == 0 || count <= self.max_count)
            && (self.max_gib == 0 || gib <= self.max_gib)
    }

    /// Which entries have to leave for a new one of `size_gib`: the least recently used first, and of those only that are ready and `idle`. `all`:
    /// the entries of the backend. `Err`: why it cannot be taken in.
    pub fn make_room(
        self,
        all: &[ImageCacheEntry],
        size_gib: u64,
        idle: impl Fn(VolumeId) -> bool,
    ) -> Result<Vec<VolumeId>, String> {
        if self.max_gib > 0 && size_gib > self.max_gib {
            return Err(format!(
                "the image takes {size_gib} GiB, and image_volume_cache_max_size_gb is {}",
                self.max_gib
            ));
        }
        let mut stay: Vec<&ImageCacheEntry> =
            all.iter().filter(|entry| entry.serves() && !entry.kept).collect();
        stay.sort_by_key(|entry| (std::cmp::Reverse(entry.last_used_at), entry.volume));
        let mut leave = Vec::new();
        while !self.hold(stay.iter().copied(), size_gib) {
            let may_leave = |entry: &&ImageCacheEntry| {
                entry.state == ImageCacheState::Ready && idle(entry.volume)
            };
            let Some(last) = stay.iter().rposition(may_leave) else {
                return Err(format!(
                    "the backend's cache is full, and each of its {} images is being brought in or cloned just now",
                    stay.len()
                ));
            };
            leave.push(stay.remove(last).volume);
        }
        Ok(leave)
    }

    /// Whether the volume of an entry may be made now, beside those of the others that may have bytes.
    pub fn admit(self, all: &[ImageCacheEntry], entry: &ImageCacheEntry) -> bool {
        let others = all.iter().filter(|other| other.volume != entry.volume && other.is_there());
        self.hold(others, entry.size_gib)
    }
}

#[cfg(test)]
mod tests {
    use super::{ImageCacheBounds, ImageCacheEntry, ImageCacheState};
    use crate::generation::Generation;
    use crate::id::{HostName, ImageId, VolumeId};
    use crate::timestamp::Timestamp;
    use crate::volume::BackendName;
    use uuid::Uuid;

    fn id(number: u128) -> VolumeId {
        VolumeId(Uuid::from_u128(number))
    }

    fn entry(number: u128, size_gib: u64, state: ImageCacheState) -> ImageCacheEntry {
        ImageCacheEntry {
            volume: id(number),
            generation: Generation::FIRST,
            backend: BackendName {
                host: HostName::from("h"),
                backend: "b".into(),
                pool: "p".into(),
            },
            image: ImageId(Uuid::from_u128(number)),
            image_sha512: String::new(),
            size_gib,
            state,
            last_used_at: Timestamp(number as i64),
            kept: false,
        }
    }

    #[test]
    fn the_least_recently_used_leave_and_no_more_than_needed() {
        let ready = |number, gib| entry(number, gib, ImageCacheState::Ready);
        let all = [ready(3, 1), ready(1, 1), ready(2, 1)];
        let room = |max_gib, max_count, size| {
            ImageCacheBounds { max_gib, max_count }.make_room(&all, size, |_| true)
        };
        assert_eq!(room(0, 0, 100), Ok(vec![]));
        assert_eq!(room(0, 4, 1), Ok(vec![]));
        assert_eq!(room(0, 3, 1), Ok(vec![id(1)]));
        assert_eq!(room(0, 1, 1), Ok(vec![id(1), id(2), id(3)]));
        assert_eq!(room(5, 0, 3), Ok(vec![id(1)]));
        assert_eq!(room(5, 3, 4), Ok(vec![id(1), id(2)]));
        assert!(room(5, 0, 6).unwrap_err().contains("max_size_gb is 5"));
    }

    #[test]
    fn what_is_used_or_being_made_stays() {
        let all = [
            entry(1, 1, ImageCacheState::Building),
            entry(2, 1, ImageCacheState::Ready),
            entry(3, 1, ImageCacheState::Ready),
        ];
        let bounds = ImageCacheBounds { max_gib: 0, max_count: 3 };
        assert_eq!(bounds.make_room(&all, 1, |one| one != id(2)), Ok(vec![id(3)]));
        assert!(bounds.make_room(&all, 1, |_| false).unwrap_err().contains("full"));
    }

    #[test]
    fn one_that_leaves_counts_until_it_is_gone() {
        let leaving = entry(1, 1, ImageCacheState::Leaving);
        let new = entry(3, 1, ImageCacheState::Building);
        let bounds = ImageCacheBounds { max_gib: 0, max_count: 2 };
        let all = [leaving, entry(2, 1, ImageCacheState::Ready), new.clone()];
        // It has been promised a place, so nothing else has to leave for it.
        assert_eq!(bounds.make_room(&all[..2], 1, |_| true), Ok(vec![]));
        assert!(!bounds.admit(&all, &new));
        assert!(bounds.admit(&all[1..], &new));
    }
}
