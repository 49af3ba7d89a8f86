//! A further name for a file that exists, given in one step and without a gap.

use super::keep::{Op, Steps};
use crate::durable::{look, remove, same_file, sync_folder};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// How often a link is tried again when another process links the same file at the same moment.
const TRIES: usize = 8;

/// Makes `name` a hard link of `file`, whatever it was before; nobody ever sees it missing. `Ok` at once when
/// it is already. Says whether anything had to be done.
///
/// The temporary name is the same in every try, so that a crash leaves at most one, and the next call takes it away.
pub(crate) fn link(file: &Path, name: &Path) -> io::Result<bool> {
    let made = link_in_steps(file, name, &Steps::default())?;
    if made {
        sync_folder(name.parent().unwrap_or(Path::new("/")))?;
    }
    Ok(made)
}

/// As [`link`], but for the folder, which the caller makes durable.
pub(crate) fn link_in_steps(file: &Path, name: &Path, steps: &Steps) -> io::Result<bool> {
    let temporary = temporary_link(name);
    let mut last = None;
    for _ in 0..TRIES {
        let source = fs::symlink_metadata(file)?;
        if !source.is_file() {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "only a regular file can be linked",
            ));
        }
        if let Some(there) = look(name)?
            && same_file(&there, &source)
        {
            remove(&temporary)?;
            return Ok(last.is_some());
        }
        remove(&temporary)?;
        steps.before(Op::Link(file, &temporary))?;
        match fs::hard_link(file, &temporary) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                last = Some(error);
                continue;
            }
            linked => linked?,
        }
        steps.before(Op::Rename(&temporary, name)).or_else(|error| {
            remove(&temporary)?;
            Err(error)
        })?;
        match fs::rename(&temporary, name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                last = Some(error);
                continue;
            }
            Err(error) => {
                remove(&temporary)?;
                return Err(error);
            }
            Ok(()) => {}
        }
        // A rename between two names of one file does nothing, also not to the first name.
        remove(&temporary)?;
        let there = fs::symlink_metadata(name)?;
        if same_file(&there, &source) && there.len() == source.len() {
            return Ok(true);
        }
        last = Some(io::Error::other("another file was put in its place"));
    }
    Err(last.unwrap_or_else(|| io::Error::other("it was tried too often")))
}

/// Begins what a link is called until it has its name.
pub(crate) const LINK_PREFIX: &str = ".link-";

/// What a link is called until it has its name.
pub(crate) fn temporary_link(name: &Path) -> PathBuf {
    let base = name.file_name().unwrap_or_default().to_string_lossy();
    name.with_file_name(format!("{LINK_PREFIX}{base}"))
}

#[cfg(test)]
mod tests {
    use super::link;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn links_replaces_and_repeats() {
        let folder = tempfile::tempdir().unwrap();
        let (image, name) = (folder.path().join("image"), folder.path().join("name"));
        assert!(link(&image, &name).is_err());
        fs::write(&image, b"bytes").unwrap();
        fs::write(&name, b"something else").unwrap();
        fs::write(folder.path().join(".link-name"), b"left by a crash").unwrap();
        assert!(link(&image, &name).unwrap());
        assert!(!link(&image, &name).unwrap());
        assert_eq!(fs::metadata(&name).unwrap().ino(), fs::metadata(&image).unwrap().ino());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_symbolic_link_is_never_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (secret, image) = (folder.path().join("secret"), folder.path().join("image"));
        fs::write(&secret, b"secret").unwrap();
        std::os::unix::fs::symlink(&secret, &image).unwrap();
        assert!(link(&image, &folder.path().join("name")).is_err());
    }

    #[test]
    fn many_at_once_leave_one_name() {
        let folder = tempfile::tempdir().unwrap();
        let (image, name) = (folder.path().join("image"), folder.path().join("name"));
        fs::write(&image, b"bytes").unwrap();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| link(&image, &name))).collect();
            for thread in threads {
                thread.join().unwrap().unwrap();
            }
        });
        assert_eq!(fs::metadata(&image).unwrap().nlink(), 2);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
