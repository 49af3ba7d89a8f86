//! Ceph's block devices, on a Ceph that the tests start.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

mod adopted;
mod backups;
mod chains;
mod client;
mod contract;
mod cut_off;
mod disks;
mod fixture;
mod images;
mod kill;
mod together;
mod volumes;
