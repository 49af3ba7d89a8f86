//! Cinder's nouns, and what crosses the bus about volumes.

mod backend;
mod guest_volume;
mod order;

pub use backend::{BackendName, BackendReport, Reach};
pub use guest_volume::GuestVolume;
pub use order::{
    ImageOfVolume, NewVolume, VolumeContent, VolumeNews, VolumeOrder, VolumeOutcome, VolumeSubject,
    VolumeWork,
};
