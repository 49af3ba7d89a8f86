//! A machine on a network's bridge that speaks DHCP and HTTP: a namespace with one interface, and busybox in it. Its end
//! on the bridge takes the place of the port's tap, whose name decides what it may send.

use crate::world::{World, require, run, unique};
use hatchery_model::compute::GuestNic;
use hatchery_model::network::MacAddress;
use std::collections::HashMap;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;
use tempfile::TempDir;

/// Configures the interface as cloud images do, and tells the test what it was told.
const SCRIPT: &str = r#"#!/bin/sh
case $1 in bound|renew) ;; *) exit 0 ;; esac
ip link set dev "$interface" mtu "${mtu:-1500}"
ip addr flush dev "$interface"
ip addr add "$ip/$mask" dev "$interface"
set -- $staticroutes
while [ $# -ge 2 ]; do
    if [ "$2" = 0.0.0.0 ]; then ip route replace "$1" dev "$interface"
    else ip route replace "$1" via "$2" dev "$interface" onlink; fi
    shift 2
done
{
    echo "ip=$ip/$mask"; echo "mtu=$mtu"; echo "router=$router"; echo "dns=$dns"
    echo "hostname=$hostname"; echo "server=$serverid"; echo "lease=$lease"; echo "routes=$staticroutes"
} > "$TOLD"
"#;

/// See the head of this file.
pub struct FakeGuest {
    name: String,
    folder: TempDir,
}

impl FakeGuest {
    /// Wired to the network of that interface, with its hardware address.
    pub fn wire(world: &World, nic: &GuestNic) -> Self {
        Self::wire_with(world, nic, nic.mac)
    }

    /// The same, with a hardware address of its own.
    pub fn wire_with(world: &World, nic: &GuestNic, mac: MacAddress) -> Self {
        require("busybox", "busybox");
        let name = format!("hatchguest{:x}", unique());
        let network = world.namespace(nic.network.id);
        let tap = format!("tap{}", &nic.port.to_string()[..11]);
        run("ip", &["netns", "add", &name]);
        let guest = Self { folder: tempfile::tempdir().unwrap(), name };
        let _ = Command::new("ip").args(["-n", &network, "link", "del", &tap]).output();
        let ends = ["type", "veth", "peer", "name", "eth0", "netns", &guest.name];
        run("ip", &[&["-n", &network, "link", "add", &tap][..], &ends].concat());
        run("ip", &["-n", &network, "link", "set", &tap, "master", "bridge", "up"]);
        run("ip", &["-n", &guest.name, "link", "set", "eth0", "address", &mac.to_string(), "up"]);
        let script = guest.folder.path().join("script");
        fs::write(&script, SCRIPT).unwrap();
        fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
        guest
    }

    /// What a DHCP server tells within some seconds; `None` if none answers.
    pub fn ask_dhcp(&self) -> Option<HashMap<String, String>> {
        self.ask(8)
    }

    /// Whether no DHCP server answers two calls.
    pub fn is_ignored(&self) -> bool {
        self.ask(2).is_none()
    }

    fn ask(&self, tries: u32) -> Option<HashMap<String, String>> {
        let told = self.folder.path().join("told");
        let _ = fs::remove_file(&told);
        let script = self.folder.path().join("script");
        let output = self
            .command(&[
                "busybox",
                "udhcpc",
                "-i",
                "eth0",
                "-f",
                "-q",
                "-n",
                "-t",
                &tries.to_string(),
                "-T",
                "1",
                "-O",
                "mtu",
                "-O",
                "staticroutes",
                "-s",
            ])
            .arg(&script)
            .env("TOLD", &told)
            .output()
            .unwrap();
        let text = fs::read_to_string(&told).ok();
        let text = text.filter(|_| output.status.success())?;
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        Some(pairs.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect())
    }

    /// Runs a command as this guest.
    pub fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Status and body of a metadata path.
    pub async fn get(&self, path: &str) -> (u16, String) {
        let request =
            format!("GET {path} HTTP/1.1\r\nHost: 169.254.169.254\r\nConnection: close\r\n\r\n");
        let response = self.talk(request.into_bytes()).await;
        let response = String::from_utf8_lossy(&response).into_owned();
        let (head, body) = response.split_once("\r\n\r\n").unwrap_or((&response, ""));
        let status = head.split(' ').nth(1).and_then(|text| text.parse().ok());
        (status.unwrap_or(0), body.to_owned())
    }

    /// Sends bytes to the metadata service, and reads until it closes.
    pub async fn talk(&self, bytes: Vec<u8>) -> Vec<u8> {
        let talk = move || {
            let mut stream = TcpStream::connect("169.254.169.254:80").unwrap();
            stream.write_all(&bytes).unwrap();
            let mut answer = Vec::new();
            // A reset ends the answer, too.
            let _ = stream.read_to_end(&mut answer);
            answer
        };
        let (answer, answered) = tokio::sync::oneshot::channel();
        let entered = self.entered(talk);
        std::thread::spawn(move || answer.send(entered()));
        answered.await.unwrap()
    }

    /// Whether the metadata service lets this guest connect.
    pub fn reaches_metadata(&self) -> bool {
        let address = ([169, 254, 169, 254], 80).into();
        let connect = move || TcpStream::connect_timeout(&address, Duration::from_secs(2)).is_ok();
        self.inside(connect)
    }

    /// What runs in this guest whatever thread it is called on, which it does not come back from.
    fn entered<T, F: FnOnce() -> T>(&self, work: F) -> impl FnOnce() -> T + use<T, F> {
        let namespace = fs::File::open(format!("/run/netns/{}", self.name)).unwrap();
        move || {
            nix::sched::setns(namespace, nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
            work()
        }
    }

    /// Does some work on a thread in this guest. What it opens stays there.
    pub fn inside<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> T {
        std::thread::spawn(self.entered(work)).join().unwrap()
    }

    /// A command as this guest, not started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name]).args(arguments);
        command
    }
}

impl Drop for FakeGuest {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "del", &self.name]).output();
    }
}
