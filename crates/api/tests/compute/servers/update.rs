//! `PUT /servers/{id}`

use crate::cloud::Cloud;
use axum::http::StatusCode;
use hatchery_model::compute::ServerState;
use insta::assert_snapshot;
use serde_json::{Value, json};

fn body(server: Value) -> Value {
    json!({"server": server})
}

#[tokio::test]
async fn names_can_be_changed() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    cloud.pass(5);
    let call = format!("PUT /servers/{id}");
    let answer =
        cloud.send(&call, "member", 19, body(json!({"name": "db", "description": "rows"}))).await;
    assert_snapshot!(answer.shown(), @r#"
    200 OK
    {
      "server": {
        "OS-DCF:diskConfig": "MANUAL",
        "accessIPv4": "",
        "accessIPv6": "",
        "addresses": {"private":[{"addr":"10.1.0.2","version":4}]},
        "created": "2026-01-01T00:00:00Z",
        "description": "rows",
        "flavor": {"id":"1","links":[{"href":"http://cloud/compute/flavors/1","rel":"bookmark"}]},
        "hostId": "[host id]",
        "id": "[uuid]",
        "image": {
          "id": "00000000-0000-0000-0000-000000000011",
          "links": [{"href":"http://cloud/compute/images/00000000-0000-0000-0000-000000000011","rel":"bookmark"}]
        },
        "links": [
          {"href":"http://cloud/compute/v2.1/servers/[uuid]","rel":"self"},
          {"href":"http://cloud/compute/servers/[uuid]","rel":"bookmark"}
        ],
        "locked": false,
        "metadata": {},
        "name": "db",
        "progress": 0,
        "status": "ACTIVE",
        "tenant_id": "one",
        "updated": "2026-01-01T00:00:05Z",
        "user_id": "member"
      }
    }
    "#);
    let kept = cloud.send(&call, "member", 19, body(json!({}))).await;
    assert_eq!(kept.text("/server/name"), "db");
    let none = cloud.send(&call, "member", 19, body(json!({"description": null}))).await;
    assert_eq!(none.body["server"]["description"], Value::Null);
    let reached = json!({"accessIPv4": "192.0.2.1", "accessIPv6": "2001:db8::1", "hostname": "db"});
    let answer = cloud.send(&call, "member", 96, body(reached)).await;
    assert_eq!(answer.text("/server/accessIPv4"), "192.0.2.1");
    assert_eq!(answer.text("/server/accessIPv6"), "2001:db8::1");
    assert_eq!(answer.text("/server/OS-EXT-SRV-ATTR:hostname"), "db");
}

/// Since 2.75 the answer is what a show answers.
#[tokio::test]
async fn the_newer_answer_is_the_whole_server() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    for (version, is_whole) in [(74, false), (75, true), (96, true)] {
        let changed = cloud
            .send(&format!("PUT /servers/{id}"), "admin", version, body(json!({"name": "db"})))
            .await;
        let shown = cloud.send(&format!("GET /servers/{id}"), "admin", version, Value::Null).await;
        assert_eq!(changed.body == shown.body, is_whole, "2.{version}");
    }
}

#[tokio::test]
async fn others_cannot() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let call = format!("PUT /servers/{id}");
    let name = body(json!({"name": "mine"}));
    assert_snapshot!(cloud.send(&call, "reader", 1, name.clone()).await.shown(), @r#"
    403 Forbidden
    {"forbidden":{"code":403,"message":"Policy doesn't allow os_compute_api:servers:update to be performed."}}
    "#);
    assert_eq!(cloud.send(&call, "other", 1, name.clone()).await.status, StatusCode::NOT_FOUND);
    assert_eq!(cloud.send(&call, "", 1, name.clone()).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(cloud.send("PUT /servers/x", "member", 1, name).await.status, StatusCode::NOT_FOUND);
    assert_eq!(
        cloud.ask(&format!("GET /servers/{id}"), "member").await.text("/server/name"),
        "web"
    );
}

#[tokio::test]
async fn malformed_requests_are_told_what_is_wrong() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let mut sentences = String::new();
    for (version, server) in [
        (1, json!({"name": ""})),
        (1, json!({"name": null})),
        (1, json!({"colour": "blue"})),
        (1, json!({"accessIPv4": "here"})),
        (18, json!({"description": "x"})),
        (19, json!({"description": "two\nlines"})),
        (89, json!({"hostname": "web"})),
        (90, json!({"hostname": "-web"})),
    ] {
        let answer = cloud
            .send(&format!("PUT /servers/{id}"), "member", version, body(server.clone()))
            .await;
        sentences.push_str(&format!(
            "2.{version} {server}: {} {}\n",
            answer.status,
            answer.message()
        ));
    }
    assert_snapshot!(sentences, @r#"
    2.1 {"name":""}: 400 Bad Request Invalid input for field/attribute name. Value: . 1 to 255 printable characters are wanted, without white space at the ends.
    2.1 {"name":null}: 400 Bad Request Invalid input for field/attribute server.name: invalid type: null, expected a string at line 1 column 22
    2.1 {"colour":"blue"}: 400 Bad Request Invalid input for field/attribute server.colour: unknown field `colour`, expected one of `name`, `description`, `hostname`, `accessIPv4`, `accessIPv6`, `OS-DCF:diskConfig` at line 1 column 19
    2.1 {"accessIPv4":"here"}: 400 Bad Request Invalid input for field/attribute server.accessIPv4: invalid IPv4 address syntax at line 1 column 30
    2.18 {"description":"x"}: 400 Bad Request Additional properties are not allowed ('description' was unexpected; it needs microversion 2.19)
    2.19 {"description":"two\nlines"}: 400 Bad Request Invalid input for field/attribute description. At most 255 printable characters are wanted, on one line.
    2.89 {"hostname":"web"}: 400 Bad Request Additional properties are not allowed ('hostname' was unexpected; it needs microversion 2.90)
    2.90 {"hostname":"-web"}: 400 Bad Request Invalid input for field/attribute hostname. Value: -web. Letters, digits and inner dashes are wanted, with dots between labels since microversion 2.94.
    "#);
}

/// A change while the guest is being made must not lose the news that it runs.
#[tokio::test]
async fn a_server_can_be_renamed_while_it_is_made() {
    let cloud = Cloud::new().await;
    let id = cloud.create("web").await;
    let call = format!("PUT /servers/{id}");
    let name = body(json!({"name": "db"}));
    assert_eq!(cloud.send(&call, "member", 1, name.clone()).await.status, StatusCode::OK);
    cloud.settle().await;
    let shown = cloud.ask(&format!("GET /servers/{id}"), "member").await;
    assert_eq!(
        (shown.text("/server/status"), shown.text("/server/name")),
        ("ACTIVE".into(), "db".into())
    );
    cloud
        .force(&id, |server| {
            server.state = ServerState::Deleting { was: Box::new(ServerState::Active) }
        })
        .await;
    assert_snapshot!(cloud.send(&call, "member", 1, name).await.shown(), @r#"
    409 Conflict
    {
      "conflictingRequest": {"code":409,"message":"Cannot 'update' instance [uuid] while it is in task_state deleting"}
    }
    "#);
}
