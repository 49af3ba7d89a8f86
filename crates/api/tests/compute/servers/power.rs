//! `os-stop`, `os-start`, `reboot`, `os-resetState`

use crate::answer::Answer;
use crate::cloud::Cloud;
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::{Value, json};

async fn act(cloud: &Cloud, id: &str, who: &str, body: Value) -> Answer {
    // The actions' order is that of time.
    cloud.pass(1);
    cloud.send(&format!("POST /servers/{id}/action"), who, 1, body).await
}

async fn done(cloud: &Cloud, id: &str, body: Value) {
    let answer = act(cloud, id, "member", body).await;
    assert_eq!((answer.status, &answer.body), (StatusCode::ACCEPTED, &Value::Null));
}

/// `status vm_state task_state power_state`
async fn shown(cloud: &Cloud, id: &str) -> String {
    let answer = cloud.ask(&format!("GET /servers/{id}"), "member").await;
    let server = &answer.body["server"];
    let text = |name: &str| server[name].to_string().replace('"', "");
    format!(
        "{} {} {} {}",
        text("status"),
        text("OS-EXT-STS:vm_state"),
        text("OS-EXT-STS:task_state"),
        text("OS-EXT-STS:power_state")
    )
}

#[tokio::test]
async fn a_member_stops_starts_and_reboots_a_server() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let mut table = String::new();
    for body in [
        json!({"os-stop": null}),
        json!({"os-start": {}}),
        json!({"reboot": {"type": "SOFT"}}),
        json!({"reboot": {"type": "Hard"}}),
        json!({"os-stop": "whatever"}),
        json!({"reboot": {"type": "hard"}}),
    ] {
        done(&cloud, &id, body.clone()).await;
        table.push_str(&format!("{body}: {} -> ", shown(&cloud, &id).await));
        cloud.settle().await;
        table.push_str(&format!("{}\n", shown(&cloud, &id).await));
    }
    assert_snapshot!(table, @r#"
    {"os-stop":null}: ACTIVE active powering-off 1 -> SHUTOFF stopped null 4
    {"os-start":{}}: SHUTOFF stopped powering-on 4 -> ACTIVE active null 1
    {"reboot":{"type":"SOFT"}}: REBOOT active reboot_started 1 -> ACTIVE active null 1
    {"reboot":{"type":"Hard"}}: HARD_REBOOT active reboot_started_hard 1 -> ACTIVE active null 1
    {"os-stop":"whatever"}: ACTIVE active powering-off 1 -> SHUTOFF stopped null 4
    {"reboot":{"type":"hard"}}: SHUTOFF stopped reboot_started_hard 4 -> ACTIVE active null 1
    "#);
    let call = format!("GET /servers/{id}/os-instance-actions");
    let actions = cloud.ask(&call, "member").await;
    let names = actions.column("instanceActions", "action");
    assert_eq!(names, ["reboot", "stop", "reboot", "reboot", "start", "stop", "create"]);
    let request = actions.text("/instanceActions/0/request_id");
    let action = cloud.send(&format!("{call}/{request}"), "admin", 84, Value::Null).await;
    assert_eq!(action.text("/instanceAction/events/0/event"), "compute_reboot_instance");
    assert_eq!(action.text("/instanceAction/events/0/result"), "Success");
}

#[tokio::test]
async fn a_listing_by_status_finds_servers_on_their_way() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let found = async |status: &str| {
        let list = cloud.ask(&format!("GET /servers?status={status}"), "member").await;
        list.column("servers", "name").len()
    };
    done(&cloud, &id, json!({"reboot": {"type": "HARD"}})).await;
    assert_eq!((found("HARD_REBOOT").await, found("ACTIVE").await), (1, 0));
    cloud.settle().await;
    done(&cloud, &id, json!({"os-stop": null})).await;
    assert_eq!((found("ACTIVE").await, found("SHUTOFF").await), (1, 0));
    cloud.settle().await;
    assert_eq!((found("ACTIVE").await, found("SHUTOFF").await), (0, 1));
}

