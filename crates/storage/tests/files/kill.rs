//! A process that works on a pool is killed at any moment: what it leaves is whole, or litter that the sweep finds.

use crate::fixture::{House, image, listed, noise};
use hatchery_model::id::{DiskId, ImageId};
use hatchery_model::image::ImageFormat;
use hatchery_ports::disk_backend::DiskBackend;
use hatchery_ports::image_store::ImageStore;
use hatchery_storage::FileOwner;
use hatchery_storage::qcow2::read_overlay;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const FOLDER: &str = "HATCHERY_TEST_KILLED_IN";
const IMAGES: u128 = 3;
const KILLS: u64 = 60;
/// What the child says after each thing that it did.
const STEP: &str = "a step is done";

/// The bytes that an image has whenever it is there.
fn bytes_of(id: ImageId) -> Vec<u8> {
    noise(600_000 + (id.0.as_u128() as usize) * 70_000)
}

/// Not a test by itself: the process that is killed. Makes and removes the same few images and disks for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn child() {
    let Ok(folder) = std::env::var(FOLDER) else {
        return;
    };
    let house = House::at(Path::new(&folder), FileOwner::process());
    let work = (1..=IMAGES).map(|number| churn(&house, image(number)));
    futures_util::future::join_all(work).await;
}

async fn churn(house: &House, id: ImageId) {
    let disks: Vec<DiskId> = (0..3).map(|number| DiskId(format!("{id}-{number}"))).collect();
    loop {
        // First what a killed one may have left.
        for disk in &disks {
            house.disks.remove(disk).await.unwrap();
            println!("{STEP}");
        }
        house.store.delete(id).await.unwrap();
        println!("{STEP}");
        assert!(house.disks.release_base(id, &[]).await.unwrap());
        let attempt = format!("up-{id}");
        let content = house.upload_as(id, &attempt, &bytes_of(id)).await;
        let content = content.unwrap();
        println!("{STEP}");
        for disk in &disks {
            let root = house.planned(id, &content, &disk.0).await;
            house.disks.create(&root).await.unwrap();
            println!("{STEP}");
        }
    }
}

#[tokio::test]
async fn a_process_that_is_killed_at_any_moment_leaves_nothing_half_made() {
    let folder = tempfile::tempdir().unwrap();
    for kill in 0..KILLS {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::child", "--exact", "--nocapture"])
            .env(FOLDER, folder.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut steps = 0;
        // Another step each time, and another moment within the next.
        while steps <= kill % 19 {
            let line = lines.next().unwrap_or_else(|| panic!("the child has ended by itself"));
            steps += u64::from(line.unwrap() == STEP);
        }
        for _ in 0..kill * 7919 % 200_000 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        what_is_left_is_whole(&House::at(folder.path(), FileOwner::process()), kill).await;
    }
    nothing_is_left_after_a_sweep(&House::at(folder.path(), FileOwner::process())).await;
}

async fn what_is_left_is_whole(house: &House, kill: u64) {
    let (images, _) = house.store.list().await.unwrap();
    for id in images {
        let found = std::fs::read(house.image(id)).unwrap();
        assert!(found == bytes_of(id), "kill {kill}: an image is not whole");
    }
    for disk in disks(house) {
        let Some(overlay) = read_overlay(&disk).unwrap() else {
            continue;
        };
        assert_eq!(overlay.backing_format, ImageFormat::Raw);
        let base = std::fs::read(&overlay.backing).unwrap();
        let is_whole = (1..=IMAGES).any(|number| base == bytes_of(image(number)));
        assert!(is_whole, "kill {kill}: a base is not whole");
        let id = disk.parent().unwrap().file_name().unwrap().to_str().unwrap();
        assert!(house.disks.find(&DiskId(id.into())).await.unwrap().is_some());
    }
}

/// Where disks are or were.
fn disks(house: &House) -> Vec<PathBuf> {
    let folders = listed(&house.instances).into_iter().filter(|name| name != "_base");
    folders.map(|name| house.instances.join(name).join("disk")).collect()
}

/// What start-up does: by what the plugs list, and nothing else.
async fn nothing_is_left_after_a_sweep(house: &House) {
    let (images, attempts) = house.store.list().await.unwrap();
    for attempt in attempts {
        house.store.discard(&attempt).await.unwrap();
    }
    for id in images {
        house.store.delete(id).await.unwrap();
    }
    for disk in disks(house) {
        let folder = disk.parent().unwrap();
        let id = folder.file_name().unwrap().to_str().unwrap();
        house.disks.remove(&DiskId(id.into())).await.unwrap();
        assert_eq!(listed(folder), Vec::<String>::new());
    }
    for id in house.disks.list_bases().await.unwrap() {
        assert!(house.disks.release_base(id, &[]).await.unwrap());
    }
    house.keep_nothing().await;
    assert_eq!(house.names(), Vec::<String>::new());
    assert_eq!(listed(&house.pool.join("images/.incoming")), Vec::<String>::new());
    assert_eq!(listed(&house.pool.join("images/.raw")), Vec::<String>::new());
    // Trials that were cut off go with the first trial an hour later.
    let images = listed(&house.pool.join("images"));
    assert!(
        images
            .iter()
            .all(|name| [".incoming", ".raw"].contains(&name.as_str())
                || name.starts_with(".trial-")),
        "{images:?}"
    );
}
