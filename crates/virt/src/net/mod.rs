//! Networks of a host: one network namespace each, and in it a bridge, the guests' taps, a DHCP server and the metadata
//! address; and rules that let each guest send only in its own name. The root namespace stays clean, networks with the same addresses stand side by side, and removing the
//! namespace removes everything. Not here: which addresses guests have (control), and what guests are told
//! (`guest_data`).

mod bridge;
mod dhcp;
mod driver;
mod error;
mod ffi;
mod folder;
mod host_access;
mod link;
mod metadata;
mod names;
mod namespace;
mod port_security;
mod process;
mod settings;
mod sim;
mod spec;
mod tap;

pub use driver::NetNsDriver;
pub use settings::NetSettings;
pub use sim::SimNetworkDriver;
