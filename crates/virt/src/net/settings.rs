//! What the operator may choose about networks.

use std::path::PathBuf;
use std::time::Duration;

/// Settings of the driver.
#[derive(Clone, Debug)]
pub struct NetSettings {
    /// Namespaces are called `<prefix>-<network id>`. Two agents on one machine need different ones.
    pub prefix: String,
    /// Where each network has a folder of its own. The DHCP server's user must be able to pass through.
    pub state: PathBuf,
    /// Where namespaces are mounted; `ip netns` looks in `/run/netns`.
    pub namespaces: PathBuf,
    /// The DHCP server's program.
    pub dnsmasq: PathBuf,
    /// The user that it becomes, where there is such a user; otherwise it chooses itself.
    pub dnsmasq_user: String,
    /// The program that puts the rules of port security in place.
    pub nft: PathBuf,
    /// For how long an address is lent.
    pub lease: Duration,
    /// Most connections to the metadata service at a time, for one network.
    pub metadata_connections: usize,
    /// Most of them from one address.
    pub metadata_connections_each: usize,
    /// Longest that a caller of it may take to say what it wants, the wait between two requests included.
    pub metadata_request_time: Duration,
}

impl NetSettings {
    /// The defaults, with networks' folders in `state`.
    pub fn new(state: impl Into<PathBuf>) -> Self {
        Self {
            prefix: "hatchery".to_owned(),
            state: state.into(),
            namespaces: PathBuf::from("/run/netns"),
            dnsmasq: PathBuf::from("dnsmasq"),
            dnsmasq_user: "dnsmasq".to_owned(),
            nft: PathBuf::from("nft"),
            lease: Duration::from_secs(86_400),
            metadata_connections: 256,
            metadata_connections_each: 8,
            metadata_request_time: Duration::from_secs(10),
        }
    }
}
