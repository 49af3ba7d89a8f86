//! Who may do what: every route asked by everyone. The figures are statuses, as Nova's default policy wants them.

use crate::cloud::{Cloud, wanted};
use crate::rows;
use hatchery_model::compute::ServerState;
use hatchery_model::volume::{Snapshot, SnapshotState};
use hatchery_ports::store::Store;
use insta::assert_snapshot;
use serde_json::{Value, json};

/// Callers, in the order of the columns.
const CALLERS: [&str; 6] = ["", "unscoped", "other", "reader", "member", "admin"];

/// Routes that no row below asks, with the reason. Aimed to be empty.
pub const NOT_ASKED: [(&str, &str); 0] = [];

const UNPIN: &str = "DELETE /os-aggregates/1/images/00000000-0000-0000-0000-000000000011";

const FREE: &str = "00000000-0000-0000-0000-0000000000d2";
const PLUGGED: &str = "00000000-0000-0000-0000-0000000000d1";
const KEPT: &str = "00000000-0000-0000-0000-0000000000d4";
const SNAPSHOT: &str = "00000000-0000-0000-0000-0000000000e1";
const VOLUMES: &str = "POST /servers/{id}/os-volume_attachments";
const VOLUME: &str = "PUT /servers/{id}/os-volume_attachments/00000000-0000-0000-0000-0000000000d1";
const UNPLUG: &str =
    "DELETE /servers/{id}/os-volume_attachments/00000000-0000-0000-0000-0000000000d1";

/// Each route with the microversion in which it is asked. `{id}` is a server of project `one`.
const LOOKING: [(&str, u32); 54] = [
    ("GET /", 1),
    ("GET /servers", 1),
    ("GET /servers/detail", 1),
    ("GET /servers/{id}", 1),
    ("GET /servers/{id}/os-instance-actions", 1),
    ("GET /servers/{id}/os-instance-actions/{request}", 1),
    ("GET /servers/{id}/ips", 1),
    ("GET /servers/{id}/ips/private", 1),
    ("GET /servers/{id}/metadata", 1),
    ("GET /servers/{id}/metadata/a", 1),
    ("GET /servers/{id}/tags", 26),
    ("GET /servers/{id}/tags/red", 26),
    ("GET /servers/{id}/os-volume_attachments", 1),
    ("GET /servers/{id}/os-volume_attachments/00000000-0000-0000-0000-0000000000d1", 1),
    ("GET /flavors", 1),
    ("GET /flavors/detail", 1),
    ("GET /flavors/1", 1),
    ("GET /flavors/9", 1),
    ("GET /flavors/1/os-extra_specs", 1),
    ("GET /flavors/1/os-extra_specs/a", 1),
    ("GET /flavors/9/os-flavor-access", 1),
    ("GET /os-keypairs", 1),
    ("GET /os-keypairs/mine", 1),
    ("GET /os-hypervisors", 1),
    ("GET /os-hypervisors/detail", 1),
    ("GET /os-hypervisors/statistics", 1),
    ("GET /os-hypervisors/1", 1),
    ("GET /os-hypervisors/1/uptime", 1),
    ("GET /os-hypervisors/host-1/search", 1),
    ("GET /os-hypervisors/host-1/servers", 1),
    ("GET /os-services", 1),
    ("GET /os-availability-zone", 1),
    ("GET /os-availability-zone/detail", 1),
    ("GET /os-hatchery-explain?image=00000000-0000-0000-0000-000000000011&flavor=9", 1),
    ("GET /os-hatchery-provision/{id}", 1),
    ("GET /os-hatchery-figures", 1),
    ("GET /os-hatchery-live", 1),
    ("GET /os-hatchery-pool", 1),
    ("GET /os-hatchery-pool/00000000-0000-0000-0000-000000000011", 1),
    ("GET /limits", 1),
    ("GET /os-quota-sets/one", 1),
    ("GET /os-quota-sets/one/defaults", 1),
    ("GET /os-quota-sets/one/detail", 1),
    ("GET /extensions", 1),
    ("GET /os-aggregates", 1),
    ("GET /os-aggregates/1", 1),
    ("GET /os-aggregates/1/images", 81),
    ("GET /os-server-groups", 1),
    ("GET /os-volumes", 1),
    ("GET /os-volumes/detail", 1),
    ("GET /os-volumes/00000000-0000-0000-0000-0000000000d1", 1),
    ("GET /os-snapshots", 1),
    ("GET /os-snapshots/detail", 1),
    ("GET /os-snapshots/00000000-0000-0000-0000-0000000000e1", 1),
];

