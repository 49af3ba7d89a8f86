//! What operators do: volumes said to be plugged, states set by hand, limits of everyone, records of backups, volumes taken and moved.

use crate::cloud::{Answer, Cloud};
use axum::http::StatusCode;
use hatchery_model::volume::BackupState;
use hatchery_ports::store::Store;
use serde_json::{Value, json};

const SERVER: &str = "00000000-0000-0000-0000-0000000000aa";

async fn act(cloud: &Cloud, volume: &str, caller: &str, action: Value) -> Answer {
    cloud.send(&format!("POST /volumes/{volume}/action"), caller, 71, action).await
}

async fn shown(cloud: &Cloud, volume: &str) -> Value {
    let found = cloud.send(&format!("GET /volumes/{volume}"), "admin", 71, Value::Null).await;
    found.body["volume"].clone()
}

#[tokio::test]
async fn a_volume_is_said_to_be_plugged_and_taken_out() {
    let cloud = Cloud::new().await;
    let id = cloud.available("disk").await;
    for (body, why) in [
        (json!({"mountpoint": "/dev/vdb"}), "invalid target"),
        (json!({"mountpoint": "", "host_name": "h"}), "mountpoint"),
        (json!({"mountpoint": "a", "host_name": "h", "mode": "x"}), "mode"),
        (json!({"mountpoint": "a", "host_name": "h", "instance_uuid": SERVER}), "simultaneously"),
        (json!({"mountpoint": "a", "instance_uuid": "me"}), "uuid"),
    ] {
        let answer = act(&cloud, &id, "member", json!({"os-attach": body})).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.shown());
        assert!(answer.message().contains(why), "{}", answer.shown());
    }
    let attach = json!({"os-attach": {"instance_uuid": SERVER, "mountpoint": "/dev/vdc"}});
    act(&cloud, &id, "member", json!({"os-reserve": null})).await;
    assert_eq!(act(&cloud, &id, "member", attach.clone()).await.status, StatusCode::ACCEPTED);
    let volume = shown(&cloud, &id).await;
    assert_eq!(volume["status"], "in-use", "{volume}");
    let attached = &volume["attachments"][0];
    assert_eq!((&attached["server_id"], &attached["device"]), (&json!(SERVER), &json!("/dev/vdc")));
    assert_eq!(act(&cloud, &id, "member", attach.clone()).await.status, StatusCode::ACCEPTED);
    assert_eq!(shown(&cloud, &id).await["attachments"].as_array().unwrap().len(), 1);
    let other = json!({"os-attach": {"host_name": "h", "mountpoint": "/dev/vdc"}});
    let other = act(&cloud, &id, "member", other).await;
    assert_eq!(other.status, StatusCode::BAD_REQUEST, "{}", other.shown());
    let gone = json!({"os-detach": {"attachment_id": SERVER}});
    assert_eq!(act(&cloud, &id, "member", gone).await.status, StatusCode::NOT_FOUND);
    let detach = json!({"os-detach": {}});
    assert_eq!(act(&cloud, &id, "member", detach).await.status, StatusCode::ACCEPTED);
    let volume = shown(&cloud, &id).await;
    assert_eq!((&volume["status"], &volume["attachments"]), (&json!("available"), &json!([])));

    // Whatever was said of it meanwhile.
    act(&cloud, &id, "member", attach).await;
    act(&cloud, &id, "admin", json!({"os-reset_status": {"status": "error"}})).await;
    let attachment = shown(&cloud, &id).await["attachments"][0]["attachment_id"].clone();
    let force = json!({"os-force_detach": {"attachment_id": attachment, "connector": null}});
    assert_eq!(act(&cloud, &id, "member", force.clone()).await.status, StatusCode::FORBIDDEN);
    assert_eq!(act(&cloud, &id, "admin", force).await.status, StatusCode::ACCEPTED);
    assert_eq!(shown(&cloud, &id).await["status"], "available");
}

