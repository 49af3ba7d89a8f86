//! What a hypervisor opens images with: the configuration and the key, found as Ceph's own programs find them.

use super::client::CephSettings;
use super::ffi::Rados;
use hatchery_model::disk::RbdImage;
use hatchery_ports::ceph_logins::{CephLogin, CephLogins, NoCephLogin};
use std::fs;
use std::path::{Path, PathBuf};

/// Where Ceph looks by itself.
const USUAL_CONF: &str = "/etc/ceph/ceph.conf";
/// Librados waits five minutes by itself, and a guest's start with it.
const CONNECT_SECONDS: u32 = 10;

/// See the head of this file. Reads files each time, so that a new key counts at once.
#[derive(Clone, Copy, Default, Debug)]
pub struct CephKeyrings;

impl CephLogins for CephKeyrings {
    fn find(&self, image: &RbdImage) -> Result<CephLogin, NoCephLogin> {
        let path = image.ceph_conf.clone().unwrap_or_else(|| PathBuf::from(USUAL_CONF));
        let conf = fs::read_to_string(&path).map_err(|error| {
            NoCephLogin(format!(
                "Ceph's configuration {} cannot be read ({error}): set rbd_ceph_conf",
                path.display()
            ))
        })?;
        let key = key_of(&image.user, &path)?;
        let waits = conf.replace('_', " ").contains("client mount timeout");
        let conf = if waits {
            conf
        } else {
            format!("{conf}\n[client]\nclient mount timeout = {CONNECT_SECONDS}\n")
        };
        Ok(CephLogin { conf, key })
    }
}

/// The key that the configuration has for a user, or a keyring that it names.
fn key_of(user: &str, conf: &Path) -> Result<String, NoCephLogin> {
    let cluster = CephSettings::new(user).cluster_name;
    let rados = Rados::new(&cluster, user).map_err(|what| NoCephLogin(what.to_owned()))?;
    let read = rados.and_then(|rados| {
        rados.read_conf(Some(&conf.to_string_lossy()))?;
        Ok((rados.get("key")?, rados.get("keyfile")?, rados.get("keyring")?))
    });
    let (key, keyfile, keyrings) = read.map_err(|errno| {
        NoCephLogin(format!("{} is no configuration of Ceph ({errno})", conf.display()))
    })?;
    if !key.is_empty() {
        return Ok(key);
    }
    if !keyfile.is_empty()
        && let Ok(key) = fs::read_to_string(&keyfile)
    {
        return Ok(key.trim().to_owned());
    }
    let names = keyrings.split([',', ';', ' ']).filter(|name| !name.is_empty());
    let found =
        names.filter_map(|name| fs::read_to_string(name).ok()).find_map(|text| key_in(&text, user));
    found.ok_or_else(|| {
        NoCephLogin(format!(
            "there is no key for client.{user} in {keyrings}: put the keyring there that `ceph auth get client.{user}` shows, \
             readable by this process"
        ))
    })
}

/// The user's key in the text of a keyring.
fn key_in(text: &str, user: &str) -> Option<String> {
    let head = format!("[client.{user}]");
    let mut lines = text.lines().map(str::trim).skip_while(|line| *line != head).skip(1);
    let ours = lines.by_ref().take_while(|line| !line.starts_with('['));
    ours.filter_map(|line| line.split_once('='))
        .find_map(|(name, key)| (name.trim() == "key").then(|| key.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::key_in;

    #[test]
    fn a_keyring_may_hold_several_users() {
        let text =
            "[client.a]\n\tkey = AQ==\n caps mon = \"x\"\n[client.b]\nkey=BQ==\n[client.c]\n";
        assert_eq!(key_in(text, "a").as_deref(), Some("AQ=="));
        assert_eq!(key_in(text, "b").as_deref(), Some("BQ=="));
        assert_eq!(key_in(text, "c"), None);
        assert_eq!(key_in(text, "d"), None);
    }
}
