//! What a cloud tells of itself: metrics, what is moving, `hatchery top`, log files; and that the documents tell the same.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Client, Settings, World, eventually, sample_qcow2};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Bytes of an image that volumes are made of.
const RAW: usize = 3 << 20;

fn document(name: &str) -> String {
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    fs::read_to_string(checkout.join(name)).unwrap()
}

/// A page of metrics: kinds by name, and values by name and labels.
struct Page {
    kinds: BTreeMap<String, String>,
    values: BTreeMap<String, f64>,
}

impl Page {
    fn read(client: &Client) -> Self {
        let answer = client.get("/metrics");
        let kind = answer.header("content-type").unwrap_or_default().to_owned();
        assert_eq!(kind, "text/plain; version=0.0.4; charset=utf-8");
        let body = answer.expect(200);
        let (mut kinds, mut values) = (BTreeMap::new(), BTreeMap::new());
        for line in body.as_str().unwrap().lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert_eq!(kinds.insert(name.to_owned(), kind.to_owned()), None, "{name} twice");
            } else if !line.starts_with("# HELP ") {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let value = value.parse().unwrap();
                assert_eq!(values.insert(series.to_owned(), value), None, "{series} twice");
            }
        }
        Self { kinds, values }
    }

    /// Names that a query may ask for.
    fn names(&self) -> BTreeSet<String> {
        let of = |(name, kind): (&String, &String)| match kind.as_str() {
            "histogram" => ["_bucket", "_sum", "_count"].map(|end| format!("{name}{end}")).to_vec(),
            _ => vec![name.clone()],
        };
        self.kinds.iter().flat_map(of).collect()
    }

    fn value(&self, series: &str) -> f64 {
        *self.values.get(series).unwrap_or_else(|| panic!("no {series}"))
    }

    fn sum(&self, name: &str) -> f64 {
        let of = self.values.iter().filter(|(series, _)| series.split('{').next() == Some(name));
        of.map(|(_, value)| value).sum()
    }
}

fn queued(admin: &Client, name: &str, format: &str) -> String {
    let body = json!({"name": name, "disk_format": format, "container_format": "bare"});
    admin.post("/image/v2/images", &body).expect(201)["id"].as_str().unwrap().to_owned()
}

/// An image goes up and down, and a server is made of it. Gives the image's size, and the server's path.
fn traffic(world: &World, admin: &Client) -> (u64, String) {
    let image = queued(admin, "i", "qcow2");
    let file = sample_qcow2(world.state(), 16);
    let path = format!("/image/v2/images/{image}/file");
    admin.put_file(&path, &file).expect(204);
    assert_eq!(admin.get(&path).status, 200);
    let body = json!({"server": {
        "name": "s", "imageRef": image, "flavorRef": "c1", "networks": "auto",
    }});
    let server = admin.post("/compute/v2.1/servers", &body).expect(202)["server"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let path = format!("/compute/v2.1/servers/{server}");
    eventually("the server is ACTIVE", 60, || {
        let status = admin.get(&path).expect(200)["server"]["status"].clone();
        if status == "ACTIVE" { Ok(()) } else { Err(status.to_string()) }
    });
    (fs::metadata(&file).unwrap().len(), path)
}

/// Every name of ours in a text of queries.
fn asked_for(text: &str) -> BTreeSet<String> {
    let words = text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("hatchery_")).map(str::to_owned).collect()
}

/// The queries of a dashboard, wherever they stand in it.
fn queries(node: &Value, found: &mut Vec<String>) {
    match node {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "expr" => found.push(text.clone()),
                    other => queries(other, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| queries(item, found)),
        _ => {}
    }
}

