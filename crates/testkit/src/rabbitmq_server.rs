//! A RabbitMQ server of a test's own: data in a temporary folder, ports of its own, loopback only.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a fixture fails by panicking")]

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const PROGRAM: &str = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/// A running server; ends when it is dropped.
pub struct RabbitmqServer {
    folder: TempDir,
    port: u16,
    distribution_port: u16,
    names_port: u16,
    // Erlang's name service, without which no node starts.
    names: Child,
    broker: Option<Child>,
}

impl RabbitmqServer {
    /// Starts one. `None`, and a line on standard error, if it is not installed here.
    pub fn start(test: &str) -> Option<Self> {
        if !Path::new(PROGRAM).exists() {
            // Not by eprintln!, which the test harness keeps to itself when a test passes.
            let line = format!(
                "SKIPPED: {test}: no {PROGRAM}; install Debian's package rabbitmq-server\n"
            );
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            return None;
        }
        let folder = tempfile::Builder::new().prefix("hatchery-mq-").tempdir_in("/tmp").unwrap();
        let [port, distribution_port, names_port] = free_ports();
        let names = command("epmd")
            .args(["-address", "127.0.0.1", "-port", &names_port.to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut server = Self { folder, port, distribution_port, names_port, names, broker: None };
        wait_until("epmd", || TcpStream::connect(("127.0.0.1", names_port)).is_ok());
        server.run();
        Some(server)
    }

    /// As oslo.messaging writes its address.
    pub fn url(&self) -> String {
        format!("rabbit://guest:guest@127.0.0.1:{}//", self.port)
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut broker) = self.broker.take() {
            let _ = broker.kill();
            let _ = broker.wait();
        }
    }

    /// Starts it, after [`Self::kill`], on what its folder holds.
    pub fn run(&mut self) {
        let at = |name: &str| self.folder.path().join(name);
        let log = File::options().create(true).append(true).open(at("log")).unwrap();
        fs::write(at("enabled_plugins"), "[].\n").unwrap();
        fs::write(
            at("rabbitmq.conf"),
            "loopback_users.guest = true\nlog.console = true\nlog.file = false\n",
        )
        .unwrap();
        let mut broker = command(PROGRAM)
            .env("HOME", self.folder.path())
            .env("RABBITMQ_NODENAME", format!("hatchery-{}@localhost", self.port))
            .env("RABBITMQ_NODE_IP_ADDRESS", "127.0.0.1")
            .env("RABBITMQ_NODE_PORT", self.port.to_string())
            .env("RABBITMQ_DIST_PORT", self.distribution_port.to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            .env("ERL_EPMD_PORT", self.names_port.to_string())
            .env(
                "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS",
                "-kernel inet_dist_use_interface {127,0,0,1}",
            )
            .env("RABBITMQ_MNESIA_BASE", at("mnesia"))
            .env("RABBITMQ_LOG_BASE", at("logs"))
            .env("RABBITMQ_CONFIG_FILE", at("rabbitmq.conf"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", at("enabled_plugins"))
            .env("RABBITMQ_PID_FILE", at("pid"))
            // Its script becomes the server then, instead of waiting for it.
            .env("RUNNING_UNDER_SYSTEMD", "1")
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let port = self.port;
        let path = at("log");
        wait_until("RabbitMQ", || {
            let ended = broker.try_wait().unwrap();
            assert!(ended.is_none(), "RabbitMQ: {}", fs::read_to_string(&path).unwrap());
            greets(port)
        });
        self.broker = Some(broker);
    }
}

impl Drop for RabbitmqServer {
    fn drop(&mut self) {
        self.kill();
        let _ = self.names.kill();
        let _ = self.names.wait();
    }
}

/// Whether a broker answers a client's first bytes.
fn greets(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else {
        return false;
    };
    let _ = stream.set_read_timeout(Some(Duration::from_secs(2)));
    stream.write_all(b"AMQP\x00\x00\x09\x01").is_ok() && stream.read_exact(&mut [0]).is_ok()
}

/// A program that ends with this process.
fn command(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig=KILL", "--", program]);
    command
}

/// Ports that were free a moment ago.
fn free_ports() -> [u16; 3] {
    let taken = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    taken.map(|listener| listener.local_addr().unwrap().port())
}

#[allow(clippy::disallowed_methods)] // A server that starts can only be looked at again.
fn wait_until(what: &str, mut ready: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !ready() {
        assert!(begun.elapsed() < Duration::from_secs(90), "{what} does not start");
        std::thread::sleep(Duration::from_millis(50));
    }
}
