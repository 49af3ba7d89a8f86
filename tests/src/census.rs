//! What of a cloud is on the host: counted from outside, to be compared with its database.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// What a state folder has on this host.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Census {
    /// QEMU processes: server id and process id.
    pub processes: BTreeMap<String, u32>,
    /// Guests' folders.
    pub folders: BTreeSet<String>,
    /// Files that lie in guests' folders of no running guest, or temporary names anywhere in the pool.
    pub litter: BTreeSet<String>,
    /// Images with bytes in the pool.
    pub images: BTreeSet<String>,
    /// Links in `imagecache/` and `_base/`, by name.
    pub links: BTreeSet<String>,
    /// Namespaces of networks.
    pub namespaces: BTreeSet<String>,
}

impl Census {
    /// Counts. `namespace_prefix` begins the names of this cloud's namespaces.
    pub fn take(state: &Path, namespace_prefix: &str) -> Self {
        let mut census = Self { processes: processes(state), ..Self::default() };
        for name in names(&state.join("instances")) {
            if name.len() == 36 {
                census.folders.insert(name);
            }
        }
        for name in names(&state.join("pool/images")) {
            if name.len() == 36 {
                census.images.insert(name);
            } else if ![".incoming", ".raw"].contains(&name.as_str()) {
                census.litter.insert(format!("images/{name}"));
            }
        }
        for name in names(&state.join("pool/images/.raw")) {
            if !census.images.contains(&name) {
                census.litter.insert(format!("raw/{name}"));
            }
        }
        for name in names(&state.join("pool/images/.incoming")) {
            census.litter.insert(format!("incoming/{name}"));
        }
        for folder in ["pool/imagecache", "instances/_base"] {
            for name in names(&state.join(folder)) {
                match name.len() {
                    40 => _ = census.links.insert(format!("{folder}/{name}")),
                    45 if name.ends_with(".json") => {}
                    // The keeper's own memory and lock.
                    _ if name.starts_with(".hatchery-pool.") => {}
                    _ => _ = census.litter.insert(format!("{folder}/{name}")),
                }
            }
        }
        for name in names(Path::new("/run/netns")) {
            // A cloud without real networks has no prefix.
            if !namespace_prefix.is_empty() && name.starts_with(namespace_prefix) {
                census.namespaces.insert(name);
            }
        }
        census
    }
}

fn names(dir: &Path) -> Vec<String> {
    fs::read_dir(dir)
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .collect()
}

/// QEMU processes that work in a folder below the state folder, by the server's id in `-uuid`.
fn processes(state: &Path) -> BTreeMap<String, u32> {
    let mut found = BTreeMap::new();
    for name in names(Path::new("/proc")) {
        let (Ok(process), Ok(cwd)) = (name.parse(), fs::read_link(format!("/proc/{name}/cwd")))
        else {
            continue;
        };
        let Ok(line) = fs::read(format!("/proc/{name}/cmdline")) else {
            continue;
        };
        let words: Vec<String> = line
            .split(|byte| *byte == 0)
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        let qemu = words.first().is_some_and(|word| word.contains("qemu-system"));
        if qemu && cwd.starts_with(state) {
            let uuid =
                words.iter().position(|word| word == "-uuid").and_then(|at| words.get(at + 1));
            found.insert(uuid.cloned().unwrap_or(name), process);
        }
    }
    found
}
