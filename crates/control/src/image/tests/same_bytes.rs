//! Images with the same bytes share one file, whoever owns them, and none is harmed when another goes.

use super::stopping_store::{Stop, Stopping};
use super::{Lab, qcow2, raw_upload_of, upload_of};
use crate::image::delete_image::delete_image;
use crate::image::finish_delete::{DeleteGround, finish_delete};
use crate::image::recover::Recovered;
use crate::image::set_active::set_active;
use crate::image::upload_image::{Upload, UploadRefusal, upload_image};
use crate::pool::BaseLinks;
use futures_util::TryStreamExt;
use hatchery_model::caller::Scope;
use hatchery_model::id::{DomainId, ImageId, ProjectId};
use hatchery_model::image::{DiskFormat, Image, ImageContent, ImageState};
use hatchery_ports::clock::Clock;
use hatchery_ports::image_store::ImageStore;

async fn upload(lab: &Lab, bytes: &dyn ImageStore, what: Upload) -> Result<(), UploadRefusal> {
    let (clock, entropy) = (&lab.clock, &lab.entropy);
    upload_image(&lab.store, bytes, clock, entropy, &lab.transfers, &lab.caller, what).await
}

async fn read(lab: &Lab, id: ImageId) -> Vec<u8> {
    let stream = lab.bytes.read(id, 0, None).await.unwrap();
    let chunks: Vec<bytes::Bytes> = stream.try_collect().await.unwrap();
    chunks.concat()
}

async fn delete(lab: &Lab, id: ImageId) {
    let (entropy, now) = (&lab.entropy, lab.clock.now());
    delete_image(&lab.store, entropy, now, &lab.caller, id).await.unwrap();
    let request = &lab.caller.request;
    let (store, bytes) = (&lab.store, &*lab.bytes);
    let links = BaseLinks::default();
    let ground = DeleteGround { store, bytes, entropy, links: &links };
    finish_delete(ground, now, id, request).await.unwrap();
}

/// What a user sees of an image, but for what every image has of its own.
fn shown(image: Image) -> (Option<ImageContent>, Image) {
    let content = image.content().cloned();
    let image = Image { id: ImageId(uuid::Uuid::nil()), owner: ProjectId::from("-"), ..image };
    (content, image)
}

#[tokio::test]
async fn two_projects_share_one_file_and_cannot_tell() {
    let mut lab = Lab::open().await;
    let first = lab.queued().await;
    upload(&lab, &*lab.bytes, upload_of(first)).await.unwrap();
    lab.caller.scope =
        Scope::Project { id: ProjectId::from("two"), domain: DomainId::from("default") };
    let second = lab.queued().await;
    upload(&lab, &*lab.bytes, upload_of(second)).await.unwrap();
    assert_eq!(lab.inode(&first.to_string()), lab.inode(&second.to_string()));
    assert_eq!(lab.files().len(), 2);
    let rows = (lab.row(first).await.unwrap(), lab.row(second).await.unwrap());
    assert_eq!(shown(rows.0), shown(rows.1));

    let bytes = read(&lab, first).await;
    delete(&lab, second).await;
    assert_eq!(read(&lab, first).await, bytes);
    assert_eq!(lab.files(), [first.to_string()]);
}

#[tokio::test]
async fn one_that_is_closed_is_shared_and_one_that_only_looks_alike_is_not() {
    let lab = Lab::open().await;
    let first = lab.queued().await;
    upload(&lab, &*lab.bytes, upload_of(first)).await.unwrap();
    let mut admin = lab.caller.clone();
    admin.roles.push("admin".into());
    set_active(&lab.store, lab.clock.now(), &admin, first, false).await.unwrap();
    let other = lab.queued().await;
    let length = read(&lab, first).await.len();
    upload(&lab, &*lab.bytes, raw_upload_of(other, vec![8; length])).await.unwrap();
    let second = lab.queued().await;
    upload(&lab, &*lab.bytes, upload_of(second)).await.unwrap();
    let inode = |id: ImageId| lab.inode(&id.to_string());
    assert_eq!(inode(first), inode(second));
    assert_ne!(inode(first), inode(other));
}

#[tokio::test]
async fn raw_forms_are_shared_by_image_and_by_content() {
    let lab = Lab::open().await;
    let (one, two) =
        (lab.queued_as(DiskFormat::Qcow2).await, lab.queued_as(DiskFormat::Qcow2).await);
    upload(&lab, &*lab.bytes, raw_upload_of(one, qcow2())).await.unwrap();
    // The very same image: its raw form is not even made.
    upload(&lab, &*lab.bytes, raw_upload_of(two, qcow2())).await.unwrap();
    // Another image of the same disk, and the disk itself.
    let mut longer = qcow2();
    longer.extend([0; 65536]);
    let three = lab.queued_as(DiskFormat::Qcow2).await;
    upload(&lab, &*lab.bytes, raw_upload_of(three, longer)).await.unwrap();
    let raw = |id: ImageId| lab.inode(&format!(".raw/{id}"));
    let own = |id: ImageId| lab.inode(&id.to_string());
    assert_eq!((raw(one), own(one)), (raw(two), own(two)));
    assert_eq!(raw(one), raw(three));
    assert_ne!(own(one), own(three));
    delete(&lab, one).await;
    delete(&lab, three).await;
    assert_eq!(lab.files(), [two.to_string(), format!(".raw/{two}")]);
    assert_eq!(read(&lab, two).await, qcow2());
}

#[tokio::test]
async fn killed_anywhere_the_first_is_whole_and_the_second_is_or_is_not() {
    let mut deaths = 0;
    for stop in [Stop::Before, Stop::After] {
        for at in 0..10 {
            let lab = Lab::open().await;
            let (first, second) = (lab.queued().await, lab.queued().await);
            upload(&lab, &*lab.bytes, upload_of(first)).await.unwrap();
            let whole = read(&lab, first).await;
            let bytes = Stopping::at(lab.bytes.clone(), at, stop);
            let steps = bytes.steps.clone();
            deaths += tokio::select! {
                biased;
                () = steps.reached.notified() => 1,
                done = upload(&lab, &bytes, upload_of(second)) => {
                    done.unwrap();
                    0
                }
            };
            lab.recover().await;
            assert_eq!(read(&lab, first).await, whole, "{stop:?} {at}");
            match lab.state(second).await {
                ImageState::Queued => assert_eq!(lab.files().len(), 1, "{stop:?} {at}"),
                ImageState::Active(_) => assert_eq!(read(&lab, second).await, whole),
                other => panic!("{stop:?} {at}: {other:?}"),
            }
            assert_eq!(lab.recover().await, Recovered::default(), "{stop:?} {at}");
        }
    }
    // Begin, three writes, finish, share.
    assert_eq!(deaths, 2 * 6);
}
