//! The keeping of a pool, on real files.

mod bounds;
mod crash;
mod faults;
mod fixture;
mod heal;
mod leases;
mod links;
mod nova;
mod sweep;