#[test]
fn metrics_count_what_was_done_and_the_documents_name_them_all() {
    let world = World::start(Settings::sim());
    let admin = world.admin();
    let before = Page::read(&world.anonymous());
    assert_eq!(before.value("hatchery_guest_starts_total"), 0.0);
    let (size, server) = traffic(&world, &admin);
    let size = size as f64;
    admin.delete(&server).expect(204);
    let page = eventually("the outbox is empty", 20, || {
        let page = Page::read(&world.anonymous());
        let waiting = page.value("hatchery_outbox_messages");
        if waiting == 0.0 { Ok(page) } else { Err(waiting.to_string()) }
    });
    for kind in ["upload", "download"] {
        let of = |name: &str| page.value(&format!("{name}{{kind=\"{kind}\"}}"));
        assert_eq!(of("hatchery_transfer_bytes_total"), size, "{kind}");
        assert_eq!(of("hatchery_transfers_active"), 0.0);
        let done = format!("hatchery_transfers_total{{kind=\"{kind}\",ending=\"done\"}}");
        assert_eq!(page.value(&done), 1.0);
    }
    for name in ["builds", "starts"] {
        assert_eq!(page.value(&format!("hatchery_guest_{name}_total")), 1.0, "{name}");
    }
    for name in ["failures", "bytes_copied"] {
        assert_eq!(page.value(&format!("hatchery_guest_{name}_total")), 0.0, "{name}");
    }
    for step in ["claim", "disk", "define", "start"] {
        let series = format!("hatchery_guest_step_duration_seconds_count{{step=\"{step}\"}}");
        assert_eq!(page.value(&series), 1.0, "{step}");
    }
    assert!(page.sum("hatchery_http_requests_total") > before.sum("hatchery_http_requests_total"));
    assert!(page.value("hatchery_interface_received_bytes_total{interface=\"lo\"}") > size);
    let resident = page.value("hatchery_process_resident_memory_bytes");
    assert!((1e6..64e6).contains(&resident), "{resident}");

    let documented: BTreeSet<_> = document("docs/observability.md")
        .lines()
        .filter_map(|line| line.strip_prefix("| `hatchery_")?.split_once('`'))
        .map(|(name, rest)| {
            let kind = rest.split('|').nth(1).unwrap().trim().to_owned();
            (format!("hatchery_{name}"), kind)
        })
        .collect();
    let told: BTreeSet<_> = page.kinds.clone().into_iter().collect();
    assert_eq!(documented, told, "docs/observability.md and /metrics");

    let dashboard: Value =
        serde_json::from_str(&document("contrib/grafana/hatchery.json")).unwrap();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 39);
    let mut all = Vec::new();
    queries(&dashboard["panels"], &mut all);
    assert!(all.len() > 20, "the dashboard is not read any more");
    let names = page.names();
    for query in &all {
        let asked = asked_for(query);
        assert!(!asked.is_empty(), "{query}");
        assert!(asked.is_subset(&names), "{query} asks for what is not there");
    }
    let drawn: BTreeSet<_> = all.iter().flat_map(|query| asked_for(query)).collect();
    let undrawn: Vec<_> = page
        .kinds
        .keys()
        .filter(|name| !drawn.iter().any(|drawn| drawn.starts_with(name.as_str())))
        .collect();
    assert!(undrawn.is_empty(), "no panel shows {undrawn:?}");
}

/// Waits until what is shown there, a volume, snapshot or backup, has this status.
fn reaches(admin: &Client, path: &str, status: &str) {
    eventually(&format!("{path} is {status}"), 60, || {
        let shown = admin.volume("GET", path, &Value::Null).expect(200);
        let found = shown.as_object().unwrap().values().next().unwrap();
        if found["status"] == status { Ok(()) } else { Err(shown.to_string()) }
    });
}

/// Waits until a volume has this status.
fn rests(admin: &Client, volume: &str, status: &str) {
    reaches(admin, &format!("/volumes/{volume}"), status);
}

fn gone(admin: &Client, path: &str) {
    admin.volume("DELETE", path, &Value::Null).expect(202);
    eventually(&format!("{path} is gone"), 60, || {
        let shown = admin.volume("GET", path, &Value::Null);
        if shown.status == 404 { Ok(()) } else { Err(shown.status.to_string()) }
    });
}

/// A raw image of 3 MiB without a zero.
fn raw_image(world: &World, admin: &Client, byte: u8) -> String {
    let file = world.state().join(format!("{byte}.raw"));
    fs::write(&file, vec![byte; RAW]).unwrap();
    let image = queued(admin, "r", "raw");
    admin.put_file(&format!("/image/v2/images/{image}/file"), &file).expect(204);
    image
}

fn volume_of(admin: &Client, image: &str) -> String {
    let wanted = json!({"volume": {"size": 1, "imageRef": image}});
    let told = admin.volume("POST", "/volumes", &wanted).expect(202);
    let volume = told["volume"]["id"].as_str().unwrap().to_owned();
    rests(admin, &volume, "available");
    volume
}

