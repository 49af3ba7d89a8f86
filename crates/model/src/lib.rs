//! The nouns of Hatchery: ids, units, specs, states with their pure transitions, bus messages and
//! the provisioning planner.
//!
//! Nothing here knows the time of day, does IO, or has seen OpenStack's JSON: time and ids come in
//! as arguments, views go out in `hatchery-api`.

pub mod base;
pub mod caller;
pub mod compute;
pub mod disk;
pub mod generation;
pub mod id;
pub mod identity;
pub mod image;
pub mod live;
pub mod message;
pub mod network;
pub mod page;
pub mod provision;
pub mod task;
pub mod timestamp;
pub mod units;
pub mod volume;
