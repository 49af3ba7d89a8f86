//! Test plugs and fixtures: a clock that is set by hand, randomness that can be repeated, a RabbitMQ of a test's own.

mod clock;
mod entropy;
mod rabbitmq_server;

pub use clock::ManualClock;
pub use entropy::SeededEntropy;
pub use rabbitmq_server::RabbitmqServer;
