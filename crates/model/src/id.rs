//! Ids. A UUID where OpenStack prints a UUID with dashes, text where it takes any string
//! (Keystone's 32 hex digits, a flavor's free-form id).

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.as_hyphenated().fmt(f)
            }
        }
        impl FromStr for $name {
            type Err = uuid::Error;
            /// Takes any spelling of a UUID that the `uuid` crate takes.
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    )*};
}

macro_rules! text_id {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub String);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                Self(text.to_owned())
            }
        }
        impl From<Uuid> for $name {
            /// Keystone's spelling: 32 lower-case hex digits without dashes.
            fn from(id: Uuid) -> Self {
                Self(id.as_simple().to_string())
            }
        }
    )*};
}

uuid_id! {
    /// An image, as Glance names it.
    ImageId
    /// A server: what the user asked for.
    ServerId
    /// A network.
    NetworkId
    /// A subnet of a network.
    SubnetId
    /// A port of a network.
    PortId
    /// A volume, as Cinder names it.
    VolumeId
    /// A snapshot of a volume.
    SnapshotId
    /// A volume type.
    VolumeTypeId
    /// An attachment of a volume: what binds it to a server.
    AttachmentId
    /// A backup of a volume.
    BackupId
    /// An offer of a volume to another project.
    TransferId
    /// Quality-of-service specs of volume types.
    QosSpecsId
    /// A type of groups of volumes.
    GroupTypeId
    /// A group of volumes.
    GroupId
    /// Snapshots of all volumes of a group.
    GroupSnapshotId
    /// A message about a volume for its user.
    VolumeMessageId
    /// A host's lasting identity (`os-hypervisors` shows it since 2.53).
    HostId
    /// A workflow's row.
    TaskId
    /// A message on the bus; the same in every delivery of it.
    MessageId
}

text_id! {
    /// A Keystone domain.
    DomainId
    /// A Keystone project.
    ProjectId
    /// A Keystone user.
    UserId
    /// A Keystone role.
    RoleId
    /// A flavor: free text chosen by its maker, or a UUID.
    FlavorId
    /// `req-<uuid>`, as OpenStack's services answer and log it.
    RequestId
    /// A host's name: what `OS-EXT-SRV-ATTR:host` shows.
    HostName
}

/// A disk: a thing with bytes on some backend. A server's root disk is derived from the server, so that
/// each step on it can be repeated.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct DiskId(pub String);

impl DiskId {
    /// The root disk of a server.
    pub fn root_of(server: ServerId) -> Self {
        Self(server.to_string())
    }
}

impl fmt::Display for DiskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
