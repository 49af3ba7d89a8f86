//! Admin sockets of librados: each client of a cluster has one if its configuration says `admin socket`, QEMU for every cluster and user that a guest
//! has a disk of. A socket is alive if it answers; files of processes that are gone are not even looked at.

use serde_json::Value;
use std::collections::HashSet;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// So long a socket may take to answer.
const PATIENCE: Duration = Duration::from_secs(3);
/// No answer is longer; else it is no admin socket.
const LONGEST: u32 = 16 << 20;
/// What listens has this flag in `/proc/net/unix`.
const LISTENS: u32 = 1 << 16;
/// Commands for an open image begin so; its name follows.
const OF_IMAGE: &str = "rbd cache flush ";

/// A socket that answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CephAdminSocket {
    /// Where it is.
    pub path: PathBuf,
    /// The library's version.
    pub version: String,
    /// The images that are open, those that they were cloned from too, as `pool/image`.
    pub images: Vec<String>,
    /// `rbd_cache`: whether the library caches what is written and read.
    pub has_cache: Option<bool>,
}

/// The admin sockets of a process that answer. `skip` has names of sockets that it has for other ends, which are not disturbed. Blocks, up to a few
/// seconds for each that hangs.
pub fn admin_sockets(process: u32, skip: &[&str]) -> io::Result<Vec<CephAdminSocket>> {
    let is_other =
        |path: &Path| path.file_name().is_some_and(|name| skip.iter().any(|s| name == *s));
    let mut found: Vec<_> = listening(process)?
        .into_iter()
        .filter(|path| !is_other(path))
        .filter_map(|path| match look(&path) {
            Ok(socket) => Some(socket),
            Err(error) => {
                tracing::debug!(path = %path.display(), %error, "a socket is no admin socket that lives");
                None
            }
        })
        .collect();
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Where a process listens.
fn listening(process: u32) -> io::Result<Vec<PathBuf>> {
    let proc = Path::new("/proc").join(process.to_string());
    let mut inodes = HashSet::new();
    for entry in fs::read_dir(proc.join("fd"))? {
        // One that was closed meanwhile.
        let Ok(target) = fs::read_link(entry?.path()) else { continue };
        let inode =
            target.to_str().and_then(|text| text.strip_prefix("socket:[")?.strip_suffix(']'));
        inodes.extend(inode.map(str::to_owned));
    }
    let table = fs::read_to_string(proc.join("net/unix"))?;
    Ok(table.lines().skip(1).filter_map(|line| listener(line, &inodes)).collect())
}

/// The path in a line of `/proc/net/unix`, if it is one of these sockets and listens.
fn listener(line: &str, inodes: &HashSet<String>) -> Option<PathBuf> {
    let mut words = line.split_whitespace();
    let flags = u32::from_str_radix(words.nth(3)?, 16).ok()?;
    let inode = words.nth(2)?;
    let (_, path) = line.split_once(inode)?;
    let path = path.trim_start();
    (flags & LISTENS != 0 && inodes.contains(inode) && path.starts_with('/'))
        .then(|| PathBuf::from(path))
}

fn look(path: &Path) -> io::Result<CephAdminSocket> {
    let version = ask(path, &serde_json::json!({"prefix": "version"}))?;
    let version = version["version"].as_str().ok_or_else(odd)?.to_owned();
    let help = ask(path, &serde_json::json!({"prefix": "help"}))?;
    let commands = help.as_object().ok_or_else(odd)?.keys();
    let images = commands.filter_map(|name| name.strip_prefix(OF_IMAGE)).map(str::to_owned);
    let images = images.collect();
    let cache = ask(path, &serde_json::json!({"prefix": "config get", "var": "rbd_cache"}))?;
    let has_cache = cache["rbd_cache"].as_str().and_then(|text| text.parse().ok());
    Ok(CephAdminSocket { path: path.to_owned(), version, images, has_cache })
}

fn odd() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the answer is not one of Ceph's")
}

/// A command, ended by a zero; the answer has its length in front, in four bytes.
fn ask(path: &Path, command: &Value) -> io::Result<Value> {
    let mut stream = UnixStream::connect(path)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.write_all(format!("{command}\0").as_bytes())?;
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let length = u32::from_be_bytes(length);
    if length > LONGEST {
        return Err(odd());
    }
    let mut answer = vec![0; length as usize];
    stream.read_exact(&mut answer)?;
    serde_json::from_slice(&answer).map_err(|_| odd())
}

#[cfg(test)]
mod tests {
    use super::{CephAdminSocket, admin_sockets};
    use std::io::{BufRead, BufReader, Write};
    use std::os::unix::net::UnixListener;

    #[test]
    fn sockets_that_answer_as_ceph_does_are_found() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("client.1.asok");
        let listener = UnixListener::bind(&path).unwrap();
        // Another one, for other ends: nobody may connect.
        let other = UnixListener::bind(dir.path().join("qmp.sock")).unwrap();
        other.set_nonblocking(true).unwrap();
        std::fs::write(dir.path().join("client.2.asok"), "left by a process that is gone").unwrap();
        let answering = std::thread::spawn(move || {
            for _ in 0..3 {
                let (mut stream, _) = listener.accept().unwrap();
                let mut asked = Vec::new();
                BufReader::new(&stream).read_until(0, &mut asked).unwrap();
                let asked = String::from_utf8(asked).unwrap();
                let answer = match () {
                    () if asked.contains("version") => r#"{"version":"16.2.15"}"#,
                    () if asked.contains("help") => {
                        r#"{"help":"","rbd cache flush vms/a_disk":"","rbd cache invalidate vms/a_disk":""}"#
                    }
                    () => r#"{"rbd_cache":"false"}"#,
                };
                stream.write_all(&u32::try_from(answer.len()).unwrap().to_be_bytes()).unwrap();
                stream.write_all(answer.as_bytes()).unwrap();
            }
        });
        let found = admin_sockets(std::process::id(), &["qmp.sock"]).unwrap();
        answering.join().unwrap();
        assert!(other.accept().is_err());
        let ours = CephAdminSocket {
            path,
            version: "16.2.15".to_owned(),
            images: vec!["vms/a_disk".to_owned()],
            has_cache: Some(false),
        };
        assert_eq!(found, [ours]);
    }
}
