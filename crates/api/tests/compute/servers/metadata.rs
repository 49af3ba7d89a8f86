//! `/servers/{id}/metadata`

use crate::cloud::Cloud;
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::{Value, json};

#[tokio::test]
async fn labels_are_added_replaced_and_removed() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let all = format!("/servers/{id}/metadata");
    let send = async |method: &str, key: &str, body: Value| {
        cloud.send(&format!("{method} {all}{key}"), "member", 1, body).await.shown()
    };
    assert_snapshot!(send("POST", "", json!({"metadata": {"a": "1", "b": "2"}})).await, @r#"
    200 OK
    {"metadata":{"a":"1","b":"2"}}
    "#);
    assert_snapshot!(send("POST", "", json!({"metadata": {"b": "3"}})).await, @r#"
    200 OK
    {"metadata":{"a":"1","b":"3"}}
    "#);
    assert_snapshot!(send("PUT", "/c", json!({"meta": {"c": "4"}})).await, @r#"
    200 OK
    {"meta":{"c":"4"}}
    "#);
    assert_snapshot!(send("GET", "/c", Value::Null).await, @r#"
    200 OK
    {"meta":{"c":"4"}}
    "#);
    assert_snapshot!(send("DELETE", "/a", Value::Null).await, @"204 No Content");
    assert_snapshot!(send("DELETE", "/a", Value::Null).await, @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Metadata item a could not be found."}}
    "#);
    assert_snapshot!(send("GET", "/a", Value::Null).await, @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Metadata item a could not be found."}}
    "#);
    assert_snapshot!(send("GET", "", Value::Null).await, @r#"
    200 OK
    {"metadata":{"b":"3","c":"4"}}
    "#);
    assert_snapshot!(send("PUT", "", json!({"metadata": {}})).await, @r#"
    200 OK
    {"metadata":{}}
    "#);
    let shown = cloud.ask(&format!("GET /servers/{id}"), "member").await;
    assert_eq!(shown.body["server"]["metadata"], json!({}));
}

#[tokio::test]
async fn malformed_requests_are_told_what_is_wrong() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let mut sentences = String::new();
    for (call, body) in [
        ("POST", json!({"metadata": {"a": 1}})),
        ("POST", json!({"metadata": {"a/b": "c"}})),
        ("POST", json!({"metadata": {"a": "v".repeat(256)}})),
        ("POST", json!({"labels": {}})),
        ("PUT", json!({"metadata": {"": "c"}})),
        ("PUT /a", json!({"meta": {"b": "c"}})),
        ("PUT /a", json!({"meta": {"a": "b", "c": "d"}})),
        ("PUT /a", json!({"meta": {"a": null}})),
    ] {
        let (method, key) = call.split_once(' ').unwrap_or((call, ""));
        let answer =
            cloud.send(&format!("{method} /servers/{id}/metadata{key}"), "member", 1, body).await;
        sentences.push_str(&format!("{call}: {} {}\n", answer.status, answer.message()));
    }
    assert_snapshot!(sentences, @r#"
    POST: 400 Bad Request Invalid input for field/attribute metadata.a: invalid type: integer `1`, expected a string at line 1 column 18
    POST: 400 Bad Request Invalid input for field/attribute metadata: a key has 1 to 255 letters, digits, dashes, underscores, colons, dots or spaces; 'a/b' does not fit.
    POST: 400 Bad Request Invalid input for field/attribute a. A value has at most 255 characters.
    POST: 400 Bad Request Invalid input for field/attribute labels: unknown field `labels`, expected `metadata` at line 1 column 9
    PUT: 400 Bad Request Invalid input for field/attribute metadata: a key has 1 to 255 letters, digits, dashes, underscores, colons, dots or spaces; '' does not fit.
    PUT /a: 400 Bad Request Request body and URI mismatch
    PUT /a: 400 Bad Request Request body and URI mismatch
    PUT /a: 400 Bad Request Invalid input for field/attribute meta.a: invalid type: null, expected a string at line 1 column 17
    "#);
}

#[tokio::test]
async fn a_server_must_be_there_to_be_labelled() {
    let cloud = Cloud::new().await;
    let body = json!({"metadata": {"a": "1"}});
    let building = cloud.create("web").await;
    let call = |id: &str| format!("POST /servers/{id}/metadata");
    assert_snapshot!(cloud.send(&call(&building), "member", 1, body.clone()).await.shown(), @r#"
    409 Conflict
    {
      "conflictingRequest": {"code":409,"message":"Cannot 'update metadata' instance [uuid] while it is in vm_state building"}
    }
    "#);
    let failed = cloud.failed("db").await;
    assert_snapshot!(cloud.send(&call(&failed), "member", 1, body.clone()).await.shown(), @r#"
    409 Conflict
    {
      "conflictingRequest": {"code":409,"message":"Cannot 'update metadata' instance [uuid] while it is in vm_state error"}
    }
    "#);
    let locked = cloud.active("mail").await;
    cloud.force(&locked, |server| server.locked = true).await;
    assert_snapshot!(cloud.send(&call(&locked), "member", 1, body.clone()).await.shown(), @r#"
    409 Conflict
    {"conflictingRequest":{"code":409,"message":"Instance [uuid] is locked"}}
    "#);
    assert_eq!(cloud.send(&call(&locked), "admin", 1, body.clone()).await.status, StatusCode::OK);
    cloud.stop(&locked).await;
    assert_eq!(cloud.send(&call(&locked), "admin", 1, body).await.status, StatusCode::OK);
}
