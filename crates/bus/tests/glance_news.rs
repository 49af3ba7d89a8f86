//! What is heard of a Glance on a real RabbitMQ. One server for all: it takes seconds to start.

#![allow(clippy::unwrap_used, reason = "what fails here fails the test")]

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use hatchery_bus::{GlanceNews, GlanceNewsSettings};
use hatchery_model::id::ImageId;
use hatchery_ports::image_catalog::{ImageHint, ImageNews};
use hatchery_testkit::RabbitmqServer;
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions,
    QueueBindOptions, QueueDeclareOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, ExchangeKind};
use std::time::Duration;
use uuid::Uuid;

fn image(number: u128) -> ImageId {
    ImageId(Uuid::from_u128(number))
}

fn news(server: &RabbitmqServer, topic: &str) -> GlanceNews {
    let mut settings = GlanceNewsSettings::new(server.url().parse().unwrap());
    settings.topic = topic.to_owned();
    settings.backoff = (Duration::from_millis(20), Duration::from_millis(200));
    GlanceNews::new(settings)
}

/// A channel as Glance's, with the exchange and the queue that oslo.messaging declares.
async fn glance(server: &RabbitmqServer) -> (Connection, Channel) {
    let url =
        server.url().replace("rabbit://", "amqp://").replace("//", "/%2f").replace(":/%2f", "://");
    let connection = Connection::connect(&url, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let kind = ExchangeKind::Topic;
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    channel.exchange_declare("glance".into(), kind, durable, FieldTable::default()).await.unwrap();
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    let name = "notifications.info";
    channel.queue_declare(name.into(), durable, FieldTable::default()).await.unwrap();
    channel
        .queue_bind(
            name.into(),
            "glance".into(),
            name.into(),
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
        .unwrap();
    (connection, channel)
}

/// Sends a notification. Says whether any queue took it.
async fn notify(channel: &Channel, key: &str, kind: &str, image: ImageId) -> bool {
    let inner = serde_json::json!({"event_type": kind, "payload": {"id": image}}).to_string();
    let outer = serde_json::json!({"oslo.version": "2.0", "oslo.message": inner}).to_string();
    let mandatory = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let persistent = BasicProperties::default().with_delivery_mode(2);
    let confirmed = channel
        .basic_publish("glance".into(), key.into(), mandatory, outer.as_bytes(), persistent)
        .await
        .unwrap()
        .await
        .unwrap();
    confirmed.take_message().is_none()
}

async fn next(hints: &mut BoxStream<'static, ImageHint>) -> ImageHint {
    tokio::time::timeout(Duration::from_secs(60), hints.next()).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn hints_of_a_real_broker() {
    let Some(mut server) = RabbitmqServer::start("hints_of_a_real_broker") else {
        return;
    };
    // Listening begins before there is any exchange: Glance declares it, we do not.
    let mut hints = news(&server, "notifications").hints();
    let (connection, channel) = glance(&server).await;
    assert_eq!(next(&mut hints).await, ImageHint::Any);

    for (kind, number) in
        [("image.activate", 1), ("image.send", 9), ("image.update", 2), ("image.delete", 3)]
    {
        assert!(notify(&channel, "notifications.info", kind, image(number)).await);
    }
    for number in 1..4 {
        assert_eq!(next(&mut hints).await, ImageHint::Image(image(number)));
    }
    // Whoever else reads has lost none.
    for _ in 0..4 {
        let got = channel.basic_get("notifications.info".into(), BasicGetOptions { no_ack: true });
        assert!(got.await.unwrap().is_some());
    }

    // The broker dies under both, and comes back.
    server.kill();
    drop((channel, connection));
    server.run();
    assert_eq!(next(&mut hints).await, ImageHint::Any);
    let (_connection, channel) = glance(&server).await;
    assert!(notify(&channel, "notifications.info", "image.update", image(4)).await);
    assert_eq!(next(&mut hints).await, ImageHint::Image(image(4)));

    // Our queue goes with whoever listens.
    let mut alone = news(&server, "alone").hints();
    assert_eq!(next(&mut alone).await, ImageHint::Any);
    assert!(notify(&channel, "alone.info", "image.update", image(5)).await);
    assert_eq!(next(&mut alone).await, ImageHint::Image(image(5)));
    drop(alone);
    let gone = async {
        while notify(&channel, "alone.info", "image.update", image(6)).await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), gone).await.unwrap();
}
