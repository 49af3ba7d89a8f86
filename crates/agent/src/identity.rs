//! The host's lasting identity, made once.

use crate::folder;
use hatchery_model::id::HostId;
use hatchery_ports::entropy::{Entropy, random_uuid};
use std::io;
use std::path::Path;

/// Reads the host's id, or makes it.
pub fn read_or_make(instances_dir: &Path, entropy: &dyn Entropy) -> io::Result<HostId> {
    let path = instances_dir.join("compute_id");
    match std::fs::read_to_string(&path) {
        Ok(text) => text.trim().parse().map_err(|_| {
            io::Error::other(format!(
                "{} does not hold a UUID; restore it, or remove it to register this host anew",
                path.display()
            ))
        }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let id = HostId(random_uuid(entropy));
            folder::write_durably(&path, format!("{id}\n").as_bytes())?;
            Ok(id)
        }
        Err(error) => Err(error),
    }
}
