//! The tree of Amazon's metadata service, as Nova serves it to guests that know nothing else. Pure.

use super::documents::user_data;
use hatchery_model::compute::GuestSpec;
use serde_json::{Map, Value, json};
use std::net::IpAddr;

/// Versions, oldest first.
pub(crate) const VERSIONS: [&str; 9] = [
    "1.0",
    "2007-01-19",
    "2007-03-01",
    "2007-08-29",
    "2007-10-10",
    "2007-12-15",
    "2008-02-01",
    "2008-09-01",
    "2009-04-04",
];
const NEWEST: &str = "2009-04-04";
/// The key under which a folder's own line in its parent's listing is kept.
pub(crate) const LISTED_AS: &str = "_name";

/// A version's tree: folders are objects, files are text. `None` for an unknown version. Nova's numbers of images and
/// reservations do not exist here and are left out.
pub(crate) fn tree(guest: &GuestSpec, version: &str) -> Option<Map<String, Value>> {
    let wanted = if version == "latest" { NEWEST } else { version };
    // Dates compare as text, and "1.0" before them.
    let version = VERSIONS.into_iter().find(|known| *known == wanted)?;
    let mut root = Map::new();
    root.insert("meta-data".to_owned(), meta_data(guest, version));
    if user_data(guest).is_some() {
        // Its bytes need not be text: the reader fetches them itself.
        root.insert("user-data".to_owned(), Value::Null);
    }
    Some(root)
}

fn meta_data(guest: &GuestSpec, version: &str) -> Value {
    let told = &guest.metadata;
    let mut files = Map::new();
    let mut add = |name: &str, value: Value| {
        files.insert(name.to_owned(), value);
    };
    add("ami-launch-index", json!(told.launch_index.to_string()));
    add("ami-manifest-path", json!("FIXME"));
    add("hostname", json!(told.hostname));
    add("instance-id", json!(instance_id(guest)));
    add("local-ipv4", json!(first_address(guest)));
    if version >= "2007-03-01" {
        add("local-hostname", json!(told.hostname));
        add("public-hostname", json!(told.hostname));
        add("public-ipv4", json!(""));
    }
    if version >= "2007-10-10" && !told.keys.is_empty() {
        add("public-keys", public_keys(guest));
    }
    if version >= "2008-02-01" {
        add("placement", json!({"availability-zone": told.availability_zone}));
    }
    if version >= "2008-09-01" {
        add("instance-action", json!("none"));
    }
    Value::Object(files)
}

/// `i-` and the number in the guest's name on the hypervisor, which is where Nova's comes from, too.
fn instance_id(guest: &GuestSpec) -> String {
    let number = guest.name.rsplit('-').next().unwrap_or_default();
    format!("i-{number:0>8}")
}

fn first_address(guest: &GuestSpec) -> String {
    let mut addresses = guest.nics.iter().flat_map(|nic| &nic.addresses);
    addresses
        .find_map(|entry| match entry.address {
            IpAddr::V4(address) => Some(address.to_string()),
            IpAddr::V6(_) => None,
        })
        .unwrap_or_default()
}

fn public_keys(guest: &GuestSpec) -> Value {
    let keys = guest.metadata.keys.iter().enumerate();
    keys.map(|(index, (name, key))| {
        let folder = json!({LISTED_AS: format!("{index}={name}"), "openssh-key": key});
        (index.to_string(), folder)
    })
    .collect::<Map<_, _>>()
    .into()
}
