//! `/os-volumes` and `/os-snapshots`, as they were until microversion 2.35.

use crate::answer::redacted;
use crate::cloud::Cloud;
use axum::http::StatusCode;
use hatchery_model::volume::VolumeState;
use hatchery_ports::store::Store;
use insta::assert_snapshot;
use serde_json::{Value, json};

async fn forced(cloud: &Cloud, id: &str, state: VolumeState) {
    let mut uow = cloud.db.begin().await.unwrap();
    let mut volume = uow.volumes().find(id.parse().unwrap()).await.unwrap().unwrap();
    volume.state = state;
    uow.volumes().update(&volume).await.unwrap();
    uow.commit().await.unwrap();
}

#[tokio::test]
async fn a_volume_is_asked_for_shown_and_deleted() {
    let cloud = Cloud::new().await;
    let wanted = json!({"volume": {
        "size": "2", "display_name": "disk", "display_description": "mine", "metadata": {"a": "b"},
    }});
    let made = cloud.send("POST /os-volumes", "member", 35, wanted).await;
    let id = made.text("/volume/id");
    let location = made.headers["location"].to_str().unwrap();
    assert!(location.ends_with(&format!("/v2.1/os-volumes/{id}")), "{location}");
    // The host of these tests reports no backend.
    assert_snapshot!(made.shown(), @r#"
    200 OK
    {
      "volume": {
        "attachments": [{}],
        "availabilityZone": "nova",
        "createdAt": "2026-01-01T00:00:00.000000",
        "displayDescription": "mine",
        "displayName": "disk",
        "id": "[uuid]",
        "metadata": {"a":"b"},
        "size": 2,
        "snapshotId": null,
        "status": "error",
        "volumeType": "__DEFAULT__"
      }
    }
    "#);
    let shown = cloud.ask(&format!("GET /os-volumes/{id}"), "reader").await;
    assert_eq!(shown.body, made.body);
    for call in ["GET /os-volumes", "GET /os-volumes/detail"] {
        let listed = cloud.ask(call, "reader").await;
        assert_eq!(listed.body, json!({"volumes": [made.body["volume"]]}), "{call}");
    }
    let gone = cloud.ask(&format!("DELETE /os-volumes/{id}"), "member").await;
    assert_eq!(gone.status, StatusCode::ACCEPTED, "{}", gone.shown());
    let shown = cloud.ask(&format!("GET /os-volumes/{id}"), "reader").await;
    assert_eq!(shown.status, StatusCode::NOT_FOUND, "{}", shown.shown());
}

#[tokio::test]
async fn a_server_that_has_the_volume_is_shown() {
    let cloud = Cloud::new().await;
    let (server, volume) = (cloud.active("web").await, cloud.volume("one", 0xd1).await);
    let plugged = json!({"volumeAttachment": {"volumeId": volume}});
    let call = format!("POST /servers/{server}/os-volume_attachments");
    cloud.send(&call, "member", 1, plugged).await;
    cloud.settle().await;
    let shown = cloud.ask(&format!("GET /os-volumes/{volume}"), "reader").await;
    assert_eq!(shown.text("/volume/attachments/0/serverId"), server);
    assert_snapshot!(shown.part("/volume/attachments"), @r#"
    [
      {
        "device": "/dev/vdb",
        "id": "00000000-0000-0000-0000-0000000000d1",
        "serverId": "[uuid]",
        "volumeId": "00000000-0000-0000-0000-0000000000d1"
      }
    ]
    "#);
    let refused = cloud.ask(&format!("DELETE /os-volumes/{volume}"), "member").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.shown());
    // Of a volume that is used only by force.
    let mut wanted = json!({"snapshot": {"volume_id": volume}});
    let refused = cloud.send("POST /os-snapshots", "member", 1, wanted.clone()).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.shown());
    wanted["snapshot"]["force"] = json!("True");
    let made = cloud.send("POST /os-snapshots", "member", 1, wanted).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.shown());
}

