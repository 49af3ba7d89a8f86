//! What an existing Glance says of its images on RabbitMQ.
//!
//! Notifications go to the exchange `glance` under the key `notifications.info`, and from there into a queue that others may read.
//! We bind a queue of our own beside that one: a copy of each message comes to us, none is taken from anyone, and the queue is gone
//! with its connection. The exchange is never declared here: whether it is durable is Glance's to say, and whoever says otherwise
//! first breaks the other. A broker or an exchange that is not there is waited for, for ever.

use super::notification::image_of;
use super::transport_url::TransportUrl;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use hatchery_ports::image_catalog::{ImageHint, ImageNews};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions,
};
use lapin::tcp::OwnedTLSConfig;
use lapin::types::{AMQPValue, FieldTable};
use lapin::uri::AMQPUri;
use lapin::{Connection, ConnectionProperties, Consumer};
use std::io;
use std::time::Duration;
use tokio::sync::mpsc;

/// Hints that may wait here for whoever listens.
const WAITING: usize = 1024;
/// Messages that may wait for us at the broker; the oldest go first, and the pass at an interval makes up for them.
const KEPT_THERE: i32 = 10_000;
/// How long a broker may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What to listen to.
#[derive(Clone, Debug)]
pub struct GlanceNewsSettings {
    /// Glance's `transport_url`.
    pub url: TransportUrl,
    /// The exchange: `glance`, since Glance names itself so whatever its `control_exchange`.
    pub exchange: String,
    /// One of `[oslo_messaging_notifications] topics`.
    pub topic: String,
    /// The shortest and the longest wait before the next try to connect.
    pub backoff: (Duration, Duration),
}

impl GlanceNewsSettings {
    /// As Glance has it by default.
    pub fn new(url: TransportUrl) -> Self {
        Self {
            url,
            exchange: "glance".to_owned(),
            topic: "notifications".to_owned(),
            backoff: (Duration::from_millis(250), Duration::from_secs(15)),
        }
    }
}

/// See the head of this file.
pub struct GlanceNews {
    settings: GlanceNewsSettings,
}

/// Why a connection came to its end.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("the broker does not answer")]
    Silent,
    #[error("the broker ended it")]
    Ended,
    #[error("{0}")]
    Amqp(#[from] lapin::Error),
    #[error("the certificates of ssl_ca_file cannot be read: {0}")]
    Certificates(io::Error),
}

impl GlanceNews {
    /// Nothing is connected before somebody listens.
    pub const fn new(settings: GlanceNewsSettings) -> Self {
        Self { settings }
    }
}

impl ImageNews for GlanceNews {
    /// Must be called in a runtime. Each connection begins with [`ImageHint::Any`], for what was said before it.
    fn hints(&self) -> BoxStream<'static, ImageHint> {
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::spawn(listen_for_ever(self.settings.clone(), sender));
        stream::unfold(receiver, async |mut receiver| Some((receiver.recv().await?, receiver)))
            .boxed()
    }
}

/// Until nobody listens any more.
async fn listen_for_ever(settings: GlanceNewsSettings, hints: mpsc::Sender<ImageHint>) {
    let (shortest, longest) = settings.backoff;
    let mut wait = shortest;
    let mut last_said = String::new();
    loop {
        for (broker, uri) in settings.url.addresses() {
            let heard = tokio::select! {
                heard = listen(&settings, uri, &broker, &hints) => heard,
                () = hints.closed() => return,
            };
            let Err((was_connected, why)) = heard else {
                return;
            };
            if was_connected {
                wait = shortest;
                last_said.clear();
            }
            let said = format!("{broker}: {why}");
            if said != last_said {
                tracing::warn!(broker, error = %why, "hears nothing of Glance; goes on trying");
                last_said = said;
            }
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = hints.closed() => return,
        }
        wait = (wait * 2).min(longest);
    }
}

/// Listens at one broker until the connection breaks. `Ok`: nobody listens any more. Says in the other case whether it was connected.
async fn listen(
    settings: &GlanceNewsSettings,
    uri: AMQPUri,
    broker: &str,
    hints: &mpsc::Sender<ImageHint>,
) -> Result<(), (bool, Broken)> {
    let subscribed = tokio::time::timeout(PATIENCE, subscribe(settings, uri)).await;
    let subscribed = subscribed.unwrap_or(Err(Broken::Silent));
    // The connection lives as long as it is held here.
    let (_connection, mut consumer) = subscribed.map_err(|why| (false, why))?;
    tracing::info!(broker, exchange = settings.exchange, "hears of Glance's images");
    if hints.send(ImageHint::Any).await.is_err() {
        return Ok(());
    }
    while let Some(delivery) = consumer.next().await {
        let delivery = delivery.map_err(|why| (true, why.into()))?;
        if let Some(image) = image_of(&delivery.data)
            && hints.send(ImageHint::Image(image)).await.is_err()
        {
            return Ok(());
        }
        let acknowledged = delivery.ack(BasicAckOptions::default()).await;
        acknowledged.map_err(|why| (true, why.into()))?;
    }
    Err((true, Broken::Ended))
}

async fn subscribe(
    settings: &GlanceNewsSettings,
    uri: AMQPUri,
) -> Result<(Connection, Consumer), Broken> {
    let properties = ConnectionProperties::default().with_connection_name("hatchery".into());
    let connection = match settings.url.ca_file() {
        None => Connection::connect_uri(uri, properties).await?,
        Some(path) => {
            let certificates =
                tokio::fs::read_to_string(path).await.map_err(Broken::Certificates)?;
            let tls =
                OwnedTLSConfig { cert_chain: Some(certificates), ..OwnedTLSConfig::default() };
            let runtime = lapin::runtime::default_runtime()?;
            Connection::connect_uri_with_config(uri, properties, tls, runtime).await?
        }
    };
    let channel = connection.create_channel().await?;
    channel.basic_qos(100, BasicQosOptions::default()).await?;
    let mut bounds = FieldTable::default();
    bounds.insert("x-max-length".into(), AMQPValue::LongInt(KEPT_THERE));
    let only_ours = QueueDeclareOptions {
        exclusive: true,
        auto_delete: true,
        ..QueueDeclareOptions::default()
    };
    let queue = channel.queue_declare("".into(), only_ours, bounds).await?;
    let key = format!("{}.info", settings.topic);
    channel
        .queue_bind(
            queue.name().clone(),
            settings.exchange.as_str().into(),
            key.as_str().into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await?;
    let consumer = channel
        .basic_consume(
            queue.name().clone(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    Ok((connection, consumer))
}
