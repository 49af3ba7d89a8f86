//! Images whose bytes an agent brings: cut off at each call, doubled, late, and unwanted.

use super::Lab;
use super::stopping_store::{Stop, Stopping};
use crate::image::arriving::{self, NewArriving};
use crate::image::recover::Recovered;
use crate::image::seal_image::SealImage;
use crate::image::upload_image::UploadLimits;
use crate::pool::BaseLinks;
use crate::volume::send::Writing;
use crate::workflow::{Step, Wake};
use bytes::Bytes as Chunk;
use hatchery_model::id::ImageId;
use hatchery_model::image::{DiskFormat, ImageContent, ImageState, Visibility};
use hatchery_model::task::{Task, Work};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use hatchery_ports::clock::Clock;
use hatchery_ports::image_store::ImageStore;
use hatchery_ports::store::Store;
use hatchery_testkit::{ManualClock, SeededEntropy};
use std::sync::Arc;

/// More calls than a step makes.
const MANY: usize = 6;

impl Lab {
    fn writing(&self) -> Writing<'_> {
        Writing { entropy: &self.entropy, now: self.clock.now(), request: &self.caller.request }
    }

    /// An image that waits for an agent.
    async fn expected(&self) -> (ImageId, String) {
        let new = NewArriving {
            name: "of a volume".into(),
            format: DiskFormat::Raw,
            visibility: Visibility::Private,
            protected: true,
            least: (0, 0),
            properties: Default::default(),
        };
        let mut uow = self.store.begin().await.unwrap();
        let made = arriving::begin(&mut *uow, self.writing(), &self.caller, new).await.unwrap();
        uow.commit().await.unwrap();
        (made.0.id, made.1)
    }

    /// What an agent does.
    async fn bring(&self, id: ImageId, upload: &str) -> ImageContent {
        let begun = self.bytes.begin(id, upload, DiskFormat::Raw, Bytes::from_gib(1)).await;
        let mut writer = begun.unwrap();
        writer.write(Chunk::from_static(&[9; 8192])).await.unwrap();
        writer.finish().await.unwrap()
    }

    async fn hear(&self, id: ImageId, upload: &str, content: &ImageContent) {
        let mut uow = self.store.begin().await.unwrap();
        arriving::arrived(&mut *uow, self.writing(), (id, upload), content).await.unwrap();
        uow.commit().await.unwrap();
    }

    async fn promised(&self) -> Vec<Task> {
        self.store.read().await.unwrap().tasks().list_due(Timestamp(i64::MAX), 9).await.unwrap()
    }

    fn sealer(&self, bytes: Arc<dyn ImageStore>) -> SealImage {
        SealImage {
            store: Arc::new(self.store.clone()),
            bytes,
            clock: Arc::new(ManualClock::default()),
            entropy: Arc::new(SeededEntropy::new(8)),
            tasks: Wake::default(),
            links: BaseLinks::default(),
            limits: UploadLimits::default(),
        }
    }
}

#[tokio::test]
async fn killed_anywhere_it_is_active_in_the_end() {
    let mut deaths = 0;
    for stop in [Stop::Before, Stop::After] {
        for at in 0..MANY {
            let lab = Lab::open().await;
            let (id, upload) = lab.expected().await;
            // A start in between takes nothing away.
            let content = lab.bring(id, &upload).await;
            assert_eq!(lab.recover().await, Recovered::default());
            lab.hear(id, &upload, &content).await;
            lab.hear(id, &upload, &content).await;
            let tasks = lab.promised().await;
            assert_eq!(
                tasks.iter().map(|task| &task.work).collect::<Vec<_>>(),
                [&Work::SealImage(id)]
            );
            let bytes = Arc::new(Stopping::at(lab.bytes.clone(), at, stop));
            let (steps, sealer) = (bytes.steps.clone(), lab.sealer(bytes));
            let is_dead = tokio::select! {
                biased;
                () = steps.reached.notified() => true,
                done = sealer.run(&tasks[0]) => { done.unwrap(); false }
            };
            deaths += usize::from(is_dead);
            assert_eq!(lab.recover().await, Recovered::default(), "{stop:?} {at}");
            lab.sealer(lab.bytes.clone()).run(&tasks[0]).await.unwrap();
            assert_eq!(lab.state(id).await, ImageState::Active(content), "{stop:?} {at}");
            assert_eq!(lab.files(), [id.to_string()], "{stop:?} {at}");
            assert_eq!(lab.promised().await, [], "{stop:?} {at}");
        }
    }
    assert_eq!(deaths, 2, "publish is its only call");
}

#[tokio::test]
async fn what_nobody_waits_for_is_not_kept() {
    let lab = Lab::open().await;
    let (id, upload) = lab.expected().await;
    let mut uow = lab.store.begin().await.unwrap();
    arriving::given_up(&mut *uow, lab.writing(), id).await.unwrap();
    arriving::given_up(&mut *uow, lab.writing(), id).await.unwrap();
    uow.commit().await.unwrap();
    assert_eq!(lab.state(id).await, ImageState::Deleting, "protected or not");
    // The agent did not hear of it.
    let content = lab.bring(id, &upload).await;
    lab.hear(id, &upload, &content).await;
    let discard = Work::DiscardUpload(id, upload.clone());
    let tasks = lab.promised().await;
    assert_eq!(tasks.len(), 2, "{tasks:?}");
    let task = tasks.into_iter().find(|task| task.work == discard).unwrap();
    lab.sealer(lab.bytes.clone()).run(&task).await.unwrap();
    assert_eq!(lab.files(), Vec::<String>::new());
    assert_eq!(lab.state(id).await, ImageState::Deleting);
}

#[tokio::test]
async fn bytes_that_are_lost_make_no_image() {
    let lab = Lab::open().await;
    let (id, upload) = lab.expected().await;
    let content = lab.bring(id, &upload).await;
    lab.bytes.discard(&upload).await.unwrap();
    lab.hear(id, &upload, &content).await;
    let tasks = lab.promised().await;
    lab.sealer(lab.bytes.clone()).run(&tasks[0]).await.unwrap();
    assert_eq!(lab.state(id).await, ImageState::Deleting);
    let left: Vec<_> = lab.promised().await.into_iter().map(|task| task.work).collect();
    assert_eq!(left, [Work::DeleteImage(id)]);
}
