//! The options of `hatchery warm`. Those that Nova has in `[image_cache]` have its names.

use clap::{ArgAction, Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// `hatchery warm`.
#[derive(Debug, Args)]
pub struct WarmArgs {
    /// Folder of Glance's file store (`filesystem_store_datadir`).
    #[arg(long, value_name = "DIR")]
    pub images: PathBuf,
    /// Folder of the links, on the same filesystem; made if only it is missing.
    #[arg(long, value_name = "DIR")]
    pub cache: PathBuf,
    /// A host's `_base` folder, which gets its links from the cache. May be given several times.
    #[arg(long = "base", value_name = "DIR")]
    pub bases: Vec<PathBuf>,
    /// A host's folder of instances (`instances_path`), whose disks say which bases are in use. May be given several times; without it, the
    /// folders that the given `_base` folders are in. Where there is none at all nothing is removed.
    #[arg(long = "instances", value_name = "DIR")]
    pub instances: Vec<PathBuf>,
    /// Who owns the links, and so the images that they are links of: names or numbers.
    #[arg(long, value_name = "USER:GROUP", default_value = "qemu:qemu")]
    pub owner: String,
    /// Their mode.
    #[arg(long, value_name = "OCTAL", default_value = "0644", value_parser = mode)]
    pub mode: u32,
    /// What to do with an image that is on another filesystem than the cache.
    #[arg(long, value_enum, default_value_t = Elsewhere::Refuse)]
    pub other_filesystem: Elsewhere,
    /// Make a raw form of each image in another format once, and link that one: what Nova's force_raw_images would make.
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub convert: Option<Convert>,
    /// Do one pass and end: 0 if all of it could be judged and done, else 1.
    #[arg(long)]
    pub once: bool,
    /// Say what would be done, and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Seconds from one pass to the next; parts of one too.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = interval)]
    pub interval: Duration,
    /// Listen to Glance's notifications on RabbitMQ: its transport_url, rabbit://USER:PASSWORD@HOST:5672//
    #[arg(long, value_name = "URL", env = "HATCHERY_NOTIFICATIONS", hide_env_values = true)]
    pub notifications: Option<String>,
    /// Whether bases that nobody needs are removed from the `_base` folders.
    #[arg(long, value_name = "BOOL", default_value_t = true, action = ArgAction::Set)]
    pub remove_unused_base_images: bool,
    /// For how many seconds a base has to be seen unused before it is.
    #[arg(long, value_name = "SECONDS", default_value_t = 86_400)]
    pub remove_unused_original_minimum_age_seconds: u64,
    /// MiB a second of bases that are read and compared with their digests; 0: none.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub scrub_mib_per_second: u64,
    /// Most GiB that the cache alone may hold (copies, raw forms, links of deleted images); 0: unbounded.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub max_size_gb: u64,
    /// Most links in the cache; 0: unbounded.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub max_count: u64,
    /// The one file that remembers between passes; `.hatchery-pool.json` in the cache if it is not given, where all who keep it share it.
    #[arg(long, value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Also log into this file, which is set aside when it has 1 MiB; five older ones are kept.
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Log one JSON object a line instead of text, into the file and on standard error.
    #[arg(long)]
    pub log_json: bool,
    /// Serve metrics for Prometheus there.
    #[arg(long, value_name = "ADDR:PORT")]
    pub metrics: Option<SocketAddr>,
    /// Let Nova set servers that a lost base has put into ERROR back to active, and reboot them hard, once the base is back.
    #[arg(long)]
    pub reset_state: bool,
}

/// See [`WarmArgs::other_filesystem`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Elsewhere {
    /// Leave it alone, and say so.
    Refuse,
    /// Share its blocks, where the filesystem can.
    Reflink,
    /// Copy its bytes, once.
    Copy,
}

/// See [`WarmArgs::convert`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub enum Convert {
    /// To raw.
    Raw,
}

impl WarmArgs {
    /// The folders of instances: as given, or those that the `_base` folders are in.
    pub fn instances(&self) -> Vec<PathBuf> {
        if !self.instances.is_empty() {
            return self.instances.clone();
        }
        let above = self.bases.iter().filter(|base| base.ends_with("_base"));
        above.filter_map(|base| base.parent()).map(PathBuf::from).collect()
    }
}

fn mode(text: &str) -> Result<u32, String> {
    match u32::from_str_radix(text, 8) {
        Ok(mode) if mode & !0o777 != 0 => Err("more than 0777".to_owned()),
        Ok(mode) if mode & 0o222 & !0o200 != 0 => {
            Err("others could write to images: choose 0644, 0640 or 0444".to_owned())
        }
        Ok(mode) if mode & 0o400 == 0 => Err("its owner could not read it".to_owned()),
        Ok(mode) => Ok(mode),
        Err(_) => Err("not an octal number such as 0644".to_owned()),
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number of seconds".to_owned())?;
    if !(0.05..=86_400.0).contains(&seconds) {
        return Err("choose between 0.05 seconds and a day".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

#[cfg(test)]
mod tests {
    use super::{interval, mode};
    use std::time::Duration;

    #[test]
    fn modes_and_intervals_that_would_do_harm_are_refused() {
        assert_eq!(mode("0644"), Ok(0o644));
        assert_eq!(mode("440"), Ok(0o440));
        for bad in ["0666", "664", "044", "4755", "rw", "0o644"] {
            assert!(mode(bad).is_err(), "{bad}");
        }
        assert_eq!(interval("0.2"), Ok(Duration::from_millis(200)));
        for bad in ["0", "-1", "nan", "x", "1e9"] {
            assert!(interval(bad).is_err(), "{bad}");
        }
    }
}
