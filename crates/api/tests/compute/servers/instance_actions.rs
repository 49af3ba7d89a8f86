//! `/servers/{id}/os-instance-actions`

use crate::answer::{Answer, redacted};
use crate::cloud::Cloud;
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::Value;

async fn request_of(cloud: &Cloud, id: &str) -> String {
    let actions = cloud.ask(&format!("GET /servers/{id}/os-instance-actions"), "member").await;
    let last = actions.body["instanceActions"].as_array().unwrap().len() - 1;
    actions.text(&format!("/instanceActions/{last}/request_id"))
}

#[tokio::test]
async fn what_was_done_newest_first() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let call = format!("GET /servers/{id}/os-instance-actions");
    assert_snapshot!(cloud.ask(&call, "reader").await.shown(), @r#"
    200 OK
    {
      "instanceActions": [
        {
          "action": "create",
          "instance_uuid": "[uuid]",
          "message": null,
          "project_id": "one",
          "request_id": "[request]",
          "start_time": "2026-01-01T00:00:00.000000",
          "user_id": "member"
        }
      ]
    }
    "#);
    cloud.pass(1);
    cloud.ask(&format!("DELETE /servers/{id}"), "member").await;
    cloud.settle().await;
    let of_a_deleted_server = cloud.send(&call, "reader", 58, Value::Null).await;
    assert_eq!(of_a_deleted_server.column("instanceActions", "action"), ["delete", "create"]);
    assert_eq!(
        of_a_deleted_server.text("/instanceActions/0/updated_at"),
        "2026-01-01T00:00:01.000000"
    );
    let first = cloud.send(&format!("{call}?limit=1"), "reader", 58, Value::Null).await;
    assert_snapshot!(first.part("/links"), @r#"
    [
      {
        "href": "http://cloud/compute/v2.1/servers/[uuid]/os-instance-actions?limit=1&marker=[request]",
        "rel": "next"
      }
    ]
    "#);
    let unknown = cloud.send(&format!("{call}?marker=req-1"), "reader", 58, Value::Null).await;
    assert_snapshot!(unknown.shown(), @r#"
    400 Bad Request
    {"badRequest":{"code":400,"message":"marker [req-1] not found"}}
    "#);
}

/// Each event on a line of its own.
fn events(answer: &Answer) -> String {
    let events = answer.body["instanceAction"]["events"].as_array().unwrap();
    events.iter().map(|event| redacted(&format!("{event}\n"))).collect()
}

#[tokio::test]
async fn the_steps_of_a_create() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let call = format!("GET /servers/{id}/os-instance-actions/{}", request_of(&cloud, &id).await);
    let mut shown = cloud.send(&call, "admin", 96, Value::Null).await;
    assert_snapshot!(events(&shown), @r#"
    {"details":"The request was checked and written down.","event":"api_create","finish_time":"2026-01-01T00:00:00.000000","host":"","hostId":"","result":"Success","start_time":"2026-01-01T00:00:00.000000","traceback":null}
    {"details":"host-1 of 1 hosts was chosen; its disk: hard link, 0 B of image data to copy.","event":"conductor_schedule","finish_time":"2026-01-01T00:00:00.000000","host":"host-1","hostId":"[host id]","result":"Success","start_time":"2026-01-01T00:00:00.000000","traceback":null}
    {"details":"step 0","event":"compute_claim","finish_time":"2026-01-01T00:00:00.001000","host":"host-1","hostId":"[host id]","result":"Success","start_time":"2026-01-01T00:00:00.000000","traceback":null}
    {"details":"step 1","event":"compute_disk","finish_time":"2026-01-01T00:00:00.002000","host":"host-1","hostId":"[host id]","result":"Success","start_time":"2026-01-01T00:00:00.001000","traceback":null}
    {"details":"step 2","event":"compute_define","finish_time":"2026-01-01T00:00:00.003000","host":"host-1","hostId":"[host id]","result":"Success","start_time":"2026-01-01T00:00:00.002000","traceback":null}
    {"details":"step 3","event":"compute_start","finish_time":"2026-01-01T00:00:00.004000","host":"host-1","hostId":"[host id]","result":"Success","start_time":"2026-01-01T00:00:00.003000","traceback":null}
    "#);
    shown.body["instanceAction"].as_object_mut().unwrap().remove("events");
    assert_snapshot!(shown.shown(), @r#"
    200 OK
    {
      "instanceAction": {
        "action": "create",
        "instance_uuid": "[uuid]",
        "message": null,
        "project_id": "one",
        "request_id": "[request]",
        "start_time": "2026-01-01T00:00:00.000000",
        "updated_at": "2026-01-01T00:00:00.000000",
        "user_id": "member"
      }
    }
    "#);
}

/// What an owner sees of an event, by microversion.
#[tokio::test]
async fn owners_see_less() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let call = format!("GET /servers/{id}/os-instance-actions/{}", request_of(&cloud, &id).await);
    let mut table = String::new();
    for (who, version) in [
        ("member", 50),
        ("member", 51),
        ("member", 62),
        ("member", 84),
        ("admin", 1),
        ("admin", 62),
        ("admin", 84),
    ] {
        let shown = cloud.send(&call, who, version, Value::Null).await;
        let event = shown.body.pointer("/instanceAction/events/0").and_then(Value::as_object);
        let fields: Vec<&str> =
            event.into_iter().flat_map(|event| event.keys()).map(|key| key.as_str()).collect();
        table.push_str(&format!("{who} 2.{version}: {}\n", fields.join(" ")));
    }
    assert_snapshot!(table, @r#"
    member 2.50: 
    member 2.51: event finish_time result start_time
    member 2.62: event finish_time hostId result start_time
    member 2.84: event finish_time hostId result start_time
    admin 2.1: event finish_time result start_time traceback
    admin 2.62: event finish_time host hostId result start_time traceback
    admin 2.84: details event finish_time host hostId result start_time traceback
    "#);
}

#[tokio::test]
async fn a_failed_create_says_at_which_step() {
    let cloud = Cloud::new().await;
    let id = cloud.failed("web").await;
    let call = format!("GET /servers/{id}/os-instance-actions/{}", request_of(&cloud, &id).await);
    let shown = cloud.send(&call, "admin", 84, Value::Null).await;
    assert_snapshot!(events(&shown), @r#"
    {"details":"The request was checked and written down.","event":"api_create","finish_time":"2026-01-01T00:00:00.000000","host":"","hostId":"","result":"Success","start_time":"2026-01-01T00:00:00.000000","traceback":null}
    {"details":"host-1 of 1 hosts was chosen; its disk: hard link, 0 B of image data to copy.","event":"conductor_schedule","finish_time":"2026-01-01T00:00:00.000000","host":"host-1","hostId":"[host id]","result":"Success","start_time":"2026-01-01T00:00:00.000000","traceback":null}
    {"details":"step 0","event":"compute_disk","finish_time":"2026-01-01T00:00:00.001000","host":"host-1","hostId":"[host id]","result":"Error","start_time":"2026-01-01T00:00:00.000000","traceback":"step 0"}
    {"details":"1 hosts were looked at. RetryFilter refused 1. compute_disk on host-1: step 0","event":"conductor_schedule","finish_time":"2026-01-01T00:00:00.000000","host":"","hostId":"","result":"Error","start_time":"2026-01-01T00:00:00.000000","traceback":"1 hosts were looked at. RetryFilter refused 1. compute_disk on host-1: step 0"}
    "#);
    assert_eq!(shown.text("/instanceAction/message"), "The disk is full.");
}

#[tokio::test]
async fn others_see_nothing() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let list = format!("GET /servers/{id}/os-instance-actions");
    let show = format!("{list}/{}", request_of(&cloud, &id).await);
    for call in [&list, &show] {
        assert_eq!(cloud.ask(call, "other").await.status, StatusCode::NOT_FOUND);
        assert_eq!(cloud.ask(call, "").await.status, StatusCode::UNAUTHORIZED);
        assert_eq!(cloud.ask(call, "admin").await.status, StatusCode::OK);
    }
    assert_snapshot!(cloud.ask(&format!("{list}/req-1"), "member").await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Action req-1 could not be found."}}
    "#);
}
