//! `/os-services`, `/os-availability-zone`

use crate::cloud::Cloud;
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::{Value, json};

const ONE: &str = "PUT /os-services/00000000-0000-0000-0000-000000000001";

#[tokio::test]
async fn every_host_has_one() {
    let cloud = Cloud::new().await;
    assert_snapshot!(cloud.ask("GET /os-services", "admin").await.shown(), @r#"
    200 OK
    {
      "services": [
        {
          "binary": "nova-compute",
          "disabled_reason": null,
          "host": "host-1",
          "id": 1,
          "state": "up",
          "status": "enabled",
          "updated_at": "2026-01-01T00:00:00.000000",
          "zone": "nova"
        }
      ]
    }
    "#);
    let newest = cloud.send("GET /os-services", "admin", 96, Value::Null).await;
    assert_snapshot!(newest.part("/services/0"), @r#"
    {
      "binary": "nova-compute",
      "disabled_reason": null,
      "forced_down": false,
      "host": "host-1",
      "id": "00000000-0000-0000-0000-000000000001",
      "state": "up",
      "status": "enabled",
      "updated_at": "2026-01-01T00:00:00.000000",
      "zone": "nova"
    }
    "#);
    for (query, count) in [
        ("host=host-1", 1),
        ("host=host-2", 0),
        ("binary=nova-compute", 1),
        ("binary=nova-conductor", 0),
    ] {
        let listed = cloud.ask(&format!("GET /os-services?{query}"), "admin").await;
        assert_eq!(listed.body["services"].as_array().unwrap().len(), count, "{query}");
    }
}

#[tokio::test]
async fn a_service_is_disabled_by_id_since_2_53() {
    let cloud = Cloud::new().await;
    let body = json!({"status": "disabled", "disabled_reason": "a new disk"});
    assert_snapshot!(cloud.send(ONE, "admin", 53, body).await.shown(), @r#"
    200 OK
    {
      "service": {
        "binary": "nova-compute",
        "disabled_reason": "a new disk",
        "forced_down": false,
        "host": "host-1",
        "id": "00000000-0000-0000-0000-000000000001",
        "state": "up",
        "status": "disabled",
        "updated_at": "2026-01-01T00:00:00.000000",
        "zone": "nova"
      }
    }
    "#);
    let id = cloud.create("web").await;
    cloud.settle().await;
    assert_eq!(
        cloud.ask(&format!("GET /servers/{id}"), "member").await.text("/server/status"),
        "ERROR"
    );
    let enabled = cloud.send(ONE, "admin", 53, json!({"status": "enabled"})).await;
    assert_eq!(enabled.body["service"]["disabled_reason"], Value::Null);
    let silent = cloud.send(ONE, "admin", 53, json!({"status": "disabled"})).await;
    assert_eq!(silent.text("/service/status"), "disabled");
    assert_eq!(silent.body["service"]["disabled_reason"], Value::Null);
}

#[tokio::test]
async fn a_service_is_disabled_by_name_until_2_52() {
    let cloud = Cloud::new().await;
    let send = async |action: &str, more: Value| {
        let mut body = json!({"host": "host-1", "binary": "nova-compute"});
        for (key, value) in more.as_object().unwrap() {
            body[key] = value.clone();
        }
        cloud.send(&format!("PUT /os-services/{action}"), "admin", 52, body).await.shown()
    };
    assert_snapshot!(send("disable", json!({})).await, @r#"
    200 OK
    {"service":{"binary":"nova-compute","host":"host-1","status":"disabled"}}
    "#);
    assert_snapshot!(send("disable-log-reason", json!({"disabled_reason": "a new disk"})).await, @r#"
    200 OK
    {"service":{"binary":"nova-compute","disabled_reason":"a new disk","host":"host-1","status":"disabled"}}
    "#);
    assert_snapshot!(send("enable", json!({})).await, @r#"
    200 OK
    {"service":{"binary":"nova-compute","host":"host-1","status":"enabled"}}
    "#);
    assert_snapshot!(send("disable-log-reason", json!({})).await, @r#"
    400 Bad Request
    {"badRequest":{"code":400,"message":"Missing disabled reason field"}}
    "#);
    assert_snapshot!(send("tickle", json!({})).await, @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Action tickle could not be found."}}
    "#);
    assert_snapshot!(send("disable", json!({"host": "host-2"})).await, @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Compute host host-2 could not be found."}}
    "#);
    assert_snapshot!(send("disable", json!({"binary": "nova-conductor"})).await, @r#"
    400 Bad Request
    {
      "badRequest": {
        "code": 400,
        "message": "Updating a nova-conductor service is not supported. Only nova-compute services can be updated."
      }
    }
    "#);
    assert_snapshot!(send("force-down", json!({"forced_down": true})).await, @r#"
    501 Not Implemented
    {
      "notImplemented": {"code":501,"message":"Services cannot be forced down here: what a host reports is believed."}
    }
    "#);
}

#[tokio::test]
async fn malformed_requests_are_told_what_is_wrong() {
    let cloud = Cloud::new().await;
    let mut sentences = String::new();
    for body in [
        json!({}),
        json!({"status": "sleepy"}),
        json!({"status": "enabled", "disabled_reason": "why"}),
        json!({"status": "disabled", "disabled_reason": ""}),
        json!({"status": "disabled", "host": "host-1"}),
        json!({"status": 1}),
    ] {
        let answer = cloud.send(ONE, "admin", 53, body.clone()).await;
        sentences.push_str(&format!("{body}: {} {}\n", answer.status, answer.message()));
    }
    assert_snapshot!(sentences, @r#"
    {}: 400 Bad Request No updates were requested. Fields 'status' or 'forced_down' should be specified.
    {"status":"sleepy"}: 400 Bad Request Invalid input: 'sleepy' is not one of ['enabled', 'disabled']
    {"disabled_reason":"why","status":"enabled"}: 400 Bad Request Specifying 'disabled_reason' with status 'enabled' is invalid.
    {"disabled_reason":"","status":"disabled"}: 400 Bad Request Invalid input: disabled_reason has 1 to 255 characters.
    {"host":"host-1","status":"disabled"}: 400 Bad Request Additional properties are not allowed: the service is named by its id.
    {"status":1}: 400 Bad Request Invalid input for field/attribute status: invalid type: integer `1`, expected a string at line 1 column 11
    "#);
    let disable = json!({"status": "disabled"});
    let no_uuid = cloud.send("PUT /os-services/1", "admin", 53, disable.clone()).await;
    assert_snapshot!(no_uuid.shown(), @r#"
    400 Bad Request
    {"badRequest":{"code":400,"message":"Invalid uuid 1"}}
    "#);
    let unknown = "PUT /os-services/00000000-0000-0000-0000-0000000000ff";
    assert_eq!(cloud.send(unknown, "admin", 53, disable).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn zones() {
    let cloud = Cloud::new().await;
    assert_snapshot!(cloud.ask("GET /os-availability-zone", "reader").await.shown(), @r#"
    200 OK
    {"availabilityZoneInfo":[{"hosts":null,"zoneName":"nova","zoneState":{"available":true}}]}
    "#);
    assert_snapshot!(cloud.ask("GET /os-availability-zone/detail", "admin").await.shown(), @r#"
    200 OK
    {
      "availabilityZoneInfo": [
        {
          "hosts": {"host-1":{"nova-compute":{"active":true,"available":true,"updated_at":"2026-01-01T00:00:00.000000"}}},
          "zoneName": "nova",
          "zoneState": {"available":true}
        }
      ]
    }
    "#);
    cloud.pass(3600);
    let silent = cloud.ask("GET /os-availability-zone", "reader").await;
    assert_eq!(silent.body["availabilityZoneInfo"][0]["zoneState"], json!({"available": false}));
}
