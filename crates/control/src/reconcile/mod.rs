//! Reconcilers: no input, a scan, and repairs through the same steps that everyone takes.
//!
//! In a house without mistakes they find nothing: what a crash leaves is the tasks' to finish, and what an event did not say is in the hosts'
//! reports. So each finding is logged as an error. `raw_forms` alone has work of its own: what a changed setting asks for.
//! `volume_orders` and `waiting_removals` are the exceptions: they wait for others, and look after them.

mod census;
mod claims;
mod disk_orders;
mod left_disks;
mod pins;
mod plug_orders;
mod ports;
mod purge;
mod raw_forms;
mod tasks;
mod volume_orders;
mod waiting_removals;

pub use census::{Census, Findings};
pub use raw_forms::{Made, MakeRawForms};
pub use volume_orders::{Chased, VolumeOrders};
pub use waiting_removals::WaitingRemovals;
