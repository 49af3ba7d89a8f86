//! What is going on now: for people who look, never for decisions.

mod figures;
mod transfer;

pub use figures::{BuildFigures, InterfaceFigures, LiveFigures, PoolFigures, ProcessFigures};
pub use transfer::{Transfer, TransferKind};