/// The same with bodies.
fn changing() -> Vec<(&'static str, u32, Value)> {
    let flavor = json!({"flavor": {"name": "new", "id": "new", "ram": 1, "vcpus": 1, "disk": 1}});
    let key = json!({"keypair": {"name": "made"}});
    let disabled = json!({"host": "host-1", "binary": "nova-compute"});
    let zone = json!({"aggregate": {"availability_zone": "east"}});
    let metadata = json!({"set_metadata": {"metadata": {"a": "b"}}});
    let cache = json!({"cache": [{"id": rows::IMAGE, "pin_until": "2027-01-01T00:00:00Z"}]});
    vec![
        ("POST /servers", 1, json!({"server": wanted("new")})),
        ("PUT /servers/{id}", 1, json!({"server": {"name": "new"}})),
        ("POST /servers/{id}/action", 1, json!({"os-getConsoleOutput": {}})),
        ("POST /servers/{id}/action", 1, json!({"os-stop": null})),
        ("POST /servers/{id}/action", 1, json!({"os-start": null})),
        ("POST /servers/{id}/action", 1, json!({"reboot": {"type": "SOFT"}})),
        ("POST /servers/{id}/action", 1, json!({"os-resetState": {"state": "active"}})),
        ("POST /servers/{id}/action", 1, json!({"createImage": {"name": "i"}})),
        ("POST /servers/{id}/metadata", 1, json!({"metadata": {"b": "c"}})),
        (VOLUMES, 1, json!({"volumeAttachment": {"volumeId": FREE}})),
        (VOLUME, 85, json!({"volumeAttachment": {"volumeId": PLUGGED}})),
        (UNPLUG, 1, Value::Null),
        ("PUT /servers/{id}/metadata", 1, json!({"metadata": {"a": "b"}})),
        ("PUT /servers/{id}/metadata/a", 1, json!({"meta": {"a": "c"}})),
        ("DELETE /servers/{id}/metadata/a", 1, Value::Null),
        ("PUT /servers/{id}/tags", 26, json!({"tags": ["red"]})),
        ("PUT /servers/{id}/tags/blue", 26, Value::Null),
        ("DELETE /servers/{id}/tags/blue", 26, Value::Null),
        ("DELETE /servers/{id}/tags", 26, Value::Null),
        ("POST /flavors", 1, flavor),
        ("PUT /flavors/1", 55, json!({"flavor": {"description": "x"}})),
        ("POST /flavors/1/os-extra_specs", 1, json!({"extra_specs": {"b": "c"}})),
        ("PUT /flavors/1/os-extra_specs/b", 1, json!({"b": "d"})),
        ("DELETE /flavors/1/os-extra_specs/b", 1, Value::Null),
        ("DELETE /flavors/9", 1, Value::Null),
        ("POST /os-keypairs", 2, key),
        ("DELETE /os-keypairs/made", 2, Value::Null),
        ("PUT /os-services/disable", 1, disabled),
        ("DELETE /servers/{id}", 1, Value::Null),
        ("POST /os-hatchery-pool/verify", 1, json!({})),
        ("POST /os-hatchery-pool/heal", 1, json!({})),
        ("POST /os-aggregates", 1, json!({"aggregate": {"name": "new"}})),
        ("PUT /os-aggregates/1", 1, zone),
        ("POST /os-aggregates/1/action", 1, metadata),
        ("POST /os-aggregates/1/images", 81, cache),
        (UNPIN, 81, Value::Null),
        ("DELETE /os-aggregates/1", 1, Value::Null),
        ("POST /os-volumes", 1, json!({"volume": {"size": 1}})),
        ("POST /os-snapshots", 1, json!({"snapshot": {"volume_id": KEPT}})),
        ("DELETE /os-snapshots/00000000-0000-0000-0000-0000000000e1", 1, Value::Null),
        ("DELETE /os-volumes/00000000-0000-0000-0000-0000000000d3", 1, Value::Null),
    ]
}

