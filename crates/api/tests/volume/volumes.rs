//! Volumes: asked for, listed, changed, removed.

use crate::cloud::{Cloud, ONE};
use axum::http::StatusCode;
use hatchery_model::volume::VolumeState;
use insta::assert_snapshot;
use serde_json::{Value, json};

#[tokio::test]
async fn a_volume_as_its_user_and_an_administrator_see_it() {
    let cloud = Cloud::new().await;
    let body = json!({"volume": {"name": "disk", "size": 2, "metadata": {"a": "b"}, "volume_type": "slow"}});
    let made = cloud.send("POST /volumes", "member", 71, body).await;
    let id = made.text("/volume/id");
    assert_snapshot!(made.without(&id), @r#"
    202 Accepted
    {
      "volume": {
        "attachments": [],
        "availability_zone": "nova",
        "bootable": "false",
        "consistencygroup_id": null,
        "consumes_quota": true,
        "created_at": "2026-01-01T00:00:00.000000",
        "description": null,
        "encrypted": false,
        "group_id": null,
        "id": "[id]",
        "links": [
          {
            "href": "http://cloud/volume/v3/volumes/[id]",
            "rel": "self"
          },
          {
            "href": "http://cloud/volume/volumes/[id]",
            "rel": "bookmark"
          }
        ],
        "metadata": {
          "a": "b"
        },
        "multiattach": false,
        "name": "disk",
        "replication_status": null,
        "service_uuid": null,
        "shared_targets": false,
        "size": 2,
        "snapshot_id": null,
        "source_volid": null,
        "status": "creating",
        "updated_at": "2026-01-01T00:00:00.000000",
        "user_id": "member",
        "volume_type": "slow",
        "volume_type_id": "00000000-0000-0000-0000-000000000031"
      }
    }
    "#);
    let shown = cloud.send(&format!("GET /{ONE}/volumes/{id}"), "member", 0, Value::Null).await;
    assert_eq!(shown.body["volume"]["group_id"], Value::Null);
    assert!(shown.body["volume"].get("volume_type_id").is_none(), "{}", shown.shown());
    let links = &shown.body["volume"]["links"];
    assert_eq!(links[0]["href"], format!("http://cloud/volume/v3/{ONE}/volumes/{id}"));
    assert_eq!(links[1]["href"], format!("http://cloud/volume/{ONE}/volumes/{id}"));
    let seen = cloud.send(&format!("GET /volumes/{id}"), "admin", 71, Value::Null).await;
    let host = &seen.body["volume"]["os-vol-host-attr:host"];
    assert_eq!(*host, json!("host-1@fast#disks"));
    assert_eq!(cloud.ask(&format!("GET /volumes/{id}"), "other").await.status, 404);
    assert_eq!(cloud.ask("GET /volumes/nothing", "member").await.status, 404);
}

#[tokio::test]
async fn what_cannot_be_made_is_refused_and_leaves_nothing() {
    let cloud = Cloud::new().await;
    let nobody = "00000000-0000-0000-0000-000000000099";
    let mut sentences = String::new();
    for volume in [
        json!({}),
        json!({"size": 0}),
        json!({"size": "x"}),
        json!({"size": 1, "volume_type": "none"}),
        json!({"size": 1, "volume_type": nobody}),
        json!({"size": 1, "availability_zone": "mars"}),
        json!({"size": 1, "imageRef": nobody}),
        json!({"size": 1, "imageRef": "tiny"}),
        json!({"size": 1, "snapshot_id": nobody}),
        json!({"size": 1, "source_volid": nobody}),
        json!({"size": 1, "backup_id": nobody}),
        json!({"size": 1, "group_id": nobody}),
        json!({"size": 1, "multiattach": "yes"}),
        json!({"size": 1, "metadata": {"a": 1}}),
        json!({"size": 1001}),
    ] {
        let body = json!({"volume": volume});
        let answer = cloud.send("POST /volumes", "member", 71, body).await;
        let status = answer.status.as_u16();
        sentences.push_str(&format!("{volume}: {status} {}\n", answer.message()));
    }
    assert_snapshot!(sentences, @r#"
    {}: 400 Invalid input received: Volume size 'None' must be an integer and greater than 0
    {"size":0}: 400 Invalid input for field/attribute size. Value: 0. A whole number from 1 to 2147483647 is wanted.
    {"size":"x"}: 400 Invalid input for field/attribute size. Value: "x". A whole number from 1 to 2147483647 is wanted.
    {"size":1,"volume_type":"none"}: 404 Volume type with name none could not be found.
    {"size":1,"volume_type":"00000000-0000-0000-0000-000000000099"}: 404 Volume type 00000000-0000-0000-0000-000000000099 could not be found.
    {"availability_zone":"mars","size":1}: 400 Availability zone 'mars' is invalid.
    {"imageRef":"00000000-0000-0000-0000-000000000099","size":1}: 400 Invalid image identifier or unable to access requested image.
    {"imageRef":"tiny","size":1}: 400 Invalid image identifier or unable to access requested image.
    {"size":1,"snapshot_id":"00000000-0000-0000-0000-000000000099"}: 404 Snapshot 00000000-0000-0000-0000-000000000099 could not be found.
    {"size":1,"source_volid":"00000000-0000-0000-0000-000000000099"}: 404 Volume 00000000-0000-0000-0000-000000000099 could not be found.
    {"backup_id":"00000000-0000-0000-0000-000000000099","size":1}: 501 Volumes are not made of backups yet.
    {"group_id":"00000000-0000-0000-0000-000000000099","size":1}: 404 Group 00000000-0000-0000-0000-000000000099 could not be found.
    {"multiattach":"yes","size":1}: 400 multiattach parameter has been removed. Use a volume type with the extra spec multiattach='<is> True'.
    {"metadata":{"a":1},"size":1}: 400 Invalid input for field/attribute volume.metadata.a: invalid type: integer `1`, expected a string at line 1 column 28
    {"size":1001}: 413 Requested volume or snapshot exceeds allowed gigabytes quota. Requested 1001G, quota is 1000G and 0G has been consumed.
    "#);
    assert_eq!(cloud.ask("GET /volumes", "member").await.body, json!({"volumes": []}));
}

#[tokio::test]
async fn a_full_quota_is_over_limit() {
    let cloud = Cloud::new().await;
    let quota = json!({"quota_set": {"volumes": 1}});
    cloud.send(&format!("PUT /os-quota-sets/{ONE}"), "admin", 0, quota).await;
    cloud.creating("first").await;
    let body = json!({"volume": {"size": 1}});
    let second = cloud.send("POST /volumes", "member", 0, body).await;
    assert_snapshot!(second.shown(), @r#"
    413 Payload Too Large
    {
      "overLimit": {
        "code": 413,
        "message": "Maximum number of volumes allowed (1) exceeded for quota 'volumes'.",
        "retryAfter": "0"
      }
    }
    "#);
    assert_eq!(second.header("retry-after"), "0");
    let usage = cloud.ask(&format!("GET /os-quota-sets/{ONE}?usage=true"), "member").await;
    assert_eq!(usage.body["quota_set"]["volumes"]["in_use"], 1);
    assert_eq!(usage.body["quota_set"]["gigabytes___DEFAULT__"]["in_use"], 1);
    let limits = cloud.ask("GET /limits", "member").await;
    assert_eq!(limits.body["limits"]["absolute"]["totalGigabytesUsed"], 1);
    let host = cloud.ask("GET /os-hosts/host-1@fast", "admin").await;
    assert_eq!(host.body["host"][1]["resource"]["project"], ONE, "{}", host.shown());
}

#[tokio::test]
async fn listings_are_filtered_sorted_and_paged() {
    let cloud = Cloud::new().await;
    for name in ["a", "b", "c"] {
        cloud.available(name).await;
    }
    let other = json!({"volume": {"name": "theirs", "size": 1}});
    cloud.send("POST /volumes", "other", 0, other).await;
    let names = async |call: &str, token: &str, version: u32| {
        let answer = cloud.send(call, token, version, Value::Null).await;
        assert_eq!(answer.status, StatusCode::OK, "{call}: {}", answer.shown());
        answer.column("volumes", "name").join(" ")
    };
    for (query, wanted) in [
        ("sort=name:asc", "a b c"),
        ("sort_key=name&sort_dir=desc", "c b a"),
        ("sort=name:asc&limit=2", "a b"),
        ("sort=name:asc&limit=1&offset=1", "b"),
        ("limit=0", ""),
        ("name=b", "b"),
        ("status=available&sort=name:asc", "a b c"),
        ("status=error", ""),
        ("size=7", ""),
        ("bootable=true", ""),
        ("metadata={'x': 'y'}", ""),
        ("all_tenants=1&sort=name:asc", "a b c"),
    ] {
        let query = query.replace(' ', "%20").replace('{', "%7B").replace('}', "%7D");
        assert_eq!(names(&format!("GET /volumes?{query}"), "member", 0).await, wanted, "{query}");
    }
    let all = names("GET /volumes/detail?all_tenants=1&sort=name:asc", "admin", 0).await;
    assert_eq!(all, "a b c theirs");
    assert_eq!(names("GET /volumes/detail", "admin", 0).await, "");
    assert_eq!(names("GET /volumes?name~=a", "member", 34).await, "a");
    let first = cloud
        .send("GET /volumes?sort=name:asc&limit=2&with_count=True", "member", 45, Value::Null)
        .await;
    assert_eq!(first.body["count"], 3);
    let next = first.text("/volumes_links/0/href");
    let next = next.strip_prefix("http://cloud/volume/v3").unwrap();
    assert_eq!(names(&format!("GET {next}"), "member", 0).await, "c");
    for (query, version) in [("sort_key=colour", 0), ("bootable=maybe", 2), ("with_count=x", 45)] {
        let answer =
            cloud.send(&format!("GET /volumes?{query}"), "member", version, Value::Null).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{query}: {}", answer.shown());
    }
    // Cinder looks for the marker, and does not find it.
    let lost = cloud.send("GET /volumes?marker=x", "member", 0, Value::Null).await;
    assert_eq!(lost.status, StatusCode::NOT_FOUND, "{}", lost.shown());
    let summary = cloud.send("GET /volumes/summary", "member", 36, Value::Null).await;
    assert_eq!(
        summary.body,
        json!({"volume-summary": {"total_count": 3, "total_size": 3, "metadata": {}}})
    );
    assert_eq!(cloud.send("GET /volumes/summary", "member", 11, Value::Null).await.status, 404);
}

#[tokio::test]
async fn name_pairs_and_removal() {
    let cloud = Cloud::new().await;
    let id = cloud.available("disk").await;
    let path = format!("/volumes/{id}");
    let change = json!({"volume": {"name": "new", "description": null}});
    let changed = cloud.send(&format!("PUT {path}"), "member", 53, change).await;
    assert_eq!(changed.text("/volume/name"), "new");
    for (version, body) in [
        (53, json!({"volume": {}})),
        (0, json!({"volume": {"size": 3}})),
        (0, json!({"volume": {"name": "x".repeat(256)}})),
        (0, json!({"volume": {"metadata": {"a": null}}})),
    ] {
        let answer = cloud.send(&format!("PUT {path}"), "member", version, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.shown());
    }
    let pairs = format!("{path}/metadata");
    let added = cloud
        .send(&format!("POST {pairs}"), "member", 0, json!({"metadata": {"a": "1", "b": "2"}}))
        .await;
    assert_eq!(added.body, json!({"metadata": {"a": "1", "b": "2"}}));
    let one = cloud.send(&format!("PUT {pairs}/a"), "member", 0, json!({"meta": {"a": "3"}})).await;
    assert_eq!(one.body, json!({"meta": {"a": "3"}}));
    let other =
        cloud.send(&format!("PUT {pairs}/a"), "member", 0, json!({"meta": {"b": "3"}})).await;
    assert_eq!(other.message(), "Request body and URI mismatch");
    assert_eq!(cloud.ask(&format!("DELETE {pairs}/b"), "member").await.status, StatusCode::OK);
    assert_eq!(
        cloud.ask(&format!("DELETE {pairs}/b"), "member").await.status,
        StatusCode::NOT_FOUND
    );
    let put =
        cloud.send(&format!("PUT {pairs}"), "member", 0, json!({"metadata": {"c": "4"}})).await;
    assert_eq!(put.body, json!({"metadata": {"c": "4"}}));
    assert_eq!(
        cloud.ask(&format!("GET {pairs}/c"), "reader").await.body,
        json!({"meta": {"c": "4"}})
    );
    let gone = cloud.ask(&format!("DELETE {path}"), "member").await;
    assert_eq!(gone.status, StatusCode::ACCEPTED);
    let shown = cloud.ask(&format!("GET {path}"), "member").await;
    assert_eq!(shown.text("/volume/status"), "deleting");
    let again = cloud.ask(&format!("DELETE {path}"), "member").await;
    assert_eq!(again.status, StatusCode::BAD_REQUEST, "{}", again.shown());
}

#[tokio::test]
async fn actions() {
    let cloud = Cloud::new().await;
    let id = cloud.available("disk").await;
    let call = format!("POST /volumes/{id}/action");
    let mut lines = String::new();
    for (token, version, body) in [
        ("member", 0, json!({"os-set_bootable": {"bootable": "yes"}})),
        ("member", 0, json!({"os-set_bootable": {"bootable": "maybe"}})),
        ("member", 0, json!({"os-update_readonly_flag": {"readonly": true}})),
        ("member", 0, json!({"os-set_image_metadata": {"metadata": {"os": "tiny"}}})),
        ("reader", 0, json!({"os-show_image_metadata": null})),
        ("member", 0, json!({"os-unset_image_metadata": {"key": "os"}})),
        ("member", 0, json!({"os-unset_image_metadata": {"key": "os"}})),
        ("member", 0, json!({"os-extend": {"new_size": 1}})),
        ("member", 0, json!({"os-extend": {"new_size": "x"}})),
        ("member", 39, json!({"revert": {"snapshot_id": id}})),
        ("member", 40, json!({"revert": {"snapshot_id": id}})),
        ("member", 40, json!({"revert": {"snapshot_id": null}})),
        ("member", 0, json!({"os-reserve": null})),
        ("member", 0, json!({"os-reserve": null})),
        ("member", 0, json!({"os-unreserve": null})),
        ("member", 0, json!({"os-begin_detaching": null})),
        ("member", 0, json!({"os-roll_detaching": null})),
        ("member", 0, json!({"os-reset_status": {"status": "error"}})),
        ("admin", 0, json!({"os-reset_status": {"status": "flying"}})),
        ("admin", 0, json!({"os-reset_status": {}})),
        ("admin", 0, json!({"os-reset_status": {"status": "error", "attach_status": "detached"}})),
        ("member", 0, json!({"os-force_delete": null})),
        ("member", 0, json!({"os-retype": {"new_type": "slow"}})),
        ("member", 0, json!({"dance": null})),
        ("member", 0, json!({"os-reserve": null, "os-unreserve": null})),
        ("admin", 0, json!({"os-force_delete": null})),
    ] {
        let answer = cloud.send(&call, token, version, body.clone()).await;
        let status = answer.status.as_u16();
        lines.push_str(&format!("{body}: {status} {}\n", answer.message()));
    }
    assert_snapshot!(lines.replace(&id, "[id]"), @r#"
    {"os-set_bootable":{"bootable":"yes"}}: 200 
    {"os-set_bootable":{"bootable":"maybe"}}: 400 Invalid input for field/attribute bootable.
    {"os-update_readonly_flag":{"readonly":true}}: 202 
    {"os-set_image_metadata":{"metadata":{"os":"tiny"}}}: 200 
    {"os-show_image_metadata":null}: 200 
    {"os-unset_image_metadata":{"key":"os"}}: 200 
    {"os-unset_image_metadata":{"key":"os"}}: 404 Metadata of volume [id] with key os could not be found.
    {"os-extend":{"new_size":1}}: 400 Invalid input received: New size for extend must be greater than current size. (current: 1, extended: 1).
    {"os-extend":{"new_size":"x"}}: 400 Invalid input for field/attribute new_size. Value: "x". A whole number from 1 to 2147483647 is wanted.
    {"revert":{"snapshot_id":"[id]"}}: 404 The method in API version 3.39 could not be found.
    {"revert":{"snapshot_id":"[id]"}}: 400 Volume [id] doesn't have any snapshots.
    {"revert":{"snapshot_id":null}}: 400 Invalid input for field/attribute snapshot_id.
    {"os-reserve":null}: 202 
    {"os-reserve":null}: 400 Invalid volume: Volume status must be available to reserve, but the status is attaching.
    {"os-unreserve":null}: 202 
    {"os-begin_detaching":null}: 400 Invalid volume: Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.
    {"os-roll_detaching":null}: 202 
    {"os-reset_status":{"status":"error"}}: 403 Policy doesn't allow volume_extension:volume_admin_actions:reset_status to be performed.
    {"os-reset_status":{"status":"flying"}}: 400 Cannot reset-state to flying
    {"os-reset_status":{}}: 400 Must specify 'status', 'attach_status' or 'migration_status' for update.
    {"os-reset_status":{"attach_status":"detached","status":"error"}}: 202 
    {"os-force_delete":null}: 403 Policy doesn't allow volume:force_delete to be performed.
    {"os-retype":{"new_type":"slow"}}: 400 Invalid volume: Retype needs volume to be in available or in-use state, not be part of an active migration or a consistency group, requested type has to be different that the one from the volume, and for in-use volumes front-end qos specs cannot change.
    {"dance":null}: 400 There is no such action: dance
    {"os-reserve":null,"os-unreserve":null}: 400 Malformed request body: it must name one action.
    {"os-force_delete":null}: 202
    "#);
}

#[tokio::test]
async fn a_volume_grows_also_while_it_is_used_since_3_42() {
    let cloud = Cloud::new().await;
    let id = cloud.available("disk").await;
    let call = format!("POST /volumes/{id}/action");
    let body = json!({"os-extend": {"new_size": "3"}});
    cloud.force(&id, |volume| volume.state = VolumeState::InUse).await;
    let refused = cloud.send(&call, "member", 41, body.clone()).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST, "{}", refused.shown());
    let taken = cloud.send(&call, "member", 42, body).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.shown());
    let shown = cloud.ask(&format!("GET /volumes/{id}"), "member").await;
    assert_eq!(shown.text("/volume/status"), "extending");
}
