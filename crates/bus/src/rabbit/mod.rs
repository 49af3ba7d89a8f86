//! RabbitMQ, as an existing OpenStack uses it.

mod glance_news;
mod notification;
mod transport_url;

pub use glance_news::{GlanceNews, GlanceNewsSettings};
pub use transport_url::{TransportUrl, TransportUrlError};
