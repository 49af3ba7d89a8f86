//! The bus: within one process. Another technology stands beside it as a module of its own.
//!
//! And what an existing OpenStack says on its own bus: `rabbit/` hears of the images of its Glance.

mod in_process;
mod rabbit;

pub use in_process::InProcessBus;
pub use rabbit::{GlanceNews, GlanceNewsSettings, TransportUrl, TransportUrlError};
