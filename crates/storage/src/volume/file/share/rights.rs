//! Whose files on a share are to be, and what their mode: found by trial, since a server says nothing of it before.

use super::super::error::{errno, failed};
use super::super::shelf::Shelf;
use crate::durable::remove;
use crate::owner::FileOwner;
use crate::pool::Op;
use hatchery_ports::volume_backend::VolumeError;
use nix::errno::Errno;
use std::fs::OpenOptions;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

/// `nas_secure_file_operations` and `nas_secure_file_permissions`; `None` is `auto`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Asked {
    pub(super) operations: Option<bool>,
    pub(super) permissions: Option<bool>,
}

/// What the trial found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Seen {
    /// Whether a file could be given to the hypervisor's user.
    given: bool,
    /// Whose it is if it is not given to anybody.
    uid: u32,
    gid: u32,
}

/// Makes a file, tries to give it away, and removes it. The lock is held.
pub(super) fn choose(
    shelf: &Shelf,
    wanted: FileOwner,
    asked: Asked,
) -> Result<FileOwner, VolumeError> {
    let doing = "find out whose files on the share are";
    let path = shelf.path(".trial-owner");
    remove(&path).map_err(failed(doing))?;
    let seen =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).and_then(|file| {
            let made = file.metadata()?;
            let given = match shelf.steps.before(Op::Own(&path)).and_then(|()| wanted.give(&file)) {
                Ok(()) => true,
                // The last is said of an owner that the server does not know.
                Err(error)
                    if matches!(
                        errno(&error),
                        Some(Errno::EPERM | Errno::EACCES | Errno::EINVAL)
                    ) =>
                {
                    false
                }
                Err(error) => return Err(error),
            };
            Ok(Seen { given, uid: made.uid(), gid: made.gid() })
        });
    let removed = remove(&path).map(|_| ());
    let seen = seen.and_then(|seen| removed.map(|()| seen)).map_err(failed(doing))?;
    decide(wanted, asked, seen).map_err(VolumeError::Invalid)
}

fn decide(wanted: FileOwner, asked: Asked, seen: Seen) -> Result<FileOwner, String> {
    let is_somebodys = wanted != FileOwner::process();
    let give = is_somebodys && asked.operations != Some(true);
    if give && seen.given {
        return Ok(wanted);
    }
    if give && asked.operations == Some(false) {
        return Err(format!(
            "the share does not let this process give files to the hypervisor's user {}: export it without root squash and run this as root, or set \
             nas_secure_file_operations = \"auto\"",
            numbers(wanted)
        ));
    }
    match asked.permissions {
        Some(false) => Ok(FileOwner::kept(0o666)),
        Some(true) | None if !is_somebodys || is_theirs(wanted, seen) => {
            Ok(if is_somebodys || asked.permissions == Some(true) {
                FileOwner::kept(0o660)
            } else {
                FileOwner::process()
            })
        }
        Some(true) | None => Err(format!(
            "files on the share belong to {}:{}, nothing can be given away there, and so the hypervisor's user {} cannot open volumes: export it so that \
             this process becomes that user there (anonuid, anongid), run this as that user, or set nas_secure_file_permissions = \"false\", by which \
             everybody on the share's hosts can read and write them",
            seen.uid,
            seen.gid,
            numbers(wanted)
        )),
    }
}

/// Whether the hypervisor's user can use a file of mode 0660 that stays as it was made.
fn is_theirs(wanted: FileOwner, seen: Seen) -> bool {
    wanted.uid().is_none_or(|uid| uid == seen.uid) || wanted.gid() == Some(seen.gid)
}

fn numbers(owner: FileOwner) -> String {
    let number = |id: Option<u32>| id.map_or_else(|| "-".to_owned(), |id| id.to_string());
    format!("{}:{}", number(owner.uid()), number(owner.gid()))
}

#[cfg(test)]
mod tests {
    use super::{Asked, Seen, decide};
    use crate::owner::FileOwner;

    const QEMU: FileOwner = FileOwner::of(64_055, 64_055);
    const AUTO: Asked = Asked { operations: None, permissions: None };
    const SQUASHED: Seen = Seen { given: false, uid: 65_534, gid: 65_534 };

    #[test]
    fn files_are_given_away_where_that_works() {
        let seen = Seen { given: true, uid: 0, gid: 0 };
        let never = Asked { operations: Some(true), permissions: Some(false) };
        assert_eq!(decide(QEMU, AUTO, seen), Ok(QEMU));
        assert_eq!(decide(QEMU, never, seen), Ok(FileOwner::kept(0o666)));
        assert_eq!(decide(FileOwner::process(), AUTO, seen), Ok(FileOwner::process()));
    }

    #[test]
    fn a_squashed_root_says_what_would_help() {
        let text = decide(QEMU, AUTO, SQUASHED).unwrap_err();
        for word in ["65534:65534", "64055:64055", "anonuid", "nas_secure_file_permissions"] {
            assert!(text.contains(word), "{text}");
        }
        let must = Asked { operations: Some(false), permissions: None };
        let text = decide(QEMU, must, SQUASHED).unwrap_err();
        assert!(text.contains("root squash") && text.contains("auto"), "{text}");
        let open = Asked { operations: None, permissions: Some(false) };
        assert_eq!(decide(QEMU, open, SQUASHED), Ok(FileOwner::kept(0o666)));
    }

    #[test]
    fn what_is_the_hypervisors_anyway_is_enough() {
        for (uid, gid) in [(64_055, 65_534), (65_534, 64_055)] {
            let seen = Seen { given: false, uid, gid };
            assert_eq!(decide(QEMU, AUTO, seen), Ok(FileOwner::kept(0o660)));
        }
        assert_eq!(decide(FileOwner::process(), AUTO, SQUASHED), Ok(FileOwner::process()));
        let strict = Asked { operations: None, permissions: Some(true) };
        assert_eq!(decide(FileOwner::process(), strict, SQUASHED), Ok(FileOwner::kept(0o660)));
    }
}
