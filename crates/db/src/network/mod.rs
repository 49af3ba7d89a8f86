//! Neutron's rows.

pub(crate) mod address;
mod network_record;
mod port;
mod subnet;
