//! What is counted only when somebody asks: rows that wait, leases, and what lies in the pool. Not more often than once a second, and the pool once in
//! ten, so that whoever asks without a token cannot load the database or the disk.

use super::exposition::Text;
use hatchery_db::Database;
use hatchery_model::live::PoolFigures;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{BackendReport, ImageCacheEntry};
use hatchery_ports::measure::record_pool;
use hatchery_ports::store::{Store, StoreError};
use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;
use tokio::time::Instant;

const FRESH: Duration = Duration::from_secs(1);
const POOL_FRESH: Duration = Duration::from_secs(10);
/// Digits of a base's name.
const NAME: usize = 40;
/// What `stat` counts in.
const BLOCK: u64 = 512;

/// See the head of this file.
pub struct Depths {
    database: Arc<Database>,
    folders: Vec<PathBuf>,
    last: Mutex<Last>,
}

#[derive(Default)]
struct Last {
    rows: Option<(Instant, Arc<Rows>)>,
    pool: Option<(Instant, PoolFigures)>,
}

#[derive(Debug)]
struct Rows {
    messages: u64,
    tasks: u64,
    leases: u64,
    /// By the section of the backend that keeps it.
    caches: BTreeMap<String, Cache>,
}

/// What an image-volume cache has.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
struct Cache {
    images: u64,
    bytes: Bytes,
}

impl Depths {
    /// Of this database, and of the bases in these folders; the names are those of the first.
    pub fn new(database: Arc<Database>, folders: Vec<PathBuf>) -> Self {
        Self { database, folders, last: Mutex::default() }
    }

    /// Writes the rows' counts, and notes the pool's. What the database does not tell is left out.
    pub async fn expose(&self, text: &mut Text) {
        if let Some(rows) = self.refresh().await {
            text.metric("hatchery_outbox_messages", [(None, rows.messages as f64)]);
            text.metric("hatchery_tasks", [(None, rows.tasks as f64)]);
            let of_caches = |of: fn(&Cache) -> u64| {
                rows.caches.iter().map(move |(backend, cache)| (Some(&**backend), of(cache) as f64))
            };
            text.metric("hatchery_image_volume_cache_images", of_caches(|cache| cache.images));
            text.metric("hatchery_image_volume_cache_bytes", of_caches(|cache| cache.bytes.0));
        }
        let done = self.database.figures();
        text.metric("hatchery_sql_statements_total", [(None, done.statements as f64)]);
        text.metric("hatchery_sql_commits_total", [(None, done.commits as f64)]);
    }

    /// Notes the pool's figures.
    pub async fn note_pool(&self) {
        self.refresh().await;
    }

    async fn refresh(&self) -> Option<Arc<Rows>> {
        // One at a time; who comes meanwhile finds it fresh.
        let mut last = self.last.lock().await;
        if last.rows.as_ref().is_none_or(|(at, _)| at.elapsed() >= FRESH) {
            match self.rows().await {
                Ok(rows) => last.rows = Some((Instant::now(), Arc::new(rows))),
                Err(error) => {
                    last.rows = None;
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "the rows that wait cannot be counted");
                }
            }
        }
        if last.pool.is_none_or(|(at, _)| at.elapsed() >= POOL_FRESH) {
            let folders = self.folders.clone();
            let pool = tokio::task::spawn_blocking(move || pool(&folders)).await.ok();
            last.pool = pool.map(|pool| (Instant::now(), pool));
        }
        let rows = last.rows.as_ref().map(|(_, rows)| rows.clone());
        if let Some((_, pool)) = last.pool {
            let leases = rows.as_ref().map_or(0, |rows| rows.leases);
            record_pool(PoolFigures { leases, ..pool });
        }
        rows
    }

    async fn rows(&self) -> Result<Rows, StoreError> {
        let mut uow = self.database.read().await?;
        let messages = uow.outbox().count().await?;
        let tasks = uow.tasks().count().await?;
        let leases = uow.leases().count().await?;
        let hosts = uow.hosts().list().await?;
        let reports = hosts.iter().flat_map(|host| &host.backends);
        let entries = uow.image_cache().list(None).await?;
        Ok(Rows { messages, tasks, leases, caches: caches(reports, &entries) })
    }
}

/// What each backend's cache has; one that is empty, too. An image that is kept for its own sake is in none.
fn caches<'a>(
    reports: impl Iterator<Item = &'a BackendReport>,
    entries: &[ImageCacheEntry],
) -> BTreeMap<String, Cache> {
    let keeping = reports.filter(|report| report.image_cache.is_some());
    let mut caches: BTreeMap<String, Cache> =
        keeping.map(|report| (report.backend.clone(), Cache::default())).collect();
    for entry in entries.iter().filter(|entry| !entry.kept && entry.is_there()) {
        let cache = caches.entry(entry.backend.backend.clone()).or_default();
        cache.images += 1;
        cache.bytes.0 += Bytes::from_gib(entry.size_gib).0;
    }
    caches
}

