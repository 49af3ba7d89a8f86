//! An attachment as Cinder shows it.

use crate::http::time;
use hatchery_control::volume::AttachmentDetail;
use hatchery_model::disk::BlockSource;
use hatchery_model::volume::{Attachment, AttachmentState};
use serde_json::{Value, json};

/// Which, of what, for whom.
pub fn brief(attachment: &Attachment) -> Value {
    json!({
        "id": attachment.id,
        "status": attachment.state.status(),
        "instance": attachment.server,
        "volume_id": attachment.volume,
    })
}

/// Without how to connect: for listings.
pub fn listed(attachment: &Attachment) -> Value {
    let mut shown = brief(attachment);
    shown["attached_at"] = json!(attachment.attached_at.map(time::micros).unwrap_or_default());
    shown["detached_at"] = json!("");
    shown["attach_mode"] = json!(if attachment.read_only { "ro" } else { "rw" });
    shown["connection_info"] = json!({});
    shown
}

/// Everything. How to connect is told once it is known from where.
pub fn whole(detail: &AttachmentDetail) -> Value {
    let mut shown = listed(&detail.attachment);
    let is_connected = detail.attachment.state != AttachmentState::Reserved;
    if let Some(source) = detail.volume.source.as_ref().filter(|_| is_connected) {
        shown["connection_info"] = connection(source, detail);
    }
    json!({"attachment": shown})
}

/// In the words of Cinder's drivers.
fn connection(source: &BlockSource, detail: &AttachmentDetail) -> Value {
    let attachment = &detail.attachment;
    let mut info = match source {
        BlockSource::File { path, format, .. } => json!({
            "driver_volume_type": "local",
            "device_path": path,
            "format": format.to_string(),
        }),
        BlockSource::Rbd(image) => json!({
            "driver_volume_type": "rbd",
            "name": format!("{}/{}", image.pool, image.image),
            "auth_enabled": true,
            "auth_username": image.user,
            "hosts": image.monitors,
            "discard": true,
        }),
    };
    info["volume_id"] = json!(attachment.volume);
    info["attachment_id"] = json!(attachment.id);
    info["access_mode"] = json!(if attachment.read_only { "ro" } else { "rw" });
    info["encrypted"] = json!(false);
    info["qos_specs"] = json!(detail.front_end_specs);
    info
}
