//! An agent killed at any moment: whatever it left is made whole, or removed without a trace.

use crate::guest::FakeGuest;
use crate::world::{World, network, nic, run};
use hatchery_model::compute::GuestNic;
use hatchery_model::network::NetworkSpec;
use hatchery_ports::network_driver::NetworkDriver;
use hatchery_virt::net::{NetNsDriver, NetSettings};
use std::fs;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::timeout;

/// Names the file with the victim's work; unset in an ordinary run.
const WORK: &str = "HATCHERY_TEST_VICTIM";
const ROUNDS: u32 = 40;

/// Not a test by itself: what the process does that the other test kills.
#[tokio::test(flavor = "multi_thread")]
async fn victim() {
    let Ok(file) = std::env::var(WORK) else {
        return;
    };
    let work = fs::read(file).unwrap();
    let (prefix, state, nics): (String, String, Vec<GuestNic>) =
        serde_json::from_slice(&work).unwrap();
    let mut settings = NetSettings::new(state);
    settings.prefix = prefix;
    let driver = NetNsDriver::new(settings, Arc::new(crate::world::Guests::default())).unwrap();
    loop {
        for nic in &nics {
            driver.ensure_network(&nic.network).await.unwrap();
            drop(driver.plug(nic).await.unwrap());
        }
        for nic in &nics {
            driver.unplug(nic.network.id, nic.port).await.unwrap();
            driver.remove_network(nic.network.id).await.unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_agent_leaves_nothing_that_its_heir_cannot_mend() {
    let mut world = World::new();
    let networks = ["10.91.0.0/24", "10.92.0.0/24"]
        .map(|cidr| NetworkSpec { host_access: true, ..network(cidr) });
    let nics: Vec<_> = networks.iter().map(|network| nic(network, 9)).collect();
    let work = tempfile::NamedTempFile::new().unwrap();
    let told = (&world.settings.prefix, &world.settings.state, &nics);
    fs::write(work.path(), serde_json::to_vec(&told).unwrap()).unwrap();
    for round in 0..ROUNDS {
        let mut victim = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "crash::victim"])
            .env(WORK, work.path())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let moment = Duration::from_micros(2_000 + u64::from(round) * 4_321);
        let ended = timeout(moment, victim.wait()).await;
        assert!(ended.is_err(), "round {round}: it ended by itself: {ended:?}");
        victim.kill().await.unwrap();

        world.restart();
        if round % 2 == 0 {
            for nic in &nics {
                world.driver.ensure_network(&nic.network).await.unwrap();
                let _tap = world.driver.plug(nic).await.unwrap();
                assert_eq!(world.servers(nic.network.id).len(), 1, "round {round}");
                assert_eq!(world.entries(&nic.network).len(), 3, "round {round}");
                let guest = FakeGuest::wire(&world, nic);
                assert!(guest.ask_dhcp().is_some(), "round {round}");
                assert_eq!(guest.get("/openstack").await.0, 404, "round {round}");
            }
        }
        for network in &networks {
            world.remove(network.id).await;
        }
        let names = run("ip", &["netns"]);
        assert!(!names.contains(&world.settings.prefix), "round {round}: {names}");
        assert_eq!(fs::read_dir(&world.settings.state).into_iter().flatten().count(), 0);
    }
}
