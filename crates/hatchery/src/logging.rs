//! Where log lines go: the terminal, and `DIR/log/hatchery.log`, which is set aside when it has grown.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Bytes of one file.
const FILE_CAP: u64 = 1 << 20;
/// Older files kept: `hatchery.log.1` is the youngest.
const KEPT: u32 = 4;

/// Starts logging; `RUST_LOG` chooses what, `info` by default. Called once. Without a folder that can be written only the
/// terminal gets lines.
pub fn start(folder: &Path) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let terminal = layer().with_target(false).with_writer(io::stderr);
    let file = RotatingFile::open(folder.join("hatchery.log"));
    let refused = file.as_ref().err().map(ToString::to_string);
    let file = file.ok().map(|file| layer().with_ansi(false).with_target(false).with_writer(file));
    let _ = tracing_subscriber::registry().with(filter).with(terminal).with(file).try_init();
    if let Some(error) = refused {
        tracing::warn!(error, folder = %folder.display(), "no log file can be written there");
    }
}

/// A file that is set aside when it has grown beyond [`FILE_CAP`].
struct RotatingFile {
    path: PathBuf,
    file: File,
    length: u64,
}

impl RotatingFile {
    fn open(path: PathBuf) -> io::Result<Mutex<Self>> {
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let length = file.metadata()?.len();
        Ok(Mutex::new(Self { path, file, length }))
    }

    fn set_aside(&mut self) -> io::Result<()> {
        let name = |number: u32| self.path.with_extension(format!("log.{number}"));
        for number in (1..KEPT).rev() {
            if name(number).exists() {
                fs::rename(name(number), name(number + 1))?;
            }
        }
        fs::rename(&self.path, name(1))?;
        self.file = OpenOptions::new().create(true).append(true).open(&self.path)?;
        self.length = 0;
        Ok(())
    }
}

impl Write for RotatingFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.length > 0 && self.length + bytes.len() as u64 > FILE_CAP {
            self.set_aside()?;
        }
        self.file.write_all(bytes)?;
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{FILE_CAP, KEPT, RotatingFile};
    use std::io::Write;

    #[test]
    fn files_are_bounded_in_size_and_number() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hatchery.log");
        let file = RotatingFile::open(path.clone()).unwrap();
        let line = [b'x'; 1024];
        for _ in 0..8 * FILE_CAP / 1024 {
            file.lock().unwrap().write_all(&line).unwrap();
        }
        let sizes: Vec<u64> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().metadata().unwrap().len())
            .collect();
        assert_eq!(sizes.len() as u32, KEPT + 1);
        assert!(sizes.iter().all(|size| *size <= FILE_CAP), "{sizes:?}");

        // What a later start finds is gone on with.
        drop(file);
        std::fs::write(&path, "before\n").unwrap();
        RotatingFile::open(path.clone()).unwrap().lock().unwrap().write_all(b"after\n").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "before\nafter\n");
    }
}
