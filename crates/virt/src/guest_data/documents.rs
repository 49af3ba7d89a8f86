//! Nova's documents, from a guest's specification alone. Pure: the same specification gives the same bytes.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hatchery_model::compute::{GuestNic, GuestSpec};
use hatchery_model::network::{NicAddress, SubnetSpec};
use ipnet::IpNet;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// Versions of the documents, oldest first, as Nova lists them. Each adds what its date added.
pub const VERSIONS: [&str; 9] =
    [FOLSOM, GRIZZLY, HAVANA, LIBERTY, NEWTON_ONE, NEWTON_TWO, OCATA, ROCKY, VICTORIA];
const FOLSOM: &str = "2012-08-10";
const GRIZZLY: &str = "2013-04-04";
const HAVANA: &str = "2013-10-17";
const LIBERTY: &str = "2015-10-15";
const NEWTON_ONE: &str = "2016-06-30";
const NEWTON_TWO: &str = "2016-10-06";
const OCATA: &str = "2017-02-22";
const ROCKY: &str = "2018-08-27";
const VICTORIA: &str = "2020-10-14";
/// The name of the newest.
pub const LATEST: &str = "latest";

/// The dated name of a version, if it is one.
fn dated(version: &str) -> Option<&'static str> {
    let wanted = if version == LATEST { VICTORIA } else { version };
    VERSIONS.into_iter().find(|known| *known == wanted)
}

/// The documents of a version, by file name, in the order in which they are listed. `None` for an unknown version.
/// User data is there only if the guest has some.
pub fn all(guest: &GuestSpec, version: &str) -> Option<Vec<(&'static str, Vec<u8>)>> {
    // Dates compare as text.
    let version = dated(version)?;
    let mut files = vec![("meta_data.json", text(&meta_data(guest, version)))];
    files.extend(user_data(guest).map(|data| ("user_data", data)));
    if version >= GRIZZLY {
        files.push(("password", Vec::new()));
    }
    if version >= HAVANA {
        files.push(("vendor_data.json", text(&json!({}))));
    }
    if version >= LIBERTY {
        files.push(("network_data.json", text(&network_data(guest))));
    }
    if version >= NEWTON_TWO {
        files.push(("vendor_data2.json", text(&json!({}))));
    }
    Some(files)
}

/// The user's own data, decoded; `None` if there is none.
pub fn user_data(guest: &GuestSpec) -> Option<Vec<u8>> {
    let encoded = guest.metadata.user_data.as_ref()?;
    // Checked by the API when it came; spaces and line ends are allowed there.
    let compact: String = encoded.split_ascii_whitespace().collect();
    STANDARD.decode(compact).ok()
}

fn text(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

fn meta_data(guest: &GuestSpec, version: &str) -> Value {
    let told = &guest.metadata;
    let mut document = Map::new();
    let mut add = |name: &str, value: Value| {
        document.insert(name.to_owned(), value);
    };
    add("uuid", json!(guest.server));
    if !told.meta.is_empty() {
        add("meta", json!(told.meta));
    }
    if !told.keys.is_empty() {
        let by_name: Map<_, _> =
            told.keys.iter().map(|(name, key)| (name.clone(), json!(key))).collect();
        add("public_keys", Value::Object(by_name));
        let list: Vec<_> = told
            .keys
            .iter()
            .map(|(name, key)| json!({"name": name, "type": key_type(key), "data": key}))
            .collect();
        add("keys", json!(list));
    }
    add("hostname", json!(told.hostname));
    add("name", json!(told.name));
    add("launch_index", json!(told.launch_index));
    add("availability_zone", json!(told.availability_zone));
    if version >= GRIZZLY {
        add("random_seed", json!(told.random_seed));
    }
    if version >= LIBERTY {
        add("project_id", json!(told.project));
    }
    if version >= NEWTON_ONE {
        add("devices", json!([]));
    }
    if version >= VICTORIA {
        add("dedicated_cpus", json!([]));
    }
    Value::Object(document)
}

/// A certificate begins like a certificate; anything else is a key of SSH's.
fn key_type(key: &str) -> &'static str {
    if key.trim_start().starts_with("-----BEGIN") { "x509" } else { "ssh" }
}

fn network_data(guest: &GuestSpec) -> Value {
    let mut links = Vec::new();
    let mut networks = Vec::new();
    let mut services: Vec<Value> = Vec::new();
    for nic in &guest.nics {
        let link = link_id(nic);
        links.push(json!({
            "id": link,
            "vif_id": nic.port,
            "type": "bridge",
            "mtu": nic.network.mtu,
            "ethernet_mac_address": nic.mac.to_string(),
        }));
        for address in &nic.addresses {
            let subnets = &nic.network.subnets;
            let Some(subnet) = subnets.iter().find(|subnet| subnet.id == address.subnet) else {
                continue;
            };
            let id = format!("network{}", networks.len());
            networks.push(network(&id, &link, nic, address, subnet));
            for service in name_servers(subnet) {
                if !services.contains(&service) {
                    services.push(service);
                }
            }
        }
    }
    json!({"links": links, "networks": networks, "services": services})
}

/// Nova names a link after its tap.
fn link_id(nic: &GuestNic) -> String {
    let port = nic.port.to_string();
    format!("tap{}", port.get(..11).unwrap_or(&port))
}

fn network(
    id: &str,
    link: &str,
    nic: &GuestNic,
    address: &NicAddress,
    subnet: &SubnetSpec,
) -> Value {
    let family = match subnet.cidr {
        IpNet::V4(_) => "ipv4",
        IpNet::V6(_) => "ipv6",
    };
    // DHCP is served for IPv4 only; an IPv6 address has to be set by the guest itself.
    if subnet.dhcp && family == "ipv4" {
        return json!({
            "id": id,
            "type": format!("{family}_dhcp"),
            "link": link,
            "network_id": nic.network.id,
        });
    }
    let mut routes = Vec::new();
    if let Some(gateway) = subnet.gateway {
        let any: IpAddr = match gateway {
            IpAddr::V4(_) => [0; 4].into(),
            IpAddr::V6(_) => [0; 16].into(),
        };
        routes.push(json!({"network": any, "netmask": any, "gateway": gateway}));
    }
    for route in &subnet.host_routes {
        routes.push(json!({
            "network": route.destination.network(),
            "netmask": route.destination.netmask(),
            "gateway": route.next_hop,
        }));
    }
    json!({
        "id": id,
        "type": family,
        "link": link,
        "ip_address": address.address,
        "netmask": subnet.cidr.netmask(),
        "routes": routes,
        "network_id": nic.network.id,
        "services": name_servers(subnet),
    })
}

fn name_servers(subnet: &SubnetSpec) -> Vec<Value> {
    subnet.dns.iter().map(|address| json!({"type": "dns", "address": address})).collect()
}
