//! Who may do what: every route asked by everyone. The figures are statuses, as Cinder's default policy wants them.

use crate::cloud::Cloud;
use hatchery_model::volume::{SnapshotState, VolumeState};
use hatchery_ports::store::Store;
use insta::assert_snapshot;
use serde_json::{Value, json};

/// Callers, in the order of the columns.
const CALLERS: [&str; 6] = ["", "unscoped", "other", "reader", "member", "admin"];

/// Each route with the microversion in which it is asked.
const LOOKING: [(&str, u32); 52] = [
    ("GET /volumes", 0),
    ("GET /volumes/detail", 0),
    ("GET /volumes/summary", 12),
    ("GET /volumes/{volume}", 0),
    ("GET /volumes/{volume}/metadata", 0),
    ("GET /volumes/{volume}/metadata/a", 0),
    ("GET /volumes/{volume}/encryption", 0),
    ("GET /os-volume-manage", 0),
    ("GET /os-volume-manage/detail", 0),
    ("GET /manageable_volumes", 8),
    ("GET /manageable_volumes/detail", 8),
    ("GET /os-snapshot-manage", 0),
    ("GET /os-snapshot-manage/detail", 0),
    ("GET /manageable_snapshots", 8),
    ("GET /manageable_snapshots/detail", 8),
    ("GET /snapshots", 0),
    ("GET /snapshots/detail", 0),
    ("GET /snapshots/{snapshot}", 0),
    ("GET /snapshots/{snapshot}/metadata", 0),
    ("GET /snapshots/{snapshot}/metadata/a", 0),
    ("GET /attachments", 27),
    ("GET /attachments/summary", 27),
    ("GET /attachments/detail", 27),
    ("GET /attachments/{attachment}", 27),
    ("GET /types", 0),
    ("GET /types/00000000-0000-0000-0000-000000000031", 0),
    ("GET /types/00000000-0000-0000-0000-000000000031/extra_specs", 0),
    ("GET /types/00000000-0000-0000-0000-000000000031/extra_specs/a", 0),
    ("GET /types/00000000-0000-0000-0000-000000000031/os-volume-type-access", 0),
    ("GET /types/00000000-0000-0000-0000-000000000031/encryption", 0),
    ("GET /os-services", 0),
    ("GET /scheduler-stats/get_pools", 0),
    ("GET /capabilities/host-1@fast", 0),
    ("GET /os-hatchery-explain?image=x&size=1", 0),
    ("GET /os-hosts", 0),
    ("GET /os-hosts/host-1@fast", 0),
    ("GET /os-availability-zone", 0),
    ("GET /limits", 0),
    ("GET /os-quota-sets/0e1", 0),
    ("GET /os-quota-sets/0e1/defaults", 0),
    ("GET /os-quota-class-sets/default", 0),
    ("GET /messages", 3),
    ("GET /messages/00000000-0000-0000-0000-000000000041", 3),
    ("GET /extensions", 0),
    ("GET /extensions/os-hosts", 0),
    ("GET /default-types", 62),
    ("GET /default-types/0e1", 62),
    ("GET /resource_filters", 33),
    ("GET /types/default", 0),
    ("GET /types/nothing", 0),
    ("GET /os-quota-class-sets/other", 0),
    ("GET /os-hosts/nobody", 0),
];

const SPECS: &str = "/types/00000000-0000-0000-0000-000000000031/extra_specs";

