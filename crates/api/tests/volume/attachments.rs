//! Attachments.

use crate::cloud::Cloud;
use axum::http::StatusCode;
use hatchery_model::disk::BlockSource;
use hatchery_model::image::ImageFormat;
use insta::assert_snapshot;
use serde_json::{Value, json};

const SERVER: &str = "00000000-0000-0000-0000-0000000000aa";

#[tokio::test]
async fn an_attachment_lives() {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    let source = BlockSource::File {
        path: "/volumes/one".into(),
        format: ImageFormat::Qcow2,
        read_only: false,
        backing: None,
    };
    cloud.force(&volume, |volume| volume.source = Some(source)).await;
    let wanted = json!({"attachment": {"volume_uuid": volume, "instance_uuid": SERVER}});
    let early = cloud.send("POST /attachments", "member", 26, wanted.clone()).await;
    assert_eq!(early.status, StatusCode::NOT_FOUND);
    let made = cloud.send("POST /attachments", "member", 27, wanted.clone()).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.shown());
    let id = made.text("/attachment/id");
    assert_snapshot!(made.without(&id).replace(&volume, "[volume]"), @r#"
    200 OK
    {
      "attachment": {
        "attach_mode": "rw",
        "attached_at": "",
        "connection_info": {},
        "detached_at": "",
        "id": "[id]",
        "instance": "00000000-0000-0000-0000-0000000000aa",
        "status": "reserved",
        "volume_id": "[volume]"
      }
    }
    "#);
    assert_eq!(status(&cloud, &volume).await, "reserved");
    let path = format!("/attachments/{id}");
    let from = json!({"attachment": {"connector": {"host": "host-1", "mountpoint": "/dev/vdb"}}});
    let connected = cloud.send(&format!("PUT {path}"), "member", 27, from).await;
    assert_snapshot!(connected.without(&id).replace(&volume, "[volume]"), @r#"
    200 OK
    {
      "attachment": {
        "attach_mode": "rw",
        "attached_at": "",
        "connection_info": {
          "access_mode": "rw",
          "attachment_id": "[id]",
          "device_path": "/volumes/one",
          "driver_volume_type": "local",
          "encrypted": false,
          "format": "qcow2",
          "qos_specs": null,
          "volume_id": "[volume]"
        },
        "detached_at": "",
        "id": "[id]",
        "instance": "00000000-0000-0000-0000-0000000000aa",
        "status": "attaching",
        "volume_id": "[volume]"
      }
    }
    "#);
    complete_and_remove(&cloud, &volume, &id).await;
}

async fn status(cloud: &Cloud, volume: &str) -> String {
    cloud.ask(&format!("GET /volumes/{volume}"), "member").await.text("/volume/status")
}

async fn complete_and_remove(cloud: &Cloud, volume: &str, id: &str) {
    let path = format!("/attachments/{id}");
    let done = json!({"os-complete": null});
    let early = cloud.send(&format!("POST {path}/action"), "member", 43, done.clone()).await;
    assert_eq!(early.status, StatusCode::NOT_FOUND);
    let done = cloud.send(&format!("POST {path}/action"), "member", 44, done).await;
    assert_eq!(done.status, StatusCode::NO_CONTENT, "{}", done.shown());
    assert_eq!(status(cloud, volume).await, "in-use");
    let shown = cloud.ask(&format!("GET /volumes/{volume}"), "member").await;
    assert_eq!(shown.text("/volume/attachments/0/server_id"), SERVER);
    assert_eq!(shown.text("/volume/attachments/0/device"), "/dev/vdb");
    let call = format!("GET /attachments/detail?volume_id={volume}&status=attached");
    let list = cloud.send(&call, "reader", 27, Value::Null).await;
    assert_eq!(list.column("attachments", "id"), [id]);
    let none = cloud.send("GET /attachments?instance_id=nobody", "reader", 27, Value::Null).await;
    assert_eq!(none.body, json!({"attachments": []}));
    let gone = cloud.send(&format!("DELETE {path}"), "member", 27, Value::Null).await;
    assert_eq!(gone.body, json!({"attachments": []}), "{}", gone.shown());
    assert_eq!(status(cloud, volume).await, "available");
}

#[tokio::test]
async fn wrong_requests() {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    for (version, attachment, status) in [
        (27, json!({}), 400),
        (27, json!({"volume_uuid": "x"}), 400),
        (27, json!({"volume_uuid": volume, "instance_uuid": "x"}), 400),
        (27, json!({"volume_uuid": volume, "mode": "rw"}), 400),
        (54, json!({"volume_uuid": volume, "mode": "wr"}), 400),
        (27, json!({"volume_uuid": SERVER}), 404),
        (54, json!({"volume_uuid": volume, "instance_uuid": SERVER, "mode": "ro"}), 200),
        (27, json!({"volume_uuid": volume, "instance_uuid": SERVER.replace("aa", "bb")}), 400),
    ] {
        let body = json!({"attachment": attachment});
        let answer = cloud.send("POST /attachments", "member", version, body).await;
        assert_eq!(answer.status.as_u16(), status, "{attachment}: {}", answer.shown());
    }
    let call = format!("PUT /attachments/{SERVER}");
    let empty = json!({"attachment": {"connector": {}}});
    assert_eq!(cloud.send(&call, "member", 27, empty).await.status, 400);
    let from = json!({"attachment": {"connector": {"host": "h"}}});
    assert_eq!(cloud.send(&call, "member", 27, from).await.status, 404);
}
