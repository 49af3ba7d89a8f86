//! Volumes of servers.

use crate::cloud::{Cloud, wanted};
use crate::rows;
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::{Value, json};

#[tokio::test]
async fn a_volume_is_plugged_shown_and_taken_out() {
    let cloud = Cloud::new().await;
    let server = cloud.active("web").await;
    let volume = cloud.volume("one", 0xd1).await;
    let path = format!("/servers/{server}/os-volume_attachments");
    let wanted = json!({"volumeAttachment": {"volumeId": volume, "tag": "data", "delete_on_termination": true}});
    let made = cloud.send(&format!("POST {path}"), "member", 96, wanted).await;
    assert_snapshot!(made.shown(), @r#"
    200 OK
    {
      "volumeAttachment": {
        "delete_on_termination": true,
        "device": "/dev/vdb",
        "id": "00000000-0000-0000-0000-0000000000d1",
        "serverId": "[uuid]",
        "tag": "data",
        "volumeId": "00000000-0000-0000-0000-0000000000d1"
      }
    }
    "#);
    cloud.settle().await;
    for version in [1, 70, 79, 89] {
        let one = cloud.send(&format!("GET {path}/{volume}"), "reader", version, Value::Null).await;
        let list = cloud.send(&format!("GET {path}"), "reader", version, Value::Null).await;
        assert_eq!(list.body["volumeAttachments"][0], one.body["volumeAttachment"], "{version}");
        let mut keys: Vec<_> = one.body["volumeAttachment"].as_object().unwrap().keys().collect();
        keys.sort();
        assert_eq!(format!("{keys:?}"), keys_of(version), "{version}");
    }
    let path = format!("{path}/{volume}");
    let keep = json!({"volumeAttachment": {"volumeId": volume, "delete_on_termination": false}});
    let early = cloud.send(&format!("PUT {path}"), "member", 84, keep.clone()).await;
    assert_eq!(early.status, StatusCode::BAD_REQUEST, "{}", early.shown());
    let kept = cloud.send(&format!("PUT {path}"), "member", 85, keep).await;
    assert_eq!(kept.status, StatusCode::ACCEPTED, "{}", kept.shown());
    let one = cloud.send(&format!("GET {path}"), "reader", 79, Value::Null).await;
    assert_eq!(one.body["volumeAttachment"]["delete_on_termination"], false);
    let gone = cloud.ask(&format!("DELETE {path}"), "member").await;
    assert_eq!(gone.status, StatusCode::ACCEPTED, "{}", gone.shown());
    cloud.settle().await;
    let list = cloud.ask(&format!("GET /servers/{server}/os-volume_attachments"), "reader").await;
    assert_eq!(list.body, json!({"volumeAttachments": []}));
    let again = cloud.ask(&format!("DELETE {path}"), "member").await;
    assert_eq!(again.status, StatusCode::NOT_FOUND, "{}", again.shown());
}

fn keys_of(version: u32) -> &'static str {
    match version {
        1 => r#"["device", "id", "serverId", "volumeId"]"#,
        70 => r#"["device", "id", "serverId", "tag", "volumeId"]"#,
        79 => r#"["delete_on_termination", "device", "id", "serverId", "tag", "volumeId"]"#,
        _ => {
            r#"["attachment_id", "bdm_uuid", "delete_on_termination", "device", "serverId", "tag", "volumeId"]"#
        }
    }
}

