//! Backups.

use crate::cloud::Cloud;
use axum::http::StatusCode;
use hatchery_model::volume::{BackupState, VolumeState};
use hatchery_ports::store::Store;
use insta::assert_snapshot;
use serde_json::{Value, json};

/// Each route with the microversion in which it is asked, and its body.
pub const CALLS: [(&str, u32, &str); 12] = [
    ("GET /backups", 0, ""),
    ("GET /backups/detail", 0, ""),
    ("GET /backups/{backup}", 0, ""),
    ("GET /backups/{backup}/export_record", 0, ""),
    (
        "POST /backups/import_record",
        0,
        r#"{"backup-record": {"backup_service": "x", "backup_url": "y"}}"#,
    ),
    ("POST /backups", 0, r#"{"backup": {"volume_id": "{volume}"}}"#),
    ("PUT /backups/{backup}", 9, r#"{"backup": {"name": "new"}}"#),
    ("POST /backups/{backup}/restore", 0, r#"{"restore": {}}"#),
    ("POST /backups/{backup}/action", 0, r#"{"os-reset_status": {"status": "available"}}"#),
    ("POST /backups/{backup}/action", 0, r#"{"os-force_delete": {}}"#),
    ("DELETE /backups/{backup}", 0, ""),
    ("DELETE /backups/00000000-0000-0000-0000-0000000000ff", 0, ""),
];

/// A backup of the member's volume; its id.
async fn made(cloud: &Cloud, volume: &str) -> String {
    let body = json!({"backup": {"volume_id": volume, "name": " kept "}});
    let made = cloud.send("POST /backups", "member", 0, body).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.shown());
    made.text("/backup/id")
}

/// What an agent would have said.
async fn settle(cloud: &Cloud, volume: &str, backup: &str) {
    cloud.force(volume, |volume| volume.state = VolumeState::Available).await;
    let mut uow = cloud.db.begin().await.unwrap();
    if let Some(mut backup) = uow.backups().find(backup.parse().unwrap()).await.unwrap() {
        backup.state = BackupState::Available;
        uow.backups().update(&backup).await.unwrap();
        uow.commit().await.unwrap();
    }
}

#[tokio::test]
async fn who_may_do_what() {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    let backup = made(&cloud, &volume).await;
    let mut table = String::new();
    for (call, version, body) in CALLS {
        let action = if body.contains("os-") { body.split('"').nth(1).unwrap() } else { "" };
        let label = format!("{call} {action}");
        table.push_str(&format!("{:<60}", label.trim_end()));
        let fill = |text: &str| text.replace("{volume}", &volume).replace("{backup}", &backup);
        for caller in ["", "unscoped", "other", "reader", "member", "admin"] {
            settle(&cloud, &volume, &backup).await;
            let body = serde_json::from_str(&fill(body)).unwrap_or(Value::Null);
            let answer = cloud.send(&fill(call), caller, version, body).await;
            assert!(answer.status.as_u16() < 400 || !answer.message().is_empty(), "{call}");
            table.push_str(&format!(" {}", answer.status.as_u16()));
        }
        table.push('\n');
    }
    assert_snapshot!(table, @r#"
    GET /backups                                                 401 403 200 200 200 200
    GET /backups/detail                                          401 403 200 200 200 200
    GET /backups/{backup}                                        401 404 404 200 200 200
    GET /backups/{backup}/export_record                          401 404 404 403 403 200
    POST /backups/import_record                                  401 403 403 403 403 400
    POST /backups                                                401 403 404 403 202 202
    PUT /backups/{backup}                                        401 404 404 403 200 200
    POST /backups/{backup}/restore                               401 403 404 403 202 202
    POST /backups/{backup}/action os-reset_status                401 403 403 403 403 202
    POST /backups/{backup}/action os-force_delete                401 404 404 403 403 202
    DELETE /backups/{backup}                                     401 404 404 403 202 202
    DELETE /backups/00000000-0000-0000-0000-0000000000ff         401 404 404 404 404 404
    "#);
}

#[tokio::test]
async fn a_backup_is_shown_as_cinder_shows_it() {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    let id = made(&cloud, &volume).await;
    settle(&cloud, &volume, &id).await;
    let shown = cloud.send(&format!("GET /backups/{id}"), "member", 71, Value::Null).await;
    assert_snapshot!(shown.without(&id).replace(&volume, "[volume]"), @r#"
    200 OK
    {
      "backup": {
        "availability_zone": "nova",
        "container": null,
        "created_at": "2026-01-01T00:00:00.000000",
        "data_timestamp": "2026-01-01T00:00:00.000000",
        "description": null,
        "fail_reason": null,
        "has_dependent_backups": false,
        "id": "[id]",
        "is_incremental": false,
        "links": [
          {
            "href": "http://cloud/volume/v3/backups/[id]",
            "rel": "self"
          },
          {
            "href": "http://cloud/volume/backups/[id]",
            "rel": "bookmark"
          }
        ],
        "metadata": {},
        "name": "kept",
        "object_count": 0,
        "os-backup-project-attr:project_id": "0e1",
        "size": 1,
        "snapshot_id": null,
        "status": "available",
        "updated_at": "2026-01-01T00:00:00.000000",
        "user_id": "member",
        "volume_id": "[volume]"
      }
    }
    "#);
    let listed = cloud.send("GET /backups/detail?with_count=1", "member", 45, Value::Null).await;
    assert_eq!(
        (listed.column("backups", "id"), listed.body["count"].clone()),
        (vec![id.clone()], json!(1))
    );
    for nothing in ["name=other", "status=error", "volume_id=x"] {
        let listed = cloud.ask(&format!("GET /backups?{nothing}"), "member").await;
        assert_eq!(listed.body, json!({"backups": []}), "{nothing}");
    }
    let limits = cloud.ask("GET /limits", "member").await;
    let absolute = &limits.body["limits"]["absolute"];
    assert_eq!(
        (&absolute["totalBackupsUsed"], &absolute["totalBackupGigabytesUsed"]),
        (&json!(1), &json!(1))
    );
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    let wrong = [
        (json!({"backup": {}}), "volume_id"),
        (json!({"backup": {"volume_id": "x"}}), "'x' is not a 'uuid'"),
        (json!({"backup": {"volume_id": volume, "metadata": {}}}), "before microversion 3.43"),
        (
            json!({"backup": {"volume_id": volume, "availability_zone": "a"}}),
            "before microversion 3.51",
        ),
        (json!({"backup": {"volume_id": volume, "incremental": true}}), "No backups available"),
        (json!({"backup": {"volume_id": volume, "colour": "red"}}), "colour"),
    ];
    for (body, why) in wrong {
        let answer = cloud.send("POST /backups", "member", 0, body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}: {}", answer.shown());
        assert!(answer.message().contains(why), "{body}: {}", answer.shown());
    }
    let id = made(&cloud, &volume).await;
    let old = cloud
        .send(&format!("PUT /backups/{id}"), "member", 8, json!({"backup": {"name": "x"}}))
        .await;
    assert_eq!(old.status, StatusCode::NOT_FOUND, "{}", old.shown());
    let empty = cloud.send(&format!("PUT /backups/{id}"), "member", 9, json!({"backup": {}})).await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST, "{}", empty.shown());
    let busy = cloud.ask(&format!("DELETE /backups/{id}"), "member").await;
    assert_eq!(busy.message(), "Invalid backup: Backup status must be available or error");
    cloud.send("PUT /os-quota-sets/0e1", "admin", 0, json!({"quota_set": {"backups": 1}})).await;
    settle(&cloud, &volume, &id).await;
    let body = json!({"backup": {"volume_id": volume}});
    let over = cloud.send("POST /backups", "member", 0, body).await;
    assert_eq!(over.status, StatusCode::PAYLOAD_TOO_LARGE, "{}", over.shown());
}
