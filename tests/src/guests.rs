//! Real guests of the small image, used as the newest `openstack` client's user uses them.

use crate::{Openstack, Ssh, World, boot_image, eventually};
use serde_json::Value;

/// Where nothing of the image lies: a sector near the end of 1 GiB.
const FAR: u32 = 2_000_000;
/// Seconds until the cloud has surely done what it was asked.
const PATIENCE: u64 = 150;

/// Waits until what these words show has this status, and gives it.
pub fn wait_for(openstack: &Openstack, show: &[&str], status: &str) -> Value {
    eventually(&format!("{show:?} is {status}"), PATIENCE, || {
        let shown = openstack.json(show);
        if shown["status"] == status { Ok(shown) } else { Err(shown.to_string()) }
    })
}

/// Waits until what these words list is empty.
pub fn wait_until_gone(openstack: &Openstack, list: &[&str]) {
    eventually(&format!("{list:?} is empty"), PATIENCE, || {
        let left = openstack.json(list);
        if left.as_array().unwrap().is_empty() { Ok(()) } else { Err(left.to_string()) }
    });
}

/// Guests of a cloud, and the key that opens them.
pub struct Guests {
    /// The client.
    pub openstack: Openstack,
    key: Ssh,
}

impl Guests {
    /// Gives the cloud the image `tiny`, the flavor `small` and the key `mine`.
    pub fn new(world: &World) -> Self {
        let (openstack, key) = (world.openstack(), Ssh::new(world.state()));
        let (file, public) = (boot_image(), key.public_file());
        let file = file.to_str().unwrap();
        openstack.run(&["image", "create", "tiny", "--file", file, "--disk-format", "qcow2"]);
        openstack
            .run(&["flavor", "create", "small", "--ram", "192", "--disk", "1", "--vcpus", "1"]);
        openstack.run(&["keypair", "create", "mine", "--public-key", public.to_str().unwrap()]);
        Self { openstack, key }
    }

    /// Makes a server with a few more words on the command line, and waits until its guest can be logged in to. Its address.
    pub fn boot(&self, name: &str, more: &[&str]) -> String {
        let mut line = vec!["server", "create", name, "--flavor", "small", "--key-name", "mine"];
        line.extend(["--network", "private"]);
        line.extend(more);
        self.openstack.run(&line);
        let shown = wait_for(&self.openstack, &["server", "show", name], "ACTIVE");
        self.ready(name, 1);
        let networks = shown["addresses"].as_object().unwrap();
        networks.values().next().unwrap()[0].as_str().unwrap().to_owned()
    }

    /// Starts or reboots a server by these words, and waits until its guest can be logged in to again.
    pub fn again(&self, name: &str, words: &[&str]) {
        let before = self.times_ready(name);
        self.openstack.run(&[words, &[name]].concat());
        wait_for(&self.openstack, &["server", "show", name], "ACTIVE");
        self.ready(name, before + 1);
    }

    /// Deletes a server, and waits until it is gone.
    pub fn delete(&self, name: &str) {
        self.openstack.run(&["server", "delete", name, "--wait"]);
    }

    /// Runs a command in the guest at an address.
    pub fn run(&self, address: &str, command: &str) -> String {
        self.key.run(address, command)
    }

    /// Writes a word on a disk, where nothing of the image lies.
    pub fn write(&self, address: &str, disk: &str, word: &str) {
        let dd = format!("dd of={disk} seek={FAR} conv=notrunc 2>/dev/null");
        self.run(address, &format!("echo {word} | {dd} && sync"));
    }

    /// What was written there.
    pub fn read(&self, address: &str, disk: &str) -> String {
        let dd = format!("dd if={disk} skip={FAR} count=1 2>/dev/null");
        self.run(address, &format!("{dd} | head -n 1"))
    }

    /// How often its guest has said that it is ready: the console's log goes on over its starts.
    fn times_ready(&self, name: &str) -> usize {
        let log = self.openstack.run(&["console", "log", "show", name]);
        log.matches("TINY-READY").count()
    }

    fn ready(&self, name: &str, times: usize) {
        eventually("the guest is ready", 180, || match self.times_ready(name) {
            found if found >= times => Ok(()),
            found => Err(found.to_string()),
        });
    }
}