#[tokio::test]
async fn states_are_set_by_hand() {
    let cloud = Cloud::new().await;
    let id = cloud.available("disk").await;
    let reset = |to: Value| act(&cloud, &id, "admin", json!({"os-reset_status": to}));
    for status in ["creating", "deleting", "maintenance", "error_deleting", "available"] {
        assert_eq!(reset(json!({"status": status})).await.status, StatusCode::ACCEPTED);
        assert_eq!(shown(&cloud, &id).await["status"], status);
    }
    reset(json!({"migration_status": "Error"})).await;
    assert_eq!(shown(&cloud, &id).await["os-vol-mig-status-attr:migstat"], "error");
    let listed = cloud.ask("GET /volumes?all_tenants=1&migration_status=error", "admin").await;
    assert_eq!(listed.column("volumes", "id"), std::slice::from_ref(&id));
    reset(json!({"migration_status": "none"})).await;
    assert_eq!(shown(&cloud, &id).await["migration_status"], Value::Null);
    let wrong = reset(json!({"migration_status": "lost"})).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{}", wrong.shown());
    act(&cloud, &id, "member", json!({"os-update_readonly_flag": {"readonly": false}})).await;
    assert_eq!(shown(&cloud, &id).await["metadata"], json!({"readonly": "False"}));

    let snapshot = cloud.snapshot(&id, "kept").await;
    let call = format!("POST /snapshots/{snapshot}/action");
    let update = json!({"os-update_snapshot_status": {"status": "error", "progress": "80%"}});
    let early = cloud.send(&call, "member", 0, update.clone()).await;
    assert!(
        early.message().contains("not allowed for update_snapshot_status"),
        "{}",
        early.shown()
    );
    let reset = json!({"os-reset_status": {"status": "creating"}});
    cloud.send(&call, "admin", 0, reset).await;
    let bad = json!({"os-update_snapshot_status": {"status": "error", "progress": "most"}});
    assert_eq!(cloud.send(&call, "member", 0, bad).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(cloud.send(&call, "member", 0, update).await.status, StatusCode::ACCEPTED);
    let found = cloud.ask(&format!("GET /snapshots/{snapshot}"), "member").await;
    assert_eq!(found.text("/snapshot/status"), "error");
    let progress = "/snapshot/os-extended-snapshot-attributes:progress";
    assert_eq!(found.text(progress), "80%");
}

#[tokio::test]
async fn the_class_has_the_limits_of_whoever_has_none() {
    let cloud = Cloud::new().await;
    let set = json!({"quota_class_set": {"volumes": 1, "gigabytes_slow": 7}});
    let call = "PUT /os-quota-class-sets/default";
    let changed = cloud.send(call, "admin", 0, set).await;
    assert_eq!(changed.status, StatusCode::OK, "{}", changed.shown());
    assert_eq!(changed.body["quota_class_set"]["volumes"], 1);
    for path in ["os-quota-class-sets/default", "os-quota-sets/0e1/defaults", "os-quota-sets/0e1"] {
        let found = cloud.ask(&format!("GET /{path}"), "admin").await;
        let set = found.body.as_object().unwrap().values().next().unwrap();
        assert_eq!((&set["volumes"], &set["gigabytes_slow"]), (&json!(1), &json!(7)), "{path}");
    }
    cloud.available("first").await;
    let body = json!({"volume": {"size": 1}});
    let second = cloud.send("POST /volumes", "member", 0, body).await;
    assert_eq!(second.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", second.shown());
    let bad = json!({"quota_class_set": {"wishes": 3}});
    assert_eq!(cloud.send(call, "admin", 0, bad).await.status, StatusCode::BAD_REQUEST);
    let other = json!({"quota_class_set": {"volumes": 3}});
    let other = cloud.send("PUT /os-quota-class-sets/gold", "admin", 0, other).await;
    assert_eq!(other.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_record_tells_another_row_of_the_same_backup() {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    let body = json!({"backup": {"volume_id": volume, "name": "kept"}});
    let id = cloud.send("POST /backups", "member", 0, body).await.text("/backup/id");
    let export = format!("GET /backups/{id}/export_record");
    let early = cloud.ask(&export, "admin").await;
    assert!(early.message().contains("must be available"), "{}", early.shown());
    let mut uow = cloud.db.begin().await.unwrap();
    let mut backup = uow.backups().find(id.parse().unwrap()).await.unwrap().unwrap();
    backup.state = BackupState::Available;
    uow.backups().update(&backup).await.unwrap();
    uow.commit().await.unwrap();
    let record = cloud.ask(&export, "admin").await;
    let (service, url) =
        (record.text("/backup-record/backup_service"), record.text("/backup-record/backup_url"));
    let import = |url: &str| {
        let body = json!({"backup-record": {"backup_service": service, "backup_url": url}});
        cloud.send("POST /backups/import_record", "admin", 0, body)
    };
    let twice = import(&url).await;
    assert!(twice.message().contains("already exists"), "{}", twice.shown());
    for bad in ["", "%", "e30="] {
        assert_eq!(import(bad).await.status, StatusCode::BAD_REQUEST, "{bad}");
    }
    // The row is lost.
    let mut uow = cloud.db.begin().await.unwrap();
    uow.backups().delete(id.parse().unwrap()).await.unwrap();
    uow.commit().await.unwrap();
    let made = import(&url).await;
    assert_eq!((made.status, made.text("/backup/id")), (StatusCode::CREATED, id.clone()));
    let found = cloud.ask(&format!("GET /backups/{id}"), "admin").await;
    assert_eq!(found.text("/backup/status"), "available");
}

#[tokio::test]
async fn what_cannot_move_or_be_taken_is_refused() {
    let cloud = Cloud::new().await;
    let id = cloud.available("disk").await;
    let host = shown(&cloud, &id).await["os-vol-host-attr:host"].as_str().unwrap().to_owned();
    for (body, why) in [
        (json!({"host": "nowhere@x#y"}), "No available service named 'nowhere@x#y'"),
        (json!({"cluster": "c"}), "No available service named 'c'"),
        (json!({"host": host}), "destination host/cluster must be different"),
        (json!({"host": "a", "cluster": "b"}), "One and only one of cluster and host"),
        (json!({"host": "host-1@broken"}), "No available service"),
        (json!({"host": "a", "lock_volume": "perhaps"}), "lock_volume"),
    ] {
        let answer = act(&cloud, &id, "admin", json!({"os-migrate_volume": body})).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.shown());
        assert!(answer.message().contains(why), "{}", answer.shown());
    }
    for (body, status) in [
        (json!({"new_type": "slow", "migration_policy": "always"}), StatusCode::BAD_REQUEST),
        (json!({"migration_policy": "never"}), StatusCode::BAD_REQUEST),
        (json!({"new_type": "nothing"}), StatusCode::NOT_FOUND),
        (json!({"new_type": "slow"}), StatusCode::ACCEPTED),
    ] {
        let answer = act(&cloud, &id, "member", json!({"os-retype": body})).await;
        assert_eq!(answer.status, status, "{}", answer.shown());
    }
    assert_eq!(shown(&cloud, &id).await["volume_type"], "slow");

    let manage =
        |volume: Value| cloud.send("POST /os-volume-manage", "admin", 0, json!({"volume": volume}));
    let source = json!({"source-name": format!("volume-{id}")});
    for (volume, status) in [
        (json!({"host": host, "ref": {"source-id": "x"}}), StatusCode::BAD_REQUEST),
        (json!({"host": host, "ref": source}), StatusCode::BAD_REQUEST),
        (json!({"ref": {"source-name": "x"}}), StatusCode::BAD_REQUEST),
        (json!({"host": "h@x", "ref": {"source-name": "x"}}), StatusCode::NOT_FOUND),
        (
            json!({"host": "host-1@broken", "ref": {"source-name": "x"}}),
            StatusCode::SERVICE_UNAVAILABLE,
        ),
        (json!({"host": host, "ref": {"source-name": "x"}}), StatusCode::ACCEPTED),
    ] {
        let answer = manage(volume).await;
        assert_eq!(answer.status, status, "{}", answer.shown());
    }
    let early = cloud.send("GET /manageable_volumes", "admin", 7, Value::Null).await;
    assert_eq!(early.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_snapshot_that_cannot_be_taken_or_left_is_refused() {
    let cloud = Cloud::new().await;
    let id = cloud.available("disk").await;
    let manage = |snapshot: Value| {
        cloud.send("POST /os-snapshot-manage", "admin", 0, json!({"snapshot": snapshot}))
    };
    let nobodys = "6f1d3a52-4f6e-4d0e-9a35-0d6a1f0c9a11";
    for (snapshot, status, why) in [
        (
            json!({"volume_id": id, "ref": {"source-id": "x"}}),
            StatusCode::BAD_REQUEST,
            "source-name",
        ),
        (json!({"volume_id": id}), StatusCode::BAD_REQUEST, "ref"),
        (
            json!({"volume_id": nobodys, "ref": {"source-name": "x"}}),
            StatusCode::NOT_FOUND,
            nobodys,
        ),
        (json!({"volume_id": id, "ref": {"source-name": "x"}}), StatusCode::BAD_REQUEST, "Ceph"),
    ] {
        let answer = manage(snapshot).await;
        assert_eq!(answer.status, status, "{}", answer.shown());
        assert!(answer.message().contains(why), "{}", answer.shown());
    }
    let early = cloud.send("GET /manageable_snapshots", "admin", 7, Value::Null).await;
    assert_eq!(early.status, StatusCode::NOT_FOUND);
}
