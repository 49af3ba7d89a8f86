//! A file that is set aside when it has grown: `F` becomes `F.1`, `F.1` becomes `F.2`, as Python's `RotatingFileHandler` does it.
//!
//! Whoever logs never waits for it and never fails by it. Lines that cannot be written (the disk is full) are counted; the terminal is told once,
//! and the file itself as soon as it takes lines again. Names are freed from the oldest on, one rename each, so that a kill between any two
//! loses no file that was to be kept.

use super::Rotation;
use serde_json::json;
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

/// See the head of this file.
pub struct RotatingFile {
    path: PathBuf,
    rotation: Rotation,
    json: bool,
    file: File,
    length: u64,
    /// Lines that could not be written since one last could.
    lost: u64,
    /// Whether the terminal has been told that the file cannot be set aside.
    stuck: bool,
}

impl RotatingFile {
    /// Goes on with the file at this path, or begins it.
    pub fn open(path: PathBuf, rotation: Rotation, json: bool) -> io::Result<Self> {
        let file = append(&path)?;
        let length = file.metadata()?.len();
        Ok(Self { path, rotation, json, file, length, lost: 0, stuck: false })
    }

    fn try_write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.follow()?;
        if let Rotation::Size { bytes: cap, count } = self.rotation
            && self.length > 0
            && self.length + bytes.len() as u64 > cap
        {
            match self.set_aside(count) {
                Ok(()) => self.stuck = false,
                // It grows on, which is better than lines lost.
                Err(error) => self.tell_that_it_is_stuck(&error),
            }
        }
        if self.lost > 0 {
            let note = self.note();
            self.put(note.as_bytes())?;
            self.lost = 0;
        }
        self.put(bytes)
    }

    /// Opens the file again that somebody has moved away or removed.
    fn follow(&mut self) -> io::Result<()> {
        let ours = self.file.metadata()?;
        match fs::metadata(&self.path) {
            Ok(there) if there.dev() == ours.dev() && there.ino() == ours.ino() => Ok(()),
            Ok(_) | Err(_) => {
                self.file = append(&self.path)?;
                self.length = self.file.metadata()?.len();
                Ok(())
            }
        }
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        let done = self.file.write_all(bytes);
        match &done {
            Ok(()) => self.length += bytes.len() as u64,
            // No half line stays before the next whole one.
            Err(_) => drop(self.file.set_len(self.length)),
        }
        done
    }

    fn lose(&mut self, error: &io::Error) {
        self.lost += 1;
        if self.lost == 1 {
            let path = self.path.display();
            tell(&format!(
                "the log file {path} takes no lines ({error}); they are lost until it does"
            ));
        }
    }

    /// What the file says of the lines that it lacks.
    fn note(&self) -> String {
        let message =
            format!("{} log lines before this one were lost: the file took none", self.lost);
        if self.json {
            format!("{}\n", json!({"level": "WARN", "message": message}))
        } else {
            format!("WARN {message}\n")
        }
    }

    fn tell_that_it_is_stuck(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.stuck, true) {
            let path = self.path.display();
            tell(&format!("the log file {path} cannot be set aside ({error}); it grows on"));
        }
    }

    fn set_aside(&mut self, count: u32) -> io::Result<()> {
        // The next file first: if it cannot be made, everything stays as it is.
        let next = named(&self.path, "next");
        let file = self.successor(&next)?;
        for (from, to) in moves(&self.path, count) {
            fs::rename(from, to)?;
        }
        fs::rename(next, &self.path)?;
        (self.file, self.length) = (file, 0);
        Ok(())
    }

    /// An empty file with the mode and, where we may give files away, the owner of the current one.
    fn successor(&self, path: &Path) -> io::Result<File> {
        let current = self.file.metadata()?;
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Ok(()) | Err(_) => {}
        }
        let file = OpenOptions::new().create_new(true).append(true).mode(0o600).open(path)?;
        let _ = fchown(&file, Some(current.uid()), Some(current.gid()));
        file.set_permissions(current.permissions())?;
        Ok(file)
    }
}

impl Write for RotatingFile {
    /// One line, or several whole ones. Never fails: see the head of this file.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Err(error) = self.try_write(bytes) {
            self.lose(&error);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).mode(0o640).open(path)
}

/// The terminal may be gone, or on a full disk itself.
fn tell(text: &str) {
    let _ = writeln!(io::stderr(), "hatchery: {text}");
}

fn named(path: &Path, suffix: impl std::fmt::Display) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{suffix}"));
    name.into()
}

