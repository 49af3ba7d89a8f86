//! Whether something is mounted on a folder, and what its mount says of locks.

use super::Absent;
use rustix::fs::{AtFlags, StatxAttributes, StatxFlags, statx};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Opens the root of what is mounted on the folder. As long as the file lives it is this filesystem, also when the folder is not any more.
pub(super) fn open(folder: &Path) -> Result<File, Absent> {
    let silent = |error| Absent::silent("share", folder, error);
    let root = match OpenOptions::new().read(true).open(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(Absent::says(format!(
                "the share's folder {} is not there: make it, and mount the share on it",
                folder.display()
            )));
        }
        opened => opened.map_err(silent)?,
    };
    let found = statx(&root, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS | StatxFlags::MNT_ID);
    let found = found.map_err(|errno| silent(errno.into()))?;
    if !found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) {
        return Err(Absent::says(format!(
            "no share is mounted on {}: mount it; until then nothing is written there",
            folder.display()
        )));
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(silent)?;
    if let Some(option) = local_locks(&mounts, found.stx_mnt_id) {
        return Err(Absent::says(format!(
            "the share on {} is mounted with {option}, so that its locks keep no other host away: mount it without",
            folder.display()
        )));
    }
    Ok(root)
}

/// The option by which an NFS client keeps locks to itself, if this mount has one.
fn local_locks(mounts: &str, mount: u64) -> Option<&'static str> {
    let wanted = mount.to_string();
    let line = mounts.lines().find(|line| line.split(' ').next() == Some(wanted.as_str()))?;
    let mut words = line.split_once(" - ")?.1.split(' ');
    let is_nfs = words.next()?.starts_with("nfs");
    let options = words.nth(1)?;
    let has = |option: &&str| options.split(',').any(|found| found == *option);
    ["nolock", "local_lock=all", "local_lock=posix"].into_iter().find(has).filter(|_| is_nfs)
}

#[cfg(test)]
mod tests {
    use super::local_locks;

    const MOUNTS: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
40 22 0:50 / /srv/a rw,relatime shared:20 - nfs4 filer:/a rw,vers=4.2,hard,proto=tcp,local_lock=none,addr=10.0.0.1
41 22 0:51 / /srv/b rw,relatime - nfs filer:/b rw,vers=3,hard,nolock,proto=tcp,local_lock=all,addr=10.0.0.1
42 22 0:52 / /srv/c rw,relatime - nfs filer:/c rw,vers=3,hard,local_lock=posix
43 22 0:53 / /srv/d rw,relatime - nfs filer:/d rw,vers=3,hard,local_lock=flock
44 22 0:54 / /srv/e rw,relatime - tmpfs nolock rw,nolock
";

    #[test]
    fn a_mount_without_locks_is_found() {
        let told: Vec<_> = [22, 40, 41, 42, 43, 44, 45, 4].map(|id| local_locks(MOUNTS, id)).into();
        let posix = Some("local_lock=posix");
        assert_eq!(told, [None, None, Some("nolock"), posix, None, None, None, None]);
    }
}
