//! Bases: images as backing files, under the names that Nova gives them.

mod deed;
mod disk_use;
mod lease;
mod name;
mod on_host;
mod reset;
mod status;

pub use deed::{Deed, Did};
pub use disk_use::{BasePin, DiskUse, LeftDisk};
pub use lease::{BaseLease, LeaseBook, LeaseHolder};
pub use name::BaseName;
pub use on_host::{BaseOnHost, KnownBaseState};
pub use reset::{ResetStep, ServerReset};
pub use status::{BaseHealth, BaseStatus};
