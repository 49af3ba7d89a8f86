//! An upload takes a few MiB of memory, however long it is. Alone in its process, so that nobody else's memory counts.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests fail by panicking")]

use bytes::Bytes as Chunk;
use hatchery_model::id::ImageId;
use hatchery_model::image::DiskFormat;
use hatchery_model::units::Bytes;
use hatchery_ports::image_store::ImageStore;
use hatchery_storage::{FileImageStore, FileOwner};
use uuid::Uuid;

/// The most memory that this process ever had, in KiB.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let digits = line.unwrap().chars().filter(char::is_ascii_digit);
    digits.collect::<String>().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_takes_a_few_mib() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileImageStore::new(folder.path(), FileOwner::process()).unwrap();
    let cap = Bytes::from_gib(8);
    let mut peaks = Vec::new();
    for (number, mib) in [(1u128, 16), (2, 192)] {
        let image = ImageId(Uuid::from_u128(number));
        let begun = store.begin(image, "up", DiskFormat::Raw, cap).await;
        let mut writer = begun.unwrap();
        let chunk = Chunk::from(vec![7; 1 << 20]);
        for _ in 0..mib {
            writer.write(chunk.clone()).await.unwrap();
        }
        assert_eq!(writer.finish().await.unwrap().size, Bytes::from_mib(mib));
        peaks.push(peak_kib());
    }
    let grown = peaks[1] - peaks[0];
    assert!(grown < 8 << 10, "192 MiB took {grown} KiB more than 16 MiB did");
}
