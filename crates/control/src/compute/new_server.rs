//! What a user asks for when they ask for a server, and the checks that need no database.

use super::labels;
use super::new_disk::{self, ServerDisk};
use crate::error::Error;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hatchery_model::id::{FlavorId, HostName, ImageId, NetworkId, PortId, ServerId};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Nova's limit of `user_data`, in characters of base64.
const MAX_USER_DATA: usize = 65_535;
/// Longest label of a host name.
const MAX_HOSTNAME: usize = 63;

/// A request for one server, or for several alike.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewServer {
    /// Need not be unique. Several get `-1`, `-2` and so on at its end.
    pub name: String,
    /// What the guest calls itself (2.90); `None`: made from the name.
    pub hostname: Option<String>,
    /// Free text (2.19).
    pub description: Option<String>,
    /// The flavor.
    pub flavor: FlavorId,
    /// The image that its own disk is made from. `None`: it boots from a volume.
    pub image: Option<ImageId>,
    /// Its volumes.
    pub disks: Vec<ServerDisk>,
    /// Its network interfaces.
    pub networks: NetworkChoice,
    /// One of the caller's key pairs.
    pub key_name: Option<String>,
    /// Base64.
    pub user_data: Option<String>,
    /// Free labels with values.
    pub metadata: BTreeMap<String, String>,
    /// Whether it gets a config drive.
    pub config_drive: bool,
    /// A zone; for administrators also `zone:host`.
    pub availability_zone: Option<String>,
    /// At least so many.
    pub min_count: u32,
    /// At most so many.
    pub max_count: u32,
    /// Free labels (2.52).
    pub tags: BTreeSet<String>,
    /// Kept for what clients show.
    pub access_ipv4: Option<Ipv4Addr>,
    /// Kept for what clients show.
    pub access_ipv6: Option<Ipv6Addr>,
    /// Names of security groups. There is only `default`.
    pub security_groups: Vec<String>,
}

/// Which networks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NetworkChoice {
    /// Nothing was said (up to 2.36): the one network that there is, or none if there is none.
    Unspecified,
    /// `auto`: the one network that there is.
    Auto,
    /// `none`
    None,
    /// These, in order.
    List(Vec<NicChoice>),
}

/// One network interface.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct NicChoice {
    /// On this network.
    pub network: Option<NetworkId>,
    /// This port; wins over the network.
    pub port: Option<PortId>,
    /// With this address.
    pub fixed_ip: Option<IpAddr>,
    /// Kept by clients; no effect yet.
    pub tag: Option<String>,
}

/// A zone as the user named it.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ZoneChoice {
    /// The zone.
    pub zone: Option<String>,
    /// The host, which only an administrator may name.
    pub host: Option<HostName>,
}

impl ZoneChoice {
    /// Reads `zone`, `zone:host`, `:host` and `zone:host:node`.
    pub fn parse(text: &str) -> Self {
        let mut parts = text.split(':');
        let zone = parts.next().filter(|part| !part.is_empty());
        let host = parts.next().filter(|part| !part.is_empty());
        let node = parts.next().filter(|part| !part.is_empty());
        Self { zone: zone.map(str::to_owned), host: host.or(node).map(HostName::from) }
    }
}

impl NewServer {
    /// All that can be refused without looking anything up. `Invalid` otherwise.
    pub(super) fn check(&self, max_servers: u32) -> Result<(), Error> {
        if self.min_count == 0 || self.max_count == 0 {
            return invalid("min_count and max_count must be at least 1.");
        }
        if self.min_count > self.max_count {
            return invalid("min_count must be <= max_count");
        }
        if self.max_count > max_servers {
            return Err(Error::Denied(format!(
                "Quota exceeded for instances: one request may ask for {max_servers} servers."
            )));
        }
        if self.max_count > 1 {
            self.check_several()?;
        }
        new_disk::check(&self.disks, self.image.is_some(), self.max_count)?;
        labels::check_metadata(&self.metadata)?;
        labels::check_tags(&self.tags)?;
        for group in &self.security_groups {
            if group != "default" {
                return Err(Error::Invalid(format!(
                    "Security group {group} not found. There is only the group 'default'."
                )));
            }
        }
        Ok(())
    }