/// Every call that a row asks, as method and path.
pub fn asked() -> Vec<&'static str> {
    let looking = LOOKING.iter().map(|(call, _)| *call);
    looking.chain(changing().into_iter().map(|(call, ..)| call)).collect()
}

/// Every action that a row asks.
pub fn asked_actions() -> Vec<String> {
    let rows = changing();
    rows.iter().filter_map(|(call, _, body)| action_of(call, body)).collect()
}

/// The name of the action, where the call is one.
fn action_of(call: &str, body: &Value) -> Option<String> {
    let name = body.as_object()?.keys().next()?;
    call.ends_with("/action").then(|| name.clone())
}

struct Stage {
    cloud: Cloud,
    server: String,
    request: String,
}

/// A server of project `one` with a label and a tag, a flavor with a spec, and a key of everyone's.
async fn stage() -> Stage {
    let cloud = Cloud::new().await;
    let more = json!({"metadata": {"a": "b"}, "tags": ["red"]});
    let server = cloud.create_of("web", "member", more).await;
    cloud.settle().await;
    let specs = json!({"extra_specs": {"a": "b"}});
    cloud.send("POST /flavors/1/os-extra_specs", "admin", 1, specs).await;
    for caller in &CALLERS[1..] {
        let key = json!({"keypair": {"name": "mine"}});
        let made = cloud.send("POST /os-keypairs", caller, 1, key).await;
        assert!(made.status.is_success(), "{}", made.shown());
    }
    cloud.pool.put(rows::IMAGE.parse().unwrap(), &[7; 4096]);
    cloud.send("POST /os-hatchery-pool/heal", "admin", 1, json!({})).await;
    let aggregate = json!({"aggregate": {"name": "one"}});
    cloud.send("POST /os-aggregates", "admin", 1, aggregate).await;
    for number in [0xd1, 0xd2, 0xd3, 0xd4] {
        cloud.volume("one", number).await;
    }
    let plugged = json!({"volumeAttachment": {"volumeId": PLUGGED}});
    let call = format!("POST /servers/{server}/os-volume_attachments");
    cloud.send(&call, "member", 1, plugged).await;
    cloud.settle().await;
    snapshot(&cloud).await;
    let list = format!("GET /servers/{server}/os-instance-actions");
    let request = cloud.ask(&list, "admin").await.text("/instanceActions/0/request_id");
    Stage { cloud, server, request }
}

/// One of the volume `KEPT` that is there.
async fn snapshot(cloud: &Cloud) {
    let wanted = json!({"snapshot": {"volume_id": KEPT}});
    let made = cloud.send("POST /os-snapshots", "member", 1, wanted).await;
    let id = made.text("/snapshot/id").parse().unwrap();
    let mut uow = cloud.db.begin().await.unwrap();
    let made = uow.snapshots().find(id).await.unwrap().unwrap();
    let id = SNAPSHOT.parse().unwrap();
    let there = Snapshot { id, state: SnapshotState::Available, ..made };
    uow.snapshots().insert(&there).await.unwrap();
    uow.commit().await.unwrap();
}

