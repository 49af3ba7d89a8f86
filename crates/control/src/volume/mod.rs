//! Cinder's verbs, one a file: each adds its method to [`VolumeVerbs`].
//!
//! A volume's row says what is being done with it before its agent is told: the order stands in the row and in the outbox, both written by the
//! transaction that accepts the request. The agent's answer ends it; while there is none, the order is sent again.

mod access;
mod find_volume;
mod first_type;
mod limits;
mod list_volumes;
mod settings;
mod verbs;

pub use find_volume::VolumeDetail;
pub use first_type::ensure_default_type;
pub use limits::{VolumeLimits, find_limits, put_limits};
pub use list_volumes::VolumeQuery;
pub use settings::VolumeSettings;
pub use verbs::{VolumePorts, VolumeVerbs};