/// The orders about volumes that have ended: those that nobody gave are 0.
fn ended(page: &Page) -> BTreeMap<String, f64> {
    let counts = page.values.iter().filter_map(|(series, count)| {
        let labels = series.strip_prefix("hatchery_volume_orders_total{order=\"")?;
        let (order, rest) = labels.split_once("\",ending=\"")?;
        Some((format!("{order} {}", rest.strip_suffix("\"}")?), *count))
    });
    counts.filter(|(_, count)| *count != 0.0).collect()
}

/// The volume is attached to the server and detached.
fn plugged(admin: &Client, server: &str, volume: &str) {
    let path = format!("{server}/os-volume_attachments");
    admin.post(&path, &json!({"volumeAttachment": {"volumeId": volume}})).expect(200);
    rests(admin, volume, "in-use");
    admin.delete(&format!("{path}/{volume}")).expect(202);
    rests(admin, volume, "available");
}

/// A volume whose bytes are not there cannot be made larger.
fn fails_to_extend(world: &World, admin: &Client) {
    let told = admin.volume("POST", "/volumes", &json!({"volume": {"size": 1}})).expect(202);
    let volume = told["volume"]["id"].as_str().unwrap().to_owned();
    rests(admin, &volume, "available");
    let file = world.state().join(format!("volumes/file/volume-{volume}"));
    let aside = world.state().join("aside");
    fs::rename(&file, &aside).unwrap();
    let extend = json!({"os-extend": {"new_size": 2}});
    admin.volume("POST", &format!("/volumes/{volume}/action"), &extend).expect(202);
    rests(admin, &volume, "error_extending");
    fs::rename(&aside, &file).unwrap();
    gone(admin, &format!("/volumes/{volume}"));
}

#[test]
fn orders_about_volumes_are_counted_and_timed() {
    let world = World::start(Settings::sim());
    let admin = world.admin();
    let (_, server) = traffic(&world, &admin);
    let volume = volume_of(&admin, &raw_image(&world, &admin, 7));
    plugged(&admin, &server, &volume);
    let wanted = json!({"snapshot": {"volume_id": volume}});
    let told = admin.volume("POST", "/snapshots", &wanted).expect(202);
    let snapshot = format!("/snapshots/{}", told["snapshot"]["id"].as_str().unwrap());
    reaches(&admin, &snapshot, "available");
    gone(&admin, &snapshot);
    let wanted = json!({"backup": {"volume_id": volume}});
    let told = admin.volume("POST", "/backups", &wanted).expect(202);
    let backup = format!("/backups/{}", told["backup"]["id"].as_str().unwrap());
    reaches(&admin, &backup, "available");
    gone(&admin, &format!("/volumes/{volume}"));
    fails_to_extend(&world, &admin);

    let page = Page::read(&world.anonymous());
    let orders = [
        ("attach done", 1.0),
        ("backup done", 1.0),
        ("create done", 2.0),
        ("create_snapshot done", 1.0),
        ("detach done", 1.0),
        ("extend failed", 1.0),
        ("remove done", 2.0),
        ("remove_snapshot done", 1.0),
    ];
    let wanted: BTreeMap<_, _> = orders.map(|(order, count)| (order.to_owned(), count)).into();
    assert_eq!(ended(&page), wanted);
    for (order, count) in [("create", 2.0), ("detach", 1.0), ("extend", 0.0), ("restore", 0.0)] {
        let series = format!("hatchery_volume_order_duration_seconds_count{{order=\"{order}\"}}");
        assert_eq!(page.values.get(&series).copied().unwrap_or_default(), count, "{order}");
    }
    for state in ["waiting", "active"] {
        assert_eq!(page.sum(&format!("hatchery_volume_orders_{state}")), 0.0, "{state}");
    }
    // Of the two volumes one was made of an image, which was linked.
    assert_eq!(page.value("hatchery_volume_ways_total{rung=\"hard_link\"}"), 1.0);
    assert_eq!(page.sum("hatchery_volume_ways_total"), 1.0);
    assert_eq!(page.value("hatchery_volume_bytes_copied_total{order=\"create\"}"), 0.0);
    assert!(page.value("hatchery_volume_bytes_copied_total{order=\"backup\"}") > 0.0);
    let of =
        |what: &str| page.value(&format!("hatchery_volume_backend_{what}{{backend=\"file\"}}"));
    assert_eq!(of("up"), 1.0);
    assert!(of("free_bytes") > 0.0 && of("free_bytes") <= of("capacity_bytes"));
    // Two volumes, a snapshot, a backup and an extension; all but the backup were deleted.
    for (method, count) in [("POST", 5.0), ("DELETE", 3.0)] {
        let labels = format!("service=\"volume\",method=\"{method}\",status=\"202\"");
        assert_eq!(page.value(&format!("hatchery_http_requests_total{{{labels}}}")), count);
    }
    assert_eq!(page.value("hatchery_http_requests_active{service=\"volume\"}"), 0.0);
}

