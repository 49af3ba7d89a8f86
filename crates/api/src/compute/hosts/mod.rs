//! Hosts, as Nova's three views of them: hypervisors, services, availability zones; and how they would make a disk.

pub mod explain;
pub mod figures;
pub mod hypervisors;
pub mod live;
mod numbered;
pub mod services;
pub mod zones;