    fn check_several(&self) -> Result<(), Error> {
        if self.hostname.is_some() {
            return invalid("Unable to allocate a single hostname to multiple instances");
        }
        let NetworkChoice::List(nics) = &self.networks else {
            return Ok(());
        };
        if nics.iter().any(|nic| nic.port.is_some()) {
            return invalid(
                "Unable to launch multiple instances with a single configured port ID. Please launch your instance one by one with different ports.",
            );
        }
        if nics.iter().any(|nic| nic.fixed_ip.is_some()) {
            return invalid(
                "Failed to launch instances: max_count cannot be greater than 1 if an fixed_ip is specified.",
            );
        }
        Ok(())
    }

    /// The name of one server of the request.
    pub(super) fn name_of(&self, index: u32) -> String {
        if self.max_count == 1 { self.name.clone() } else { format!("{}-{}", self.name, index + 1) }
    }

    /// What the guest of one server of the request calls itself.
    pub(super) fn hostname_of(&self, index: u32, server: ServerId) -> String {
        match &self.hostname {
            Some(hostname) => hostname.clone(),
            None => sanitize_hostname(&self.name_of(index))
                .unwrap_or_else(|| format!("server-{server}")),
        }
    }

    /// The user data without line breaks. `Invalid` when it is no base64, or too long.
    pub(super) fn checked_user_data(&self) -> Result<Option<String>, Error> {
        let Some(user_data) = &self.user_data else {
            return Ok(None);
        };
        if user_data.len() > MAX_USER_DATA {
            return Err(Error::Invalid(format!(
                "User data too large. User data must be no larger than {MAX_USER_DATA} bytes once base64 encoded. Your data is {} bytes",
                user_data.len()
            )));
        }
        let dense: String = user_data.split_ascii_whitespace().collect();
        match STANDARD.decode(&dense) {
            Ok(_) => Ok(Some(dense)),
            Err(_) => invalid("User data needs to be valid base 64."),
        }
    }
}

fn invalid<T>(text: &str) -> Result<T, Error> {
    Err(Error::Invalid(text.to_owned()))
}

/// A host name made from a server's name: lower-case letters, digits and dashes. `None` when nothing is left.
pub fn sanitize_hostname(name: &str) -> Option<String> {
    let dashed: String = name
        .chars()
        .map(|c| if matches!(c, ' ' | '_' | '.') { '-' } else { c })
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .take(MAX_HOSTNAME)
        .collect();
    let trimmed = dashed.trim_matches('-').to_ascii_lowercase();
    (!trimmed.is_empty()).then_some(trimmed)
}

#[cfg(test)]
mod tests {
    use super::{ZoneChoice, sanitize_hostname};
    use hatchery_model::id::HostName;

    #[test]
    fn a_name_becomes_a_host_name() {
        for (name, wanted) in [
            ("Web_1.example.org", Some("web-1-example-org")),
            ("-. a b -", Some("a-b")),
            ("日本", None),
            ("grün", Some("grn")),
        ] {
            assert_eq!(sanitize_hostname(name).as_deref(), wanted, "{name}");
        }
        assert_eq!(sanitize_hostname(&"x".repeat(200)).map(|n| n.len()), Some(63));
    }

    #[test]
    fn a_zone_may_name_a_host() {
        let host = Some(HostName::from("h1"));
        for (text, zone, host) in [
            ("nova", Some("nova"), None),
            ("nova:h1", Some("nova"), host.clone()),
            (":h1", None, host.clone()),
            ("nova::h1", Some("nova"), host),
        ] {
            let zone = zone.map(str::to_owned);
            assert_eq!(ZoneChoice::parse(text), ZoneChoice { zone, host }, "{text}");
        }
    }
}
