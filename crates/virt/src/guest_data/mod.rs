//! What a guest is told of itself, in the shape that OpenStack's guests know. The same documents go over the metadata
//! service (`net::metadata`) and onto the config drive.

pub mod documents;
mod ec2;
pub(crate) mod tree;
