//! Nova's verbs, one a file.

mod create_server;
mod delete_server;
mod find_server;
mod image_fit;
mod list_servers;
mod new_server;
mod plug_networks;
mod settings;
mod show_server;

pub use create_server::CreateServer;
pub use delete_server::DeleteServer;
pub use list_servers::{ListServers, ServerQuery};
pub use new_server::{NetworkChoice, NewServer, NicChoice, ZoneChoice, sanitize_hostname};
pub use settings::ComputeSettings;
pub use show_server::{ServerAddress, ServerDetail, ShowServer};