impl Stage {
    /// One line: the call, and the status of each caller.
    async fn row(&self, call: &str, version: u32, body: &Value) -> String {
        let filled = call.replace("{id}", &self.server).replace("{request}", &self.request);
        let action = action_of(call, body);
        let label = call.split('?').next().unwrap_or_default();
        let label = label.replace("00000000-0000-0000-0000-0000000000", "");
        let label = format!("{label} {}", action.clone().unwrap_or_default());
        let mut row = format!("{:<50}", label.trim_end());
        for caller in CALLERS {
            if action.is_some() {
                // So that its state refuses nobody.
                let stopped = action.as_deref() == Some("os-start");
                let state = if stopped { ServerState::Stopped } else { ServerState::Active };
                self.cloud.force(&self.server, |server| server.state = state).await;
            }
            let answer = self.cloud.send(&filled, caller, version, body.clone()).await;
            if action.as_deref() == Some("createImage") {
                self.cloud.force(&self.server, |server| server.imaging = None).await;
            }
            assert!(answer.status.as_u16() < 500, "{call}: {}", answer.shown());
            if answer.status.is_client_error() {
                assert!(!answer.message().is_empty(), "{call}: {}", answer.shown());
            }
            row.push_str(&format!(" {}", answer.status.as_u16()));
        }
        row + "\n"
    }
}

fn head() -> String {
    let names = CALLERS.map(|name| format!(" {:<3}", &name[..name.len().min(3)]));
    format!("{:<50}{}\n", "", names.concat())
}

