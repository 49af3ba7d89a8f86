//! Test plugs and fixtures: a clock that is set by hand, randomness that can be repeated, metrics that are read, a RabbitMQ and a
//! Ceph of a test's own.

mod ceph;
mod clock;
mod counts;
mod entropy;
mod rabbitmq_server;

pub use ceph::{CephCluster, CephFailure, CephNode, CephSettings, DaemonState, ObjectStore, POOLS};
pub use clock::ManualClock;
pub use counts::Counts;
pub use entropy::SeededEntropy;
pub use rabbitmq_server::RabbitmqServer;
