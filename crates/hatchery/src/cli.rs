//! The command line.

use crate::commands::pool::{Heal, PoolArgs};
use crate::commands::warm::WarmArgs;
use clap::{Args, Parser, Subcommand};
use std::net::SocketAddr;
use std::path::PathBuf;

/// From an image to a running machine, without copying the image.
#[derive(Debug, Parser)]
#[command(name = "hatchery", version, max_term_width = 100)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the whole cloud in the foreground, until SIGTERM or SIGINT. Guests go on running.
    Up(Up),
    /// Stop a running cloud; with --guests also its guests and networks on this host.
    Down(Down),
    /// Say what this machine lacks and how to get it, and prove which accelerator runs a guest.
    Doctor(Doctor),
    /// Print how a server's disk or a volume would be made: the chosen way, its bytes, and why each better way was refused.
    Explain(Explain),
    /// Look at the bases: list them, show one, compare their bytes with their digests.
    Pool(PoolArgs),
    /// Put lost and changed bases right now, and name the servers that can start again.
    Heal(Heal),
    /// Keep the bases of an existing OpenStack: every active image of its Glance linked for its Nova.
    Warm(Box<WarmArgs>),
    /// Look at what guests have open in Ceph.
    Ceph(Ceph),
    /// Upload an image, boot a server from it, and show its console and its timeline.
    Demo(Demo),
    /// Watch what is moving: interfaces, transfers, builds, bases.
    Top(Top),
}

/// The state folder.
#[derive(Clone, Debug, Args)]
pub struct State {
    /// Folder of the database, the pool, the instances and the logs.
    #[arg(
        long = "state",
        value_name = "DIR",
        env = "HATCHERY_STATE",
        default_value = "/var/lib/hatchery"
    )]
    pub dir: PathBuf,
}

/// `hatchery up`.
#[derive(Debug, Args)]
pub struct Up {
    #[command(flatten)]
    pub state: State,
    /// Where all APIs listen.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:5000")]
    pub listen: SocketAddr,
    /// Settings; DIR/hatchery.toml is read if it is there and this is not given.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
}

/// `hatchery down`.
#[derive(Debug, Args)]
pub struct Down {
    #[command(flatten)]
    pub state: State,
    /// Also end the guests of this state folder and remove their networks from this host.
    #[arg(long)]
    pub guests: bool,
}

/// `hatchery doctor`.
#[derive(Debug, Args)]
pub struct Doctor {
    #[command(flatten)]
    pub state: State,
}

/// `hatchery explain`.
#[derive(Debug, Args)]
pub struct Explain {
    #[command(flatten)]
    pub state: State,
    /// Name or id of the image.
    #[arg(long)]
    pub image: String,
    /// Name or id of the flavor: for a server's disk.
    #[arg(long, required_unless_present = "size", conflicts_with = "size")]
    pub flavor: Option<String>,
    /// Size in GiB: for a volume.
    #[arg(long, value_name = "GIB")]
    pub size: Option<u64>,
    /// Name or id of the volume's type; the default one if not given.
    #[arg(long, requires = "size")]
    pub volume_type: Option<String>,
}

/// `hatchery ceph`.
#[derive(Debug, Args)]
pub struct Ceph {
    /// What to do.
    #[command(subcommand)]
    pub command: CephCommand,
}

/// What of Ceph.
#[derive(Debug, Subcommand)]
pub enum CephCommand {
    /// List the guests' admin sockets that answer, each with its guest and the images that it has open.
    Sockets(CephSockets),
}

/// `hatchery ceph sockets`.
#[derive(Debug, Args)]
pub struct CephSockets {
    #[command(flatten)]
    pub state: State,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// `hatchery demo`.
#[derive(Debug, Args)]
pub struct Demo {
    #[command(flatten)]
    pub state: State,
    /// A qcow2 or raw image of a guest that prints a line beginning with the --ready text on its serial console.
    #[arg(long, value_name = "FILE")]
    pub image: PathBuf,
    /// Name of the image and of the server.
    #[arg(long, default_value = "first")]
    pub name: String,
    /// Begins the line that a ready guest prints.
    #[arg(long, default_value = "TINY-READY")]
    pub ready: String,
    /// How long the guest may take.
    #[arg(long, value_name = "SECONDS", default_value_t = 180)]
    pub wait: u64,
}

/// `hatchery top`.
#[derive(Debug, Args)]
pub struct Top {
    #[command(flatten)]
    pub state: State,
    /// Read the metrics of a process there instead: of `hatchery warm --metrics`, say. Transfers are shown as sums then.
    #[arg(long, value_name = "URL")]
    pub metrics: Option<String>,
    /// Print one reading as text, with rates over one interval, and end.
    #[arg(long)]
    pub once: bool,
    /// Between two readings.
    #[arg(long, value_name = "SECONDS", default_value = "1", value_parser = interval)]
    pub interval: f64,
}

fn interval(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.1..=3600.0).contains(&seconds) => Ok(seconds),
        Ok(_) | Err(_) => Err("give 0.1 to 3600 seconds".into()),
    }
}