#[tokio::test]
async fn a_snapshot_is_asked_for_shown_and_deleted() {
    let cloud = Cloud::new().await;
    let volume = cloud.volume("one", 0xd1).await;
    let wanted = json!({"snapshot": {"volume_id": volume, "display_name": "before"}});
    let made = cloud.send("POST /os-snapshots", "member", 35, wanted).await;
    assert_snapshot!(made.shown(), @r#"
    200 OK
    {
      "snapshot": {
        "createdAt": "2026-01-01T00:00:00.000000",
        "displayDescription": null,
        "displayName": "before",
        "id": "[uuid]",
        "size": 1,
        "status": "creating",
        "volumeId": "00000000-0000-0000-0000-0000000000d1"
      }
    }
    "#);
    let id = made.text("/snapshot/id");
    let shown = cloud.ask(&format!("GET /os-snapshots/{id}"), "reader").await;
    assert_eq!(shown.body, made.body);
    for call in ["GET /os-snapshots", "GET /os-snapshots/detail?limit=0"] {
        let listed = cloud.ask(call, "reader").await;
        assert_eq!(listed.body, json!({"snapshots": [made.body["snapshot"]]}), "{call}");
    }
    let listed = cloud.ask("GET /os-snapshots?offset=1", "reader").await;
    assert_eq!(listed.body, json!({"snapshots": []}));
    // It is still being made.
    let refused = cloud.ask(&format!("DELETE /os-snapshots/{id}"), "member").await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.shown());
}

