//! What a user sends to create servers. Unknown fields are refused, as Nova's schema does.

use super::disks::BlockDevice;
use crate::compute::fields::{count, disk_config, flexible_bool, present, text_or_number};
use serde::Deserialize;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// `{"server": {…}}`, with the scheduler's hints beside it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    /// The server.
    pub server: CreateServer,
    /// Hints.
    #[serde(rename = "os:scheduler_hints", default)]
    pub hints: BTreeMap<String, Value>,
    /// Hints, by their older name.
    #[serde(rename = "OS-SCH-HNT:scheduler_hints", default)]
    pub older_hints: BTreeMap<String, Value>,
}

/// A server to be made.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateServer {
    /// 1 to 255 characters.
    pub name: String,
    /// An image's id; empty for none.
    #[serde(rename = "imageRef", default)]
    pub image: String,
    /// A flavor's id, or a link that ends in one.
    #[serde(rename = "flavorRef", deserialize_with = "text_or_number")]
    pub flavor: String,
    /// Absent, `auto`, `none`, or a list.
    #[serde(default, deserialize_with = "present")]
    pub networks: Option<Networks>,
    /// Name of a key pair of the caller.
    #[serde(default, deserialize_with = "present")]
    pub key_name: Option<String>,
    /// Base64.
    #[serde(default, deserialize_with = "present")]
    pub user_data: Option<String>,
    /// Labels.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// A boolean, in one of its spellings.
    #[serde(default, deserialize_with = "flexible_bool")]
    pub config_drive: Option<bool>,
    /// `zone`, or `zone:host` for administrators.
    #[serde(default, deserialize_with = "present")]
    pub availability_zone: Option<String>,
    /// At least so many.
    #[serde(default, deserialize_with = "count")]
    pub min_count: Option<u32>,
    /// At most so many.
    #[serde(default, deserialize_with = "count")]
    pub max_count: Option<u32>,
    /// Names.
    #[serde(default, deserialize_with = "present")]
    pub security_groups: Option<Vec<SecurityGroup>>,
    /// Since 2.19.
    #[serde(default, deserialize_with = "present")]
    pub description: Option<Option<String>>,
    /// Since 2.52.
    #[serde(default, deserialize_with = "present")]
    pub tags: Option<BTreeSet<String>>,
    /// Since 2.90.
    #[serde(default, deserialize_with = "present")]
    pub hostname: Option<String>,
    /// Kept by nobody: passwords are not injected.
    #[expect(dead_code, reason = "taken, as by Nova, and used by nobody")]
    #[serde(rename = "adminPass", default, deserialize_with = "present")]
    pub admin_pass: Option<String>,
    /// No effect.
    #[serde(rename = "OS-DCF:diskConfig", default, deserialize_with = "disk_config")]
    pub _disk_config: (),
    /// Kept for what clients show.
    #[serde(rename = "accessIPv4", default, deserialize_with = "present")]
    pub access_ipv4: Option<Ipv4Addr>,
    /// Kept for what clients show.
    #[serde(rename = "accessIPv6", default, deserialize_with = "present")]
    pub access_ipv6: Option<Ipv6Addr>,
    /// Whether the answer is a reservation id.
    #[serde(default, deserialize_with = "flexible_bool")]
    pub return_reservation_id: Option<bool>,
    /// Its disks.
    #[serde(default)]
    pub block_device_mapping_v2: Vec<BlockDevice>,
    /// Its disks, in an older spelling.
    #[serde(default)]
    pub block_device_mapping: Vec<BlockDevice>,
    /// A chosen host (2.74, administrators).
    #[serde(default, deserialize_with = "present")]
    pub host: Option<String>,
    /// A chosen host (2.74, administrators).
    #[serde(default, deserialize_with = "present")]
    pub hypervisor_hostname: Option<String>,
}

/// `{"name": …}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SecurityGroup {
    /// Name or id.
    pub name: String,
}

/// What networks a server gets.
#[derive(Debug, Deserialize)]
#[serde(try_from = "Value")]
pub enum Networks {
    /// `auto` or `none` (2.37).
    Word(String),
    /// One interface each.
    List(Vec<RequestedNic>),
}

impl TryFrom<Value> for Networks {
    type Error = serde_json::Error;

    fn try_from(given: Value) -> Result<Self, Self::Error> {
        match given {
            Value::String(word) => Ok(Self::Word(word)),
            list => serde_json::from_value(list).map(Self::List),
        }
    }
}

/// One interface.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestedNic {
    /// A network.
    #[serde(default, deserialize_with = "present")]
    pub uuid: Option<String>,
    /// A port that is there already.
    #[serde(default)]
    pub port: Option<String>,
    /// A wanted address.
    #[serde(default, deserialize_with = "present")]
    pub fixed_ip: Option<IpAddr>,
    /// A label (2.32, 2.42): kept by nobody.
    #[serde(default, deserialize_with = "present")]
    pub tag: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::{CreateBody, Networks};
    use serde_json::json;

    fn parse(server: serde_json::Value) -> Result<CreateBody, serde_json::Error> {
        serde_json::from_value(
            json!({"server": server, "os:scheduler_hints": {"different_host": "x"}}),
        )
    }

    #[test]
    fn reads_what_clients_send() {
        let body = parse(json!({
            "name": "a", "imageRef": "i", "flavorRef": 1, "networks": "auto", "min_count": "2",
            "max_count": 3, "config_drive": "True",
        }))
        .unwrap();
        assert_eq!((body.server.flavor.as_str(), body.server.min_count), ("1", Some(2)));
        assert_eq!(body.server.config_drive, Some(true));
        assert!(matches!(body.server.networks, Some(Networks::Word(word)) if word == "auto"));
    }

    #[test]
    fn refuses_what_nova_refuses() {
        let wanted = json!({"name": "a", "flavorRef": "1", "imageRef": "i"});
        assert!(parse(wanted.clone()).is_ok());
        for (field, wrong) in [
            ("personality", json!([])),
            ("name", json!(1)),
            ("flavorRef", json!(null)),
            ("min_count", json!(0)),
            ("max_count", json!("")),
            ("config_drive", json!("maybe")),
            ("config_drive", json!(null)),
            ("networks", json!([{"uuid": "n", "ip": "1"}])),
            ("networks", json!(null)),
            ("metadata", json!({"a": 1})),
            ("accessIPv4", json!("::1")),
            ("OS-DCF:diskConfig", json!("auto")),
        ] {
            let mut body = wanted.clone();
            body[field] = wrong.clone();
            assert!(parse(body).is_err(), "{field}: {wrong}");
        }
    }
}
