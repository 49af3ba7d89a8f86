//! Whatever a crash has left, the next call gives the same result, and nothing of the crash remains.

use crate::fixture::{House, by, image, listed, noise, root, stat};
use hatchery_model::id::DiskId;
use hatchery_model::provision::{PlanStep, Rung};
use hatchery_ports::disk_backend::DiskBackend;
use hatchery_ports::image_store::ImageStore;
use hatchery_storage::{FileDiskBackend, FileOwner, base_name};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// Everything that a crash can leave of a create, in the order in which it is made.
fn leftovers(house: &House) -> Vec<(&'static str, Vec<Leftover>)> {
    let id = image(1);
    let name = base_name(id);
    let (cache, bases) = (house.pool.join("imagecache"), house.instances.join("_base"));
    let folder = house.instances.join("server");
    let link = |name: PathBuf| Leftover::Link(name);
    let junk = |name: PathBuf| Leftover::Junk(name);
    vec![
        ("nothing", vec![]),
        ("the cache's temporary link", vec![link(cache.join(format!(".link-{name}")))]),
        ("the cache's link, of an older version", vec![link(house.cached(id))]),
        (
            "a torn new record",
            vec![link(house.cached(id)), junk(bases.join(format!("{name}.json-new")))],
        ),
        ("a torn record", vec![link(house.cached(id)), junk(house.record(id))]),
        (
            "the base's temporary link",
            vec![link(house.cached(id)), link(bases.join(format!(".link-{name}")))],
        ),
        (
            "both names of the base",
            vec![link(house.base(id)), link(bases.join(format!(".link-{name}")))],
        ),
        ("a base without a record", vec![link(house.cached(id)), link(house.base(id))]),
        ("a copy that was cut off", vec![junk(bases.join(format!(".new-{name}")))]),
        ("an overlay that was cut off", vec![link(house.base(id)), junk(folder.join("disk.new"))]),
        (
            "another file's link",
            vec![
                junk(cache.join(format!(".link-{name}"))),
                junk(bases.join(format!(".link-{name}"))),
            ],
        ),
    ]
}

enum Leftover {
    /// A link to the image.
    Link(PathBuf),
    /// A file of other bytes.
    Junk(PathBuf),
}

#[tokio::test]
async fn a_create_is_repeated_from_everywhere() {
    let bytes = noise(300_000);
    for (rung, step, links) in
        [(Rung::HardLink, PlanStep::LinkBase, 3), (Rung::DownloadAndConvert, PlanStep::CopyBase, 1)]
    {
        for index in 0..leftovers(&House::new(FileOwner::process())).len() {
            let house = House::new(FileOwner::process());
            let content = house.upload(image(1), &bytes).await.unwrap();
            let (name, left) = leftovers(&house).swap_remove(index);
            fs::create_dir(house.instances.join("server")).unwrap();
            for leftover in left {
                match leftover {
                    Leftover::Link(path) => fs::hard_link(house.image(image(1)), path).unwrap(),
                    Leftover::Junk(path) => fs::write(path, b"left by a crash").unwrap(),
                }
            }
            let root = root(image(1), &content, "server", by(rung, step.clone()));
            let made = house.disks.create(&root).await;
            let made = made.unwrap_or_else(|error| panic!("{rung}, after {name}: {error}"));
            assert_eq!(house.disks.create(&root).await.unwrap(), made, "{rung}, after {name}");
            assert_eq!(fs::read(house.base(image(1))).unwrap(), bytes);
            assert_eq!(listed(&house.instances.join("server")), ["disk"]);
            if links == 3 {
                assert_eq!(stat(&house.image(image(1))).nlink(), 3, "after {name}");
                let litter: Vec<String> =
                    house.names().into_iter().filter(|name| name.starts_with('.')).collect();
                // A copy's leftover belongs to the next copy, or to the release.
                assert!(litter.iter().all(|name| name.starts_with(".new-")), "{litter:?}");
            }

            house.disks.remove(&root.disk).await.unwrap();
            house.store.delete(image(1)).await.unwrap();
            assert!(house.disks.release_base(image(1), &[]).await.unwrap());
            house.keep_nothing().await;
            assert_eq!(house.names(), Vec::<String>::new(), "{rung}, after {name}");
            assert_eq!(listed(&house.instances.join("server")), Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn a_restart_sweeps_what_nobody_will_make_again() {
    let house = House::new(FileOwner::process());
    let content = house.upload(image(1), &noise(1000)).await.unwrap();
    let root = house.planned(image(1), &content, "server").await;
    let made = house.disks.create(&root).await.unwrap();
    let bases = house.instances.join("_base");
    let names = house.names();
    let other = base_name(image(2));
    for litter in [
        format!(".new-{other}"),
        format!(".link-{other}"),
        format!("{other}.json-new"),
        ".trial-1-0".to_owned(),
    ] {
        fs::write(bases.join(litter), b"left by a crash").unwrap();
    }
    // A second user of the same bases leaves alone what the first may be making.
    let open = || FileDiskBackend::new(&house.pool, &house.instances, FileOwner::process(), false);
    drop(open().unwrap());
    assert_eq!(house.names().len(), names.len() + 4);
    drop(house.disks);
    let disks = open().unwrap();
    assert_eq!(listed(&bases).len() + listed(&house.pool.join("imagecache")).len(), names.len());
    assert_eq!(disks.create(&root).await.unwrap(), made);
}

#[tokio::test]
async fn a_remove_takes_what_a_create_was_cut_off_at() {
    let house = House::new(FileOwner::process());
    let folder = house.instances.join("server");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("disk.new"), b"torn").unwrap();
    fs::write(folder.join("definition.json"), b"the agent's").unwrap();
    house.disks.remove(&DiskId("server".into())).await.unwrap();
    assert_eq!(listed(&folder), ["definition.json"]);
}

#[tokio::test]
async fn a_release_that_was_cut_off_is_found_and_ended() {
    let house = House::new(FileOwner::process());
    let content = house.upload(image(1), &noise(1000)).await.unwrap();
    let root = house.planned(image(1), &content, "server").await;
    house.disks.create(&root).await.unwrap();
    house.disks.remove(&root.disk).await.unwrap();
    house.store.delete(image(1)).await.unwrap();
    // Cut off after the base's name went.
    fs::remove_file(house.base(image(1))).unwrap();
    assert_eq!(house.disks.list_bases().await.unwrap(), [image(1)]);
    assert!(house.disks.release_base(image(1), &[]).await.unwrap());
    house.keep_nothing().await;
    assert_eq!(house.names(), Vec::<String>::new());
}

#[tokio::test]
async fn an_upload_that_was_cut_off_is_listed_and_swept() {
    let house = House::new(FileOwner::process());
    let incoming = house.pool.join("images/.incoming");
    fs::write(incoming.join("up-1"), b"half").unwrap();
    fs::write(incoming.join(".owner-1"), b"").unwrap();
    fs::write(house.pool.join("images/README"), b"somebody's").unwrap();
    let (images, attempts) = house.store.list().await.unwrap();
    assert_eq!((images, attempts), (vec![], vec!["up-1".to_owned()]));
    house.store.discard("up-1").await.unwrap();
    assert_eq!(house.store.list().await.unwrap().1, Vec::<String>::new());
}
