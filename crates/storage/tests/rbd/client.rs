//! Connections that cannot be made, break, or get no answer.

use crate::fixture::{cinder, on, settings, until};
use hatchery_model::disk::RbdImage;
use hatchery_ports::ceph_logins::CephLogins;
use hatchery_storage::rbd::{CephClient, CephError, CephKeyrings, CephSettings, Clash, Span};
use hatchery_testkit::CephCluster;
use std::error::Error;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const MIB: u64 = 1 << 20;

/// A configuration of its own, with this monitor and keyring.
fn conf(ceph: &CephCluster, name: &str, monitor: &str, keyring: &str) -> CephSettings {
    let (path, keys) = (ceph.path(name), ceph.path(&format!("{name}.keyring")));
    fs::write(&keys, keyring).unwrap();
    let keys = keys.display();
    let text = format!("[global]\nmon host = {monitor}\nkeyring = {keys}\nadmin socket =\n");
    fs::write(&path, text).unwrap();
    let wait = Duration::from_secs(2);
    CephSettings { conf: Some(path), connect_timeout: wait, ..CephSettings::new("cinder") }
}

async fn refused(settings: CephSettings) -> CephError {
    let began = Instant::now();
    let client = CephClient::of(settings);
    // Many at once wait no longer than one.
    let asked: Vec<_> = (0..20).map(|_| on(&client, |ceph| Ok(ceph.fsid().to_owned()))).collect();
    let mut errors: Vec<CephError> = futures_util::future::join_all(asked)
        .await
        .into_iter()
        .map(|answer| answer.unwrap_err())
        .collect();
    assert!(began.elapsed() < Duration::from_secs(25), "{:?}", began.elapsed());
    errors.pop().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_within_seconds() {
    let Some(ceph) = CephCluster::shared("what_is_wrong_is_said_within_seconds") else { return };
    let wrong = format!("[client.cinder]\nkey = {}\n", ceph.key("glance"));
    let error = refused(conf(ceph, "wrong-key", &ceph.monitor(), &wrong)).await;
    let CephError::Denied(text) = &error else { panic!("{error:?}") };
    assert!(text.contains("key of client.cinder"), "{text}");
    assert!(!text.contains(&ceph.key("glance")));

    for keyring in ["", "[client.other]\n"] {
        let error = refused(conf(ceph, "no-key", &ceph.monitor(), keyring)).await;
        let CephError::Denied(text) = &error else { panic!("{error:?}") };
        assert!(text.contains("client.cinder") && text.contains("keyring"), "{text}");
    }

    let right = format!("[client.cinder]\nkey = {}\n", ceph.key("cinder"));
    // Nobody listens at the first, and nobody answers at the second.
    for monitor in ["127.0.0.1:9", &format!("v2:{}", silent_port())] {
        let error = refused(conf(ceph, "unreachable", monitor, &right)).await;
        let CephError::Unavailable { doing, source } = &error else { panic!("{error:?}") };
        assert!(doing.contains("no monitor of") && doing.contains("within 2 seconds"), "{doing}");
        assert!(error.source().unwrap().to_string().contains(source.desc()));
    }
    let nowhere =
        CephSettings { conf: Some("/nonexistent/ceph.conf".into()), ..CephSettings::new("x") };
    let error = refused(nowhere).await;
    assert!(
        matches!(&error, CephError::Denied(text) if text.contains("rbd_ceph_conf")),
        "{error:?}"
    );

    let error = on(&cinder(ceph), |ceph| ceph.pool("no-such").map(drop)).await.unwrap_err();
    assert!(error.is_not_found(), "{error:?}");
}

/// A port that takes connections and says nothing.
fn silent_port() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let kept: Vec<_> = listener.incoming().collect();
        drop(kept);
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn one_connection_for_all_of_a_user() {
    let Some(ceph) = CephCluster::shared("one_connection_for_all_of_a_user") else { return };
    let kept = cinder(ceph);
    let first = on(&kept, |ceph| Ok((ceph.client(), ceph.fsid().to_owned()))).await.unwrap();
    let client = cinder(ceph);
    let asked: Vec<_> = (0..40).map(|_| on(&client, |ceph| Ok(ceph.client()))).collect();
    let numbers = futures_util::future::join_all(asked).await;
    assert!(numbers.into_iter().all(|number| number == Ok(first.0)));
    assert_eq!(first.1, ceph.fsid());
}

/// A client that the cluster has shut out connects anew.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_shut_out_comes_back() {
    let Some(ceph) = CephCluster::shared("a_client_that_was_shut_out_comes_back") else { return };
    // Other settings: a connection of its own.
    let wait = Duration::from_secs(41);
    let client = CephClient::of(CephSettings { answer_timeout: wait, ..settings(ceph, "cinder") });
    let address = on(&client, |ceph| {
        let pool = ceph.pool("vms")?;
        pool.create("shut-out", MIB, 22)?;
        Ok(pool.open("shut-out")?.watchers()?[0].address.clone())
    })
    .await
    .unwrap();
    ceph.ceph(&["osd", "blocklist", "add", &address]);
    until("an end of the old connection", async || {
        let written = on(&client, |ceph| ceph.pool("vms")?.open("shut-out")?.write(0, &[1])).await;
        written.is_err().then_some(())
    })
    .await;
    until("a new connection", async || {
        on(&client, |ceph| ceph.pool("vms")?.open("shut-out")?.write(0, &[1])).await.ok()
    })
    .await;
    on(&client, |ceph| ceph.pool("vms")?.remove("shut-out")).await.unwrap();
}

