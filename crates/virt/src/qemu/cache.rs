//! How the host caches what a guest writes: Nova's `disk_cachemodes`.

use std::str::FromStr;

/// Nova's words for it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CacheMode {
    /// What QEMU does by itself.
    Default,
    /// Past the host's page cache; the guest flushes.
    None,
    /// Through the host's page cache, every write flushed.
    Writethrough,
    /// Through the host's page cache; the guest flushes.
    Writeback,
    /// Past the host's page cache, every write flushed.
    Directsync,
    /// Through the host's page cache, and nothing is ever flushed.
    Unsafe,
}

impl CacheMode {
    /// Whether files are opened past the page cache.
    pub(crate) const fn is_direct(self) -> bool {
        matches!(self, Self::None | Self::Directsync)
    }

    /// Whether the guest's requests to flush are ignored.
    pub(crate) const fn is_unsafe(self) -> bool {
        matches!(self, Self::Unsafe)
    }

    /// Whether the guest sees a disk that flushes by itself.
    pub(crate) const fn flushes(self) -> bool {
        matches!(self, Self::Writethrough | Self::Directsync)
    }
}

impl FromStr for CacheMode {
    type Err = String;
    /// Reads one of Nova's words. The error is a sentence for the operator.
    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "default" => Self::Default,
            "none" => Self::None,
            "writethrough" => Self::Writethrough,
            "writeback" => Self::Writeback,
            "directsync" => Self::Directsync,
            "unsafe" => Self::Unsafe,
            other => {
                return Err(format!(
                    "'{other}' is no cache mode: choose default, none, writethrough, writeback, directsync or unsafe"
                ));
            }
        })
    }
}

/// What is set for each kind of storage. `None`, as with Nova: past the page cache where the filesystem can do that, else `writeback`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct CacheModes {
    /// Disks and volumes that are files.
    pub file: Option<CacheMode>,
    /// Those in Ceph.
    pub network: Option<CacheMode>,
}

impl CacheModes {
    /// Reads Nova's list: `file=writeback`, `network=none`. Of `block` and `mount` there is nothing here: they are checked and have no effect.
    /// The error is a sentence for the operator.
    pub fn parse(list: &[String]) -> Result<Self, String> {
        let mut modes = Self::default();
        for entry in list {
            let (kind, mode) = entry.split_once('=').ok_or_else(|| {
                format!("'{entry}' names no cache mode: write it as file=writeback")
            })?;
            let mode = Some(mode.trim().parse()?);
            match kind.trim() {
                "file" => modes.file = mode,
                "network" => modes.network = mode,
                "block" | "mount" => {}
                other => {
                    return Err(format!(
                        "'{other}' is no kind of storage: choose file, block, network or mount"
                    ));
                }
            }
        }
        Ok(modes)
    }
}

#[cfg(test)]
mod tests {
    use super::{CacheMode, CacheModes};

    #[test]
    fn the_list_is_nova_s() {
        let parse = |text: &str| {
            let list: Vec<_> = text.split(',').map(str::to_owned).collect();
            CacheModes::parse(&list)
        };
        let both = parse("file=directsync,network=writeback,block=none").unwrap();
        assert_eq!(both.file, Some(CacheMode::Directsync));
        assert_eq!(both.network, Some(CacheMode::Writeback));
        assert_eq!(CacheModes::parse(&[]).unwrap(), CacheModes::default());
        assert!(parse("file=fast").unwrap_err().contains("writethrough"));
        assert!(parse("disk=none").unwrap_err().contains("network"));
        assert!(parse("none").unwrap_err().contains("file=writeback"));
    }
}