#[tokio::test]
async fn what_the_state_does_not_allow_is_a_conflict() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let mut sentences = String::new();
    let mut refused = async |who: &str, body: Value| {
        let answer = act(&cloud, &id, who, body).await;
        sentences.push_str(&format!(
            "{} {}\n",
            answer.status,
            answer.message().replace(&id, "[id]")
        ));
    };
    refused("member", json!({"os-start": null})).await;
    done(&cloud, &id, json!({"os-stop": null})).await;
    refused("member", json!({"os-stop": null})).await;
    cloud.settle().await;
    refused("member", json!({"os-stop": null})).await;
    refused("member", json!({"reboot": {"type": "SOFT"}})).await;
    cloud.force(&id, |server| server.locked = true).await;
    refused("member", json!({"os-start": null})).await;
    let admin = act(&cloud, &id, "admin", json!({"os-start": null})).await;
    assert_eq!(admin.status, StatusCode::ACCEPTED);
    assert_snapshot!(sentences, @r#"
    409 Conflict Cannot 'start' instance [id] while it is in vm_state active
    409 Conflict Cannot 'stop' instance [id] while it is in task_state powering-off
    409 Conflict Cannot 'stop' instance [id] while it is in vm_state stopped
    409 Conflict Cannot 'reboot' instance [id] while it is in vm_state stopped
    409 Conflict Instance [id] is locked
    "#);
    let building = cloud.create("new").await;
    let answer = act(&cloud, &building, "member", json!({"reboot": {"type": "HARD"}})).await;
    assert_snapshot!(answer.shown(), @r#"
    409 Conflict
    {
      "conflictingRequest": {"code":409,"message":"Cannot 'reboot' instance [uuid] while it is in vm_state building"}
    }
    "#);
}

#[tokio::test]
async fn an_administrator_says_what_the_state_is() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let reset = async |state: &str| {
        let answer = act(&cloud, &id, "admin", json!({"os-resetState": {"state": state}})).await;
        assert_eq!((answer.status, answer.body), (StatusCode::ACCEPTED, Value::Null));
    };
    *cloud.host.fails.lock().unwrap() = Some("No luck.".into());
    done(&cloud, &id, json!({"reboot": {"type": "HARD"}})).await;
    cloud.settle().await;
    assert_eq!(shown(&cloud, &id).await, "ERROR error null 0");
    let answer = cloud.ask(&format!("GET /servers/{id}"), "member").await;
    assert_eq!(answer.text("/server/fault/message"), "No luck.");
    reset("active").await;
    assert_eq!(shown(&cloud, &id).await, "ACTIVE active null 1");
    reset("error").await;
    assert_eq!(shown(&cloud, &id).await, "ERROR error null 0");
    *cloud.host.fails.lock().unwrap() = None;
    done(&cloud, &id, json!({"os-stop": null})).await;
    assert_eq!(shown(&cloud, &id).await, "ERROR error powering-off 0");
    reset("active").await;
    done(&cloud, &id, json!({"reboot": {"type": "HARD"}})).await;
    cloud.settle().await;
    assert_eq!(shown(&cloud, &id).await, "ACTIVE active null 1");
    let actions = cloud.ask(&format!("GET /servers/{id}/os-instance-actions"), "member").await;
    let names = actions.column("instanceActions", "action");
    assert_eq!(
        names,
        ["reboot", "resetState", "stop", "resetState", "resetState", "reboot", "create"]
    );
}

#[tokio::test]
async fn others_cannot() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let mut table = String::new();
    for body in [
        json!({"os-stop": null}),
        json!({"os-start": null}),
        json!({"reboot": {"type": "HARD"}}),
        json!({"os-resetState": {"state": "error"}}),
    ] {
        for who in ["", "other", "unscoped"] {
            let status = act(&cloud, &id, who, body.clone()).await.status;
            let wanted =
                if who.is_empty() { StatusCode::UNAUTHORIZED } else { StatusCode::NOT_FOUND };
            assert_eq!(status, wanted, "{who} {body}");
        }
        let reader = act(&cloud, &id, "reader", body.clone()).await;
        table.push_str(&format!("{} {}\n", reader.status, reader.message()));
    }
    let member = act(&cloud, &id, "member", json!({"os-resetState": {"state": "error"}})).await;
    table.push_str(&format!("{} {}\n", member.status, member.message()));
    assert_snapshot!(table, @r#"
    403 Forbidden Policy doesn't allow os_compute_api:servers:stop to be performed.
    403 Forbidden Policy doesn't allow os_compute_api:servers:start to be performed.
    403 Forbidden Policy doesn't allow os_compute_api:servers:reboot to be performed.
    403 Forbidden Policy doesn't allow os_compute_api:os-admin-actions:reset_state to be performed.
    403 Forbidden Policy doesn't allow os_compute_api:os-admin-actions:reset_state to be performed.
    "#);
    assert_eq!(shown(&cloud, &id).await, "ACTIVE active null 1");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_and_changes_nothing() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let mut sentences = String::new();
    for body in [
        json!({"reboot": null}),
        json!({"reboot": {}}),
        json!({"reboot": {"type": "SOFTLY"}}),
        json!({"reboot": {"type": 1}}),
        json!({"reboot": {"type": "HARD", "delay": 1}}),
        json!({"os-resetState": "active"}),
        json!({"os-resetState": {}}),
        json!({"os-resetState": {"state": "stopped"}}),
        json!({"os-resetState": {"state": "active", "why": "x"}}),
        json!({"os-stop": null, "os-start": null}),
    ] {
        let answer = act(&cloud, &id, "admin", body.clone()).await;
        sentences.push_str(&format!("{body}: {} {}\n", answer.status, answer.message()));
    }
    assert_snapshot!(sentences, @r#"
    {"reboot":null}: 400 Bad Request Invalid input for field/attribute reboot.
    {"reboot":{}}: 400 Bad Request Invalid input for field/attribute type.
    {"reboot":{"type":"SOFTLY"}}: 400 Bad Request Invalid input for field/attribute type.
    {"reboot":{"type":1}}: 400 Bad Request Invalid input for field/attribute type.
    {"reboot":{"delay":1,"type":"HARD"}}: 400 Bad Request Invalid input for field/attribute delay.
    {"os-resetState":"active"}: 400 Bad Request Invalid input for field/attribute os-resetState.
    {"os-resetState":{}}: 400 Bad Request Invalid input for field/attribute state.
    {"os-resetState":{"state":"stopped"}}: 400 Bad Request Invalid input for field/attribute state.
    {"os-resetState":{"state":"active","why":"x"}}: 400 Bad Request Invalid input for field/attribute why.
    {"os-start":null,"os-stop":null}: 400 Bad Request Malformed request body: it must name one action.
    "#);
    assert_eq!(shown(&cloud, &id).await, "ACTIVE active null 1");
    let unknown = act(&cloud, "web", "admin", json!({"os-stop": null})).await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
}
