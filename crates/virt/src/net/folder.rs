//! The folder of a network: what its DHCP server reads and writes, and what the driver notes of its ports. Every file is
//! written whole or not at all. Nothing is synced to disk: after a power failure there is no network here either, and
//! all of it is made anew.

use hatchery_model::id::{NetworkId, PortId};
use std::fs::{self, DirBuilder, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A network's folder.
#[derive(Clone, Debug)]
pub(super) struct NetworkFolder(PathBuf);

impl NetworkFolder {
    /// Of that network, made or not.
    pub(super) fn of(state: &Path, network: NetworkId) -> Self {
        Self(state.join(network.to_string()))
    }

    /// The DHCP server's configuration.
    pub(super) fn config(&self) -> PathBuf {
        self.0.join("dnsmasq.conf")
    }

    /// The DHCP server's process id.
    pub(super) fn process_id(&self) -> PathBuf {
        self.0.join("dnsmasq.pid")
    }

    /// What the DHCP server has lent.
    pub(super) fn leases(&self) -> PathBuf {
        self.0.join("leases")
    }

    /// What the DHCP server may lend: one file a port.
    pub(super) fn hosts(&self) -> PathBuf {
        self.0.join("hosts")
    }

    /// What the driver knows of the ports: one file each, written before that in `hosts` and removed after it.
    pub(super) fn ports(&self) -> PathBuf {
        self.0.join("ports")
    }

    /// What the driver knows of what the ports' guests may send: one file each.
    pub(super) fn rights(&self) -> PathBuf {
        self.0.join("rights")
    }

    /// The rules that follow from it, as they were last given to `nft`.
    pub(super) fn ruleset(&self) -> PathBuf {
        self.0.join("ruleset.nft")
    }

    /// Makes the folder and those in it. The DHCP server, which has no rights, passes through and reads the hosts.
    pub(super) fn make(&self) -> io::Result<()> {
        for (path, mode) in [
            (self.0.clone(), 0o711),
            (self.hosts(), 0o755),
            (self.ports(), 0o700),
            (self.rights(), 0o700),
        ] {
            DirBuilder::new().recursive(true).mode(mode).create(&path)?;
            fs::set_permissions(&path, Permissions::from_mode(mode))?;
        }
        Ok(())
    }

    /// The nearest folder above that others may not pass through.
    pub(super) fn closed_above(&self) -> io::Result<Option<PathBuf>> {
        for path in self.0.ancestors().skip(1) {
            if !path.as_os_str().is_empty() && fs::metadata(path)?.permissions().mode() & 0o001 == 0
            {
                return Ok(Some(path.to_owned()));
            }
        }
        Ok(None)
    }

    /// Writes a file of mode 0644, by way of a name in the folder itself, which nobody watches.
    pub(super) fn write(&self, path: &Path, text: &[u8]) -> io::Result<()> {
        let temporary = self.0.join("new");
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o644)
            .open(&temporary)?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.write_all(text)?;
        fs::rename(&temporary, path)
    }

    /// Removes the folder and all in it; `Ok` when there is none.
    pub(super) fn remove(&self) -> io::Result<()> {
        absent_is_fine(fs::remove_dir_all(&self.0))
    }
}

/// Removes a file; `Ok` when there is none.
pub(super) fn remove_file(path: &Path) -> io::Result<()> {
    absent_is_fine(fs::remove_file(path))
}

/// The ports that have a file in a folder.
pub(super) fn ports_in(folder: &Path) -> io::Result<Vec<PortId>> {
    let mut ports = Vec::new();
    for entry in fs::read_dir(folder)? {
        ports.extend(entry?.file_name().to_str().and_then(|name| name.parse::<PortId>().ok()));
    }
    Ok(ports)
}

fn absent_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The networks that have a folder.
pub(super) fn list(state: &Path) -> io::Result<Vec<NetworkId>> {
    let entries = match fs::read_dir(state) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut networks = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        networks.extend(name.to_str().and_then(|name| name.parse::<NetworkId>().ok()));
    }
    Ok(networks)
}
