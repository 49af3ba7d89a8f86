//! Nova's nouns: what users ask for (servers), and what runs on hosts (guests).

mod action;
mod aggregate;
mod flavor;
mod guest;
mod host;
mod imaging;
mod keypair;
mod server;
mod server_power;
mod server_state;

pub use action::{Action, ActionEvent, ActionKind, EventResult};
pub use aggregate::{Aggregate, HostFacts};
pub use flavor::Flavor;
pub use guest::{
    DiskAttachment, GuestDefinition, GuestMetadata, GuestNic, GuestPhase, GuestSpec, PowerState,
    RootDisk,
};
pub use host::{Claim, Host, HostReport, HostResources, NotPlaced};
pub use imaging::{Imaging, ImagingStep};
pub use keypair::{KeyType, Keypair};
pub use server::{Server, ServerNic};
pub use server_power::{RebootKind, Rest, WantedPower};
pub use server_state::{BuildStep, Fault, Illegal, ServerState};