#[test]
fn a_cache_of_images_tells_its_hits_and_its_size() {
    // On another filesystem than the images, where only copies lead to them.
    let shared = Path::new("/dev/shm");
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    if device(shared).is_none() || device(shared) == device(Path::new("/var/tmp")) {
        eprintln!("SKIPPED a_cache_of_images_tells_its_hits_and_its_size: no tmpfs at /dev/shm");
        return;
    }
    let folder = tempfile::Builder::new().prefix("metrics-").tempdir_in(shared).unwrap();
    set_mode(folder.path(), 0o755);
    let toml = format!(
        "[file]\nvolume_driver = \"file\"\nfile_folder = \"{}\"\n\
         image_volume_cache_enabled = true\nimage_volume_cache_max_count = 1\n",
        folder.path().display()
    );
    let world = World::start(Settings { toml, ..Settings::sim() });
    let admin = world.admin();
    let size = |what: &str| format!("hatchery_image_volume_cache_{what}{{backend=\"file\"}}");
    eventually("the empty cache is told", 20, || {
        let page = Page::read(&world.anonymous());
        let told = ["images", "bytes"].map(|what| page.values.get(&size(what)).copied());
        if told == [Some(0.0); 2] { Ok(()) } else { Err(format!("{told:?}")) }
    });
    let images = [3, 5].map(|byte| raw_image(&world, &admin, byte));
    for image in [0, 0, 0, 1] {
        volume_of(&admin, &images[image]);
    }
    let page = Page::read(&world.anonymous());
    let counted = |of: &str| page.value(&format!("hatchery_{of}"));
    let cache = ["hits", "misses", "evictions"];
    let cache = cache.map(|which| counted(&format!("image_volume_cache_{which}_total")));
    assert_eq!(cache, [2.0, 2.0, 1.0]);
    let ways = ["copy", "clone_from_cache"];
    let ways = ways.map(|rung| counted(&format!("volume_ways_total{{rung=\"{rung}\"}}")));
    assert_eq!(ways, [2.0, 2.0]);
    assert_eq!(counted("volume_bytes_copied_total{order=\"create\"}"), 2.0 * RAW as f64);
    // Each image's volume and those of its users; the first image's is gone.
    let orders = [("create done".to_owned(), 6.0), ("remove done".to_owned(), 1.0)];
    assert_eq!(ended(&page), BTreeMap::from(orders));
    let page = eventually("the count is fresh", 20, || {
        let page = Page::read(&world.anonymous());
        let images = page.value(&size("images"));
        if images == 1.0 { Ok(page) } else { Err(images.to_string()) }
    });
    assert_eq!(page.value(&size("bytes")), f64::from(1 << 30));
}

#[test]
fn metrics_can_be_taken_away() {
    let settings = Settings { toml: "[metrics]\nenabled = false\n".into(), ..Settings::sim() };
    let world = World::start(settings);
    let body = world.anonymous().get("/metrics").expect(404);
    assert_eq!(body["error"]["code"], 404);
    // What is moving is told to the administrator all the same.
    let admin = world.admin();
    traffic(&world, &admin);
    let live = admin.get("/compute/v2.1/os-hatchery-live").expect(200);
    let pool = &live["live"]["figures"]["pool"];
    assert_eq!((pool["names"].as_u64(), pool["leases"].as_u64()), (Some(1), Some(1)), "{live}");
    assert!(pool["bytes"].as_u64().unwrap() > 0, "{live}");
    assert!(live["live"]["figures"]["requests"].as_u64().unwrap() > 0, "{live}");
}

