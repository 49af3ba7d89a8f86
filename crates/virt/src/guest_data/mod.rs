//! What a guest is told of itself, in the shape that OpenStack's guests know. The same documents go over the metadata
//! service (`net::metadata`) and onto the config drive.

pub mod config_drive;
pub mod documents;
mod ec2;
mod iso9660;
pub(crate) mod tree;

pub use config_drive::{DriveOwner, IsoConfigDrive};