#[tokio::test]
async fn what_is_refused() {
    let cloud = Cloud::new().await;
    let server = cloud.active("web").await;
    let (own, theirs) = (cloud.volume("one", 0xd1).await, cloud.volume("two", 0xd2).await);
    let nobody = "00000000-0000-0000-0000-000000000099";
    let path = format!("/servers/{server}/os-volume_attachments");
    let mut lines = String::new();
    for (version, token, call, attachment) in [
        (1, "member", format!("POST {path}"), json!({"volumeId": nobody})),
        (1, "member", format!("POST {path}"), json!({"volumeId": theirs})),
        (1, "member", format!("POST {path}"), json!({"volumeId": "x"})),
        (1, "member", format!("POST {path}"), json!({"volumeId": own, "device": "/dev/null"})),
        (1, "member", format!("POST {path}"), json!({"volumeId": own, "device": "/dev/vda"})),
        (48, "member", format!("POST {path}"), json!({"volumeId": own, "tag": "a"})),
        (49, "member", format!("POST {path}"), json!({"volumeId": own, "tag": "a/b"})),
        (
            78,
            "member",
            format!("POST {path}"),
            json!({"volumeId": own, "delete_on_termination": true}),
        ),
        (1, "member", format!("POST {path}"), json!({"volumeId": own, "colour": 1})),
        (1, "member", format!("POST {path}"), json!({"volumeId": own})),
        (1, "member", format!("POST {path}"), json!({"volumeId": own})),
        (1, "member", format!("PUT {path}/{own}"), json!({"volumeId": theirs})),
        (1, "admin", format!("PUT {path}/{own}"), json!({"volumeId": theirs})),
        (
            85,
            "member",
            format!("PUT {path}/{theirs}"),
            json!({"volumeId": theirs, "device": "/dev/vdz"}),
        ),
        (85, "member", format!("PUT {path}/{theirs}"), json!({"volumeId": theirs, "tag": "z"})),
        (1, "member", format!("GET {path}/{nobody}"), json!({})),
        (1, "member", format!("DELETE {path}/{nobody}"), json!({})),
    ] {
        let body = json!({"volumeAttachment": attachment});
        let answer = cloud.send(&call, token, version, body).await;
        cloud.settle().await;
        let method = call.split(' ').next().unwrap();
        lines.push_str(&format!(
            "{method} 2.{version} {attachment}: {} {}\n",
            answer.status.as_u16(),
            answer.message()
        ));
    }
    assert_snapshot!(crate::answer::redacted(&lines), @r#"
    POST 2.1 {"volumeId":"00000000-0000-0000-0000-000000000099"}: 404 Volume 00000000-0000-0000-0000-000000000099 could not be found.
    POST 2.1 {"volumeId":"00000000-0000-0000-0000-0000000000d2"}: 404 Volume 00000000-0000-0000-0000-0000000000d2 could not be found.
    POST 2.1 {"volumeId":"x"}: 400 Invalid input for field/attribute volumeId. Value: x. 'x' is not a 'uuid'
    POST 2.1 {"device":"/dev/null","volumeId":"00000000-0000-0000-0000-0000000000d1"}: 400 The supplied device path (/dev/null) is invalid.
    POST 2.1 {"device":"/dev/vda","volumeId":"00000000-0000-0000-0000-0000000000d1"}: 409 The supplied device path (/dev/vda) is in use.
    POST 2.48 {"tag":"a","volumeId":"00000000-0000-0000-0000-0000000000d1"}: 400 Additional properties are not allowed ('tag' was unexpected; it needs microversion 2.49)
    POST 2.49 {"tag":"a/b","volumeId":"00000000-0000-0000-0000-0000000000d1"}: 400 Invalid input for field/attribute tag. 1 to 60 characters are wanted, none of them '/' or ','.
    POST 2.78 {"delete_on_termination":true,"volumeId":"00000000-0000-0000-0000-0000000000d1"}: 400 Additional properties are not allowed ('delete_on_termination' was unexpected; it needs microversion 2.79)
    POST 2.1 {"colour":1,"volumeId":"00000000-0000-0000-0000-0000000000d1"}: 400 Invalid input for field/attribute volumeAttachment.colour: unknown field `colour`, expected one of `volumeId`, `device`, `tag`, `delete_on_termination` at line 1 column 29
    POST 2.1 {"volumeId":"00000000-0000-0000-0000-0000000000d1"}: 200 
    POST 2.1 {"volumeId":"00000000-0000-0000-0000-0000000000d1"}: 400 Invalid volume: volume 00000000-0000-0000-0000-0000000000d1 already attached
    PUT 2.1 {"volumeId":"00000000-0000-0000-0000-0000000000d2"}: 403 Policy doesn't allow os_compute_api:os-volumes-attachments:swap to be performed.
    PUT 2.1 {"volumeId":"00000000-0000-0000-0000-0000000000d2"}: 202 
    PUT 2.85 {"device":"/dev/vdz","volumeId":"00000000-0000-0000-0000-0000000000d2"}: 400 The device property is not mutable
    PUT 2.85 {"tag":"z","volumeId":"00000000-0000-0000-0000-0000000000d2"}: 400 The tag property is not mutable
    GET 2.1 {}: 404 Volume attachment of volume 00000000-0000-0000-0000-000000000099 to instance [uuid] could not be found.
    DELETE 2.1 {}: 404 Volume attachment of volume 00000000-0000-0000-0000-000000000099 to instance [uuid] could not be found.
    "#);
}

#[tokio::test]
async fn a_server_boots_from_a_volume() {
    let cloud = Cloud::new().await;
    let (root, data) = (cloud.volume("one", 0xd1).await, cloud.volume("one", 0xd2).await);
    let mut server = wanted("web");
    server["imageRef"] = json!("");
    server["block_device_mapping_v2"] = json!([
        {"source_type": "volume", "destination_type": "volume", "uuid": root, "boot_index": 0},
        {"source_type": "volume", "destination_type": "volume", "uuid": data, "boot_index": -1,
         "delete_on_termination": true},
    ]);
    let made = cloud.send("POST /servers", "member", 1, json!({"server": server})).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.shown());
    let id = made.text("/server/id");
    cloud.settle().await;
    let shown = cloud.send(&format!("GET /servers/{id}"), "reader", 3, Value::Null).await;
    assert_eq!(shown.text("/server/status"), "ACTIVE");
    assert_eq!(shown.text("/server/image"), "");
    assert_snapshot!(shown.part("/server/os-extended-volumes:volumes_attached"), @r#"
    [
      {"delete_on_termination":false,"id":"00000000-0000-0000-0000-0000000000d1"},
      {"delete_on_termination":true,"id":"00000000-0000-0000-0000-0000000000d2"}
    ]
    "#);
    let early = cloud.send("GET /servers/detail", "reader", 1, Value::Null).await;
    let brief = json!([{"id": root}, {"id": data}]);
    assert_eq!(early.body["servers"][0]["os-extended-volumes:volumes_attached"], brief);
    let list = cloud.ask(&format!("GET /servers/{id}/os-volume_attachments"), "reader").await;
    assert_eq!(list.column("volumeAttachments", "device"), ["/dev/vda", "/dev/vdb"]);
    let call = format!("DELETE /servers/{id}/os-volume_attachments/{root}");
    let kept = cloud.ask(&call, "member").await;
    assert_eq!(kept.message(), "Cannot detach a root device volume");
}

#[tokio::test]
async fn boot_sequences_that_make_no_sense() {
    let cloud = Cloud::new().await;
    let root = cloud.volume("one", 0xd1).await;
    let nobody = "00000000-0000-0000-0000-000000000099";
    let mut lines = String::new();
    for (image, device) in [
        ("", json!({"source_type": "volume", "destination_type": "volume", "uuid": root})),
        (
            "",
            json!({"source_type": "volume", "destination_type": "volume", "uuid": root, "boot_index": 1}),
        ),
        (
            "",
            json!({"source_type": "volume", "destination_type": "volume", "uuid": nobody, "boot_index": 0}),
        ),
        (
            "",
            json!({"source_type": "snapshot", "destination_type": "volume", "uuid": nobody, "boot_index": 0}),
        ),
        (
            "",
            json!({"source_type": "image", "destination_type": "volume", "uuid": rows::IMAGE, "boot_index": 0}),
        ),
        ("", json!({"source_type": "blank", "destination_type": "volume", "boot_index": 0})),
        (
            rows::IMAGE,
            json!({"source_type": "volume", "destination_type": "volume", "uuid": root, "boot_index": -1}),
        ),
    ] {
        let mut server = wanted("web");
        server["imageRef"] = json!(image);
        server["block_device_mapping_v2"] = json!([device]);
        let answer = cloud.send("POST /servers", "member", 1, json!({"server": server})).await;
        lines.push_str(&format!("{} {}\n", answer.status.as_u16(), answer.message()));
    }
    assert_snapshot!(lines, @r#"
    400 Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping combination is not valid.
    400 Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping combination is not valid.
    400 Block Device Mapping is Invalid: failed to get volume 00000000-0000-0000-0000-000000000099.
    400 Block Device Mapping is Invalid: failed to get snapshot 00000000-0000-0000-0000-000000000099.
    400 Block Device Mapping is Invalid: Images with destination_type 'volume' need to have a non-zero size specified
    400 Block Device Mapping is Invalid: Blank volumes (source: 'blank', dest: 'volume') need to have non-zero size
    400 Block Device Mapping is Invalid: Boot sequence for the instance and image/block device mapping combination is not valid.
    "#);
    assert_eq!(cloud.ask("GET /servers", "member").await.body, json!({"servers": []}));
}
