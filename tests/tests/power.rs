//! A real guest is stopped, started and rebooted by the real client: it boots anew each time, and keeps all that it has.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use hatchery_tests::{Openstack, Settings, Ssh, World, boot_image, eventually};
use serde_json::Value;

/// A guest takes so many seconds to boot, on a busy machine too.
const BOOT: u64 = 150;

/// A world with one server, `one`.
struct Scene {
    world: World,
    openstack: Openstack,
    ssh: Ssh,
    id: String,
    address: String,
}

impl Scene {
    fn new() -> Self {
        let world = World::start(Settings::qemu());
        let openstack = world.openstack();
        let ssh = Ssh::new(world.state());
        let file = boot_image();
        let image = ["image", "create", "tiny", "--disk-format", "qcow2", "--container-format"];
        openstack.run(&[&image[..], &["bare", "--file", file.to_str().unwrap()]].concat());
        openstack.run(&["flavor", "create", "s", "--ram", "192", "--disk", "1", "--vcpus", "1"]);
        let public = ssh.public_file();
        openstack.run(&["keypair", "create", "k", "--public-key", public.to_str().unwrap()]);
        let create = ["server", "create", "one", "--image", "tiny", "--flavor", "s", "--key-name"];
        let server = openstack.json(&[&create[..], &["k", "--wait"]].concat());
        let networks = server["addresses"].as_object().unwrap().values().next().unwrap();
        let address = networks[0].as_str().unwrap().to_owned();
        let id = server["id"].as_str().unwrap().to_owned();
        Self { world, openstack, ssh, id, address }
    }

    fn shown(&self) -> Value {
        self.openstack.json(&["server", "show", "one"])
    }

    fn until(&self, status: &str) -> Value {
        eventually(&format!("the server is {status}"), 90, || {
            let shown = self.shown();
            let settled = shown["OS-EXT-STS:task_state"].is_null();
            if shown["status"] == status && settled { Ok(shown) } else { Err(shown.to_string()) }
        })
    }

    /// Id of the guest's process.
    fn process(&self) -> Option<u32> {
        self.world.census().processes.get(&self.id).copied()
    }

    /// Waits until the guest has booted so many times, and gives its console.
    fn booted(&self, times: u32) -> String {
        let line = format!(" boots={times} ");
        eventually(&format!("the guest's boot {times}"), BOOT, || {
            let text = self.openstack.run(&["console", "log", "show", "one"]);
            let ready = text.lines().any(|l| l.contains("TINY-READY") && l.contains(&line));
            if ready { Ok(text) } else { Err(text) }
        })
    }

    /// What was written before the first stop is there, and what follows survives a hard end.
    fn data_is_kept(&self) {
        assert_eq!(self.ssh.run(&self.address, "sync; cat kept"), "this");
    }
}

#[test]
fn a_guest_boots_anew_and_keeps_what_it_has() {
    let mut scene = Scene::new();
    scene.booted(1);
    scene.ssh.run(&scene.address, "echo this >kept; sync");
    let first = scene.process().unwrap();

    scene.openstack.run(&["server", "stop", "one"]);
    let shown = scene.until("SHUTOFF");
    assert_eq!(shown["OS-EXT-STS:vm_state"], "stopped");
    assert_eq!(shown["OS-EXT-STS:power_state"], 4);
    assert_eq!(scene.process(), None);
    let (ok, _, said) = scene.openstack.try_run(&["server", "stop", "one"]);
    assert!(!ok && said.contains("while it is in vm_state stopped"), "{said}");

    // A cloud that begins anew leaves it so.
    scene.world.kill();
    scene.world.up();
    scene.openstack = scene.world.openstack();
    assert_eq!(scene.until("SHUTOFF")["name"], "one");
    assert_eq!(scene.process(), None);

    scene.openstack.run(&["server", "start", "one"]);
    let shown = scene.until("ACTIVE");
    assert_eq!(shown["OS-EXT-STS:power_state"], 1);
    assert!(shown["addresses"].to_string().contains(&scene.address), "{shown}");
    let console = scene.booted(2);
    assert!(console.contains(" boots=1 "), "the first boot's console is gone: {console}");
    scene.data_is_kept();
    let second = scene.process().unwrap();
    assert_ne!(first, second);

    scene.openstack.run(&["server", "reboot", "--hard", "--wait", "one"]);
    scene.booted(3);
    scene.data_is_kept();
    let third = scene.process().unwrap();
    assert_ne!(second, third);

    // The guest hears the power button, so this is over long before its time is.
    scene.openstack.run(&["server", "reboot", "--soft", "--wait", "one"]);
    scene.booted(4);
    scene.data_is_kept();
    assert_ne!(third, scene.process().unwrap());
    let (ok, _, said) = scene.openstack.try_run(&["server", "start", "one"]);
    assert!(!ok && said.contains("while it is in vm_state active"), "{said}");
    the_timeline_tells(&scene);
    the_state_is_reset(&scene);
    scene.openstack.run(&["server", "delete", "one", "--wait"]);
    assert_eq!(scene.process(), None);
}

fn the_timeline_tells(scene: &Scene) {
    let events = scene.openstack.json(&["server", "event", "list", "one"]);
    let actions: Vec<&str> =
        events.as_array().unwrap().iter().map(|row| row["Action"].as_str().unwrap()).collect();
    assert_eq!(actions, ["reboot", "reboot", "start", "stop", "create"]);
    let told = |row: usize| {
        let request = events[row]["Request ID"].as_str().unwrap();
        let shown = scene.openstack.json(&["server", "event", "show", "one", request]);
        shown["events"].to_string()
    };
    let soft = told(0);
    assert!(soft.contains("compute_reboot_instance"), "{soft}");
    assert!(soft.contains("the guest powered off"), "it was not asked: {soft}");
    assert!(told(3).contains("the guest powered off"), "{}", told(3));
}

fn the_state_is_reset(scene: &Scene) {
    let process = scene.process();
    scene.openstack.run(&["server", "set", "--auto-approve", "--state", "error", "one"]);
    assert_eq!(scene.shown()["status"], "ERROR");
    scene.openstack.run(&["server", "set", "--auto-approve", "--state", "active", "one"]);
    assert_eq!(scene.shown()["status"], "ACTIVE");
    assert_eq!(scene.process(), process, "a reset is no matter of the guest's");

    // It ends by itself, an administrator says that it is active, and a hard reboot makes that true.
    scene.ssh.run(&scene.address, "sync; (sleep 1; poweroff -f) >/dev/null 2>&1 </dev/null &");
    scene.until("SHUTOFF");
    scene.openstack.run(&["server", "set", "--auto-approve", "--state", "active", "one"]);
    assert_eq!(scene.shown()["status"], "ACTIVE");
    scene.openstack.run(&["server", "reboot", "--hard", "--wait", "one"]);
    scene.booted(5);
    scene.data_is_kept();
}
