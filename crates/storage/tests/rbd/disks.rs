//! Disks of guests in Ceph: what they are made of, and what is left of them in the pools.

use crate::contract::{images, new_pool};
use crate::fixture::{cinder, cinder_at, on, process, settings, until};
use bytes::Bytes as Chunk;
use hatchery_model::compute::RootDisk;
use hatchery_model::id::{DiskId, ImageId};
use hatchery_model::image::DiskFormat;
use hatchery_model::provision::{
    Backing, CephAbilities, ImageFacts, Plan, PlanStep, Rung, TargetFacts, plan,
};
use hatchery_model::units::Bytes;
use hatchery_ports::contract::disk_backend::{Plugs, run_without_bases};
use hatchery_ports::disk_backend::{DiskBackend, DiskError};
use hatchery_ports::image_store::ImageStore;
use hatchery_storage::rbd::{CephError, CephSettings};
use hatchery_storage::{
    FileImageStore, FileOwner, RbdDiskBackend, RbdDiskSettings, RbdImageSource, RbdImageStore,
    RbdImageStoreSettings,
};
use hatchery_testkit::CephCluster;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::Duration;
use uuid::Uuid;

const CONF: &str = "HATCHERY_TEST_DISKS_KILLED_WITH";
const STEP: &str = "a step is done";
const KILLS: u64 = 14;
const SIZE: Bytes = Bytes::from_mib(64);

fn disks(ceph: CephSettings, pool: &str, images: RbdImageSource) -> RbdDiskBackend {
    RbdDiskBackend::new(RbdDiskSettings { ceph, pool: pool.to_owned(), images })
}

fn in_pool(pool: &str) -> RbdImageSource {
    RbdImageSource { pool: Some(pool.to_owned()), files: None }
}

