//! Backends, as Cinder's services, pools, capabilities, hosts and zones.

pub mod explain;
pub mod hosts;
pub mod pools;
pub mod routes;
pub mod zones;
