//! `/servers/{id}/tags` (2.26)

use crate::cloud::Cloud;
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::{Value, json};

#[tokio::test]
async fn tags_are_added_replaced_and_removed() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let send = async |method: &str, tag: &str, body: Value| {
        cloud.send(&format!("{method} /servers/{id}/tags{tag}"), "member", 26, body).await
    };
    let added = send("PUT", "/red", Value::Null).await;
    assert_eq!(added.status, StatusCode::CREATED);
    assert_eq!(
        added.header("location"),
        format!("http://cloud/compute/v2.1/servers/{id}/tags/red")
    );
    assert_eq!(send("PUT", "/red", Value::Null).await.status, StatusCode::NO_CONTENT, "again");
    assert_eq!(send("GET", "/red", Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_snapshot!(send("PUT", "", json!({"tags": ["blue", "green"]})).await.shown(), @r#"
    200 OK
    {"tags":["blue","green"]}
    "#);
    assert_snapshot!(send("GET", "/red", Value::Null).await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Tag red could not be found."}}
    "#);
    assert_eq!(send("DELETE", "/blue", Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(send("DELETE", "/blue", Value::Null).await.status, StatusCode::NOT_FOUND);
    assert_snapshot!(send("GET", "", Value::Null).await.shown(), @r#"
    200 OK
    {"tags":["green"]}
    "#);
    assert_eq!(send("DELETE", "", Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_eq!(send("GET", "", Value::Null).await.body, json!({"tags": []}));
}

#[tokio::test]
async fn tags_that_are_none_are_refused() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let mut sentences = String::new();
    let many: Vec<String> = (0..51).map(|n| n.to_string()).collect();
    for body in [
        json!({"tags": "red"}),
        json!({"tags": ["a,b"]}),
        json!({"tags": [""]}),
        json!({"tags": many}),
    ] {
        let answer = cloud.send(&format!("PUT /servers/{id}/tags"), "member", 26, body).await;
        sentences.push_str(&format!("{} {}\n", answer.status, answer.message()));
    }
    let answer = cloud
        .send(&format!("PUT /servers/{id}/tags/{}", "x".repeat(61)), "member", 26, Value::Null)
        .await;
    sentences.push_str(&format!("{} {}\n", answer.status, answer.message()));
    assert_snapshot!(sentences, @r#"
    400 Bad Request Invalid input for field/attribute tags: invalid type: string "red", expected a sequence at line 1 column 13
    400 Bad Request Tag 'a,b' is invalid. It must have 1 to 60 characters, none of them '/' or ','.
    400 Bad Request Tag '' is invalid. It must have 1 to 60 characters, none of them '/' or ','.
    400 Bad Request The number of tags exceeded the per-server limit 50
    400 Bad Request Tag 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' is invalid. It must have 1 to 60 characters, none of them '/' or ','.
    "#);
    for n in 0..50 {
        let answer =
            cloud.send(&format!("PUT /servers/{id}/tags/{n}"), "member", 26, Value::Null).await;
        assert_eq!(answer.status, StatusCode::CREATED);
    }
    let one_more =
        cloud.send(&format!("PUT /servers/{id}/tags/50"), "member", 26, Value::Null).await;
    assert_snapshot!(one_more.shown(), @r#"
    400 Bad Request
    {"badRequest":{"code":400,"message":"The number of tags exceeded the per-server limit 50"}}
    "#);
}

#[tokio::test]
async fn tags_came_with_2_26_and_need_a_server_that_is_there() {
    let cloud = Cloud::new().await;
    let id = cloud.create("web").await;
    let early = cloud.send(&format!("GET /servers/{id}/tags"), "member", 25, Value::Null).await;
    assert_snapshot!(early.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"The resource in microversion 2.25 could not be found."}}
    "#);
    let building =
        cloud.send(&format!("PUT /servers/{id}/tags/red"), "member", 26, Value::Null).await;
    assert_snapshot!(building.shown(), @r#"
    409 Conflict
    {
      "conflictingRequest": {"code":409,"message":"Cannot 'update tags' instance [uuid] while it is in vm_state building"}
    }
    "#);
}
