//! What every image store must do.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a suite fails by panicking")]

use super::sample::qcow2_of;
use crate::image_store::{ImageStore, ImageStoreError, StoredBytes};
use bytes::Bytes as Chunk;
use futures_util::TryStreamExt;
use hatchery_model::id::ImageId;
use hatchery_model::image::{DiskFormat, ImageContent, ImageFormat};
use hatchery_model::units::Bytes;
use std::time::Duration;
use uuid::Uuid;

const CAP: Bytes = Bytes::from_gib(1);

/// Runs every case, each on a store of its own that is empty.
pub async fn run<S: ImageStore>(mut make: impl FnMut() -> S) {
    bytes_come_back_digested(&make()).await;
    nothing_is_there_before_it_is_published(&make()).await;
    every_call_may_be_repeated(&make()).await;
    letting_go_removes(&make()).await;
    too_much_is_refused(&make()).await;
    a_false_format_is_refused(&make()).await;
    parts_can_be_read(&make()).await;
    an_attempt_can_begin_again(&make()).await;
    uploads_do_not_mix(&make()).await;
    odd_names_lead_nowhere(&make()).await;
    a_raw_form_is_made_beside_its_image(&make()).await;
    a_raw_form_goes_with_its_image(&make()).await;
    what_cannot_be_raw_leaves_nothing(&make()).await;
    the_same_bytes_are_shared_and_harm_nobody(&make()).await;
    what_is_not_the_same_is_not_shared(&make()).await;
    raw_forms_are_shared_too(&make()).await;
}

fn image(number: u128) -> ImageId {
    ImageId(Uuid::from_u128(0x1000 + number))
}

/// Bytes that no format claims, of any length.
fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|i| (i * 7 + i / 251) as u8 | 1).collect()
}

async fn upload(
    store: &dyn ImageStore,
    image: ImageId,
    attempt: &str,
    bytes: &[u8],
) -> Result<ImageContent, ImageStoreError> {
    let format = if bytes.starts_with(b"QFI") { DiskFormat::Qcow2 } else { DiskFormat::Raw };
    let mut writer = store.begin(image, attempt, format, CAP).await?;
    for chunk in bytes.chunks(70_001) {
        writer.write(Chunk::copy_from_slice(chunk)).await?;
    }
    writer.finish().await
}

async fn read(store: &dyn ImageStore, image: ImageId, offset: u64, length: Option<u64>) -> Vec<u8> {
    let stream = store.read(image, offset, length).await.unwrap();
    let chunks: Vec<Chunk> = stream.try_collect().await.unwrap();
    chunks.concat()
}

