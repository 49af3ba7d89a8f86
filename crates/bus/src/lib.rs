//! The bus: within one process. Another technology stands beside it as a module of its own.

mod in_process;

pub use in_process::InProcessBus;
