//! Neutron's nouns.

mod mac;
mod network_record;
mod port;
mod spec;
mod subnet;

pub use mac::MacAddress;
pub use network_record::Network;
pub use port::{DHCP_OWNER, FixedIp, Port, PortStatus};
pub use spec::{NetworkSpec, NicAddress, SubnetSpec};
pub use subnet::{AddressRange, HostRoute, Subnet};
