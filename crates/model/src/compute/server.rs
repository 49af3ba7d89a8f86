//! A server: what the user asked for. Written by `control` alone.

use super::{Flavor, Imaging, Keypair, ServerState, WantedPower};
use crate::generation::Generation;
use crate::id::{HostName, ImageId, NetworkId, PortId, ProjectId, ServerId, UserId};
use crate::provision::Plan;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, Ipv6Addr};

/// A server's row.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Server {
    /// Its id.
    pub id: ServerId,
    /// Compare-and-set counter.
    pub generation: Generation,
    /// Counts servers; its guest is named `instance-%08x` after it. 0 until the store has given one.
    pub number: u32,
    /// The project that owns it.
    pub project: ProjectId,
    /// Who made it.
    pub user: UserId,
    /// Need not be unique.
    pub name: String,
    /// What the guest calls itself.
    pub hostname: String,
    /// Free text (2.19).
    pub description: Option<String>,
    /// Where it is in its life.
    pub state: ServerState,
    /// Whether its guest is wanted to run.
    #[serde(default)]
    pub wanted_power: WantedPower,
    /// The generation of the last order to stop, start or reboot its guest; 0 while there was none. News of an earlier one are stale.
    #[serde(default)]
    pub power_order: Generation,
    /// The image that is being made of its disk.
    #[serde(default)]
    pub imaging: Option<Imaging>,
    /// The flavor as it was when the server was made.
    pub flavor: Flavor,
    /// The image that its disk comes from.
    pub image: Option<ImageId>,
    /// The key pair as it was when the server was made.
    pub keypair: Option<Keypair>,
    /// Free labels with values.
    pub metadata: BTreeMap<String, String>,
    /// Free labels (2.26).
    pub tags: BTreeSet<String>,
    /// Base64, as the user sent it.
    pub user_data: Option<String>,
    /// Whether it gets a config drive.
    pub config_drive: bool,
    /// Where it stands: its host's zone, and until it has a host what was asked for.
    pub availability_zone: Option<String>,
    /// As the user asked for it: `zone`, or `zone:host` of an administrator. `None`: anywhere.
    #[serde(default)]
    pub wanted_zone: Option<String>,
    /// An address by which the user says that it is reached; kept for what clients show.
    #[serde(default)]
    pub access_ipv4: Option<Ipv4Addr>,
    /// The same, of the other kind.
    #[serde(default)]
    pub access_ipv6: Option<Ipv6Addr>,
    /// The host claimed for it.
    pub host: Option<HostName>,
    /// Its network interfaces, in order.
    pub nics: Vec<ServerNic>,
    /// Whether it was made with volumes: its guest is built when they are there.
    #[serde(default)]
    pub with_volumes: bool,
    /// `r-…`, common to all of one request.
    pub reservation_id: String,
    /// Place among those of one request.
    pub launch_index: u32,
    /// A locked server takes no orders from its owner.
    pub locked: bool,
    /// How its disk is made; set when it is placed.
    pub plan: Option<Plan>,
    /// Bytes of image data that making its disk really copied; set when its guest has started.
    pub bytes_copied: Option<u64>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// When its guest first ran.
    pub launched_at: Option<Timestamp>,
}

/// A network interface of a server.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct ServerNic {
    /// The port.
    pub port: PortId,
    /// Its network.
    pub network: NetworkId,
    /// Whether the port was made for the server, and goes with it.
    pub owned: bool,
}
