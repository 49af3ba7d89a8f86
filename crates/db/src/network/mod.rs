//! Neutron's rows.

mod address;
mod network_record;
mod port;
mod subnet;
