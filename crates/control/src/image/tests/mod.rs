//! What is left of uploads and deletions that fail or are killed, against SQLite and files.

mod arriving;
mod delete;
mod raw_form;
mod same_bytes;
mod stopping_store;
mod upload;

use super::change::Change;
use super::create_image::create_image;
use super::recover::{Recovered, recover};
use super::upload_image::{Upload, UploadBody, UploadLimits};
use bytes::Bytes as Chunk;
use futures_util::{StreamExt, stream};
use hatchery_db::Database;
use hatchery_model::caller::{Caller, Scope};
use hatchery_model::id::{DomainId, ImageId, ProjectId, RequestId, UserId};
use hatchery_model::image::{ContainerFormat, DiskFormat, Image, ImageState};
use hatchery_ports::clock::Clock;
use hatchery_ports::contract::sample::qcow2_of;
use hatchery_ports::entropy::random_uuid;
use hatchery_ports::store::Store;
use hatchery_storage::{FileImageStore, FileOwner, LiveTransfers};
use hatchery_testkit::{ManualClock, SeededEntropy};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use tempfile::TempDir;

struct Lab {
    store: Database,
    bytes: Arc<FileImageStore>,
    clock: ManualClock,
    entropy: SeededEntropy,
    transfers: LiveTransfers,
    caller: Caller,
    folder: TempDir,
}

impl Lab {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("db").display());
        let pool = folder.path().join("pool");
        Self {
            store: Database::open(&url).await.unwrap(),
            bytes: Arc::new(FileImageStore::new(&pool, FileOwner::process()).unwrap()),
            clock: ManualClock::default(),
            entropy: SeededEntropy::new(3),
            transfers: LiveTransfers::new(Arc::new(ManualClock::default())),
            caller: Caller {
                user: UserId::from("u"),
                user_name: "u".into(),
                user_domain: DomainId::from("default"),
                scope: Scope::Project {
                    id: ProjectId::from("one"),
                    domain: DomainId::from("default"),
                },
                roles: vec!["member".into(), "reader".into()],
                request: RequestId::from("req-1"),
            },
            folder,
        }
    }

    /// A queued raw image.
    async fn queued(&self) -> ImageId {
        self.queued_as(DiskFormat::Raw).await
    }

    async fn queued_as(&self, format: DiskFormat) -> ImageId {
        let id = ImageId(random_uuid(&self.entropy));
        let changes = vec![
            Change::DiskFormat(Some(format)),
            Change::ContainerFormat(Some(ContainerFormat::Bare)),
        ];
        create_image(&self.store, self.clock.now(), &self.caller, id, changes).await.unwrap();
        id
    }

    async fn row(&self, id: ImageId) -> Option<Image> {
        self.store.read().await.unwrap().images().find(id).await.unwrap()
    }

    async fn state(&self, id: ImageId) -> ImageState {
        self.row(id).await.unwrap().state
    }

    async fn recover(&self) -> Recovered {
        recover(&self.store, &*self.bytes, self.clock.now()).await.unwrap()
    }

    /// Files that hold image data, by their paths among the images.
    fn files(&self) -> Vec<String> {
        let images = self.folder.path().join("pool/images");
        let mut files = Vec::new();
        for folder in ["", ".incoming/", ".raw/"] {
            for entry in std::fs::read_dir(images.join(folder)).unwrap() {
                let entry = entry.unwrap();
                if entry.file_type().unwrap().is_file() {
                    files.push(format!("{folder}{}", entry.file_name().into_string().unwrap()));
                }
            }
        }
        files
    }

    /// The inode of a file among the images.
    fn inode(&self, name: &str) -> u64 {
        std::fs::metadata(self.folder.path().join("pool/images").join(name)).unwrap().ino()
    }
}

fn upload_of(image: ImageId) -> Upload {
    Upload { image, size: None, limits: UploadLimits::default(), body: body() }
}

/// Three pieces of a raw image.
fn body() -> UploadBody {
    let piece = || Ok(Chunk::from_static(&[7; 4096]));
    stream::iter([piece(), piece(), piece()]).boxed()
}

/// A qcow2 image whose disk has 1 MiB.
fn qcow2() -> Vec<u8> {
    let mut disk = vec![0; 1 << 20];
    disk[300_000..400_000].fill(5);
    qcow2_of(&disk)
}

/// An upload of these bytes to a cloud that wants raw bases.
fn raw_upload_of(image: ImageId, bytes: Vec<u8>) -> Upload {
    let limits = UploadLimits { force_raw_images: true, ..UploadLimits::default() };
    Upload { image, size: None, limits, body: stream::iter([Ok(Chunk::from(bytes))]).boxed() }
}