/// The renames that free the file's name, in their order. Names move up only as far as the first that is free.
fn moves(path: &Path, count: u32) -> Vec<(PathBuf, PathBuf)> {
    let free = (1..count).find(|number| !named(path, number).exists()).unwrap_or(count);
    let mut moves: Vec<_> =
        (1..free).rev().map(|number| (named(path, number), named(path, number + 1))).collect();
    moves.push((path.to_owned(), named(path, 1)));
    moves
}

#[cfg(test)]
mod tests {
    use super::{RotatingFile, moves, named};
    use crate::logging::Rotation;
    use std::fs::{self, Permissions};
    use std::io::Write;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::path::Path;

    const SMALL: Rotation = Rotation::Size { bytes: 100, count: 3 };

    fn open(path: &Path) -> RotatingFile {
        RotatingFile::open(path.to_owned(), SMALL, false).unwrap()
    }

    /// Lines of ten bytes, numbered.
    fn write(file: &mut RotatingFile, numbers: std::ops::Range<u32>) {
        for number in numbers {
            file.write_all(format!("line {number:04}\n").as_bytes()).unwrap();
        }
    }

    /// Every line that is kept, oldest first.
    fn kept(path: &Path) -> Vec<String> {
        let older = (1..=3).rev().map(|number| named(path, number));
        let texts = older.chain([path.to_owned()]).map(fs::read_to_string);
        texts
            .filter_map(Result::ok)
            .flat_map(|text| text.lines().map(str::to_owned).collect::<Vec<_>>())
            .collect()
    }

    #[test]
    fn files_are_bounded_in_size_and_number_and_keep_their_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let mut file = open(&path);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777 & !0o640, 0);
        fs::set_permissions(&path, Permissions::from_mode(0o604)).unwrap();
        write(&mut file, 0..95);
        for entry in fs::read_dir(dir.path()).unwrap() {
            let entry = entry.unwrap().metadata().unwrap();
            assert!(entry.len() <= 100, "{entry:?}");
            assert_eq!(entry.permissions().mode() & 0o7777, 0o604);
        }
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 4);
        let lines = kept(&path);
        assert_eq!(
            (lines.len(), lines[0].as_str(), lines[34].as_str()),
            (35, "line 0060", "line 0094")
        );

        // What a later start finds is gone on with.
        drop(file);
        write(&mut open(&path), 95..96);
        assert_eq!(kept(&path).len(), 36);
    }

    #[test]
    fn a_kill_between_two_renames_loses_nothing_that_was_to_be_kept() {
        for survived in 0..4 {
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("a.log");
            let mut file = open(&path);
            write(&mut file, 0..40);
            drop(file);
            // What a killed process got done of setting the fourth file aside.
            fs::write(named(&path, "next"), "").unwrap();
            let moves = moves(&path, 3);
            assert_eq!(moves.len(), 3);
            for (from, to) in moves.into_iter().take(survived) {
                fs::rename(from, to).unwrap();
            }
            write(&mut open(&path), 40..51);
            let lines: Vec<_> = (20..51).map(|number| format!("line {number:04}")).collect();
            assert_eq!(kept(&path), lines, "after {survived} renames");
        }
    }

    #[test]
    fn a_full_disk_stops_nobody_and_is_told_when_it_is_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        symlink("/dev/full", &path).unwrap();
        let mut file = open(&path);
        write(&mut file, 0..3);
        assert_eq!(file.lost, 3);
        fs::remove_file(&path).unwrap();
        write(&mut file, 3..5);
        let text = fs::read_to_string(&path).unwrap();
        let note = "WARN 3 log lines before this one were lost: the file took none\n";
        assert_eq!(text, format!("{note}line 0003\nline 0004\n"));
        assert_eq!(file.lost, 0);
    }

    #[test]
    fn a_file_that_cannot_be_set_aside_grows_on() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        // A folder in the way of the successor's name.
        fs::create_dir_all(named(&path, "next").join("x")).unwrap();
        let mut file = open(&path);
        write(&mut file, 0..30);
        assert_eq!(kept(&path).len(), 30);
        assert!(file.stuck);
        fs::remove_dir_all(named(&path, "next")).unwrap();
        write(&mut file, 30..31);
        assert_eq!((kept(&path).len(), file.stuck), (31, false));
        assert_eq!(fs::read_to_string(&path).unwrap(), "line 0030\n");
    }

    #[test]
    fn a_file_that_was_moved_away_is_opened_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.log");
        let mut file = open(&path);
        write(&mut file, 0..1);
        fs::rename(&path, dir.path().join("moved")).unwrap();
        write(&mut file, 1..2);
        assert_eq!(fs::read_to_string(&path).unwrap(), "line 0001\n");
    }
}
