//! What a user sends to create servers. Unknown fields are refused, as Nova's schema does.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// `{"server": {…}}`, with the scheduler's hints beside it.
#[derive(Debug, Deserialize)]
pub struct CreateBody {
    /// The server.
    pub server: CreateServer,
    /// Hints; none is known yet, and Nova ignores those it does not know.
    #[serde(default, alias = "os:scheduler_hints", rename = "OS-SCH-HNT:scheduler_hints")]
    pub _hints: serde::de::IgnoredAny,
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
    #[serde(default)]
    pub networks: Option<Networks>,
    /// Name of a key pair of the caller.
    #[serde(default)]
    pub key_name: Option<String>,
    /// Base64.
    #[serde(default)]
    pub user_data: Option<String>,
    /// Labels.
    #[serde(default)]
    pub metadata: BTreeMap<String, String>,
    /// A boolean, in one of its spellings.
    #[serde(default, deserialize_with = "flexible_bool")]
    pub config_drive: Option<bool>,
    /// `zone`, or `zone:host` for administrators.
    #[serde(default)]
    pub availability_zone: Option<String>,
    /// At least so many.
    #[serde(default, deserialize_with = "optional_count")]
    pub min_count: Option<u32>,
    /// At most so many.
    #[serde(default, deserialize_with = "optional_count")]
    pub max_count: Option<u32>,
    /// Names.
    #[serde(default)]
    pub security_groups: Vec<SecurityGroup>,
    /// Since 2.19.
    #[serde(default)]
    pub description: Option<String>,
    /// Since 2.52.
    #[serde(default)]
    pub tags: BTreeSet<String>,
    /// Since 2.90.
    #[serde(default)]
    pub hostname: Option<String>,
    /// Kept by nobody: passwords are not injected.
    #[serde(rename = "adminPass", default)]
    pub admin_pass: Option<String>,
    /// `AUTO` or `MANUAL`: no effect.
    #[serde(rename = "OS-DCF:diskConfig", default)]
    pub disk_config: Option<String>,
    /// Not served: kept for what clients show.
    #[serde(rename = "accessIPv4", default)]
    pub access_ipv4: Option<String>,
    /// Not served: kept for what clients show.
    #[serde(rename = "accessIPv6", default)]
    pub access_ipv6: Option<String>,
    /// Whether the answer is a reservation id.
    #[serde(default, deserialize_with = "flexible_bool")]
    pub return_reservation_id: Option<bool>,
    /// Boot from volumes: not built yet.
    #[serde(default)]
    pub block_device_mapping_v2: Vec<BlockDevice>,
    /// A chosen host (2.74, administrators).
    #[serde(default)]
    pub host: Option<String>,
    /// A chosen host (2.74, administrators).
    #[serde(default)]
    pub hypervisor_hostname: Option<String>,
}

/// One of a block device mapping, as far as it is understood.
#[derive(Debug, Deserialize)]
pub struct BlockDevice {
    /// `image`, `volume`, `snapshot` or `blank`.
    pub source_type: String,
    /// `local` or `volume`.
    #[serde(default)]
    pub destination_type: Option<String>,
    /// The source's id.
    #[serde(default)]
    pub uuid: Option<String>,
}

/// `{"name": …}`
#[derive(Debug, Deserialize)]
pub struct SecurityGroup {
    /// Name or id.
    pub name: String,
}

/// What networks a server gets.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Networks {
    /// `auto` or `none` (2.37).
    Word(String),
    /// One interface each.
    List(Vec<RequestedNic>),
}

/// One interface.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestedNic {
    /// A network.
    #[serde(default)]
    pub uuid: Option<String>,
    /// A port that is there already.
    #[serde(default)]
    pub port: Option<String>,
    /// A wanted address.
    #[serde(default)]
    pub fixed_ip: Option<IpAddr>,
    /// A label (2.32): kept by nobody.
    #[serde(default)]
    pub tag: Option<String>,
}

/// Nova takes numbers where it wants ids of flavors.
fn text_or_number<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        Number(u64),
    }
    Ok(match Either::deserialize(from)? {
        Either::Text(text) => text,
        Either::Number(number) => number.to_string(),
    })
}

/// Nova's spellings of a boolean.
pub fn flexible_bool<'de, D: Deserializer<'de>>(from: D) -> Result<Option<bool>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Bool(bool),
        Text(String),
    }
    let wrong = |text: &str| D::Error::custom(format!("'{text}' is not a boolean"));
    match Option::<Either>::deserialize(from)? {
        None => Ok(None),
        Some(Either::Bool(value)) => Ok(Some(value)),
        Some(Either::Text(text)) => match text.to_ascii_lowercase().as_str() {
            "true" | "t" | "1" | "on" | "y" | "yes" => Ok(Some(true)),
            "" | "false" | "f" | "0" | "off" | "n" | "no" => Ok(Some(false)),
            _ => Err(wrong(&text)),
        },
    }
}

/// A count, as number or as digits.
fn optional_count<'de, D: Deserializer<'de>>(from: D) -> Result<Option<u32>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Number(u32),
        Text(String),
    }
    let value = match Option::<Either>::deserialize(from)? {
        None => return Ok(None),
        Some(Either::Number(number)) => number,
        Some(Either::Text(text)) => {
            text.parse().map_err(|_| D::Error::custom(format!("'{text}' is not a count")))?
        }
    };
    if value == 0 {
        Err(D::Error::custom("a count of servers is at least 1"))
    } else {
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::{CreateBody, Networks};
    use serde_json::json;

    fn parse(server: serde_json::Value) -> Result<CreateBody, serde_json::Error> {
        serde_json::from_value(json!({"server": server, "os:scheduler_hints": {"group": "x"}}))
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
        for wrong in [
            json!({"name": "a", "flavorRef": "1", "imageRef": "i", "personality": []}),
            json!({"name": 1, "flavorRef": "1", "imageRef": "i"}),
            json!({"name": "a", "imageRef": "i"}),
            json!({"name": "a", "flavorRef": "1", "imageRef": "i", "min_count": 0}),
            json!({"name": "a", "flavorRef": "1", "imageRef": "i", "config_drive": "maybe"}),
            json!({"name": "a", "flavorRef": "1", "imageRef": "i", "networks": [{"uuid": "n", "ip": "1"}]}),
            json!({"name": "a", "flavorRef": "1", "imageRef": "i", "metadata": {"a": 1}}),
        ] {
            assert!(parse(wrong.clone()).is_err(), "{wrong}");
        }
    }
}