/// The same of volumes and what hangs on them, with bodies.
fn changing_volumes() -> Vec<(String, u32, Value)> {
    let rows = [
        ("POST /volumes", 0, json!({"volume": {"size": 1}})),
        ("PUT /volumes/{volume}", 0, json!({"volume": {"name": "new"}})),
        ("POST /volumes/{volume}/metadata", 0, json!({"metadata": {"b": "c"}})),
        ("PUT /volumes/{volume}/metadata", 0, json!({"metadata": {"b": "c"}})),
        ("PUT /volumes/{volume}/metadata/b", 0, json!({"meta": {"b": "d"}})),
        ("DELETE /volumes/{volume}/metadata/b", 0, Value::Null),
        ("POST /volumes/{volume}/action", 0, json!({"os-extend": {"new_size": 2}})),
        ("POST /volumes/{volume}/action", 40, json!({"revert": {"snapshot_id": "{snapshot}"}})),
        ("POST /volumes/{volume}/action", 0, json!({"os-reset_status": {"status": "available"}})),
        ("POST /volumes/{volume}/action", 0, json!({"os-set_bootable": {"bootable": true}})),
        (
            "POST /volumes/{volume}/action",
            0,
            json!({"os-update_readonly_flag": {"readonly": true}}),
        ),
        ("POST /volumes/{volume}/action", 0, json!({"os-reserve": null})),
        ("POST /volumes/{volume}/action", 0, json!({"os-unreserve": null})),
        ("POST /volumes/{volume}/action", 0, json!({"os-begin_detaching": null})),
        ("POST /volumes/{volume}/action", 0, json!({"os-roll_detaching": null})),
        (
            "POST /volumes/{volume}/action",
            0,
            json!({"os-set_image_metadata": {"metadata": {"a": "b"}}}),
        ),
        ("POST /volumes/{volume}/action", 0, json!({"os-show_image_metadata": null})),
        ("POST /volumes/{volume}/action", 0, json!({"os-unset_image_metadata": {"key": "a"}})),
        (
            "POST /volumes/{volume}/action",
            0,
            json!({"os-attach": {"host_name": "h", "mountpoint": "/dev/vdb", "mode": "ro"}}),
        ),
        ("POST /volumes/{volume}/action", 0, json!({"os-detach": null})),
        ("POST /volumes/{volume}/action", 0, json!({"os-force_detach": {"attachment_id": null}})),
        ("POST /volumes/{volume}/action", 0, json!({"os-initialize_connection": null})),
        ("POST /volumes/{volume}/action", 0, json!({"os-terminate_connection": null})),
        (
            "POST /volumes/{volume}/action",
            0,
            json!({"os-volume_upload_image": {"image_name": "i"}}),
        ),
        ("POST /volumes/{volume}/action", 0, json!({"os-retype": {"new_type": "nothing"}})),
        ("POST /volumes/{volume}/action", 0, json!({"os-reimage": null})),
        ("POST /volumes/{volume}/action", 0, json!({"os-migrate_volume": {"host": "nowhere"}})),
        ("POST /volumes/{volume}/action", 0, json!({"os-migrate_volume_completion": null})),
        ("POST /volumes/{volume}/action", 0, json!({"os-extend_volume_completion": null})),
        ("POST /volumes/{volume}/action", 0, json!({"os-unmanage": null})),
    ];
    let rows = rows.into_iter().map(|(call, version, body)| (call.to_owned(), version, body));
    rows.chain(changing_what_hangs_on_them()).collect()
}

fn changing_what_hangs_on_them() -> Vec<(String, u32, Value)> {
    let rows = [
        (
            "POST /os-volume-manage",
            0,
            json!({"volume": {"host": "nowhere", "ref": {"source-name": "x"}}}),
        ),
        (
            "POST /manageable_volumes",
            8,
            json!({"volume": {"host": "nowhere", "ref": {"source-name": "x"}}}),
        ),
        (
            "POST /os-snapshot-manage",
            0,
            json!({"snapshot": {"volume_id": "{volume}", "ref": {"source-name": "x"}}}),
        ),
        (
            "POST /manageable_snapshots",
            8,
            json!({"snapshot": {"volume_id": "{volume}", "ref": {"source-name": "x"}}}),
        ),
        ("POST /snapshots", 0, json!({"snapshot": {"volume_id": "{volume}"}})),
        ("PUT /snapshots/{snapshot}", 0, json!({"snapshot": {"name": "new"}})),
        ("POST /snapshots/{snapshot}/metadata", 0, json!({"metadata": {"b": "c"}})),
        ("PUT /snapshots/{snapshot}/metadata", 0, json!({"metadata": {"b": "c"}})),
        ("PUT /snapshots/{snapshot}/metadata/b", 0, json!({"meta": {"b": "d"}})),
        ("DELETE /snapshots/{snapshot}/metadata/b", 0, Value::Null),
        (
            "POST /snapshots/{snapshot}/action",
            0,
            json!({"os-reset_status": {"status": "available"}}),
        ),
        ("POST /snapshots/{snapshot}/action", 0, json!({"os-unmanage": null})),
        (
            "POST /snapshots/{snapshot}/action",
            0,
            json!({"os-update_snapshot_status": {"status": "error"}}),
        ),
        ("POST /attachments", 27, json!({"attachment": {"volume_uuid": "{volume}"}})),
        ("PUT /attachments/{attachment}", 27, json!({"attachment": {"connector": {"host": "h"}}})),
        ("POST /attachments/{attachment}/action", 44, json!({"os-complete": null})),
        ("DELETE /attachments/{attachment}", 27, Value::Null),
        ("DELETE /snapshots/{snapshot}", 0, Value::Null),
        ("POST /volumes/{volume}/action", 0, json!({"os-force_delete": null})),
        ("DELETE /volumes/{spare}", 0, Value::Null),
    ];
    rows.into_iter().map(|(call, version, body)| (call.to_owned(), version, body)).collect()
}