#[tokio::test(flavor = "multi_thread")]
async fn disks_and_images_in_ceph() {
    let Some(ceph) = CephCluster::shared("disks_and_images_in_ceph") else { return };
    let mut pools = 0..;
    run_without_bases(|| {
        let number = pools.next().unwrap();
        let pool = new_pool(ceph, &format!("disk-images-{number}"));
        let vms = new_pool(ceph, &format!("disks-{number}"));
        let disks = disks(settings(ceph, "admin"), &vms, in_pool(&pool));
        Plugs { store: images(ceph, pool), disks }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn disks_in_ceph_and_images_in_files() {
    let Some(ceph) = CephCluster::shared("disks_in_ceph_and_images_in_files") else { return };
    let mut folders = Vec::new();
    run_without_bases(|| {
        let folder = tempfile::tempdir().unwrap();
        let store = FileImageStore::new(folder.path(), FileOwner::process()).unwrap();
        let vms = new_pool(ceph, &format!("file-disks-{}", folders.len()));
        let images = RbdImageSource { files: Some(folder.path().to_owned()), pool: None };
        folders.push(folder);
        Plugs { store, disks: disks(settings(ceph, "admin"), &vms, images) }
    })
    .await;
}

/// An image of 8 MiB, the first of which holds sevens, in the pool of images.
async fn image(store: &RbdImageStore, number: u128) -> (ImageId, String, ImageFacts) {
    let id = ImageId(Uuid::from_u128(number));
    let mut writer = store.begin(id, "a", DiskFormat::Raw, SIZE).await.unwrap();
    for byte in [7, 0, 0, 0, 0, 0, 0, 0] {
        writer.write(Chunk::from(vec![byte; 1 << 20])).await.unwrap();
    }
    let content = writer.finish().await.unwrap();
    store.publish(id, "a").await.unwrap();
    let facts = ImageFacts {
        format: content.inspection.format,
        size: content.size,
        virtual_size: content.inspection.virtual_bytes,
        location: content.location,
    };
    (id, content.sha512, facts)
}

fn root(image: &(ImageId, String, ImageFacts), disk: &str, plan: Plan) -> RootDisk {
    RootDisk {
        disk: DiskId(disk.to_owned()),
        image: image.0,
        image_sha512: image.1.clone(),
        raw: None,
        inspector_version: Some(1),
        size: SIZE,
        plan,
    }
}

fn copied(image: &(ImageId, String, ImageFacts), disk: &str) -> RootDisk {
    let (rung, steps) = (Rung::DownloadAndConvert, vec![PlanStep::CopyImage]);
    root(image, disk, Plan { rung, steps, copies: image.2.size, refused: Vec::new() })
}

fn cloned(image: &(ImageId, String, ImageFacts), disk: &str, fsid: &str) -> RootDisk {
    let room = Bytes::from_gib(1);
    let cluster = Ok(fsid.to_owned());
    let pool = CephAbilities { pool: "vms".into(), cluster, total: room, free: room };
    let target = TargetFacts { backing: Backing::Ceph(pool), force_raw: false };
    root(image, disk, plan(&image.2, &target, None, SIZE).unwrap())
}

fn glance(ceph: &CephCluster) -> RbdImageStore {
    RbdImageStore::new(RbdImageStoreSettings {
        ceph: settings(ceph, "glance"),
        pool: "images".to_owned(),
        object_order: 23,
        conversion_folder: ceph.path("conversion"),
    })
}

/// Under the users of a real cloud: the clone shares every byte, is as large as the flavor's, outlives its image, and no disk leaves anything.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_is_a_clone_of_its_image_or_a_copy() {
    let Some(ceph) = CephCluster::start("a_disk_is_a_clone_of_its_image_or_a_copy") else { return };
    let (store, vms) = (glance(&ceph), disks(settings(&ceph, "cinder"), "vms", in_pool("images")));
    let image = image(&store, 1).await;
    let abilities = until("the pool's room", async || {
        let Backing::Ceph(found) = vms.abilities().await.unwrap().backing else { panic!() };
        (found.free > Bytes(0)).then_some(found)
    })
    .await;
    assert_eq!((abilities.pool.as_str(), abilities.cluster), ("vms", Ok(ceph.fsid())));
    assert!(abilities.total >= abilities.free);

    let (clone, copy) = (cloned(&image, "one", &ceph.fsid()), copied(&image, "two"));
    for (root, bytes) in [(&clone, Bytes(0)), (&copy, Bytes::from_mib(1))] {
        let made = vms.create(root).await.unwrap();
        assert_eq!((made.rung, made.bytes_copied), (root.plan.rung, bytes));
        assert_eq!(vms.create(root).await.unwrap(), made);
        assert_eq!(vms.find(&root.disk).await.unwrap(), Some(made.source));
    }
    let shown = ceph.rbd(&["info", "vms/one_disk"]);
    assert!(shown.contains(&format!("parent: images/{}@snap", image.0)), "{shown}");
    assert!(shown.contains("size 64 MiB"), "{shown}");
    assert!(!ceph.rbd(&["info", "vms/two_disk"]).contains("parent"));
    // Each in the other's place is another disk.
    for root in [cloned(&image, "two", &ceph.fsid()), copied(&image, "one")] {
        let is_same = root.plan.rung == Rung::CloneInPlace;
        let made = vms.create(&root).await;
        assert!(is_same || matches!(made, Err(DiskError::Conflict(_))), "{made:?}");
    }
    store.delete(image.0).await.unwrap();
    assert!(matches!(vms.create(&copied(&image, "three")).await, Err(DiskError::NotFound(_))));
    let client = cinder(&ceph);
    for name in ["one_disk", "two_disk"] {
        let first = on(&client, move |ceph| {
            let mut bytes = [0; 2];
            ceph.pool("vms")?.open_to_read(name, None)?.read((1 << 20) - 1, &mut bytes)?;
            Ok(bytes)
        });
        assert_eq!(first.await.unwrap(), [7, 0], "{name}");
    }
    ceph.rbd(&["snap", "create", "vms/one_disk@by-hand"]);
    for root in [&clone, &copy, &clone] {
        vms.remove(&root.disk).await.unwrap();
        assert_eq!(vms.find(&root.disk).await.unwrap(), None);
    }
    assert_eq!(left(&ceph).await, Vec::<String>::new());
}

/// What somebody has open is not removed under him.
#[tokio::test(flavor = "multi_thread")]
async fn a_disk_in_use_stays() {
    let Some(ceph) = CephCluster::shared("a_disk_in_use_stays") else { return };
    let vms = disks(settings(ceph, "admin"), &new_pool(ceph, "used"), in_pool("images"));
    ceph.rbd(&["create", "used/one_disk", "--size", "1M"]);
    let (taken, free) = (tokio::sync::oneshot::channel(), std::sync::mpsc::channel::<()>());
    let client = cinder_beside(ceph);
    let held = tokio::spawn(async move {
        on(&client, move |ceph| {
            let open = ceph.pool("used")?.open("one_disk")?;
            taken.0.send(()).unwrap();
            free.1.recv().unwrap();
            open.close()
        })
        .await
    });
    taken.1.await.unwrap();
    let one = DiskId("one".to_owned());
    let error = vms.remove(&one).await.unwrap_err();
    assert!(matches!(&error, DiskError::Conflict(text) if text.contains("in use by")), "{error:?}");
    free.0.send(()).unwrap();
    held.await.unwrap().unwrap();
    vms.remove(&one).await.unwrap();
}

/// Another connection than the backend's.
fn cinder_beside(ceph: &CephCluster) -> hatchery_storage::rbd::CephClient {
    let beside = std::time::Duration::from_secs(11);
    let settings = CephSettings { connect_timeout: beside, ..settings(ceph, "admin") };
    hatchery_storage::rbd::CephClient::of(settings)
}

/// A cluster that is away is told of at once, and the last room with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_is_away_keeps_no_report_waiting() {
    let Some(ceph) = CephCluster::start("a_cluster_that_is_away_keeps_no_report_waiting") else {
        return;
    };
    let conf = ceph.path("away.conf");
    let text = std::fs::read_to_string(ceph.conf()).unwrap();
    let text = text.lines().map(|line| match line.split_once('=') {
        Some((name, _)) if name.trim() == "mon host" => "mon host = v2:127.0.0.1:1\n".to_owned(),
        _ => format!("{line}\n"),
    });
    std::fs::write(&conf, text.collect::<String>()).unwrap();
    let away = cinder_at(conf);
    let vms = disks(away, "vms", in_pool("images"));
    let began = tokio::time::Instant::now();
    let Backing::Ceph(found) = vms.abilities().await.unwrap().backing else { panic!() };
    assert!(began.elapsed().as_secs() < 9, "{:?}", began.elapsed());
    assert_eq!(found.free, Bytes(0));
    let why = found.cluster.unwrap_err();
    assert!(why.contains("not answered within 3 s"), "{why}");
}

/// All that is in the pool of disks: images, trash, notes.
async fn left(ceph: &CephCluster) -> Vec<String> {
    let client = cinder(ceph);
    let left = on(&client, |ceph| {
        let pool = ceph.pool("vms")?;
        let mut left: Vec<String> = pool.list()?.into_iter().map(|one| one.name).collect();
        left.extend(pool.trash()?.into_iter().map(|one| format!("trash {}", one.name)));
        left.extend(pool.notes("hatchery.")?.into_iter().map(|(key, _)| key));
        Ok::<_, CephError>(left)
    });
    left.await.unwrap()
}

/// Again while the lock of a killed client stands in the way.
async fn done(mut call: impl AsyncFnMut() -> Result<(), DiskError>) {
    until("an end of the killed one's lock", async || match call().await {
        Err(DiskError::Conflict(_)) => None,
        done => {
            done.unwrap();
            Some(())
        }
    })
    .await;
    println!("{STEP}");
}

async fn make_all(vms: &RbdDiskBackend, image: &(ImageId, String, ImageFacts), fsid: &str) {
    for root in [cloned(image, "one", fsid), copied(image, "two"), cloned(image, "three", fsid)] {
        done(async || vms.create(&root).await.map(drop)).await;
    }
}

async fn remove_all(vms: &RbdDiskBackend) {
    for name in ["two", "one", "three"] {
        done(async || vms.remove(&DiskId(name.to_owned())).await).await;
    }
}

/// Not a test by itself: the process that is killed.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(text) = std::env::var(CONF) else { return };
    let [conf, fsid, image] = text.split('\n').collect::<Vec<_>>()[..] else { panic!("{text}") };
    let vms = disks(cinder_at(conf), "vms", in_pool("images"));
    let image = serde_json::from_str(image).unwrap();
    loop {
        make_all(&vms, &image, fsid).await;
        remove_all(&vms).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_at_any_moment_leaves_no_half_made_disk() {
    let test = "a_process_that_is_killed_at_any_moment_leaves_no_half_made_disk";
    let Some(ceph) = CephCluster::start(test) else { return };
    // Else a killed client keeps others waiting for 30 seconds.
    ceph.ceph(&["tell", "osd.0", "config", "set", "osd_client_watch_timeout", "3"]);
    // What still goes on when the cluster ends with the test is given up after three of these.
    let answer_timeout = Duration::from_secs(15);
    let settings = || CephSettings { answer_timeout, ..settings(&ceph, "cinder") };
    let vms = disks(settings(), "vms", in_pool("images"));
    let (client, image) = (cinder(&ceph), image(&glance(&ceph), 1).await);
    let told = serde_json::to_string(&image).unwrap();
    let told = [ceph.conf().to_str().unwrap(), &ceph.fsid(), &told].join("\n");
    for kill in 0..KILLS {
        let mut child = process("disks::child", CONF, &told);
        let mut child = child.stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut steps = 0;
        // Another step each time, and another moment within the next.
        while steps < kill * 5 % 7 {
            let line = lines.next().unwrap_or_else(|| panic!("the child has ended by itself"));
            steps += u64::from(line.unwrap() == STEP);
        }
        for _ in 0..kill * 7919 % 20_000_000 * 97 {
            std::hint::spin_loop();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        if kill % 2 == 0 {
            make_all(&vms, &image, &ceph.fsid()).await;
            for name in ["one_disk", "two_disk", "three_disk"] {
                let found = on(&client, move |ceph| {
                    let open = ceph.pool("vms")?.open_to_read(name, None)?;
                    let mut first = [0];
                    open.read(0, &mut first)?;
                    Ok((first[0], open.size()?))
                });
                assert_eq!(found.await.unwrap(), (7, SIZE.0), "{name}, kill {kill}");
            }
        }
        remove_all(&vms).await;
        until("an empty pool", async || {
            // As an agent does when it starts: what the killed one still had open goes at a later look.
            let again = disks(settings(), "vms", in_pool("images"));
            let _ = again.abilities().await;
            left(&ceph).await.is_empty().then_some(())
        })
        .await;
    }
}
