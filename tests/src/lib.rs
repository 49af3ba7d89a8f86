//! The world in a box: the real binary on a state folder of its own, and what a test needs to look at it from outside.
//!
//! Tests here are black boxes. They know OpenStack's APIs and clients, and the host; nothing of the crates.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // It is all for tests.

mod census;
mod client;
mod eventually;
mod files;
mod glance;
mod guests;
mod openstack;
mod ssh;
mod world;

pub use census::Census;
pub use client::{Answer, Client};
pub use eventually::eventually;
pub use files::{boot_image, sample_qcow2};
pub use glance::{Glance, HeldUpload};
pub use guests::{Guests, wait_for, wait_until_gone};
pub use openstack::Openstack;
pub use ssh::Ssh;
pub use world::{SERVICE_USER, Settings, World};
