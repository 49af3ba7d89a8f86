//! The users of the cluster and what each may do: all of them are in the keyring that the monitor reads once when it is made, so that
//! no command has to create one later.

use super::CephFailure;
use std::fs::{self, File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// A user with capabilities of its own.
struct User {
    name: String,
    mon: &'static str,
    mgr: &'static str,
    osd: &'static str,
}

fn users(osds: u32) -> Vec<User> {
    let user = |name: &str, mon, mgr, osd| User { name: name.to_owned(), mon, mgr, osd };
    let mut users = vec![
        user("mon.", "allow *", "", ""),
        user("client.admin", "allow *", "allow *", "allow *"),
        user("client.glance", "profile rbd", "profile rbd pool=images", "profile rbd pool=images"),
        user(
            "client.cinder",
            "profile rbd",
            "profile rbd pool=volumes, profile rbd pool=vms",
            "profile rbd pool=volumes, profile rbd pool=vms, profile rbd-read-only pool=images",
        ),
        user(
            "client.cinder-backup",
            "profile rbd",
            "profile rbd pool=backups",
            "profile rbd pool=backups",
        ),
        user("mgr.x", "allow profile mgr", "", "allow *"),
    ];
    for osd in 0..osds {
        users.push(user(
            &format!("osd.{osd}"),
            "allow profile osd",
            "allow profile osd",
            "allow *",
        ));
    }
    users
}

/// Where the keyring of a user stands.
pub(super) fn keyring(folder: &Path, name: &str) -> std::path::PathBuf {
    match name.split_once('.') {
        Some(("client", _)) => folder.join("keys").join(format!("{name}.keyring")),
        _ => folder.join(name).join("keyring"),
    }
}

/// Makes a key for every user: each in a file of its own, and all with their capabilities in `all`, for the monitor.
pub(super) fn make(folder: &Path, osds: u32, all: &Path) -> Result<(), CephFailure> {
    let mut together = String::new();
    for user in users(osds) {
        let key = new_key()?;
        if user.name != "mon." {
            write_secret(&keyring(folder, &user.name), &format!("[{}]\nkey = {key}\n", user.name))?;
        }
        together.push_str(&format!("[{}]\nkey = {key}\n", user.name));
        for (service, caps) in [("mon", user.mon), ("mgr", user.mgr), ("osd", user.osd)] {
            if !caps.is_empty() {
                together.push_str(&format!("caps {service} = \"{caps}\"\n"));
            }
        }
    }
    write_secret(all, &together)
}

fn write_secret(path: &Path, text: &str) -> Result<(), CephFailure> {
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(CephFailure::at(path))
}

/// As `ceph-authtool --gen-print-key` makes it: type AES, time of making (none), length, 16 random bytes; in base64.
fn new_key() -> Result<String, CephFailure> {
    let mut bytes = [0; 28];
    bytes[0] = 1;
    bytes[10] = 16;
    let source = Path::new("/dev/urandom");
    File::open(source)
        .and_then(|mut random| random.read_exact(&mut bytes[12..]))
        .map_err(CephFailure::at(source))?;
    Ok(base64(&bytes))
}

fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for part in bytes.chunks(3) {
        let number = part.iter().fold(0_u32, |number, byte| number << 8 | u32::from(*byte))
            << (8 * (3 - part.len()));
        for place in 0..4 {
            let letter = LETTERS[(number >> (18 - 6 * place)) as usize & 63];
            text.push(if place <= part.len() { char::from(letter) } else { '=' });
        }
    }
    text
}

/// The key in a user's keyring.
pub(super) fn read(folder: &Path, name: &str) -> Result<String, CephFailure> {
    let path = keyring(folder, name);
    let text = fs::read_to_string(&path).map_err(CephFailure::at(&path))?;
    let key = text.lines().find_map(|line| line.trim().strip_prefix("key = "));
    key.map(str::to_owned)
        .ok_or_else(|| CephFailure::new(format!("{} holds no key", path.display())))
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn base64_as_the_standard_has_it() {
        for (plain, coded) in [("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")]
        {
            assert_eq!(base64(plain.as_bytes()), coded);
        }
    }
}