#[test]
fn an_upload_is_seen_while_it_moves() {
    let mut world = World::start(Settings::sim());
    let admin = world.admin();
    let image = queued(&admin, "moving", "raw");
    let address = admin.base().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    let head = format!(
        "PUT /image/v2/images/{image}/file HTTP/1.1\r\nHost: {address}\r\nX-Auth-Token: {}\r\n\
         Content-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n",
        admin.token(),
        4 << 20
    );
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![7; 1 << 20]).unwrap();
    let live = || admin.get("/compute/v2.1/os-hatchery-live").expect(200)["live"].take();
    let seen = eventually("the bytes are counted", 20, || {
        let transfer = live()["transfers"].get(0).cloned().unwrap_or_default();
        if transfer["bytes"] == 1 << 20 { Ok(transfer) } else { Err(transfer.to_string()) }
    });
    assert_eq!(seen["kind"], "upload");
    assert_eq!((seen["what"].as_str(), seen["total"].as_u64()), (Some("moving"), Some(4 << 20)));
    assert_eq!(seen["image"], json!(image));

    let top = |more: &[&str]| {
        let mut command = world.command("top");
        let out = command.args(["--once", "--interval", "0.2"]).args(more).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (out.status.success(), text(&out.stdout), text(&out.stderr))
    };
    let (ok, out, err) = top(&[]);
    assert!(ok, "{err}");
    let line = "kind=upload bytes=1048576 total=4194304 bytes_per_second=";
    assert!(out.contains(line) && out.contains("what=\"moving\""), "{out}");
    assert!(out.contains("interface name=lo received_bytes="), "{out}");
    let (ok, out, err) = top(&["--metrics", &address]);
    assert!(ok, "{err}");
    assert!(out.contains("transfers kind=upload active=1 bytes=1048576"), "{out}");

    drop(stream);
    eventually("the broken upload is not moving any more", 20, || {
        let transfers = live()["transfers"].take();
        if transfers == json!([]) { Ok(()) } else { Err(transfers.to_string()) }
    });
    let page = Page::read(&world.anonymous());
    assert_eq!(page.value("hatchery_transfers_total{kind=\"upload\",ending=\"broken\"}"), 1.0);
    world.kill();
    let out = world.command("top").args(["--once"]).output().unwrap();
    assert!(!out.status.success());
    let said = String::from_utf8_lossy(&out.stderr).into_owned();
    assert!(said.contains("is not reachable"), "{said}");
    world.up();
}

#[test]
fn logs_are_json_in_a_file_of_ones_own_and_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("cloud.log");
    let toml = "log_file = \"cloud.log\"\nuse_json = true\nmax_logfile_count = 2\n";
    let toml = format!("{toml}log_dir = \"{}\"\n", dir.path().display());
    let world = World::start(Settings { toml: String::new(), ..Settings::sim() });
    // `[DEFAULT]` stands first in the settings' file.
    let path = world.state().join("json.toml");
    let settings = fs::read_to_string(world.state().join("hatchery.toml")).unwrap();
    fs::write(&path, settings.replace("[DEFAULT]\n", &format!("[DEFAULT]\n{toml}"))).unwrap();
    let mut world = world;
    assert!(world.stop());
    // A file that is nearly full, of a mode of its own: the first lines set it aside.
    fs::write(&file, "x".repeat((1 << 20) - 10)).unwrap();
    set_mode(&file, 0o604);
    fs::rename(&path, world.state().join("hatchery.toml")).unwrap();
    world.up();
    let text = fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let ready = lines.iter().find(|line| line["message"] == "ready").unwrap();
    assert_eq!(
        (ready["level"].as_str(), ready["url"].as_str()),
        (Some("INFO"), Some(&*world.base()))
    );
    assert_eq!((mode(&file), mode(&aside(&file))), (0o604, 0o604));

    // The file's disk is full from now on: the cloud goes on, and says so once.
    let logged = world.log().len();
    fs::remove_file(&file).unwrap();
    std::os::unix::fs::symlink("/dev/full", &file).unwrap();
    traffic(&world, &world.admin());
    assert!(world.stop(), "{}", world.log());
    let said = world.log()[logged..].matches("takes no lines").count();
    assert_eq!(said, 1, "{}", world.log());
}

fn aside(file: &Path) -> PathBuf {
    file.with_extension("log.1")
}

fn mode(file: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(file).unwrap().permissions().mode() & 0o7777
}

fn set_mode(file: &Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(file, fs::Permissions::from_mode(mode)).unwrap();
}