/// Waits until no attempt is left: removal after a drop may be a moment late.
async fn no_attempt_is_left(store: &dyn ImageStore) {
    for _ in 0..1000 {
        if store.list().await.unwrap().1.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("attempts are left: {:?}", store.list().await.unwrap().1);
}

async fn bytes_come_back_digested(store: &dyn ImageStore) {
    let bytes = b"hatchery\n".repeat(5000);
    let content = upload(store, image(1), "a", &bytes).await.unwrap();
    store.publish(image(1), "a").await.unwrap();
    assert_eq!(content.size, Bytes(45_000));
    assert_eq!(content.md5, "13f586075da58e13635ca6bd16ba693e");
    assert_eq!(
        content.sha512,
        "31065cf69a58342763c2ef3b5fde6b4ed17e5df10f9543fb0a38468f88e19d5d\
         2b82a33e8823d44175951088ca949f82b1fa247b88259999e41f20754a3e8815"
    );
    assert_eq!(content.inspection.format, ImageFormat::Raw);
    assert_eq!(content.inspection.virtual_bytes, Bytes(45_000));
    assert_eq!(read(store, image(1), 0, None).await, bytes);

    // Zeroes may be stored in less room, and are zeroes again. A length that fits nothing.
    let mut bytes = vec![0; 5_000_003];
    bytes[2_500_000] = 1;
    upload(store, image(2), "b", &bytes).await.unwrap();
    store.publish(image(2), "b").await.unwrap();
    assert_eq!(read(store, image(2), 0, None).await, bytes);
}

async fn nothing_is_there_before_it_is_published(store: &dyn ImageStore) {
    let absent =
        |found: Result<_, _>| matches!(found, Err(ImageStoreError::NotFound(id)) if id == image(1));
    assert!(absent(store.read(image(1), 0, None).await.map(drop)));
    let mut writer = store.begin(image(1), "a", DiskFormat::Raw, CAP).await.unwrap();
    writer.write(Chunk::from(noise(1 << 20))).await.unwrap();
    assert!(absent(store.read(image(1), 0, None).await.map(drop)));
    writer.finish().await.unwrap();
    assert!(absent(store.read(image(1), 0, None).await.map(drop)));
    assert_eq!(store.list().await.unwrap(), (vec![], vec!["a".to_owned()]));
    store.publish(image(1), "a").await.unwrap();
    assert_eq!(store.list().await.unwrap(), (vec![image(1)], vec![]));
}

async fn every_call_may_be_repeated(store: &dyn ImageStore) {
    let absent = |found| matches!(found, Err(ImageStoreError::NotFound(id)) if id == image(1));
    assert!(absent(store.publish(image(1), "a").await));
    upload(store, image(1), "a", &noise(1000)).await.unwrap();
    for _ in 0..2 {
        store.publish(image(1), "a").await.unwrap();
    }
    assert_eq!(read(store, image(1), 0, None).await, noise(1000));
    for _ in 0..2 {
        store.delete(image(1)).await.unwrap();
    }
    assert!(absent(store.read(image(1), 0, None).await.map(drop)));
    assert!(absent(store.publish(image(1), "a").await));

    upload(store, image(1), "b", &noise(1000)).await.unwrap();
    for _ in 0..2 {
        store.discard("b").await.unwrap();
    }
    assert_eq!(store.list().await.unwrap(), (vec![], vec![]));
}

async fn letting_go_removes(store: &dyn ImageStore) {
    for length in [0, 1, 3 << 20] {
        let mut writer = store.begin(image(1), "a", DiskFormat::Raw, CAP).await.unwrap();
        writer.write(Chunk::from(noise(length))).await.unwrap();
        drop(writer);
        no_attempt_is_left(store).await;
    }
}

async fn too_much_is_refused(store: &dyn ImageStore) {
    let cap = Bytes::from_mib(2);
    let mut writer = store.begin(image(1), "a", DiskFormat::Raw, cap).await.unwrap();
    writer.write(Chunk::from(noise(2 << 20))).await.unwrap();
    let error = writer.write(Chunk::from_static(b"!")).await.unwrap_err();
    assert!(matches!(error, ImageStoreError::Exhausted(_)), "{error:?}");
    // Who goes on all the same gets no image.
    assert!(writer.finish().await.is_err());
    no_attempt_is_left(store).await;

    let mut writer = store.begin(image(1), "a", DiskFormat::Raw, cap).await.unwrap();
    writer.write(Chunk::from(noise(2 << 20))).await.unwrap();
    assert_eq!(writer.finish().await.unwrap().size, cap);
}

async fn a_false_format_is_refused(store: &dyn ImageStore) {
    for length in [0, 1000, 2 << 20] {
        let mut writer = store.begin(image(1), "a", DiskFormat::Qcow2, CAP).await.unwrap();
        // A long upload may be refused while it runs.
        let written = writer.write(Chunk::from(noise(length))).await;
        let error = match written {
            Ok(()) => writer.finish().await.unwrap_err(),
            Err(error) => error,
        };
        assert!(matches!(error, ImageStoreError::Invalid(_)), "{error:?}");
        no_attempt_is_left(store).await;
    }
}

async fn parts_can_be_read(store: &dyn ImageStore) {
    let bytes = noise(2_000_000);
    upload(store, image(1), "a", &bytes).await.unwrap();
    store.publish(image(1), "a").await.unwrap();
    for (offset, length, part) in [
        (0, Some(1), 0..1),
        (999_999, Some(700_000), 999_999..1_699_999),
        (1_999_999, None, 1_999_999..2_000_000),
        (1_999_999, Some(5), 1_999_999..2_000_000),
        (2_000_000, None, 0..0),
        (9_000_000, Some(1), 0..0),
        (5, Some(0), 0..0),
    ] {
        assert_eq!(read(store, image(1), offset, length).await, bytes[part]);
    }
}

async fn an_attempt_can_begin_again(store: &dyn ImageStore) {
    upload(store, image(1), "a", &noise(5000)).await.unwrap();
    upload(store, image(1), "a", &noise(3000)).await.unwrap();
    store.publish(image(1), "a").await.unwrap();
    assert_eq!(read(store, image(1), 0, None).await, noise(3000));
}

async fn uploads_do_not_mix(store: &dyn ImageStore) {
    let mut writers = Vec::new();
    for number in 0..8 {
        let writer = store
            .begin(image(number), &format!("up-{number}"), DiskFormat::Raw, CAP)
            .await
            .unwrap();
        writers.push(writer);
    }
    for _ in 0..20 {
        for (number, writer) in writers.iter_mut().enumerate() {
            let chunk = vec![number as u8 + 1; 100_000];
            writer.write(Chunk::from(chunk)).await.unwrap();
        }
    }
    for (number, writer) in writers.into_iter().enumerate() {
        writer.finish().await.unwrap();
        let id = image(number as u128);
        store.publish(id, &format!("up-{number}")).await.unwrap();
        let expected = vec![number as u8 + 1; 2_000_000];
        assert_eq!(read(store, id, 0, None).await, expected);
    }
    assert_eq!(store.list().await.unwrap().0.len(), 8);
}

async fn odd_names_lead_nowhere(store: &dyn ImageStore) {
    upload(store, image(1), "a", &noise(1000)).await.unwrap();
    store.publish(image(1), "a").await.unwrap();
    let invalid = |found| matches!(found, Err(ImageStoreError::Invalid(_)));
    for name in ["", ".", "..", "../../etc/passwd", "a/b", "/tmp/x", "a\0b", ".x"] {
        let begun = store.begin(image(2), name, DiskFormat::Raw, CAP).await;
        assert!(invalid(begun.map(drop)), "{name:?}");
        assert!(invalid(store.publish(image(2), name).await), "{name:?}");
        assert!(invalid(store.discard(name).await), "{name:?}");
    }
    // An attempt's name that is an image's id is still only an attempt's.
    let id = image(1).to_string();
    store.discard(&id).await.unwrap();
    upload(store, image(3), &id, &noise(10)).await.unwrap();
    store.discard(&id).await.unwrap();
    assert_eq!(read(store, image(1), 0, None).await, noise(1000));
}

/// A disk of 3 MiB with holes in it.
fn disk(byte: u8) -> Vec<u8> {
    let mut disk = vec![0; 3 << 20];
    disk[..100_000].fill(byte);
    disk[2 << 20..][..1 << 19].copy_from_slice(&noise(1 << 19));
    disk
}

async fn published(store: &dyn ImageStore, number: u128, bytes: &[u8]) -> ImageContent {
    let attempt = format!("of-{number}");
    let content = upload(store, image(number), &attempt, bytes).await.unwrap();
    store.publish(image(number), &attempt).await.unwrap();
    content
}

async fn a_raw_form_is_made_beside_its_image(store: &dyn ImageStore) {
    let (disk, id) = (disk(7), image(1));
    let uploaded = qcow2_of(&disk);
    published(store, 1, &uploaded).await;
    // Twice: a second try makes it anew.
    let first = store.make_raw(id, "r", CAP).await.unwrap();
    let raw = store.make_raw(id, "r", CAP).await.unwrap();
    assert_eq!((raw.size, &raw), (Bytes(3 << 20), &first));
    assert_eq!(store.list().await.unwrap(), (vec![id], vec!["r".to_owned()]));
    for _ in 0..2 {
        store.publish_raw(id, "r").await.unwrap();
    }
    assert_eq!(store.list().await.unwrap(), (vec![id], vec![]));
    // What was uploaded is what is read; the raw form has the disk's digest.
    assert_eq!(read(store, id, 0, None).await, uploaded);
    assert_eq!(published(store, 2, &disk).await.sha512, raw.sha512);
}

async fn a_raw_form_goes_with_its_image(store: &dyn ImageStore) {
    let id = image(1);
    let absent = |found| matches!(found, Err(ImageStoreError::NotFound(found)) if found == id);
    assert!(absent(store.make_raw(id, "r", CAP).await.map(drop)));
    published(store, 1, &qcow2_of(&disk(7))).await;
    assert!(absent(store.publish_raw(id, "r").await));
    store.make_raw(id, "r", CAP).await.unwrap();
    store.publish_raw(id, "r").await.unwrap();
    store.make_raw(id, "late", CAP).await.unwrap();
    for _ in 0..2 {
        store.delete(id).await.unwrap();
    }
    // Nothing of it stayed, and what was under way leads nowhere.
    assert!(absent(store.publish_raw(id, "late").await));
    store.discard("late").await.unwrap();
    assert_eq!(store.list().await.unwrap(), (vec![], vec![]));
    published(store, 1, &qcow2_of(&disk(7))).await;
    assert!(absent(store.publish_raw(id, "r").await));
}

async fn what_cannot_be_raw_leaves_nothing(store: &dyn ImageStore) {
    published(store, 1, &qcow2_of(&disk(7))).await;
    let error = store.make_raw(image(1), "r", Bytes((3 << 20) - 1)).await.unwrap_err();
    assert!(matches!(error, ImageStoreError::Exhausted(_)), "{error:?}");
    published(store, 2, &noise(1 << 20)).await;
    let error = store.make_raw(image(2), "r", CAP).await.unwrap_err();
    assert!(matches!(error, ImageStoreError::Invalid(_)), "{error:?}");
    assert_eq!(store.list().await.unwrap(), (vec![image(1), image(2)], vec![]));
}

async fn the_same_bytes_are_shared_and_harm_nobody(store: &dyn ImageStore) {
    let bytes = noise(1 << 20);
    let size = Bytes(1 << 20);
    published(store, 1, &bytes).await;
    for (number, twin) in [(2, 1), (3, 2)] {
        upload(store, image(number), "b", &bytes).await.unwrap();
        let (what, twin) = (StoredBytes::Image(image(number)), StoredBytes::Image(image(twin)));
        for _ in 0..2 {
            assert!(store.share(what, "b", twin, size).await.unwrap());
        }
        store.publish(image(number), "b").await.unwrap();
    }
    assert_eq!(store.list().await.unwrap(), (vec![image(1), image(2), image(3)], vec![]));
    for (gone, left) in [(1, vec![2, 3]), (3, vec![2])] {
        store.delete(image(gone)).await.unwrap();
        for number in left {
            assert_eq!(read(store, image(number), 0, None).await, bytes);
        }
    }
    store.delete(image(2)).await.unwrap();
    assert_eq!(store.list().await.unwrap(), (vec![], vec![]));
}

async fn what_is_not_the_same_is_not_shared(store: &dyn ImageStore) {
    published(store, 1, &noise(1 << 20)).await;
    let (what, twin) = (StoredBytes::Image(image(2)), StoredBytes::Image(image(1)));
    // Nothing has come in, or no longer: whoever deletes an image takes that away first.
    assert!(!store.share(what, "b", twin, Bytes(1 << 20)).await.unwrap());
    upload(store, image(2), "b", &noise(5000)).await.unwrap();
    for (twin, size) in [
        (twin, Bytes(5000)),
        (twin, Bytes(1 << 20)),
        (StoredBytes::Image(image(9)), Bytes(5000)),
        (StoredBytes::RawForm(image(1)), Bytes(5000)),
    ] {
        assert!(!store.share(what, "b", twin, size).await.unwrap());
    }
    assert_eq!(store.list().await.unwrap(), (vec![image(1)], vec!["b".to_owned()]));
    store.publish(image(2), "b").await.unwrap();
    assert_eq!(read(store, image(2), 0, None).await, noise(5000));
}

async fn raw_forms_are_shared_too(store: &dyn ImageStore) {
    let uploaded = qcow2_of(&disk(7));
    let size = Bytes(3 << 20);
    published(store, 1, &uploaded).await;
    store.make_raw(image(1), "r", CAP).await.unwrap();
    store.publish_raw(image(1), "r").await.unwrap();
    let (what, twin) = (StoredBytes::RawForm(image(2)), StoredBytes::RawForm(image(1)));
    let error = store.share(what, "s", twin, size).await.unwrap_err();
    assert!(matches!(error, ImageStoreError::NotFound(id) if id == image(2)), "{error:?}");
    published(store, 2, &uploaded).await;
    // Before anything was made, and in place of what was.
    assert!(store.share(what, "s", twin, size).await.unwrap());
    store.make_raw(image(2), "s", CAP).await.unwrap();
    assert!(store.share(what, "s", twin, size).await.unwrap());
    assert_eq!(store.list().await.unwrap(), (vec![image(1), image(2)], vec![]));
    store.delete(image(1)).await.unwrap();
    store.publish_raw(image(2), "s").await.unwrap();
    assert!(!store.share(StoredBytes::RawForm(image(2)), "s", twin, size).await.unwrap());
}
