//! What the planner is told. Facts, read or tried out; never wishes.

use crate::image::ImageFormat;
use crate::units::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is known of an image.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImageFacts {
    /// Format that a base will have: the one found at ingest, or raw where a raw form was made then.
    pub format: ImageFormat,
    /// Length of the file that a base is made of.
    pub size: Bytes,
    /// Size of the disk in it.
    pub virtual_size: Bytes,
    /// Where it lies in Ceph, if it does.
    #[serde(default)]
    pub location: Option<ImageLocation>,
}

/// A protected snapshot of an image in Ceph: `rbd://fsid/pool/image/snapshot`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ImageLocation {
    /// The cluster's id.
    pub fsid: String,
    /// The pool.
    pub pool: String,
    /// The RBD image's name.
    pub image: String,
    /// The snapshot's name.
    pub snapshot: String,
}

/// What the host's disk backend can do.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TargetFacts {
    /// Where it keeps disks.
    #[serde(flatten)]
    pub backing: Backing,
    /// `force_raw_images`: bases must be raw.
    pub force_raw: bool,
}

/// Where a host keeps the disks of its guests.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Backing {
    /// In files.
    File(FileAbilities),
    /// In a pool of a Ceph cluster (`images_type = rbd`).
    Ceph(CephAbilities),
}

impl fmt::Display for Backing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(_) => f.write_str("files"),
            Self::Ceph(ceph) => match &ceph.cluster {
                Ok(cluster) => write!(f, "Ceph, pool {} of the cluster {cluster}", ceph.pool),
                Err(why) => write!(f, "Ceph, pool {}: {why}", ceph.pool),
            },
        }
    }
}

/// What a pool of disks in Ceph has, asked of the cluster.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CephAbilities {
    /// The pool.
    pub pool: String,
    /// The cluster's fsid. Else why it cannot be used now.
    pub cluster: Result<String, String>,
    /// What the pool holds and could hold, as last heard; 0: the cluster has not counted yet.
    pub total: Bytes,
    /// Free of that.
    pub free: Bytes,
}

/// What files on the host can do, each found by a trial at the agent's start.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct FileAbilities {
    /// A link from the image store to the bases: made and removed in a trial. Else why not.
    pub hard_link: Result<(), String>,
    /// A reflink from the image store to the bases. Else why not.
    pub reflink: Result<(), String>,
    /// Free where the bases are.
    pub free: Bytes,
}

/// A base that is already on the host.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct BaseFacts {
    /// Its recorded format.
    pub format: ImageFormat,
    /// Whether its recorded digest is the image's.
    pub digest_matches: bool,
}

#[cfg(test)]
mod tests {
    use super::{Backing, CephAbilities, TargetFacts};
    use crate::units::Bytes;

    #[test]
    fn rows_of_hosts_with_files_are_read_as_they_were_written_before() {
        let text = r#"{"file":{"hard_link":{"Ok":null},"reflink":{"Err":"no"},"free":7},"force_raw":true}"#;
        let read: TargetFacts = serde_json::from_str(text).unwrap();
        assert!(matches!(&read.backing, Backing::File(file) if file.free == Bytes(7)));
        assert_eq!(serde_json::to_string(&read).unwrap(), text);
    }

    #[test]
    fn a_host_says_where_its_disks_are() {
        let up = CephAbilities {
            pool: "vms".into(),
            cluster: Ok("f1".into()),
            total: Bytes(9),
            free: Bytes(8),
        };
        let down = CephAbilities { cluster: Err("no monitor answers".into()), ..up.clone() };
        for (ceph, text) in
            [(up, "Ceph, pool vms of the cluster f1"), (down, "Ceph, pool vms: no monitor answers")]
        {
            let facts = TargetFacts { backing: Backing::Ceph(ceph), force_raw: false };
            assert_eq!(facts.backing.to_string(), text);
            let json = serde_json::to_string(&facts).unwrap();
            assert_eq!(serde_json::from_str::<TargetFacts>(&json).unwrap(), facts);
        }
    }
}
