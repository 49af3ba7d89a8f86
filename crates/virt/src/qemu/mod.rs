//! The hypervisor `qemu`: one unprivileged process a guest, driven over QMP, which outlives the agent.
//!
//! `driver` has the port's two verbs and `adopt` the finding again; `process`, `folder` and `inherit` are what a process
//! is made of; `command_line` is pure; `proof` finds out what a guest can really run on. Nothing here knows of images,
//! pools or networks: disks come as paths, interfaces as descriptors.

mod adopt;
mod block_job;
mod cache;
pub mod command_line;
mod driver;
mod folder;
mod guest;
mod host_facts;
mod hotplug;
mod inherit;
mod process;
mod proof;
mod qmp;
mod settings;
mod swap;
mod throttle;

pub use adopt::running;
pub use cache::{CacheMode, CacheModes};
pub use driver::QemuHypervisor;
pub use folder::{CONSOLE, MONITOR};
pub use proof::{Proof, prove_accelerator};
pub use settings::{Accelerator, AcceleratorChoice, QemuSettings};