/// Names in the first folder, and what the files of all take on the disk, each once however many names it has.
fn pool(folders: &[PathBuf]) -> PoolFigures {
    let names = folders.first().map_or(0, |first| bases(first).count() as u64);
    let files: HashMap<_, _> = folders
        .iter()
        .flat_map(|folder| bases(folder))
        .map(|file| ((file.dev(), file.ino()), file.blocks() * BLOCK))
        .collect();
    PoolFigures { bytes: files.values().sum(), names, leases: 0 }
}

/// Files that have the name of a base.
fn bases(folder: &Path) -> impl Iterator<Item = fs::Metadata> + use<> {
    fs::read_dir(folder).into_iter().flatten().flatten().filter_map(|entry| {
        let is_base = entry.file_name().len() == NAME;
        is_base.then(|| entry.metadata().ok()).flatten().filter(fs::Metadata::is_file)
    })
}

#[cfg(test)]
mod tests {
    use super::{Cache, caches, pool};
    use hatchery_model::generation::Generation;
    use hatchery_model::id::{HostName, ImageId, VolumeId};
    use hatchery_model::provision::VolumeTargetFacts;
    use hatchery_model::timestamp::Timestamp;
    use hatchery_model::units::Bytes;
    use hatchery_model::volume::{
        BackendName, BackendReport, ImageCacheBounds, ImageCacheEntry, ImageCacheState, Reach,
    };
    use std::collections::BTreeMap;
    use std::fs;
    use uuid::Uuid;

    fn report(backend: &str, image_cache: Option<ImageCacheBounds>) -> BackendReport {
        BackendReport {
            backend: backend.to_owned(),
            pool: backend.to_owned(),
            protocol: "file".to_owned(),
            reach: Reach::ServingHosts,
            total: Bytes(0),
            free: Bytes(0),
            target: VolumeTargetFacts {
                file: None,
                cluster: None,
                clones: Ok(()),
                free: Bytes(0),
                conversion_free: Bytes(0),
            },
            image_cache,
            image_volumes: false,
            down: None,
        }
    }

    fn entry(number: u128, state: ImageCacheState, kept: bool) -> ImageCacheEntry {
        ImageCacheEntry {
            volume: VolumeId(Uuid::from_u128(number)),
            generation: Generation::FIRST,
            backend: BackendName {
                host: HostName::from("h"),
                backend: "a".into(),
                pool: "a".into(),
            },
            image: ImageId(Uuid::from_u128(number)),
            image_sha512: String::new(),
            size_gib: 2,
            state,
            last_used_at: Timestamp(0),
            kept,
        }
    }

    #[test]
    fn a_cache_has_what_may_have_bytes_and_an_empty_one_is_told_too() {
        let bounds = Some(ImageCacheBounds::default());
        let reports = [report("a", bounds), report("b", bounds), report("c", None)];
        let entries = [
            entry(1, ImageCacheState::Ready, false),
            entry(2, ImageCacheState::Leaving, false),
            entry(3, ImageCacheState::Ready, true),
        ];
        let full = Cache { images: 2, bytes: Bytes::from_gib(4) };
        let wanted = [("a".to_owned(), full), ("b".to_owned(), Cache::default())];
        assert_eq!(caches(reports.iter(), &entries), BTreeMap::from(wanted));
    }

    #[test]
    fn a_file_of_many_names_counts_once() {
        let dir = tempfile::tempdir().unwrap();
        let folders = ["imagecache", "_base"].map(|name| dir.path().join(name));
        for folder in &folders {
            fs::create_dir(folder).unwrap();
        }
        let names = ["a", "b"].map(|digit| digit.repeat(40));
        fs::write(folders[0].join(&names[0]), vec![1; 8192]).unwrap();
        let link = |to: &std::path::Path| fs::hard_link(folders[0].join(&names[0]), to).unwrap();
        link(&folders[0].join(&names[1]));
        link(&folders[1].join(&names[0]));
        fs::write(folders[1].join(format!("{}.json", names[0])), vec![1; 8192]).unwrap();
        let found = pool(&folders);
        assert_eq!((found.names, found.leases), (2, 0));
        assert!((8192..16_384).contains(&found.bytes), "{found:?}");
        let missing = dir.path().join("missing");
        assert_eq!(pool(&[missing]).names, 0);
    }
}
