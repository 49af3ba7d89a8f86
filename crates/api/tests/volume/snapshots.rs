//! Snapshots.

use crate::cloud::Cloud;
use axum::http::StatusCode;
use hatchery_model::volume::VolumeState;
use insta::assert_snapshot;
use serde_json::{Value, json};

#[tokio::test]
async fn a_snapshot_lives() {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    let body = json!({"snapshot": {"name": " kept ", "volume_id": volume, "metadata": {"a": "b"}}});
    let made = cloud.send("POST /snapshots", "member", 71, body).await;
    let id = made.text("/snapshot/id");
    assert_snapshot!(made.without(&id).replace(&volume, "[volume]"), @r#"
    202 Accepted
    {
      "snapshot": {
        "consumes_quota": true,
        "created_at": "2026-01-01T00:00:00.000000",
        "description": null,
        "group_snapshot_id": null,
        "id": "[id]",
        "metadata": {
          "a": "b"
        },
        "name": "kept",
        "size": 1,
        "status": "creating",
        "updated_at": "2026-01-01T00:00:00.000000",
        "user_id": "member",
        "volume_id": "[volume]"
      }
    }
    "#);
    let path = format!("/snapshots/{id}");
    let busy = cloud.ask(&format!("DELETE {path}"), "member").await;
    assert_eq!(busy.status, StatusCode::BAD_REQUEST, "{}", busy.shown());
    let reset = json!({"os-reset_status": {"status": "available"}});
    let call = format!("POST {path}/action");
    assert_eq!(cloud.send(&call, "member", 0, reset.clone()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(cloud.send(&call, "admin", 0, reset).await.status, StatusCode::ACCEPTED);
    let change = json!({"snapshot": {"description": "before the change"}});
    let changed = cloud.send(&format!("PUT {path}"), "member", 0, change).await;
    assert_eq!(changed.text("/snapshot/description"), "before the change");
    let set = json!({"metadata": {"c": "d"}});
    assert_eq!(
        cloud.send(&format!("PUT {path}/metadata"), "member", 0, set.clone()).await.body,
        set
    );
    // It holds its volume.
    let held = cloud.ask(&format!("DELETE /volumes/{volume}"), "member").await;
    assert_eq!(held.status, StatusCode::BAD_REQUEST, "{}", held.shown());
    assert_eq!(cloud.ask(&format!("DELETE {path}"), "member").await.status, StatusCode::ACCEPTED);
    assert_eq!(
        cloud.ask(&format!("GET {path}"), "member").await.text("/snapshot/status"),
        "deleting"
    );
}

#[tokio::test]
async fn of_a_used_volume_only_by_force_until_3_66() {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    cloud.force(&volume, |volume| volume.state = VolumeState::InUse).await;
    let wanted = |force: Value| json!({"snapshot": {"volume_id": volume, "force": force}});
    for (version, force, status) in [
        (0, json!(false), 400),
        (0, json!("true"), 202),
        (66, json!(false), 400),
        (66, json!(true), 202),
        (0, json!("maybe"), 400),
    ] {
        let answer = cloud.send("POST /snapshots", "member", version, wanted(force.clone())).await;
        assert_eq!(answer.status.as_u16(), status, "{version} {force}: {}", answer.shown());
    }
    let plain = json!({"snapshot": {"volume_id": volume}});
    assert_eq!(cloud.send("POST /snapshots", "member", 66, plain).await.status, 202);
}

#[tokio::test]
async fn listings_and_wrong_requests() {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    for name in ["a", "b"] {
        cloud.snapshot(&volume, name).await;
    }
    for (query, wanted) in [
        ("sort=name:asc", "a b"),
        ("name=b", "b"),
        ("limit=1&sort=name:desc", "b"),
        ("offset=1&sort=name:asc", "b"),
        (&format!("volume_id={volume}&sort=name:asc"), "a b"),
        ("volume_id=none", ""),
        ("status=error", ""),
    ] {
        let answer = cloud.ask(&format!("GET /snapshots/detail?{query}"), "reader").await;
        assert_eq!(answer.column("snapshots", "name").join(" "), wanted, "{query}");
    }
    assert_eq!(cloud.ask("GET /snapshots", "other").await.body, json!({"snapshots": []}));
    for body in [
        json!({"snapshot": {}}),
        json!({"snapshot": {"volume_id": "none"}}),
        json!({"snapshot": {"volume_id": volume, "colour": 1}}),
        json!({"snapshot": {"volume_id": volume, "name": "x".repeat(256)}}),
    ] {
        let answer = cloud.send("POST /snapshots", "member", 0, body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {}", answer.shown());
    }
    let nobody = json!({"snapshot": {"volume_id": "00000000-0000-0000-0000-000000000099"}});
    assert_eq!(cloud.send("POST /snapshots", "member", 0, nobody).await.status, 404);
}

#[tokio::test]
async fn a_volume_goes_back_to_its_newest_snapshot() {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    let old = cloud.snapshot(&volume, "old").await;
    cloud.clock.advance_micros(1_000_000);
    let new = cloud.snapshot(&volume, "new").await;
    let call = format!("POST /volumes/{volume}/action");
    let revert = |to: &str| json!({"revert": {"snapshot_id": to}});
    let refused = cloud.send(&call, "member", 40, revert(&old)).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.shown());
    let taken = cloud.send(&call, "member", 40, revert(&new)).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.shown());
    let shown = cloud.ask(&format!("GET /volumes/{volume}"), "member").await;
    assert_eq!(shown.text("/volume/status"), "reverting");
    let from = json!({"volume": {"snapshot_id": old}});
    let made = cloud.send("POST /volumes", "member", 0, from).await;
    assert_eq!(made.text("/volume/snapshot_id"), old, "{}", made.shown());
    assert_eq!(made.body["volume"]["size"], 1);
}
