//! Neutron's verbs, one a file.

pub mod allocate;
mod ranges;
mod refusal;
mod serve_dhcp;

pub use allocate::{PortRequest, allocate_port, release_port};
pub use refusal::Refusal;
pub use serve_dhcp::network_spec;