/// The same of everything else.
fn changing_more() -> Vec<(String, u32, Value)> {
    let slow = "/types/00000000-0000-0000-0000-000000000031";
    let quota = json!({"quota_set": {"volumes": 3}});
    let backend = json!({"host": "host-1@fast", "binary": "cinder-volume"});
    let rows = [
        ("POST /types", 0, json!({"volume_type": {"name": "new"}})),
        (&format!("PUT {slow}"), 0, json!({"volume_type": {"description": "x"}})),
        (&format!("POST {slow}/action"), 0, json!({"addProjectAccess": {"project": "0e1"}})),
        (&format!("POST {slow}/encryption"), 0, json!({})),
        (&format!("POST {SPECS}"), 0, json!({"extra_specs": {"a": "b"}})),
        (&format!("PUT {SPECS}/a"), 0, json!({"a": "c"})),
        (&format!("DELETE {SPECS}/a"), 0, Value::Null),
        (&format!("DELETE {slow}"), 0, Value::Null),
        ("PUT /os-services/disable", 0, backend),
        ("PUT /os-quota-sets/0e1", 0, quota),
        ("DELETE /os-quota-sets/0e1", 0, Value::Null),
        ("PUT /os-quota-class-sets/default", 0, json!({"quota_class_set": {"volumes": 3}})),
        ("DELETE /messages/00000000-0000-0000-0000-000000000041", 3, Value::Null),
        ("PUT /default-types/0e1", 62, json!({"default_type": {"volume_type": "__DEFAULT__"}})),
        ("DELETE /default-types/0e1", 62, Value::Null),
    ];
    rows.into_iter().map(|(call, version, body)| (call.to_owned(), version, body)).collect()
}

fn changing() -> Vec<(String, u32, Value)> {
    changing_volumes().into_iter().chain(changing_more()).collect()
}

/// Every call that a row asks, as method and path.
pub fn asked() -> Vec<String> {
    let looking = LOOKING.iter().map(|(call, _)| (*call).to_owned());
    looking.chain(changing().into_iter().map(|(call, ..)| call)).collect()
}

/// Every action of a volume that a row asks.
pub fn asked_actions() -> Vec<String> {
    let rows = changing();
    let actions = rows.iter().filter(|(call, ..)| call.contains("/volumes/"));
    actions.filter_map(|(call, _, body)| action_of(call, body)).collect()
}

/// The name of the action, where the call is one.
fn action_of(call: &str, body: &Value) -> Option<String> {
    let name = body.as_object()?.keys().next()?;
    call.ends_with("}/action").then(|| name.clone())
}

struct Stage {
    cloud: Cloud,
    volume: String,
    snapshot: String,
    attachment: String,
    /// Another volume, with nothing that hangs on it.
    spare: String,
}