#[tokio::test]
async fn pages_have_an_offset_and_a_limit() {
    let cloud = Cloud::new().await;
    for number in 0xd1..0xd5 {
        cloud.volume("one", number).await;
    }
    cloud.volume("two", 0xd9).await;
    let ids = |listed: &Value| {
        let all = listed["volumes"].as_array().unwrap().iter();
        all.map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let all = ids(&cloud.ask("GET /os-volumes", "reader").await.body);
    assert_eq!(all.len(), 4);
    for (query, part) in
        [("limit=2", &all[..2]), ("offset=1&limit=1", &all[1..2]), ("offset=9", &all[4..])]
    {
        let found = cloud.ask(&format!("GET /os-volumes/detail?{query}"), "reader").await;
        assert_eq!(ids(&found.body), part, "{query}");
    }
    let wrong = cloud.ask("GET /os-volumes?limit=-1", "reader").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{}", wrong.shown());
}

#[tokio::test]
async fn what_is_refused() {
    let cloud = Cloud::new().await;
    let (own, theirs) = (cloud.volume("one", 0xd1).await, cloud.volume("two", 0xd2).await);
    forced(&cloud, &own, VolumeState::NotExtended).await;
    let mut lines = String::new();
    for (version, call, body) in [
        (36, "GET /os-volumes".to_owned(), Value::Null),
        (36, "GET /os-volumes/detail".to_owned(), Value::Null),
        (36, format!("GET /os-volumes/{own}"), Value::Null),
        (36, format!("DELETE /os-volumes/{own}"), Value::Null),
        (36, "POST /os-volumes".to_owned(), json!({"volume": {"size": 1}})),
        (36, "GET /os-snapshots".to_owned(), Value::Null),
        (36, "POST /os-snapshots".to_owned(), json!({"snapshot": {"volume_id": own}})),
        (1, "POST /os-volumes".to_owned(), json!({"volume": {"size": "large"}})),
        (1, "POST /os-volumes".to_owned(), json!({"volume": {"size": ""}})),
        (1, "POST /os-volumes".to_owned(), json!({"volume": {"size": "0"}})),
        (1, "POST /os-volumes".to_owned(), json!({"volume": {}})),
        (1, "POST /os-volumes".to_owned(), json!({"volume": {"size": 1, "display_name": null}})),
        (1, "POST /os-volumes".to_owned(), json!({"volume": {"size": 1, "name": "x"}})),
        (1, "POST /os-volumes".to_owned(), json!({"volume": {"size": 1, "snapshot_id": own}})),
        (1, format!("GET /os-volumes/{theirs}"), Value::Null),
        (1, format!("DELETE /os-volumes/{theirs}"), Value::Null),
        (1, "DELETE /os-volumes/invalid".to_owned(), Value::Null),
        (1, "POST /os-snapshots".to_owned(), json!({"snapshot": {}})),
        (1, "POST /os-snapshots".to_owned(), json!({"snapshot": {"volume_id": theirs}})),
        (1, "POST /os-snapshots".to_owned(), json!({"snapshot": {"volume_id": own}})),
        (1, "POST /os-snapshots".to_owned(), json!({"snapshot": {"volume_id": own, "force": "?"}})),
        (1, format!("GET /os-snapshots/{own}"), Value::Null),
        (1, format!("DELETE /os-snapshots/{own}"), Value::Null),
    ] {
        let answer = cloud.send(&call, "member", version, body.clone()).await;
        let (status, why) = (answer.status.as_u16(), answer.message());
        lines.push_str(&format!("2.{version} {call} {body}: {status} {why}\n"));
    }
    assert_snapshot!(redacted(&lines), @r#"
    2.36 GET /os-volumes null: 404 The resource in microversion 2.36 could not be found.
    2.36 GET /os-volumes/detail null: 404 The resource in microversion 2.36 could not be found.
    2.36 GET /os-volumes/00000000-0000-0000-0000-0000000000d1 null: 404 The resource in microversion 2.36 could not be found.
    2.36 DELETE /os-volumes/00000000-0000-0000-0000-0000000000d1 null: 404 The resource in microversion 2.36 could not be found.
    2.36 POST /os-volumes {"volume":{"size":1}}: 404 The resource in microversion 2.36 could not be found.
    2.36 GET /os-snapshots null: 404 The resource in microversion 2.36 could not be found.
    2.36 POST /os-snapshots {"snapshot":{"volume_id":"00000000-0000-0000-0000-0000000000d1"}}: 404 The resource in microversion 2.36 could not be found.
    2.1 POST /os-volumes {"volume":{"size":"large"}}: 400 Invalid input for field/attribute size. Value: "large". A whole number from 1 to 2147483647 is wanted.
    2.1 POST /os-volumes {"volume":{"size":""}}: 400 Invalid input for field/attribute size. Value: "". A whole number from 1 to 2147483647 is wanted.
    2.1 POST /os-volumes {"volume":{"size":"0"}}: 400 Invalid input for field/attribute size. Value: "0". A whole number from 1 to 2147483647 is wanted.
    2.1 POST /os-volumes {"volume":{}}: 400 Invalid input for field/attribute volume: missing field `size` at line 1 column 12
    2.1 POST /os-volumes {"volume":{"display_name":null,"size":1}}: 400 Invalid input for field/attribute volume.display_name: invalid type: null, expected a string at line 1 column 30
    2.1 POST /os-volumes {"volume":{"name":"x","size":1}}: 400 Invalid input for field/attribute volume.name: unknown field `name`, expected one of `size`, `display_name`, `display_description`, `volume_type`, `availability_zone`, `metadata`, `snapshot_id` at line 1 column 17
    2.1 POST /os-volumes {"volume":{"size":1,"snapshot_id":"00000000-0000-0000-0000-0000000000d1"}}: 404 Snapshot 00000000-0000-0000-0000-0000000000d1 could not be found.
    2.1 GET /os-volumes/00000000-0000-0000-0000-0000000000d2 null: 404 Volume 00000000-0000-0000-0000-0000000000d2 could not be found.
    2.1 DELETE /os-volumes/00000000-0000-0000-0000-0000000000d2 null: 404 Volume 00000000-0000-0000-0000-0000000000d2 could not be found.
    2.1 DELETE /os-volumes/invalid null: 404 Volume invalid could not be found.
    2.1 POST /os-snapshots {"snapshot":{}}: 400 Invalid input for field/attribute snapshot: missing field `volume_id` at line 1 column 14
    2.1 POST /os-snapshots {"snapshot":{"volume_id":"00000000-0000-0000-0000-0000000000d2"}}: 404 Volume 00000000-0000-0000-0000-0000000000d2 could not be found.
    2.1 POST /os-snapshots {"snapshot":{"volume_id":"00000000-0000-0000-0000-0000000000d1"}}: 400 Invalid volume: Volume 00000000-0000-0000-0000-0000000000d1 status must be available, but current status is: error_extending.
    2.1 POST /os-snapshots {"snapshot":{"force":"?","volume_id":"00000000-0000-0000-0000-0000000000d1"}}: 400 Invalid input for field/attribute snapshot.force: "?" is not a boolean at line 1 column 24
    2.1 GET /os-snapshots/00000000-0000-0000-0000-0000000000d1 null: 404 Snapshot 00000000-0000-0000-0000-0000000000d1 could not be found.
    2.1 DELETE /os-snapshots/00000000-0000-0000-0000-0000000000d1 null: 404 Snapshot 00000000-0000-0000-0000-0000000000d1 could not be found.
    "#);
}
