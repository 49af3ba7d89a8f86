//! A notification as oslo.messaging sends it, with its envelope (`messagingv2`) or without (`messaging`): as far as an image is
//! concerned.

use hatchery_model::id::ImageId;
use serde::Deserialize;

#[derive(Deserialize)]
struct Envelope {
    #[serde(rename = "oslo.message")]
    message: String,
}

#[derive(Deserialize)]
struct Notification {
    event_type: String,
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    id: Option<ImageId>,
}

/// The image that it tells of, if it is about something that may change what links an image should have.
pub fn image_of(bytes: &[u8]) -> Option<ImageId> {
    let notification = match serde_json::from_slice::<Envelope>(bytes) {
        Ok(envelope) => serde_json::from_str::<Notification>(&envelope.message).ok()?,
        Err(_) => serde_json::from_slice(bytes).ok()?,
    };
    match notification.event_type.as_str() {
        // Glance says that an image is activated before its row is, and that it is updated after. Both are heard.
        "image.activate" | "image.upload" | "image.update" | "image.delete" | "image.create" => {
            notification.payload.id
        }
        // `image.send`, which comes with each download; members; tasks; other services.
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::image_of;
    use serde_json::json;

    const ID: &str = "155d900f-4e14-4e4c-a73d-069cbf4541e6";

    #[test]
    fn with_envelope_and_without() {
        for kind in ["image.activate", "image.update", "image.delete"] {
            let inner =
                json!({"event_type": kind, "priority": "INFO", "payload": {"id": ID, "size": 1}});
            let outer = json!({"oslo.version": "2.0", "oslo.message": inner.to_string()});
            for bytes in [inner.to_string(), outer.to_string()] {
                assert_eq!(image_of(bytes.as_bytes()), ID.parse().ok(), "{bytes}");
            }
        }
    }

    #[test]
    fn everything_else_is_none() {
        for text in [
            "".to_owned(),
            "{}".to_owned(),
            "[1]".to_owned(),
            json!({"event_type": "image.send", "payload": {"id": ID}}).to_string(),
            json!({"event_type": "image.member.create", "payload": {"id": ID}}).to_string(),
            json!({"event_type": "image.update", "payload": {"id": 3}}).to_string(),
            json!({"event_type": "image.update", "payload": "x"}).to_string(),
            json!({"oslo.version": "2.0", "oslo.message": "{"}).to_string(),
            json!({"oslo.version": "2.0", "oslo.message": {"event_type": "image.update"}})
                .to_string(),
        ] {
            assert_eq!(image_of(text.as_bytes()), None, "{text}");
        }
    }
}
