//! Nova's verbs, one a file.

mod change_server;
mod console_output;
mod create_server;
mod delete_server;
mod explain;
mod figures;
mod find_server;
mod flavors;
mod hosts;
mod image_fit;
mod instance_actions;
mod keypairs;
mod labels;
mod list_servers;
mod new_server;
mod plug_networks;
mod server_query;
mod settings;
mod show_server;
mod show_usage;

pub use change_server::{ChangeServer, ServerChanges};
pub use console_output::ConsoleOutput;
pub use create_server::CreateServer;
pub use delete_server::DeleteServer;
pub use explain::{Explain, Explanation, HostExplanation};
pub use figures::{Figures, ReadFigures};
pub use flavors::{FlavorQuery, FlavorVerbs, NewFlavor, ensure_first_flavors};
pub use hosts::{HostStatus, HostVerbs, Zone};
pub use instance_actions::InstanceActions;
pub use keypairs::{CreatedKeypair, KeypairVerbs, NewKeypair};
pub use list_servers::ListServers;
pub use new_server::{NetworkChoice, NewServer, NicChoice, ZoneChoice, sanitize_hostname};
pub use server_query::{Look, ServerQuery};
pub use settings::ComputeSettings;
pub use show_server::{ServerAddress, ServerDetail, ShowServer};
pub use show_usage::{ShowUsage, Usage};