/// The watch of a writer that was killed keeps others away for a while, and then is gone.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_writer_is_waited_for() {
    let Some(ceph) = CephCluster::shared("a_killed_writer_is_waited_for") else { return };
    let client = cinder(ceph);
    // Else 30 seconds; no less, or a busy machine forgets a living one.
    ceph.ceph(&["tell", "osd.0", "config", "set", "osd_client_watch_timeout", "10"]);
    on(&client, |ceph| ceph.pool("vms")?.create("killed", 256 * MIB, 22)).await.unwrap();
    let mut writer = Command::new("rbd")
        .args(["--conf".as_ref(), ceph.conf().as_os_str()])
        .args(["--id", "cinder", "bench", "vms/killed", "--io-type", "write", "--io-total", "9G"])
        .env_remove("CEPH_ARGS")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let watchers =
        || on(&client, |ceph| ceph.pool("vms")?.open_to_read("killed", None)?.watchers());
    let seen = until("a watcher", async || watchers().await.unwrap().pop()).await;
    assert!(seen.address.starts_with(&ceph.monitor()[..4]), "{seen:?}");
    let error = on(&client, |ceph| ceph.pool("vms")?.remove("killed")).await.unwrap_err();
    assert!(error.clashes(Clash::InUse), "{error:?}");
    writer.kill().unwrap();
    writer.wait().unwrap();
    assert_eq!(watchers().await.unwrap(), [seen]);
    until("an end of the watch", async || watchers().await.unwrap().is_empty().then_some(())).await;
    client.run(Span::Long, |ceph| ceph.pool("vms")?.remove("killed")).await.unwrap();
    ceph.ceph(&["tell", "osd.0", "config", "set", "osd_client_watch_timeout", "30"]);
}

/// A cluster whose only OSD is dead keeps nobody waiting for longer than was set.
#[tokio::test(flavor = "multi_thread")]
async fn a_dead_osd_ends_in_a_time_out() {
    let Some(ceph) = CephCluster::start("a_dead_osd_ends_in_a_time_out") else { return };
    let wait = Duration::from_secs(2);
    let client = CephClient::of(CephSettings { answer_timeout: wait, ..settings(&ceph, "cinder") });
    on(&client, |ceph| ceph.pool("vms")?.create("stuck", 8 * MIB, 22)).await.unwrap();
    let open = on(&client, |ceph| ceph.pool("vms")?.open("stuck")).await.unwrap();
    ceph.node().kill("osd.0");
    let began = Instant::now();
    // Librbd's own time-outs do not end its watch.
    let error = on(&client, move |_| open.write(0, &[1])).await.unwrap_err();
    assert!(matches!(error, CephError::Unavailable { .. }), "{error:?}");
    let error = on(&client, |ceph| ceph.pool("vms")?.create("other", MIB, 22)).await.unwrap_err();
    assert!(matches!(error, CephError::Unavailable { .. }), "{error:?}");
    assert!(began.elapsed() < Duration::from_secs(30), "{:?}", began.elapsed());
}

/// What a hypervisor gets is what the configuration names for the user.
#[test]
fn a_hypervisor_is_given_the_users_key() {
    let Some(ceph) = CephCluster::shared("a_hypervisor_is_given_the_users_key") else { return };
    let mut image = RbdImage {
        pool: "vms".to_owned(),
        image: "x".to_owned(),
        snapshot: None,
        user: "cinder".to_owned(),
        ceph_conf: Some(ceph.conf()),
        monitors: Vec::new(),
    };
    let login = CephKeyrings.find(&image).unwrap();
    assert_eq!(login.key, ceph.key("cinder"));
    assert!(login.conf.contains("mon host") && login.conf.contains("client mount timeout"));
    assert!(!format!("{login:?}").contains(&login.key));
    image.user = "nobody".to_owned();
    let error = CephKeyrings.find(&image).unwrap_err().to_string();
    assert!(error.contains("no key for client.nobody"), "{error}");
    image.ceph_conf = Some("/nonexistent".into());
    assert!(CephKeyrings.find(&image).unwrap_err().to_string().contains("rbd_ceph_conf"));
}