/// A volume of project `ONE` with a snapshot, and a server's attachment of another one, each with a pair where it may have some.
async fn stage() -> Stage {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    let pairs = json!({"metadata": {"a": "b"}});
    cloud.send(&format!("POST /volumes/{volume}/metadata"), "member", 0, pairs.clone()).await;
    let snapshot = cloud.snapshot(&volume, "kept").await;
    cloud.send(&format!("POST /snapshots/{snapshot}/metadata"), "member", 0, pairs).await;
    let other = cloud.available("other").await;
    let body = json!({"attachment": {"volume_uuid": other}});
    let attachment = cloud.send("POST /attachments", "member", 27, body).await;
    let attachment = attachment.text("/attachment/id");
    let spare = cloud.available("spare").await;
    Stage { cloud, volume, snapshot, attachment, spare }
}

impl Stage {
    fn filled(&self, text: &str) -> String {
        let text = text.replace("{volume}", &self.volume).replace("{snapshot}", &self.snapshot);
        text.replace("{attachment}", &self.attachment).replace("{spare}", &self.spare)
    }

    /// So that their states refuse nobody.
    async fn settle(&self, action: Option<&str>) {
        let used = action == Some("os-begin_detaching");
        let state = if used { VolumeState::InUse } else { VolumeState::Available };
        let mut uow = self.cloud.db.read().await.unwrap();
        let volume = uow.volumes().find(self.volume.parse().unwrap()).await.unwrap();
        let snapshot = uow.snapshots().find(self.snapshot.parse().unwrap()).await.unwrap();
        drop(uow);
        if volume.is_some() {
            self.cloud.force(&self.volume, |volume| volume.state = state).await;
        }
        if snapshot.is_some() {
            self.cloud.force_snapshot(&self.snapshot, SnapshotState::Available).await;
        }
    }
}

/// One line: the call, and the status of each caller.
async fn row(stage: &Stage, call: &str, version: u32, body: &Value) -> String {
    let cloud = &stage.cloud;
    let action = action_of(call, body);
    let label = call.replace("00000000-0000-0000-0000-0000000000", "");
    let label = format!("{label} {}", action.clone().unwrap_or_default());
    let mut row = format!("{:<60}", label.trim_end());
    let call = &stage.filled(call);
    let body: Value = serde_json::from_str(&stage.filled(&body.to_string())).unwrap();
    for caller in CALLERS {
        stage.settle(action.as_deref()).await;
        let answer = cloud.send(call, caller, version, body.clone()).await;
        let status = answer.status.as_u16();
        assert!(status < 500 || status == 501, "{call}: {}", answer.shown());
        if status >= 400 {
            assert!(!answer.message().is_empty(), "{call}: {}", answer.shown());
        }
        row.push_str(&format!(" {status}"));
    }
    row + "\n"
}

fn head() -> String {
    let names = CALLERS.map(|name| format!(" {:<3}", &name[..name.len().min(3)]));
    format!("{:<60}{}\n", "", names.concat())
}

