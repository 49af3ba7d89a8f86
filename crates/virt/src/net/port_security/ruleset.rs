//! The rules as text, for `nft`, and the entries of their sets both as text and as the kernel's bytes. Pure.

use super::rights::Rights;
use crate::net::names;
use hatchery_model::id::PortId;
use std::net::IpAddr;

/// What never changes: the table with its sets, empty, and its chains.
const RULES: &str = include_str!("ruleset.nft");
/// The table's name, in the family `bridge`.
pub(super) const TABLE: &str = "hatchery";
/// Length of an interface's name in a key.
const NAME: usize = 16;
/// Each part of a key fills whole registers.
const REGISTER: usize = 4;

/// An entry of one of the sets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Element {
    /// The set.
    pub(super) set: &'static str,
    /// Its key as the kernel has it.
    pub(super) key: Vec<u8>,
    /// Its key as `nft` reads it.
    text: String,
}

/// One part of a key behind the tap.
struct Part(Vec<u8>, String);

impl Element {
    fn new(set: &'static str, tap: &str, parts: impl IntoIterator<Item = Part>) -> Self {
        let mut key = tap.as_bytes().to_vec();
        key.resize(NAME, 0);
        let mut text = format!("\"{tap}\"");
        for Part(bytes, words) in parts {
            key.extend(bytes);
            key.resize(key.len().next_multiple_of(REGISTER), 0);
            text.push_str(" . ");
            text.push_str(&words);
        }
        Self { set, key, text }
    }
}

/// The entries that give a port its rights.
pub(super) fn elements(port: PortId, rights: &Rights) -> Vec<Element> {
    let tap = names::tap(port);
    let (mac, addresses) = match rights {
        Rights::Any => return vec![Element::new("unguarded", &tap, [])],
        Rights::Own { mac, addresses } => (mac, addresses),
    };
    let sender = || Part(mac.0.to_vec(), mac.to_string());
    let mut all = vec![
        Element::new("senders", &tap, [sender()]),
        Element::new("clients", &tap, [number(&mac.0)]),
    ];
    for address in addresses {
        match address {
            IpAddr::V4(own) => {
                let own = Part(own.octets().to_vec(), own.to_string());
                all.push(Element::new("sources4", &tap, [sender(), own]));
            }
            IpAddr::V6(own) => {
                let octets = own.octets();
                let source = Part(octets.to_vec(), own.to_string());
                all.push(Element::new("sources6", &tap, [sender(), source]));
                all.push(Element::new("targets6", &tap, [number(&octets)]));
            }
        }
    }
    all
}

/// A field of which `nft` knows only where it stands.
fn number(bytes: &[u8]) -> Part {
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    Part(bytes.to_vec(), format!("0x{digits}"))
}

/// One transaction after which there are just these rules, whatever there was before. `is_new` says that nothing was: taking
/// a table away costs the kernel some milliseconds.
pub(super) fn text<'a>(is_new: bool, ports: impl Iterator<Item = (PortId, &'a Rights)>) -> String {
    let mut text = String::new();
    if !is_new {
        // The first line is for the second, which fails if there is no such table.
        text = format!("table bridge {TABLE}\ndelete table bridge {TABLE}\n");
    }
    text.push_str(RULES);
    for (port, rights) in ports {
        for Element { set, text: key, .. } in elements(port, rights) {
            text.push_str(&format!("add element bridge {TABLE} {set} {{ {key} }}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{RULES, TABLE, elements, text};
    use crate::net::names::TO_HOST;
    use crate::net::port_security::rights::Rights;
    use hatchery_model::id::PortId;
    use hatchery_model::network::MacAddress;
    use uuid::Uuid;

    #[test]
    fn a_key_begins_with_the_tap_and_fills_registers() {
        let port = PortId(Uuid::from_u128(0xc0ffee00 << 96));
        let rights = Rights::Own {
            mac: MacAddress::generated([1, 2, 3]),
            addresses: vec!["10.0.0.9".parse().unwrap(), "fd00::9".parse().unwrap()],
        };
        let all = elements(port, &rights);
        let sets: Vec<_> = all.iter().map(|element| element.set).collect();
        assert_eq!(sets, ["senders", "clients", "sources4", "sources6", "targets6"]);
        for set in sets.into_iter().chain(["unguarded"]) {
            assert!(RULES.contains(&format!("set {set} {{")), "{set}");
        }
        let tap = b"tapc0ffee00-00\0\0";
        assert!(all.iter().all(|element| element.key.starts_with(tap)));
        assert_eq!(all[0].key[16..], all[1].key[16..]);
        assert_eq!(all[2].key[16..], [0xfa, 0x16, 0x3e, 1, 2, 3, 0, 0, 10, 0, 0, 9]);
        assert_eq!(all[2].text, "\"tapc0ffee00-00\" . fa:16:3e:01:02:03 . 10.0.0.9");
        assert_eq!(all[1].text, "\"tapc0ffee00-00\" . 0xfa163e010203");
        assert_eq!((all[3].key.len(), all[4].key.len()), (40, 32));
        let any = elements(port, &Rights::Any);
        assert_eq!(
            (any.len(), any[0].set, any[0].key.as_slice()),
            (1, "unguarded", tap.as_slice())
        );
    }

    #[test]
    fn the_rules_name_what_the_driver_makes() {
        assert!(RULES.contains(&format!("table bridge {TABLE} {{")));
        assert!(RULES.contains(&format!("iifname \"{TO_HOST}\" accept")));
        let deletes = |is_new| text(is_new, [].into_iter()).contains("delete table");
        assert!(deletes(false) && !deletes(true));
    }
}
