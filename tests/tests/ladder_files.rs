//! The ladder's rungs for volumes of files, on a filesystem with reflinks (XFS) and on one without (ext4), of a folder and of a share: which one
//! is taken and why no cheaper one, how many bytes that copies, and what lies on what on the disk.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Client, Settings, World, eventually};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use tempfile::TempDir;

const PATIENCE: u64 = 120;
const MIB: u64 = 1 << 20;
/// Bytes of an image, half of which are zeros.
const IMAGE: u64 = 16 * MIB;
const CLONED: &str = "clone of the image's volume";
const CACHED: &str = "base in the cache";

fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let out = Command::new(program).args(arguments).output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&out.stdout).into_owned();
    if out.status.success() {
        return Ok(said);
    }
    Err(format!("{program} {arguments:?}: {said}{}", String::from_utf8_lossy(&out.stderr)))
}

/// A filesystem in a file, with a folder in it, and another that is mounted elsewhere as a share is.
struct Disk {
    folder: TempDir,
}

impl Disk {
    /// `None`, loudly, when it cannot be had.
    fn mounted(kind: &str) -> Option<Self> {
        let folder = tempfile::Builder::new().prefix("ladder-").tempdir_in("/var/tmp").unwrap();
        let disk = Self { folder };
        fs::set_permissions(disk.folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
        for path in [disk.root(), disk.share()] {
            fs::create_dir(path).unwrap();
        }
        let file = disk.folder.path().join("filesystem");
        fs::File::create(&file).unwrap().set_len(2048 * MIB).unwrap();
        let (file, root) = (file.to_str().unwrap().to_owned(), disk.root());
        let made = run(&format!("mkfs.{kind}"), &["-q", &file])
            .and_then(|_| run("mount", &["-o", "loop", &file, root.to_str().unwrap()]));
        if let Err(why) = made {
            eprintln!("SKIPPED: no {kind} can be had here: {why}");
            return None;
        }
        for path in [disk.plain(), disk.root().join("export")] {
            fs::create_dir(path).unwrap();
        }
        let (from, to) = (disk.root().join("export"), disk.share());
        run("mount", &["--bind", from.to_str().unwrap(), to.to_str().unwrap()]).unwrap();
        Some(disk)
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root")
    }

    fn plain(&self) -> PathBuf {
        self.root().join("plain")
    }

    fn share(&self) -> PathBuf {
        self.folder.path().join("share")
    }

    fn used(&self) -> u64 {
        let root = self.root();
        run("sync", &["--file-system", root.to_str().unwrap()]).unwrap();
        let told = run("df", &["--block-size=1", "--output=used", root.to_str().unwrap()]).unwrap();
        told.lines().last().unwrap().trim().parse().unwrap()
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        for path in [self.share(), self.root()] {
            let _ = Command::new("umount").arg("--lazy").arg(path).output();
        }
    }
}

/// A backend of a cloud: its name, and where its files are.
#[derive(Clone)]
struct Backend {
    name: String,
    folder: PathBuf,
}

fn folder(name: &str, folder: PathBuf, more: &str) -> (Backend, String) {
    let group = format!(
        "[{name}]\nvolume_driver = \"file\"\nfile_folder = \"{}\"\n{more}",
        folder.display()
    );
    (Backend { name: name.to_owned(), folder }, group)
}

fn share(name: &str, folder: PathBuf, more: &str) -> (Backend, String) {
    let group = format!(
        "[{name}]\nvolume_driver = \"nfs\"\nnfs_mount_point = \"{}\"\n{more}",
        folder.display()
    );
    (Backend { name: name.to_owned(), folder }, group)
}

/// A cloud with these backends, and a type for each.
fn cloud(at: &Path, set: &[(Backend, String)], default: &str, groups: &str) -> World {
    let names: Vec<&str> = set.iter().map(|(one, _)| one.name.as_str()).collect();
    let default = format!("{default}enabled_backends = \"{}\"\n", names.join(","));
    let toml = set.iter().map(|(_, group)| group.as_str()).collect::<String>() + groups;
    let world = World::start_in(at, Settings { default, toml, ..Settings::sim() });
    let admin = world.admin();
    for name in &names {
        let specs = json!({"volume_backend_name": name});
        let wanted = json!({"volume_type": {"name": name, "extra_specs": specs}});
        admin.volume("POST", "/types", &wanted).expect(200);
    }
    let no_bounds = json!({"quota_class_set": {"volumes": -1, "gigabytes": -1}});
    admin.volume("PUT", "/os-quota-class-sets/default", &no_bounds).expect(200);
    are_up(&admin, names.len());
    world
}

fn are_up(admin: &Client, backends: usize) {
    eventually("all backends are up", PATIENCE, || {
        let told = admin.volume("GET", "/os-services", &Value::Null).expect(200);
        let up = |one: &&Value| one["state"] == "up" && one["binary"] == "cinder-volume";
        let found = told["services"].as_array().unwrap().iter().filter(up).count();
        if found == backends { Ok(()) } else { Err(told.to_string()) }
    });
}

fn text(of: &Value, key: &str) -> String {
    of[key].as_str().unwrap_or_else(|| panic!("{key}: {of}")).to_owned()
}

/// Bytes that no other seed has, then as many zeros.
fn image(world: &World, admin: &Client, seed: u64) -> (String, PathBuf) {
    let file = world.state().join(format!("{seed}.raw"));
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < IMAGE / 2 {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.resize(IMAGE as usize, 0);
    fs::write(&file, bytes).unwrap();
    (uploaded(admin, &file, "raw"), file)
}

fn uploaded(admin: &Client, file: &Path, format: &str) -> String {
    let body = json!({"name": "i", "disk_format": format, "container_format": "bare"});
    let image = text(&admin.post("/image/v2/images", &body).expect(201), "id");
    admin.put_file(&format!("/image/v2/images/{image}/file"), file).expect(204);
    image
}

fn order(admin: &Client, image: &str, of: &str) -> String {
    let wanted = json!({"volume": {"size": 1, "imageRef": image, "volume_type": of}});
    text(&admin.volume("POST", "/volumes", &wanted).expect(202)["volume"], "id")
}

fn made(admin: &Client, id: &str) -> Value {
    eventually("the volume is available", PATIENCE, || {
        let shown = admin.volume("GET", &format!("/volumes/{id}"), &Value::Null).expect(200);
        match shown["volume"]["status"].as_str().unwrap() {
            "available" => Ok(shown["volume"].clone()),
            "error" => panic!("{shown}"),
            _ => Err(shown.to_string()),
        }
    })
}

/// The volume's way and bytes, and that ways which were not taken have these reasons.
fn came_by(admin: &Client, id: &str, way: &str, bytes: u64, reasons: &[(&str, &str)]) {
    let told = made(admin, id)["os-hatchery:way"].clone();
    let found = (told["way"].as_str(), told["bytes_copied"].as_u64());
    assert_eq!(found, (Some(way), Some(bytes)), "{told}");
    for (rung, why) in reasons {
        assert!(text(&told["refused"], rung).contains(why), "{told}");
    }
}

/// The image has these bytes, and the volume them and zeros.
fn is_equal(image: &Path, backend: &Backend, volume: &str) {
    let file = backend.folder.join(format!("volume-{volume}"));
    let mut head = [0; 4];
    fs::File::open(&file).unwrap().read_exact(&mut head).unwrap();
    let format = if head == *b"QFI\xfb" { "qcow2" } else { "raw" };
    let paths = (image.to_str().unwrap(), file.to_str().unwrap());
    run("qemu-img", &["compare", "-U", "-f", "raw", "-F", format, paths.0, paths.1]).unwrap();
}

/// The file that a volume of qcow2 lies on.
fn lies_on(backend: &Backend, volume: &str) -> String {
    let file = backend.folder.join(format!("volume-{volume}"));
    let line = ["info", "-U", "-f", "qcow2", "--output=json", file.to_str().unwrap()];
    let told: Value = serde_json::from_str(&run("qemu-img", &line).unwrap()).unwrap();
    let path = PathBuf::from(text(&told, "backing-filename"));
    assert_eq!(path.parent(), Some(&*backend.folder));
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// What the internal project has: names and ids.
fn kept(admin: &Client, own: &[String]) -> Vec<(String, String)> {
    let all = admin.volume("GET", "/volumes?all_tenants=1", &Value::Null).expect(200);
    let all = all["volumes"].as_array().unwrap().iter();
    let others = all.filter(|one| !own.contains(&text(one, "id")));
    others.map(|one| (one["name"].as_str().unwrap_or_default().into(), text(one, "id"))).collect()
}

fn explained(world: &World, image: &str, of: &str) -> String {
    let line = ["--image", image, "--size", "1", "--volume-type", of];
    let out = world.command("explain").args(line).output().unwrap();
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    String::from_utf8(out.stdout).unwrap()
}

fn contains(told: &str, lines: &[&str]) {
    for line in lines {
        assert!(told.contains(line), "{line}: {told}");
    }
}

/// Deletes all volumes and images, and waits until no backend has a file of one.
fn all_goes(admin: &Client, backends: &[Backend]) {
    let images = admin.get("/image/v2/images").expect(200);
    for one in images["images"].as_array().unwrap() {
        admin.delete(&format!("/image/v2/images/{}", text(one, "id"))).expect(204);
    }
    eventually("nothing is left", PATIENCE, || {
        let rows = kept(admin, &[]);
        for (_, id) in &rows {
            admin.volume("DELETE", &format!("/volumes/{id}"), &Value::Null);
        }
        let files = |one: &Backend| {
            let names = |folder: &Path| {
                let entries = fs::read_dir(folder).unwrap();
                let names = entries.map(|one| one.unwrap().file_name().into_string().unwrap());
                names.filter(|name| !name.starts_with('.')).collect::<Vec<_>>()
            };
            [names(&one.folder), names(&one.folder.join(".records"))].concat()
        };
        let left: Vec<String> = backends.iter().flat_map(files).collect();
        if rows.is_empty() && left.is_empty() { Ok(()) } else { Err(format!("{rows:?} {left:?}")) }
    });
}

/// Every backend on a filesystem of its own kind, and none on the image store's.
fn elsewhere(disks: &[(&str, &Disk)], more: &str) -> Vec<(Backend, String)> {
    let both = |(kind, disk): &(&str, &Disk)| {
        [
            folder(&format!("{kind}-file"), disk.plain(), more),
            share(&format!("{kind}-nfs"), disk.share(), more),
        ]
    };
    disks.iter().flat_map(both).collect()
}

/// The first volume of an image is a copy of its bytes in the cache's volume, and those that follow lie on that.
fn cached(world: &World, disk: &Disk, backend: &Backend, (id, file): &(String, PathBuf)) -> String {
    let (admin, name) = (world.admin(), &backend.name);
    let told = explained(world, id, name);
    let copy = format!("chosen   copy, which copies {IMAGE} bytes of image data");
    let lines = [
        copy.as_str(),
        "refused  hard link: a hard link from",
        "refused  reflink: a reflink from",
        "since they are on two filesystems",
        "refused  clone in place: the backend is not in Ceph",
        "refused  clone of the image's volume: the image is not kept as a volume of the backend",
        "refused  base in the cache: the backend's cache has no such image",
        "cache    takes the image in",
    ];
    contains(&told, &lines);

    let before = disk.used();
    let ids: Vec<String> = (0..3).map(|_| order(&admin, id, name)).collect();
    let brought = "the backend's cache did not have the image: it was brought in for this volume";
    came_by(&admin, &ids[0], "copy", IMAGE / 2, &[(CACHED, brought)]);
    let reasons =
        [("hard link", "two filesystems"), ("reflink", "two filesystems"), (CLONED, "not kept")];
    came_by(&admin, &ids[1], CACHED, 0, &reasons);
    came_by(&admin, &ids[2], CACHED, 0, &reasons);
    let grown = disk.used() - before;
    let once = IMAGE / 2..IMAGE;
    assert!(once.contains(&grown), "{grown} bytes for three volumes on {name}");
    let base = lies_on(backend, &ids[0]);
    for volume in &ids {
        assert_eq!(lies_on(backend, volume), base);
        is_equal(file, backend, volume);
    }
    let entry = kept(&admin, &ids).into_iter().find(|(_, id)| base == format!("volume-{id}"));
    assert_eq!(entry.expect("its base is the cache's volume").0, format!("image-{id}"));

    contains(&explained(world, id, name), &["chosen   base in the cache, which copies 0 bytes"]);
    let before = disk.used();
    let one_more = order(&admin, id, name);
    came_by(&admin, &one_more, CACHED, 0, &reasons);
    assert!(disk.used() - before < MIB, "a further one copied something on {name}");
    is_equal(file, backend, &one_more);
    one_more
}

/// An image of a volume is kept as a volume, too: what is wanted of it lies on that one.
fn cloned_of_the_image(world: &World, disk: &Disk, backend: &Backend, (of, file): (&str, &Path)) {
    let (admin, name) = (world.admin(), &backend.name);
    let body = json!({"os-volume_upload_image": {"image_name": "of", "disk_format": "raw"}});
    let told = admin.volume("POST", &format!("/volumes/{of}/action"), &body).expect(202);
    let image = text(&told["os-volume_upload_image"], "image_id");
    eventually("the image is active", PATIENCE, || {
        let shown = admin.get(&format!("/image/v2/images/{image}")).expect(200);
        if shown["status"] == "active" { Ok(()) } else { Err(shown.to_string()) }
    });
    made(&admin, of);
    let own = kept(&admin, &[]).into_iter().find(|(name, _)| *name == format!("image-{image}"));
    let own = own.expect("the image is kept as a volume").1;
    contains(&explained(world, &image, name), &[&format!("chosen   {CLONED}, which copies 0")]);
    let before = disk.used();
    let volume = order(&admin, &image, name);
    let reasons = [
        ("hard link", "two filesystems"),
        ("reflink", "two filesystems"),
        ("clone in place", "not in Ceph"),
    ];
    came_by(&admin, &volume, CLONED, 0, &reasons);
    assert!(disk.used() - before < MIB, "a clone copied something on {name}");
    // Nobody has written to the image's volume: all lie on what that one lies on.
    assert_eq!(lies_on(backend, &volume), lies_on(backend, &own));
    is_equal(file, backend, &volume);

    // The image takes its volume along; what was cloned of it stays whole.
    admin.delete(&format!("/image/v2/images/{image}")).expect(204);
    eventually("the image's volume is gone", PATIENCE, || {
        let left = kept(&admin, &[]);
        if left.iter().any(|(_, id)| *id == own) { Err(format!("{left:?}")) } else { Ok(()) }
    });
    is_equal(file, backend, &volume);
}

#[test]
fn volumes_on_another_filesystem_than_the_images_are_clones_of_volumes() {
    let (Some(xfs), Some(ext4)) = (Disk::mounted("xfs"), Disk::mounted("ext4")) else { return };
    let disks = [("xfs", &xfs), ("ext4", &ext4)];
    let more = "image_volume_cache_enabled = true\nimage_upload_use_cinder_backend = true\n";
    let set = elsewhere(&disks, more);
    let scheme = "allowed_direct_url_schemes = \"cinder\"\n";
    let world = cloud(Path::new("/var/tmp"), &set, scheme, "");
    let admin = world.admin();
    let image = image(&world, &admin, 1);
    for (index, (backend, _)) in set.iter().enumerate() {
        let disk = disks[index / 2].1;
        let volume = cached(&world, disk, backend, &image);
        cloned_of_the_image(&world, disk, backend, (&volume, &image.1));
    }

    let backends: Vec<Backend> = set.into_iter().map(|(one, _)| one).collect();
    all_goes(&admin, &backends);
}

/// Where the image store is `cinder`, too, what is kept is cloned as far as the operator allows it.
#[test]
fn an_image_that_is_kept_as_a_volume_is_cloned_where_that_is_allowed() {
    let Some(ext4) = Disk::mounted("ext4") else { return };
    let set = elsewhere(&[("ext4", &ext4)], "");
    let keeps = "[glance_store]\nstores = \"file,cinder\"\ncinder_volume_type = \"ext4-nfs\"\n";
    let mut world = cloud(Path::new("/var/tmp"), &set, "", keeps);
    let admin = world.admin();
    let (id, file) = image(&world, &admin, 2);
    let own = eventually("the image is kept as a volume", PATIENCE, || {
        kept(&admin, &[]).pop().ok_or_else(|| world.log())
    });
    assert_eq!(own.0, format!("image-{id}"));
    came_by(&admin, &own.1, "copy", IMAGE / 2, &[]);
    let no_cache = (CACHED, "image_volume_cache_enabled is not set");
    let unsaid = (CLONED, "allowed_direct_url_schemes does not name cinder");
    let [plain, shared] = &set[..] else { panic!("{}", set.len()) };
    let volume = order(&admin, &id, &shared.0.name);
    came_by(&admin, &volume, "copy", IMAGE / 2, &[unsaid, no_cache]);
    contains(
        &explained(&world, &id, &shared.0.name),
        &[&format!("refused  {CLONED}: {}", unsaid.1)],
    );

    world.kill();
    let path = world.state().join("hatchery.toml");
    let allowed = "[DEFAULT]\nallowed_direct_url_schemes = \"cinder\"\n";
    let set_before = fs::read_to_string(&path).unwrap();
    fs::write(&path, set_before.replacen("[DEFAULT]\n", allowed, 1)).unwrap();
    world.up();
    let admin = world.admin();
    are_up(&admin, 2);
    let volume = order(&admin, &id, &shared.0.name);
    came_by(&admin, &volume, CLONED, 0, &[("hard link", "two filesystems")]);
    is_equal(&file, &shared.0, &volume);
    // The other backend has no such volume.
    let volume = order(&admin, &id, &plain.0.name);
    came_by(&admin, &volume, "copy", IMAGE / 2, &[(CLONED, "not kept as a volume"), no_cache]);
    is_equal(&file, &plain.0, &volume);
    // Of qcow2 only what is in it is copied; only raw images are kept as volumes.
    let (from, qcow2) = (file.to_str().unwrap(), world.state().join("image.qcow2"));
    let line = ["convert", "-f", "raw", "-O", "qcow2", from, qcow2.to_str().unwrap()];
    run("qemu-img", &line).unwrap();
    let volume = order(&admin, &uploaded(&admin, &qcow2, "qcow2"), &shared.0.name);
    came_by(&admin, &volume, "copy", IMAGE / 2, &[(CLONED, "not kept as a volume"), no_cache]);
    is_equal(&file, &shared.0, &volume);
    all_goes(&admin, &set.into_iter().map(|(one, _)| one).collect::<Vec<_>>());
}

/// The base of an image in a backend's folder.
fn base_of(backend: &Backend, image: &str) -> PathBuf {
    let entries = fs::read_dir(&backend.folder).unwrap().map(|entry| entry.unwrap().path());
    let begins = format!("base-{image}-");
    let is_it = |path: &PathBuf| path.file_name().unwrap().to_str().unwrap().starts_with(&begins);
    entries.into_iter().find(is_it).expect("the image has a base")
}

#[test]
fn volumes_on_the_filesystem_of_the_images_are_links_or_share_their_blocks() {
    let Some(xfs) = Disk::mounted("xfs") else { return };
    let more = "image_volume_cache_enabled = true\n";
    // What is mounted twice takes no link from one mount to the other, and shares blocks all the same.
    let set = [folder("linked", xfs.plain(), more), share("shared", xfs.share(), more)];
    let world = cloud(&xfs.root(), &set, "", "");
    let admin = world.admin();
    let (id, file) = image(&world, &admin, 3);
    let stored = world.state().join("pool/images").join(&id);
    let ways = [("hard link", vec![]), ("reflink", vec![("hard link", "two filesystems")])];
    for ((backend, _), (way, reasons)) in set.iter().zip(ways) {
        let chosen = format!("chosen   {way}, which copies 0 bytes of image data");
        contains(&explained(&world, &id, &backend.name), &[&chosen]);
        let before = xfs.used();
        let ids: Vec<String> = (0..3).map(|_| order(&admin, &id, &backend.name)).collect();
        for volume in &ids {
            came_by(&admin, volume, way, 0, &reasons);
            is_equal(&file, backend, volume);
        }
        assert!(
            xfs.used() - before < 2 * MIB,
            "three volumes copied something on {}",
            backend.name
        );
        let base = base_of(backend, &id);
        assert_eq!(backend.folder.join(lies_on(backend, &ids[0])), base);
        let inodes = [&base, &stored].map(|path| fs::metadata(path).unwrap().ino());
        assert_eq!(inodes[0] == inodes[1], way == "hard link");
        if way == "reflink" {
            let told = run("filefrag", &["-v", base.to_str().unwrap()]).unwrap();
            assert!(told.lines().any(|line| line.contains("shared")), "{told}");
        }
    }
    // Where there is a cheaper way than a copy, nothing is brought into the cache.
    let all = admin.volume("GET", "/volumes?all_tenants=1", &Value::Null).expect(200);
    assert_eq!(all["volumes"].as_array().unwrap().len(), 6);
    all_goes(&admin, &set.into_iter().map(|(one, _)| one).collect::<Vec<_>>());
}

/// More images than fit are wanted at the same time, of each three volumes.
#[test]
fn the_caches_bounds_are_kept_whoever_comes_at_the_same_time() {
    let Some(ext4) = Disk::mounted("ext4") else { return };
    let on = "image_volume_cache_enabled = true\n";
    let set = [
        folder("counted", ext4.plain(), &format!("{on}image_volume_cache_max_count = 2\n")),
        share("measured", ext4.share(), &format!("{on}image_volume_cache_max_size_gb = 3\n")),
    ];
    let world = cloud(Path::new("/var/tmp"), &set, "", "");
    let admin = world.admin();
    let images: Vec<(String, PathBuf)> = (10..16).map(|seed| image(&world, &admin, seed)).collect();
    let own: Vec<String> = thread::scope(|scope| {
        let order_all = |index: usize| {
            let (admin, backend) = (world.admin(), &set[index % 2].0);
            let images = &images;
            scope.spawn(move || {
                let all = images.iter().cycle().skip(index).take(images.len());
                all.map(|(id, _)| order(&admin, id, &backend.name)).collect::<Vec<_>>()
            })
        };
        let orders: Vec<_> = (0..6).map(order_all).collect();
        orders.into_iter().flat_map(|one| one.join().unwrap()).collect()
    });
    let backend_of = |volume: &Value| text(volume, "volume_type");
    eventually("all volumes are made", PATIENCE, || {
        let all = admin.volume("GET", "/volumes/detail?all_tenants=1", &Value::Null).expect(200);
        let all = all["volumes"].as_array().unwrap();
        let (mine, entries): (Vec<&Value>, Vec<&Value>) =
            all.iter().partition(|one| own.contains(&text(one, "id")));
        for (backend, most) in [("counted", 2), ("measured", 3)] {
            let here = entries.iter().filter(|one| backend_of(one) == backend).count();
            assert!(here <= most, "{here} images are in the cache of {backend}: {entries:?}");
        }
        assert!(mine.iter().all(|one| one["status"] != "error"), "{mine:?}");
        let is_made = mine.iter().all(|one| one["status"] == "available");
        if is_made { Ok(()) } else { Err(format!("{mine:?}")) }
    });
    let mut ways = BTreeSet::new();
    for volume in &own {
        let shown = made(&admin, volume);
        let way = &shown["os-hatchery:way"];
        let (name, bytes) = (text(way, "way"), way["bytes_copied"].as_u64().unwrap());
        assert_eq!(bytes, if name == CACHED { 0 } else { IMAGE / 2 }, "{way}");
        ways.insert(name);
        let image =
            images.iter().find(|(id, _)| shown["volume_image_metadata"]["image_id"] == **id);
        let backend = set.iter().find(|(one, _)| one.name == backend_of(&shown)).unwrap();
        is_equal(&image.unwrap().1, &backend.0, volume);
    }
    assert_eq!(ways.into_iter().collect::<Vec<_>>(), [CACHED, "copy"]);
    all_goes(&admin, &set.into_iter().map(|(one, _)| one).collect::<Vec<_>>());
}
