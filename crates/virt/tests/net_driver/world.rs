//! A driver with a folder and a prefix of its own, and a census of what it leaves.

use hatchery_model::compute::{GuestNic, GuestSpec};
use hatchery_model::id::{NetworkId, PortId, SubnetId};
use hatchery_model::network::{MacAddress, NetworkSpec, NicAddress, SubnetSpec};
use hatchery_ports::metadata::MetadataSource;
use hatchery_ports::network_driver::NetworkDriver;
use hatchery_virt::net::{NetNsDriver, NetSettings};
use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use uuid::Uuid;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// A number that no other test of this machine has at this moment.
pub fn unique() -> u64 {
    u64::from(std::process::id()) << 16 | COUNT.fetch_add(1, Ordering::SeqCst)
}

/// Guests that the metadata service knows.
#[derive(Default)]
pub struct Guests(Mutex<HashMap<(NetworkId, IpAddr), Arc<GuestSpec>>>);

impl Guests {
    pub fn insert(&self, network: NetworkId, address: IpAddr, guest: GuestSpec) {
        let mut guests = self.0.lock().unwrap();
        guests.insert((network, address), Arc::new(guest));
    }
}

impl MetadataSource for Guests {
    fn find(&self, network: NetworkId, address: IpAddr) -> Option<Arc<GuestSpec>> {
        self.0.lock().unwrap().get(&(network, address)).cloned()
    }
}

/// See the head of this file.
pub struct World {
    pub driver: NetNsDriver,
    pub guests: Arc<Guests>,
    pub settings: NetSettings,
    _folder: TempDir,
}

impl World {
    pub fn new() -> Self {
        require("dnsmasq", "dnsmasq-base");
        require("ip", "iproute2");
        require("nft", "nftables");
        assert!(nix::unistd::geteuid().is_root(), "these tests need root");
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o711)).unwrap();
        let mut settings = NetSettings::new(folder.path().join("networks"));
        settings.prefix = format!("hatchtest{:x}", unique());
        let guests = Arc::new(Guests::default());
        Self {
            driver: NetNsDriver::new(settings.clone(), guests.clone()).unwrap(),
            guests,
            settings,
            _folder: folder,
        }
    }

    /// Another process's driver on the same host, after this one's has died.
    pub fn restart(&mut self) {
        self.driver = NetNsDriver::new(self.settings.clone(), self.guests.clone()).unwrap();
    }

    pub fn namespace(&self, network: NetworkId) -> String {
        format!("{}-{network}", self.settings.prefix)
    }

    pub fn folder(&self, network: NetworkId) -> PathBuf {
        self.settings.state.join(network.to_string())
    }

    /// The DHCP servers that run for a network.
    pub fn servers(&self, network: NetworkId) -> Vec<i32> {
        let argument =
            format!("--conf-file={}", self.folder(network).join("dnsmasq.conf").display());
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap() {
            let entry = entry.unwrap();
            let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if line.split(|byte| *byte == 0).any(|part| part == argument.as_bytes()) {
                found.extend(entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
            }
        }
        found
    }

    /// Runs `nft` on a network's rules.
    pub fn nft(&self, network: &NetworkSpec, arguments: &[&str]) -> String {
        let namespace = self.namespace(network.id);
        run("ip", &[&["netns", "exec", &namespace, "nft"], arguments].concat())
    }

    /// What stands in the sets of port security, in order.
    pub fn entries(&self, network: &NetworkSpec) -> Vec<String> {
        let text = self.nft(network, &["list", "table", "bridge", "hatchery"]);
        let parts = text.split(['{', '}', ',', '\n']).map(str::trim);
        let mut entries: Vec<_> =
            parts.filter(|part| part.contains("\"tap")).map(str::to_owned).collect();
        entries.sort();
        entries
    }

    /// Removes a network, and asserts that nothing is left of it.
    pub async fn remove(&self, network: NetworkId) {
        self.driver.remove_network(network).await.unwrap();
        assert_eq!(self.servers(network), Vec::<i32>::new());
        assert!(!self.settings.namespaces.join(self.namespace(network)).exists());
        assert!(!self.folder(network).exists());
        assert!(!self.driver.list_networks().await.unwrap().contains(&network));
        let id = network.to_string();
        assert!(!run("ip", &["-o", "link"]).contains(&format!("hat{}", &id[..8])));
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        // A failed test leaves nothing for the next one to stumble on.
        for network in fs::read_dir(&self.settings.state).into_iter().flatten().flatten() {
            let Ok(network) = network.file_name().to_string_lossy().parse::<NetworkId>() else {
                continue;
            };
            for server in self.servers(network) {
                let _ = Command::new("kill").args(["-9", &server.to_string()]).output();
            }
            let _ = Command::new("ip").args(["netns", "del", &self.namespace(network)]).output();
        }
    }
}

/// A network with one subnet, its gateway at `.1` and its server at `.2`.
pub fn network(cidr: &str) -> NetworkSpec {
    let cidr: ipnet::Ipv4Net = cidr.parse().unwrap();
    let [a, b, c, _] = cidr.network().octets();
    NetworkSpec {
        id: NetworkId(Uuid::from_u128(u128::from(unique()) << 96 | 0x4000_8000_0000_0000_0001)),
        mtu: 1400,
        host_access: false,
        subnets: vec![SubnetSpec {
            id: SubnetId(Uuid::from_u128(u128::from(unique()))),
            cidr: cidr.into(),
            gateway: Some(IpAddr::from([a, b, c, 1])),
            dhcp: true,
            server_address: Some(IpAddr::from([a, b, c, 2])),
            dns: vec![IpAddr::from([9, 9, 9, 9])],
            host_routes: Vec::new(),
        }],
    }
}

/// A port of that network with that last byte in its addresses.
pub fn nic(network: &NetworkSpec, last: u8) -> GuestNic {
    let number = unique();
    let [_, _, x, y, ..] = number.to_le_bytes();
    let address = |subnet: &SubnetSpec| {
        let [a, b, c, _] = match subnet.cidr.network() {
            IpAddr::V4(address) => address.octets(),
            IpAddr::V6(_) => panic!("only IPv4 here"),
        };
        NicAddress { subnet: subnet.id, address: IpAddr::from([a, b, c, last]) }
    };
    GuestNic {
        port: PortId(Uuid::from_u128(u128::from(number) << 96)),
        network: network.clone(),
        mac: MacAddress::generated([x, y, number as u8]),
        addresses: network.subnets.iter().map(address).collect(),
        port_security: true,
    }
}

/// The same without port security.
pub fn open_nic(network: &NetworkSpec, last: u8) -> GuestNic {
    GuestNic { port_security: false, ..nic(network, last) }
}

/// Runs a command that must succeed; gives what it prints.
pub fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}"));
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Stops the test with the package to install, where a program is missing.
pub fn require(program: &str, package: &str) {
    let found = std::env::var("PATH").unwrap_or_default();
    let found = found.split(':').any(|folder| PathBuf::from(folder).join(program).exists());
    assert!(found, "{program} is missing: install the package {package}");
}
