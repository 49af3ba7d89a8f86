//! Quotas, limits, services, pools, messages.

use crate::cloud::{Cloud, ONE};
use crate::rows::MESSAGE;
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::{Value, json};

#[tokio::test]
async fn quotas_are_set_checked_and_taken_back() {
    let cloud = Cloud::new().await;
    let path = format!("/os-quota-sets/{ONE}");
    let first = cloud.ask(&format!("GET {path}"), "reader").await;
    assert_snapshot!(first.shown(), @r#"
    200 OK
    {
      "quota_set": {
        "backup_gigabytes": 1000,
        "backups": 10,
        "gigabytes": 1000,
        "gigabytes___DEFAULT__": -1,
        "gigabytes_slow": -1,
        "groups": 10,
        "id": "0e1",
        "per_volume_gigabytes": -1,
        "snapshots": 10,
        "snapshots___DEFAULT__": -1,
        "snapshots_slow": -1,
        "volumes": 10,
        "volumes___DEFAULT__": -1,
        "volumes_slow": -1
      }
    }
    "#);
    let set = json!({"quota_set": {"volumes": "3", "gigabytes": -1, "volumes_slow": 2}});
    let set = cloud.send(&format!("PUT {path}"), "admin", 0, set).await;
    assert_eq!(set.body["quota_set"]["volumes"], 3, "{}", set.shown());
    let used = cloud.ask(&format!("GET {path}?usage=True"), "reader").await;
    let part = |name: &str| used.body["quota_set"][name].to_string();
    assert_eq!(part("volumes"), r#"{"in_use":0,"limit":3,"reserved":0}"#);
    assert_eq!(part("volumes_slow"), r#"{"in_use":0,"limit":2,"reserved":0}"#);
    for (body, sentence) in [
        (json!({"quota_set": {"colours": 1}}), "Bad key(s) in quota set: colours"),
        (
            json!({"quota_set": {"volumes": -2}}),
            "Invalid input for field/attribute volumes. Value: -2. A whole number from -1 to 2147483647 is wanted.",
        ),
        (
            json!({"quota_set": {}}),
            "Invalid input for field/attribute quota_set: it does not have enough properties.",
        ),
    ] {
        let answer = cloud.send(&format!("PUT {path}"), "admin", 0, body).await;
        assert_eq!((answer.status, answer.message()), (StatusCode::BAD_REQUEST, sentence));
    }
    let limits = cloud.ask("GET /limits", "reader").await;
    assert_eq!(limits.body["limits"]["absolute"]["maxTotalVolumes"], 3);
    let of_other = format!("GET /limits?project_id={ONE}");
    let theirs = cloud.send(&of_other, "admin", 39, Value::Null).await;
    assert_eq!(theirs.body["limits"]["absolute"]["maxTotalVolumes"], 3);
    let own = cloud.send(&of_other, "admin", 38, Value::Null).await;
    assert_eq!(own.body["limits"]["absolute"]["maxTotalVolumes"], 10);
    assert_eq!(cloud.ask(&format!("DELETE {path}"), "admin").await.status, StatusCode::OK);
    assert_eq!(cloud.ask(&format!("GET {path}"), "reader").await.body, first.body);
}

#[tokio::test]
async fn services_are_the_backends() {
    let cloud = Cloud::new().await;
    let all = cloud.send("GET /os-services", "admin", 49, Value::Null).await;
    assert_snapshot!(all.shown(), @r#"
    200 OK
    {
      "services": [
        {
          "active_backend_id": null,
          "backend_state": "up",
          "binary": "cinder-volume",
          "cluster": null,
          "disabled_reason": null,
          "frozen": false,
          "host": "host-1@fast",
          "replication_status": "disabled",
          "state": "up",
          "status": "enabled",
          "updated_at": "2026-01-01T00:00:00.000000",
          "zone": "nova"
        },
        {
          "active_backend_id": null,
          "backend_state": "down",
          "binary": "cinder-volume",
          "cluster": null,
          "disabled_reason": null,
          "frozen": false,
          "host": "host-1@broken",
          "replication_status": "disabled",
          "state": "down",
          "status": "enabled",
          "updated_at": "2026-01-01T00:00:00.000000",
          "zone": "nova"
        }
      ]
    }
    "#);
    let off =
        json!({"host": "host-1@fast", "binary": "cinder-volume", "disabled_reason": "new disks"});
    let off = cloud.send("PUT /os-services/disable-log-reason", "admin", 0, off).await;
    assert_eq!(off.body["status"], "disabled", "{}", off.shown());
    let one = cloud.ask("GET /os-services?host=host-1@fast", "admin").await;
    assert_eq!(one.column("services", "disabled_reason"), ["new disks"]);
    assert_eq!(one.column("services", "status"), ["disabled"]);
    let on = json!({"host": "host-1@fast", "binary": "cinder-volume"});
    cloud.send("PUT /os-services/enable", "admin", 0, on.clone()).await;
    let one = cloud.ask("GET /os-services?host=host-1@fast&binary=cinder-volume", "admin").await;
    assert_eq!(one.column("services", "status"), ["enabled"]);
    for (call, body, status) in [
        ("PUT /os-services/disable", json!({"host": "nobody", "binary": "cinder-volume"}), 404),
        (
            "PUT /os-services/disable",
            json!({"host": "host-1@fast", "binary": "cinder-backup"}),
            404,
        ),
        ("PUT /os-services/disable", json!({"binary": "cinder-volume"}), 400),
        ("PUT /os-services/disable-log-reason", on.clone(), 400),
        ("PUT /os-services/freeze", on.clone(), 501),
        ("PUT /os-services/dance", on, 404),
    ] {
        let answer = cloud.send(call, "admin", 0, body).await;
        assert_eq!(answer.status.as_u16(), status, "{call}: {}", answer.shown());
    }
}

#[tokio::test]
async fn pools_are_those_that_are_up() {
    let cloud = Cloud::new().await;
    let names = cloud.ask("GET /scheduler-stats/get_pools", "admin").await;
    assert_eq!(names.body, json!({"pools": [{"name": "host-1@fast#disks"}]}));
    let detail = cloud.ask("GET /scheduler-stats/get_pools?detail=true", "admin").await;
    assert_eq!(detail.body["pools"][0]["capabilities"]["free_capacity_gb"], 90.0);
    let can = cloud.ask("GET /capabilities/host-1@fast", "admin").await;
    assert_eq!(can.body["storage_protocol"], "file", "{}", can.shown());
    let hosts = cloud.ask("GET /os-hosts", "admin").await;
    assert_eq!(hosts.column("hosts", "service-status"), ["available", "unavailable"]);
    let host = cloud.ask("GET /os-hosts/host-1@fast", "admin").await;
    assert_eq!(host.body["host"][0]["resource"]["volume_count"], "0", "{}", host.shown());
    cloud.clock.advance_micros(61_000_000);
    let silent = cloud.ask("GET /scheduler-stats/get_pools", "admin").await;
    assert_eq!(silent.body, json!({"pools": []}));
}

#[tokio::test]
async fn messages_came_with_3_3() {
    let cloud = Cloud::new().await;
    assert_eq!(
        cloud.send("GET /messages", "reader", 2, Value::Null).await.status,
        StatusCode::NOT_FOUND
    );
    let all = cloud.send("GET /messages", "reader", 71, Value::Null).await;
    assert_snapshot!(all.shown(), @r#"
    200 OK
    {
      "messages": [
        {
          "created_at": "2026-01-01T00:00:00.000000",
          "event_id": "VOLUME_VOLUME_001_003",
          "guaranteed_until": "2026-01-01T00:01:00.000000",
          "id": "00000000-0000-0000-0000-000000000041",
          "links": [
            {
              "href": "http://cloud/volume/v3/messages/00000000-0000-0000-0000-000000000041",
              "rel": "self"
            },
            {
              "href": "http://cloud/volume/messages/00000000-0000-0000-0000-000000000041",
              "rel": "bookmark"
            }
          ],
          "message_level": "ERROR",
          "request_id": "req-1",
          "resource_type": "VOLUME",
          "resource_uuid": "00000000-0000-0000-0000-000000000051",
          "user_message": "schedule allocate volume: No storage could be allocated for this volume request."
        }
      ]
    }
    "#);
    let none =
        cloud.send("GET /messages?resource_type=VOLUME_SNAPSHOT", "reader", 71, Value::Null).await;
    assert_eq!(none.body, json!({"messages": []}));
    let call = format!("DELETE /messages/{MESSAGE}");
    assert_eq!(cloud.send(&call, "member", 3, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(cloud.send(&call, "member", 3, Value::Null).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn extensions_and_zones() {
    let cloud = Cloud::new().await;
    let zones = cloud.ask("GET /os-availability-zone", "reader").await;
    assert_eq!(
        zones.body,
        json!({"availabilityZoneInfo": [{"zoneName": "nova", "zoneState": {"available": true}}]})
    );
    let one = cloud.ask("GET /extensions/os-types-manage", "reader").await;
    assert_eq!(one.text("/extension/name"), "TypesManage");
    assert_eq!(cloud.ask("GET /extensions/os-cells", "reader").await.status, StatusCode::NOT_FOUND);
}