#[tokio::test]
async fn looking() {
    let stage = stage().await;
    let mut table = head();
    for (call, version) in LOOKING {
        table.push_str(&stage.row(call, version, &Value::Null).await);
    }
    assert_snapshot!(table, @r#"
                                                           uns oth rea mem adm
    GET /                                              200 200 200 200 200 200
    GET /servers                                       401 403 200 200 200 200
    GET /servers/detail                                401 403 200 200 200 200
    GET /servers/{id}                                  401 404 404 200 200 200
    GET /servers/{id}/os-instance-actions              401 404 404 200 200 200
    GET /servers/{id}/os-instance-actions/{request}    401 404 404 200 200 200
    GET /servers/{id}/ips                              401 404 404 200 200 200
    GET /servers/{id}/ips/private                      401 404 404 200 200 200
    GET /servers/{id}/metadata                         401 404 404 200 200 200
    GET /servers/{id}/metadata/a                       401 404 404 200 200 200
    GET /servers/{id}/tags                             401 404 404 200 200 200
    GET /servers/{id}/tags/red                         401 404 404 204 204 204
    GET /servers/{id}/os-volume_attachments            401 404 404 200 200 200
    GET /servers/{id}/os-volume_attachments/d1         401 404 404 200 200 200
    GET /flavors                                       401 200 200 200 200 200
    GET /flavors/detail                                401 200 200 200 200 200
    GET /flavors/1                                     401 200 200 200 200 200
    GET /flavors/9                                     401 404 404 404 404 200
    GET /flavors/1/os-extra_specs                      401 403 200 200 200 200
    GET /flavors/1/os-extra_specs/a                    401 403 200 200 200 200
    GET /flavors/9/os-flavor-access                    401 403 403 403 403 200
    GET /os-keypairs                                   401 200 200 200 200 200
    GET /os-keypairs/mine                              401 200 200 200 200 200
    GET /os-hypervisors                                401 403 403 403 403 200
    GET /os-hypervisors/detail                         401 403 403 403 403 200
    GET /os-hypervisors/statistics                     401 403 403 403 403 200
    GET /os-hypervisors/1                              401 403 403 403 403 200
    GET /os-hypervisors/1/uptime                       401 403 403 403 403 200
    GET /os-hypervisors/host-1/search                  401 403 403 403 403 200
    GET /os-hypervisors/host-1/servers                 401 403 403 403 403 200
    GET /os-services                                   401 403 403 403 403 200
    GET /os-availability-zone                          401 200 200 200 200 200
    GET /os-availability-zone/detail                   401 403 403 403 403 200
    GET /os-hatchery-explain                           401 403 403 403 403 200
    GET /os-hatchery-provision/{id}                    401 403 403 403 403 200
    GET /os-hatchery-figures                           401 403 403 403 403 200
    GET /os-hatchery-live                              401 403 403 403 403 200
    GET /os-hatchery-pool                              401 403 403 403 403 200
    GET /os-hatchery-pool/11                           401 403 403 403 403 200
    GET /limits                                        401 200 200 200 200 200
    GET /os-quota-sets/one                             401 403 403 200 200 200
    GET /os-quota-sets/one/defaults                    401 200 200 200 200 200
    GET /os-quota-sets/one/detail                      401 403 403 200 200 200
    GET /extensions                                    401 200 200 200 200 200
    GET /os-aggregates                                 401 403 403 403 403 200
    GET /os-aggregates/1                               401 403 403 403 403 200
    GET /os-aggregates/1/images                        401 403 403 403 403 200
    GET /os-server-groups                              401 403 200 200 200 200
    GET /os-volumes                                    401 403 200 200 200 200
    GET /os-volumes/detail                             401 403 200 200 200 200
    GET /os-volumes/d1                                 401 404 404 200 200 200
    GET /os-snapshots                                  401 403 200 200 200 200
    GET /os-snapshots/detail                           401 403 200 200 200 200
    GET /os-snapshots/e1                               401 404 404 200 200 200
    "#);
}

#[tokio::test]
async fn changing_things() {
    let stage = stage().await;
    let mut table = head();
    for (call, version, body) in changing() {
        table.push_str(&stage.row(call, version, &body).await);
    }
    assert_snapshot!(table, @r#"
                                                           uns oth rea mem adm
    POST /servers                                      401 403 202 403 202 202
    PUT /servers/{id}                                  401 404 404 403 200 200
    POST /servers/{id}/action os-getConsoleOutput      401 404 404 403 200 200
    POST /servers/{id}/action os-stop                  401 404 404 403 202 202
    POST /servers/{id}/action os-start                 401 404 404 403 202 202
    POST /servers/{id}/action reboot                   401 404 404 403 202 202
    POST /servers/{id}/action os-resetState            401 404 404 403 403 202
    POST /servers/{id}/action createImage              401 404 404 403 202 202
    POST /servers/{id}/metadata                        401 404 404 403 200 200
    POST /servers/{id}/os-volume_attachments           401 404 404 403 200 400
    PUT /servers/{id}/os-volume_attachments/d1         401 404 404 403 202 202
    DELETE /servers/{id}/os-volume_attachments/d1      401 404 404 403 202 400
    PUT /servers/{id}/metadata                         401 404 404 403 200 200
    PUT /servers/{id}/metadata/a                       401 404 404 403 200 200
    DELETE /servers/{id}/metadata/a                    401 404 404 403 204 404
    PUT /servers/{id}/tags                             401 404 404 403 200 200
    PUT /servers/{id}/tags/blue                        401 404 404 403 201 204
    DELETE /servers/{id}/tags/blue                     401 404 404 403 204 404
    DELETE /servers/{id}/tags                          401 404 404 403 204 204
    POST /flavors                                      401 403 403 403 403 200
    PUT /flavors/1                                     401 403 403 403 403 200
    POST /flavors/1/os-extra_specs                     401 403 403 403 403 200
    PUT /flavors/1/os-extra_specs/b                    401 403 403 403 403 200
    DELETE /flavors/1/os-extra_specs/b                 401 403 403 403 403 200
    DELETE /flavors/9                                  401 403 403 403 403 202
    POST /os-keypairs                                  401 201 201 201 201 201
    DELETE /os-keypairs/made                           401 204 204 204 204 204
    PUT /os-services/disable                           401 403 403 403 403 200
    DELETE /servers/{id}                               401 404 404 403 204 204
    POST /os-hatchery-pool/verify                      401 403 403 403 403 200
    POST /os-hatchery-pool/heal                        401 403 403 403 403 200
    POST /os-aggregates                                401 403 403 403 403 200
    PUT /os-aggregates/1                               401 403 403 403 403 200
    POST /os-aggregates/1/action set_metadata          401 403 403 403 403 200
    POST /os-aggregates/1/images                       401 403 403 403 403 202
    DELETE /os-aggregates/1/images/11                  401 403 403 403 403 204
    DELETE /os-aggregates/1                            401 403 403 403 403 200
    POST /os-volumes                                   401 403 200 403 200 200
    POST /os-snapshots                                 401 403 404 403 200 200
    DELETE /os-snapshots/e1                            401 404 404 403 202 400
    DELETE /os-volumes/d3                              401 404 404 403 202 400
    "#);
}
