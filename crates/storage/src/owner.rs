//! Whose the files are: the hypervisor's user and group, found by name once.

use nix::unistd::{Group, User};
use std::fs::{File, Permissions};
use std::io;
use std::os::unix::fs::{PermissionsExt, fchown};

/// Why an owner cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum OwnerError {
    /// The machine has no such user or group. The text is for the operator.
    #[error("{0}")]
    NotFound(String),
    /// The user database does not answer.
    #[error("the {kind} {name:?} cannot be looked up")]
    Unavailable {
        /// "user" or "group".
        kind: &'static str,
        /// Which.
        name: String,
        /// Why not.
        #[source]
        source: io::Error,
    },
}

/// The owner that images, bases and disks get. A part that is not set stays the process's own.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct FileOwner {
    uid: Option<u32>,
    gid: Option<u32>,
    mode: Option<u32>,
}

impl FileOwner {
    /// The user and group that own guests' files where nothing else is set.
    pub const DEFAULT_NAME: &'static str = "qemu";

    /// Files stay the process's own.
    pub const fn process() -> Self {
        Self { uid: None, gid: None, mode: None }
    }

    /// These numbers.
    pub const fn of(uid: u32, gid: u32) -> Self {
        Self { uid: Some(uid), gid: Some(gid), mode: None }
    }

    /// Files stay the process's own and get this mode, by which the hypervisor's user can use them: for filesystems on which nothing can be
    /// given away.
    pub const fn kept(mode: u32) -> Self {
        Self { uid: None, gid: None, mode: Some(mode) }
    }

    /// Looks names up; `None` keeps the process's own. A number that is nobody's name here is taken as it is: on an export that hosts share,
    /// files go by the hosts' numbers. Another name that the machine does not have is an error that says how to add it.
    pub fn named(user: Option<&str>, group: Option<&str>) -> Result<Self, OwnerError> {
        let uid = match user {
            None => None,
            Some(name) => Some(found(
                "user",
                name,
                User::from_name(name).map(|user| user.map(|user| user.uid.as_raw())),
            )?),
        };
        let gid = match group {
            None => None,
            Some(name) => Some(found(
                "group",
                name,
                Group::from_name(name).map(|group| group.map(|group| group.gid.as_raw())),
            )?),
        };
        Ok(Self { uid, gid, mode: None })
    }

    /// The user's number, if one is set.
    pub const fn uid(self) -> Option<u32> {
        self.uid
    }

    /// The group's number, if one is set.
    pub const fn gid(self) -> Option<u32> {
        self.gid
    }

    /// The mode of a file that is readable for all, where nothing else is to be.
    pub(crate) fn readable(self) -> Permissions {
        Permissions::from_mode(self.mode.unwrap_or(0o644))
    }

    /// Gives an open file to this owner.
    pub(crate) fn give(self, file: &File) -> io::Result<()> {
        if self == Self::process() {
            return Ok(());
        }
        match self.mode {
            Some(mode) => file.set_permissions(Permissions::from_mode(mode)),
            None => fchown(file, self.uid, self.gid),
        }
    }
}

fn found(
    kind: &'static str,
    name: &str,
    answer: nix::Result<Option<u32>>,
) -> Result<u32, OwnerError> {
    match answer {
        Ok(Some(id)) => Ok(id),
        Ok(None) => number(name).ok_or_else(|| {
            OwnerError::NotFound(format!(
                "this machine has no {kind} {name:?}, who should own images and disks: add it \
                 (`{kind}add --system {name}`), or choose another, also by number"
            ))
        }),
        Err(errno) => {
            Err(OwnerError::Unavailable { kind, name: name.to_owned(), source: errno.into() })
        }
    }
}

/// A user's or group's number. The last one means nobody to the system's calls.
fn number(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|id| digits && *id != u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::FileOwner;

    #[test]
    fn a_name_becomes_a_number_and_a_missing_one_says_what_to_do() {
        let root = FileOwner::named(Some("root"), Some("root")).unwrap();
        assert_eq!((root.uid(), root.gid()), (Some(0), Some(0)));
        assert_eq!(FileOwner::named(None, None).unwrap(), FileOwner::process());
        let error = FileOwner::named(Some("no-such-user"), None).unwrap_err();
        assert!(error.to_string().contains("useradd --system no-such-user"));
        let error = FileOwner::named(None, Some("no-such-group")).unwrap_err();
        assert!(error.to_string().contains("groupadd --system no-such-group"));
    }
    #[test]
    fn a_number_needs_no_name() {
        let owner = FileOwner::named(Some("64055"), Some("64056")).unwrap();
        assert_eq!((owner.uid(), owner.gid()), (Some(64_055), Some(64_056)));
        for not_one in ["4294967295", "99999999999", "+1", "-1"] {
            assert!(FileOwner::named(Some(not_one), None).is_err(), "{not_one}");
        }
    }
}
