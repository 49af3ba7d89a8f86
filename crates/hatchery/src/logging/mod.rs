//! Where log lines go: the terminal, and a file that is set aside when it has grown. The settings have oslo.log's names.

mod rotating_file;

use crate::config::Default_;
use anyhow::bail;
use rotating_file::RotatingFile;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use tracing::Subscriber;
use tracing_subscriber::fmt::{MakeWriter, layer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// Bytes of a mebibyte.
const MIB: u64 = 1 << 20;

/// How lines are written, and where.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Logging {
    /// The file; `None`: only the terminal.
    pub file: Option<PathBuf>,
    /// When the file is set aside.
    pub rotation: Rotation,
    /// One JSON object a line instead of text, in the file and on the terminal.
    pub json: bool,
}

/// When a file is set aside, and how many of the older ones are kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Rotation {
    /// Never.
    Never,
    /// Before it has more than `bytes`; `count` older ones are kept.
    Size {
        /// Bytes of one file.
        bytes: u64,
        /// Files beside the current one.
        count: u32,
    },
}

impl Default for Rotation {
    fn default() -> Self {
        Self::Size { bytes: MIB, count: 5 }
    }
}

impl Logging {
    /// As `[DEFAULT]` says. `folder` is where the file is if no `log_dir` is set.
    pub fn of(settings: &Default_, folder: &Path) -> anyhow::Result<Self> {
        let dir = if settings.log_dir.as_os_str().is_empty() { folder } else { &settings.log_dir };
        let is_named = !settings.log_file.as_os_str().is_empty();
        let (mib, count) = (settings.max_logfile_size_mb, settings.max_logfile_count);
        let rotation = match settings.log_rotation_type.to_ascii_lowercase().as_str() {
            "none" => Rotation::Never,
            // Nothing of either is never, as in Python's handler.
            "size" if mib == 0 || count == 0 => Rotation::Never,
            "size" => Rotation::Size { bytes: mib.saturating_mul(MIB), count },
            other => bail!("[DEFAULT] log_rotation_type is '{other}': choose size or none"),
        };
        let file = is_named.then(|| dir.join(&settings.log_file));
        Ok(Self { file, rotation, json: settings.use_json })
    }

    /// As `--log-file` and `--log-json` say, in files of 1 MiB with five older ones beside.
    pub fn to_file(file: Option<PathBuf>, json: bool) -> Self {
        Self { file, rotation: Rotation::default(), json }
    }
}

/// Starts logging; `RUST_LOG` chooses what, `info` by default. Called once. Without a file that can be written only the
/// terminal gets lines; nothing that becomes of the file later stops anyone who logs.
pub fn start(logging: &Logging) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let opened =
        logging.file.clone().map(|path| RotatingFile::open(path, logging.rotation, logging.json));
    let (file, refused) = match opened.transpose() {
        Ok(file) => (file, None),
        Err(error) => (None, Some(error.to_string())),
    };
    // Colours are for a terminal: a journal or a file would keep them as signs between the words.
    let terminal = lines(io::stderr, logging.json, io::stderr().is_terminal());
    let file = file.map(|file| lines(Mutex::new(file), logging.json, false));
    let _ = tracing_subscriber::registry().with(filter).with(file).with(terminal).try_init();
    if let (Some(error), Some(file)) = (refused, &logging.file) {
        tracing::warn!(error, file = %file.display(), "no log file can be written there");
    }
}

/// A layer of text or JSON. A writer that fails is not told of on the terminal: the file tells of itself, and the terminal may be gone.
fn lines<S, W>(writer: W, json: bool, is_terminal: bool) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = layer().with_target(false).log_internal_errors(false).with_writer(writer);
    match (json, is_terminal) {
        (true, _) => lines.json().flatten_event(true).boxed(),
        (false, true) => lines.boxed(),
        (false, false) => lines.with_ansi(false).boxed(),
    }
}

#[cfg(test)]
mod tests {
    use super::{Logging, Rotation};
    use crate::config::Default_;
    use std::path::{Path, PathBuf};

    #[test]
    fn settings_mean_what_they_mean_to_oslo_log() {
        let of = |settings: &Default_| Logging::of(settings, Path::new("/state/log"));
        let mut set = Default_::default();
        let found = of(&set).unwrap();
        assert_eq!(found.file, Some(PathBuf::from("/state/log/hatchery.log")));
        assert_eq!(found.rotation, Rotation::Size { bytes: 1 << 20, count: 5 });
        assert_eq!(found, Logging::to_file(found.file.clone(), false));

        set.log_dir = "/var/log/x".into();
        set.log_file = "y.log".into();
        assert_eq!(of(&set).unwrap().file, Some(PathBuf::from("/var/log/x/y.log")));
        set.log_file = "/elsewhere/z.log".into();
        assert_eq!(of(&set).unwrap().file, Some(PathBuf::from("/elsewhere/z.log")));
        set.log_file = PathBuf::new();
        assert_eq!(of(&set).unwrap().file, None);

        set.max_logfile_count = 0;
        assert_eq!(of(&set).unwrap().rotation, Rotation::Never);
        set.log_rotation_type = "None".into();
        assert_eq!(of(&set).unwrap().rotation, Rotation::Never);
        set.log_rotation_type = "interval".into();
        assert!(of(&set).unwrap_err().to_string().contains("choose size or none"));
    }
}
