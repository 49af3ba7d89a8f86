//! The planner: how a disk is made from an image, and why not in a cheaper way.
//!
//! A pure function over facts. `explain` prints its result and the agent executes that very value,
//! so the two cannot differ.

mod ceph;
mod facts;
mod plan;
mod rung;
mod volume;

pub use facts::{
    Backing, BaseFacts, CephAbilities, FileAbilities, ImageFacts, ImageLocation, TargetFacts,
};
pub use plan::{Plan, PlanStep, Refusal, plan};
pub use rung::Rung;
pub use volume::{CachedVolume, VolumeCopies, VolumeTargetFacts, WantedVolume, plan_volume};
