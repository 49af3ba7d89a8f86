//! Groups of volumes, their types and their snapshots.

use crate::cloud::Cloud;
use axum::http::StatusCode;
use hatchery_model::volume::{SnapshotState, VolumeState};
use hatchery_ports::store::{SnapshotFilter, Store};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// Each route with the microversion in which it is asked, and its body.
pub const CALLS: [(&str, u32, &str); 28] = [
    ("GET /group_types", 11, ""),
    ("POST /group_types", 11, r#"{"group_type": {"name": "new"}}"#),
    ("GET /group_types/{type}", 11, ""),
    ("PUT /group_types/{type}", 11, r#"{"group_type": {"description": "x"}}"#),
    ("GET /group_types/{type}/group_specs", 11, ""),
    ("POST /group_types/{type}/group_specs", 11, r#"{"group_specs": {"a": "b"}}"#),
    ("GET /group_types/{type}/group_specs/a", 11, ""),
    ("PUT /group_types/{type}/group_specs/a", 11, r#"{"a": "c"}"#),
    ("DELETE /group_types/{type}/group_specs/a", 11, ""),
    ("GET /groups", 13, ""),
    ("GET /groups/detail", 13, ""),
    ("GET /groups/{group}", 13, ""),
    ("POST /groups", 13, r#"{"group": {"group_type": "loose", "volume_types": ["slow"]}}"#),
    ("PUT /groups/{group}", 13, r#"{"group": {"name": "new"}}"#),
    ("POST /groups/action", 14, r#"{"create-from-src": {"source_group_id": "{group}"}}"#),
    ("GET /group_snapshots", 14, ""),
    ("GET /group_snapshots/detail", 14, ""),
    ("GET /group_snapshots/{snapshot}", 14, ""),
    ("POST /group_snapshots", 14, r#"{"group_snapshot": {"group_id": "{group}"}}"#),
    ("POST /group_snapshots/{snapshot}/action", 19, r#"{"reset_status": {"status": "error"}}"#),
    ("DELETE /group_snapshots/{snapshot}", 14, ""),
    ("POST /groups/{group}/action", 20, r#"{"reset_status": {"status": "error"}}"#),
    ("POST /groups/{group}/action", 38, r#"{"enable_replication": null}"#),
    ("POST /groups/{group}/action", 13, r#"{"delete": {"delete-volumes": true}}"#),
    ("POST /groups/{group}/action", 13, r#"{"wash": null}"#),
    ("DELETE /group_types/{type}", 11, ""),
    ("DELETE /group_types/{free}", 11, ""),
    ("GET /group_types/default", 11, ""),
];

struct Stage {
    cloud: Cloud,
    loose: String,
    group: String,
}

async fn group_type(cloud: &Cloud, name: &str) -> String {
    let body = json!({"group_type": {"name": name}});
    let made = cloud.send("POST /group_types", "admin", 11, body).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.shown());
    made.text("/group_type/id")
}

/// A type, and a group of the member's.
async fn stage() -> Stage {
    let cloud = Cloud::new().await;
    let loose = group_type(&cloud, "loose").await;
    let types = ["slow", "__DEFAULT__"];
    let body = json!({"group": {"name": " mine ", "group_type": loose, "volume_types": types}});
    let made = cloud.send("POST /groups", "member", 13, body).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.shown());
    assert_eq!(made.text("/group/name"), "mine");
    let group = made.text("/group/id");
    Stage { cloud, loose, group }
}

impl Stage {
    /// A volume in the group that is there.
    async fn volume(&self) -> String {
        let volume = json!({"size": 1, "volume_type": "slow", "group_id": self.group});
        let made = self.cloud.send("POST /volumes", "member", 13, json!({"volume": volume})).await;
        assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.shown());
        assert_eq!(made.text("/volume/group_id"), self.group);
        let id = made.text("/volume/id");
        self.cloud.force(&id, |volume| volume.state = VolumeState::Available).await;
        id
    }

    /// What an agent would have said.
    async fn settle_snapshots(&self) {
        let mut uow = self.cloud.db.begin().await.unwrap();
        let all = hatchery_model::page::Page::default();
        for mut snapshot in uow.snapshots().list(&SnapshotFilter::default(), &all).await.unwrap() {
            snapshot.state = SnapshotState::Available;
            uow.snapshots().update(&snapshot).await.unwrap();
        }
        uow.commit().await.unwrap();
    }

    async fn snapshot(&self) -> String {
        let body = json!({"group_snapshot": {"group_id": self.group, "name": "kept"}});
        let made = self.cloud.send("POST /group_snapshots", "member", 14, body).await;
        assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.shown());
        self.settle_snapshots().await;
        made.text("/group_snapshot/id")
    }
}

#[tokio::test]
async fn who_may_do_what() {
    let mut table = String::new();
    for (call, version, body) in CALLS {
        let stage = stage().await;
        stage.volume().await;
        let free = group_type(&stage.cloud, "free").await;
        let specs = json!({"group_specs": {"a": "b"}});
        let path = format!("POST /group_types/{}/group_specs", stage.loose);
        stage.cloud.send(&path, "admin", 11, specs).await;
        // A group does not go before its snapshots.
        let is_of_group = call.ends_with("{group}/action");
        let snapshot = if is_of_group { String::new() } else { stage.snapshot().await };
        let action = if call.ends_with("action") { body.split('"').nth(1).unwrap() } else { "" };
        let label = format!("{call} {action}");
        table.push_str(&format!("{:<60}", label.trim_end()));
        let fill = |text: &str| {
            let text = text.replace("{type}", &stage.loose).replace("{group}", &stage.group);
            text.replace("{snapshot}", &snapshot).replace("{free}", &free)
        };
        for caller in ["", "unscoped", "other", "reader", "member", "admin"] {
            let body = serde_json::from_str(&fill(body)).unwrap_or(Value::Null);
            let answer = stage.cloud.send(&fill(call), caller, version, body).await;
            assert!(answer.status.as_u16() < 400 || !answer.message().is_empty(), "{call}");
            table.push_str(&format!(" {}", answer.status.as_u16()));
        }
        table.push('\n');
    }
    assert_snapshot!(table, @r#"
    GET /group_types                                             401 403 200 200 200 200
    POST /group_types                                            401 403 403 403 403 202
    GET /group_types/{type}                                      401 403 200 200 200 200
    PUT /group_types/{type}                                      401 403 403 403 403 200
    GET /group_types/{type}/group_specs                          401 403 403 403 403 200
    POST /group_types/{type}/group_specs                         401 403 403 403 403 202
    GET /group_types/{type}/group_specs/a                        401 403 403 403 403 200
    PUT /group_types/{type}/group_specs/a                        401 403 403 403 403 200
    DELETE /group_types/{type}/group_specs/a                     401 403 403 403 403 202
    GET /groups                                                  401 403 200 200 200 200
    GET /groups/detail                                           401 403 200 200 200 200
    GET /groups/{group}                                          401 404 404 200 200 200
    POST /groups                                                 401 403 202 403 202 202
    PUT /groups/{group}                                          401 404 404 403 202 202
    POST /groups/action create-from-src                          401 403 404 403 202 202
    GET /group_snapshots                                         401 403 200 200 200 200
    GET /group_snapshots/detail                                  401 403 200 200 200 200
    GET /group_snapshots/{snapshot}                              401 404 404 200 200 200
    POST /group_snapshots                                        401 403 404 403 202 202
    POST /group_snapshots/{snapshot}/action reset_status         401 404 404 403 403 202
    DELETE /group_snapshots/{snapshot}                           401 404 404 403 202 400
    POST /groups/{group}/action reset_status                     401 404 404 403 403 202
    POST /groups/{group}/action enable_replication               401 404 404 501 501 501
    POST /groups/{group}/action delete                           401 404 404 403 202 202
    POST /groups/{group}/action wash                             401 400 400 400 400 400
    DELETE /group_types/{type}                                   401 403 403 403 403 400
    DELETE /group_types/{free}                                   401 403 403 403 403 202
    GET /group_types/default                                     401 404 404 404 404 404
    "#);
}

#[tokio::test]
async fn a_group_is_shown_as_cinder_shows_it() {
    let stage = stage().await;
    let volume = stage.volume().await;
    let path = format!("GET /groups/{}?list_volume=true", stage.group);
    let shown = stage.cloud.send(&path, "admin", 71, Value::Null).await;
    let default = stage.cloud.ask("GET /types/default", "admin").await.text("/volume_type/id");
    let shown = shown.without(&stage.group).replace(&volume, "[volume]");
    assert_snapshot!(shown.replace(&stage.loose, "[type]").replace(&default, "[default]"), @r#"
    200 OK
    {
      "group": {
        "availability_zone": "nova",
        "created_at": "2026-01-01T00:00:00.000000",
        "description": null,
        "group_snapshot_id": null,
        "group_type": "[type]",
        "id": "[id]",
        "name": "mine",
        "project_id": "0e1",
        "replication_status": "disabled",
        "source_group_id": null,
        "status": "available",
        "volume_types": [
          "00000000-0000-0000-0000-000000000031",
          "[default]"
        ],
        "volumes": [
          "[volume]"
        ]
      }
    }
    "#);
    let old = stage.cloud.send(&path, "member", 13, Value::Null).await;
    for newer in
        ["group_snapshot_id", "source_group_id", "volumes", "replication_status", "project_id"]
    {
        assert!(old.body["group"].get(newer).is_none(), "{newer}");
    }
    let listed = format!("GET /volumes?group_id={}", stage.group);
    let listed = stage.cloud.send(&listed, "member", 13, Value::Null).await;
    assert_eq!(listed.column("volumes", "id"), [volume]);
    for (query, ids) in [("?name=mine", vec![stage.group.clone()]), ("?name=other", vec![])] {
        let listed =
            stage.cloud.send(&format!("GET /groups{query}"), "member", 13, Value::Null).await;
        assert_eq!(listed.column("groups", "id"), ids, "{query}");
    }
    let limits = stage.cloud.ask("GET /os-quota-sets/0e1?usage=true", "member").await;
    assert_eq!(limits.body["quota_set"]["groups"]["in_use"], json!(1));
}

#[tokio::test]
async fn a_group_snapshot_is_shown_as_cinder_shows_it() {
    let stage = stage().await;
    stage.volume().await;
    let id = stage.snapshot().await;
    let path = format!("GET /group_snapshots/{id}");
    let shown = stage.cloud.send(&path, "admin", 58, Value::Null).await;
    let shown = shown.without(&id).replace(&stage.group, "[group]");
    assert_snapshot!(shown.replace(&stage.loose, "[type]"), @r#"
    200 OK
    {
      "group_snapshot": {
        "created_at": "2026-01-01T00:00:00.000000",
        "description": null,
        "group_id": "[group]",
        "group_type_id": "[type]",
        "id": "[id]",
        "name": "kept",
        "project_id": "0e1",
        "status": "available"
      }
    }
    "#);
    let snapshots = stage.cloud.send("GET /snapshots/detail", "member", 14, Value::Null).await;
    assert_eq!(snapshots.column("snapshots", "group_snapshot_id"), [id]);
    let listed = format!("GET /group_snapshots?group_id={}", stage.group);
    let listed = stage.cloud.send(&listed, "member", 14, Value::Null).await;
    assert_eq!(listed.column("group_snapshots", "name"), ["kept"]);
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let stage = stage().await;
    let ask = async |call: &str, version, body: Value| {
        stage.cloud.send(call, "member", version, body).await
    };
    let other = "00000000-0000-0000-0000-0000000000ff";
    let group = stage.group.as_str();
    let action = format!("POST /groups/{group}/action");
    for (call, version, body, status) in [
        (
            "POST /groups",
            12,
            json!({"group": {"group_type": "loose", "volume_types": ["slow"]}}),
            404,
        ),
        ("POST /groups", 13, json!({"group": {"group_type": "loose"}}), 400),
        ("POST /groups", 13, json!({"group": {"group_type": "loose", "volume_types": []}}), 400),
        ("POST /groups", 13, json!({"group": {"group_type": "x", "volume_types": ["slow"]}}), 404),
        ("POST /groups", 13, json!({"group": {"group_type": "loose", "volume_types": ["x"]}}), 404),
        ("POST /groups/action", 14, json!({"create-from-src": {}}), 400),
        ("POST /groups/action", 14, json!({"create-from-src": {"source_group_id": group}}), 400),
        ("POST /groups/action", 14, json!({"create-from-src": {"source_group_id": other}}), 404),
        ("POST /group_snapshots", 14, json!({"group_snapshot": {"group_id": other}}), 404),
        ("POST /group_snapshots", 14, json!({"group_snapshot": {}}), 400),
        (&format!("PUT /groups/{group}"), 13, json!({"group": {}}), 400),
        (&format!("PUT /groups/{group}"), 13, json!({"group": {"add_volumes": "x"}}), 400),
        (&action, 13, json!({"wash": null}), 400),
        (&action, 13, json!({"delete": {"now": true}}), 400),
        ("POST /volumes", 13, json!({"volume": {"size": 1, "group_id": group}}), 400),
        (
            "POST /volumes",
            13,
            json!({"volume": {"size": 1, "volume_type": "slow", "group_id": other}}),
            404,
        ),
    ] {
        let answer = ask(call, version, body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{call} {body}: {}", answer.shown());
    }
    let taken = stage
        .cloud
        .send("POST /group_types", "admin", 11, json!({"group_type": {"name": "loose"}}))
        .await;
    assert_eq!(taken.status, StatusCode::CONFLICT, "{}", taken.shown());
}