#[tokio::test]
async fn looking() {
    let stage = stage().await;
    let specs = json!({"extra_specs": {"a": "b"}});
    stage.cloud.send(&format!("POST {SPECS}"), "admin", 0, specs).await;
    let mut table = head();
    for (call, version) in LOOKING {
        table.push_str(&row(&stage, call, version, &Value::Null).await);
    }
    assert_snapshot!(table, @r#"
                                                                     uns oth rea mem adm
    GET /volumes                                                 401 403 200 200 200 200
    GET /volumes/detail                                          401 403 200 200 200 200
    GET /volumes/summary                                         401 403 200 200 200 200
    GET /volumes/{volume}                                        401 404 404 200 200 200
    GET /volumes/{volume}/metadata                               401 404 404 200 200 200
    GET /volumes/{volume}/metadata/a                             401 404 404 200 200 200
    GET /volumes/{volume}/encryption                             401 404 404 200 200 200
    GET /os-volume-manage                                        401 403 403 403 403 400
    GET /os-volume-manage/detail                                 401 403 403 403 403 400
    GET /manageable_volumes                                      401 403 403 403 403 400
    GET /manageable_volumes/detail                               401 403 403 403 403 400
    GET /os-snapshot-manage                                      401 403 403 403 403 400
    GET /os-snapshot-manage/detail                               401 403 403 403 403 400
    GET /manageable_snapshots                                    401 403 403 403 403 400
    GET /manageable_snapshots/detail                             401 403 403 403 403 400
    GET /snapshots                                               401 403 200 200 200 200
    GET /snapshots/detail                                        401 403 200 200 200 200
    GET /snapshots/{snapshot}                                    401 404 404 200 200 200
    GET /snapshots/{snapshot}/metadata                           401 404 404 200 200 200
    GET /snapshots/{snapshot}/metadata/a                         401 404 404 200 200 200
    GET /attachments                                             401 403 200 200 200 200
    GET /attachments/summary                                     401 403 200 200 200 200
    GET /attachments/detail                                      401 403 200 200 200 200
    GET /attachments/{attachment}                                401 404 404 200 200 200
    GET /types                                                   401 403 200 200 200 200
    GET /types/31                                                401 403 200 200 200 200
    GET /types/31/extra_specs                                    401 403 200 200 200 200
    GET /types/31/extra_specs/a                                  401 403 404 404 404 200
    GET /types/31/os-volume-type-access                          401 403 403 403 403 404
    GET /types/31/encryption                                     401 403 403 403 403 200
    GET /os-services                                             401 403 403 403 403 200
    GET /scheduler-stats/get_pools                               401 403 403 403 403 200
    GET /capabilities/host-1@fast                                401 403 403 403 403 200
    GET /os-hatchery-explain?image=x&size=1                      401 403 403 403 403 404
    GET /os-hosts                                                401 403 403 403 403 200
    GET /os-hosts/host-1@fast                                    401 403 403 403 403 200
    GET /os-availability-zone                                    401 200 200 200 200 200
    GET /limits                                                  401 403 200 200 200 200
    GET /os-quota-sets/0e1                                       401 403 403 200 200 200
    GET /os-quota-sets/0e1/defaults                              401 403 403 200 200 200
    GET /os-quota-class-sets/default                             401 403 403 403 403 200
    GET /messages                                                401 403 200 200 200 200
    GET /messages/41                                             401 404 404 200 200 200
    GET /extensions                                              401 200 200 200 200 200
    GET /extensions/os-hosts                                     401 200 200 200 200 200
    GET /default-types                                           401 403 403 403 403 200
    GET /default-types/0e1                                       401 403 403 403 403 404
    GET /resource_filters                                        401 200 200 200 200 200
    GET /types/default                                           401 403 200 200 200 200
    GET /types/nothing                                           401 404 404 404 404 404
    GET /os-quota-class-sets/other                               401 403 403 403 403 404
    GET /os-hosts/nobody                                         401 403 403 403 403 404
    "#);
}

#[tokio::test]
async fn changing_volumes_and_snapshots() {
    let stage = stage().await;
    let mut table = head();
    for (call, version, body) in changing_volumes() {
        table.push_str(&row(&stage, &call, version, &body).await);
    }
    assert_snapshot!(table, @r#"
                                                                     uns oth rea mem adm
    POST /volumes                                                401 403 202 403 202 202
    PUT /volumes/{volume}                                        401 404 404 403 200 200
    POST /volumes/{volume}/metadata                              401 404 404 403 200 200
    PUT /volumes/{volume}/metadata                               401 404 404 403 200 200
    PUT /volumes/{volume}/metadata/b                             401 404 404 403 200 200
    DELETE /volumes/{volume}/metadata/b                          401 404 404 403 200 404
    POST /volumes/{volume}/action os-extend                      401 404 404 403 202 202
    POST /volumes/{volume}/action revert                         401 404 404 403 202 202
    POST /volumes/{volume}/action os-reset_status                401 403 403 403 403 202
    POST /volumes/{volume}/action os-set_bootable                401 404 404 403 200 200
    POST /volumes/{volume}/action os-update_readonly_flag        401 404 404 403 202 202
    POST /volumes/{volume}/action os-reserve                     401 404 404 403 202 202
    POST /volumes/{volume}/action os-unreserve                   401 404 404 403 202 202
    POST /volumes/{volume}/action os-begin_detaching             401 404 404 403 202 202
    POST /volumes/{volume}/action os-roll_detaching              401 404 404 403 202 202
    POST /volumes/{volume}/action os-set_image_metadata          401 404 404 403 200 200
    POST /volumes/{volume}/action os-show_image_metadata         401 404 404 200 200 200
    POST /volumes/{volume}/action os-unset_image_metadata        401 404 404 403 200 404
    POST /volumes/{volume}/action os-attach                      401 404 404 403 202 202
    POST /volumes/{volume}/action os-detach                      401 404 404 403 202 202
    POST /volumes/{volume}/action os-force_detach                401 404 404 403 403 202
    POST /volumes/{volume}/action os-initialize_connection       401 404 404 501 501 501
    POST /volumes/{volume}/action os-terminate_connection        401 404 404 501 501 501
    POST /volumes/{volume}/action os-volume_upload_image         401 404 404 403 202 202
    POST /volumes/{volume}/action os-retype                      401 404 404 403 404 404
    POST /volumes/{volume}/action os-reimage                     401 404 404 501 501 501
    POST /volumes/{volume}/action os-migrate_volume              401 404 404 403 403 400
    POST /volumes/{volume}/action os-migrate_volume_completion   401 404 404 501 501 501
    POST /volumes/{volume}/action os-extend_volume_completion    401 404 404 501 501 501
    POST /volumes/{volume}/action os-unmanage                    401 404 404 403 403 400
    POST /os-volume-manage                                       401 403 403 403 403 404
    POST /manageable_volumes                                     401 403 403 403 403 404
    POST /os-snapshot-manage                                     401 403 403 403 403 400
    POST /manageable_snapshots                                   401 403 403 403 403 400
    POST /snapshots                                              401 403 404 403 202 202
    PUT /snapshots/{snapshot}                                    401 404 404 403 200 200
    POST /snapshots/{snapshot}/metadata                          401 404 404 403 200 200
    PUT /snapshots/{snapshot}/metadata                           401 404 404 403 200 200
    PUT /snapshots/{snapshot}/metadata/b                         401 404 404 403 200 200
    DELETE /snapshots/{snapshot}/metadata/b                      401 404 404 403 200 404
    POST /snapshots/{snapshot}/action os-reset_status            401 403 403 403 403 202
    POST /snapshots/{snapshot}/action os-unmanage                401 403 403 403 403 400
    POST /snapshots/{snapshot}/action os-update_snapshot_status  401 404 404 403 400 400
    POST /attachments                                            401 404 404 403 200 200
    PUT /attachments/{attachment}                                401 404 404 403 200 200
    POST /attachments/{attachment}/action os-complete            401 404 404 403 204 204
    DELETE /attachments/{attachment}                             401 404 404 403 200 404
    DELETE /snapshots/{snapshot}                                 401 404 404 403 202 202
    POST /volumes/{volume}/action os-force_delete                401 404 404 403 403 400
    DELETE /volumes/{spare}                                      401 404 404 403 202 400
    "#);
}

#[tokio::test]
async fn changing_the_rest() {
    let stage = stage().await;
    let mut table = head();
    for (call, version, body) in changing_more() {
        table.push_str(&row(&stage, &call, version, &body).await);
    }
    assert_snapshot!(table, @r#"
                                                                     uns oth rea mem adm
    POST /types                                                  401 403 403 403 403 200
    PUT /types/31                                                401 403 403 403 403 200
    POST /types/31/action                                        401 403 403 403 403 400
    POST /types/31/encryption                                    401 403 403 403 403 501
    POST /types/31/extra_specs                                   401 403 403 403 403 200
    PUT /types/31/extra_specs/a                                  401 403 403 403 403 200
    DELETE /types/31/extra_specs/a                               401 403 403 403 403 202
    DELETE /types/31                                             401 403 403 403 403 202
    PUT /os-services/disable                                     401 403 403 403 403 200
    PUT /os-quota-sets/0e1                                       401 403 403 403 403 200
    DELETE /os-quota-sets/0e1                                    401 403 403 403 403 200
    PUT /os-quota-class-sets/default                             401 403 403 403 403 200
    DELETE /messages/41                                          401 404 404 403 204 404
    PUT /default-types/0e1                                       401 403 403 403 403 200
    DELETE /default-types/0e1                                    401 403 403 403 403 204
    "#);
}
