//! Where a server goes: a pure function over the rows of the hosts.
//!
//! Nothing here reads or claims; `workflow::build_server` does both in one transaction, so that what was decided here is
//! still true when it is written down.

mod demand;
mod extra_specs;
mod filter;
mod place;
mod settings;
mod weigh;

pub use demand::{claim_of, image_facts, root_disk_size};
pub use filter::is_up;
pub use place::{Candidate, PlaceRequest, candidates, place};
pub use settings::SchedulerSettings;
