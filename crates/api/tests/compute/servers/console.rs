//! `POST /servers/{id}/action`

use crate::cloud::Cloud;
use insta::assert_snapshot;
use serde_json::{Value, json};

#[tokio::test]
async fn the_console_s_last_lines() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    for (argument, wanted) in [
        (json!({}), "one\ntwo\nthree"),
        (json!({"length": null}), "one\ntwo\nthree"),
        (json!({"length": -1}), "one\ntwo\nthree"),
        (json!({"length": "-1"}), "one\ntwo\nthree"),
        (json!({"length": 2}), "two\nthree"),
        (json!({"length": "1"}), "three"),
        (json!({"length": 0}), ""),
    ] {
        let body = json!({"os-getConsoleOutput": argument});
        let answer = cloud.send(&format!("POST /servers/{id}/action"), "member", 1, body).await;
        assert_eq!(answer.body, json!({"output": wanted}), "{argument}");
    }
}

#[tokio::test]
async fn what_is_no_action_is_refused() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let mut sentences = String::new();
    for body in [
        json!({"os-getConsoleOutput": null}),
        json!({"os-getConsoleOutput": {"length": -2}}),
        json!({"os-getConsoleOutput": {"length": "many"}}),
        json!({"os-getConsoleOutput": {"colour": 1}}),
        json!({"levitate": null}),
        json!({"os-getConsoleOutput": {}, "levitate": null}),
        json!({}),
        json!([]),
        Value::Null,
    ] {
        let answer =
            cloud.send(&format!("POST /servers/{id}/action"), "member", 1, body.clone()).await;
        sentences.push_str(&format!("{body}: {} {}\n", answer.status, answer.message()));
    }
    assert_snapshot!(sentences, @r#"
    {"os-getConsoleOutput":null}: 400 Bad Request Invalid input for field/attribute os-getConsoleOutput.
    {"os-getConsoleOutput":{"length":-2}}: 400 Bad Request Invalid input for field/attribute length.
    {"os-getConsoleOutput":{"length":"many"}}: 400 Bad Request Invalid input for field/attribute length.
    {"os-getConsoleOutput":{"colour":1}}: 400 Bad Request Invalid input for field/attribute colour.
    {"levitate":null}: 400 Bad Request There is no such action: levitate
    {"levitate":null,"os-getConsoleOutput":{}}: 400 Bad Request Malformed request body: it must name one action.
    {}: 400 Bad Request Malformed request body: it must name one action.
    []: 400 Bad Request Invalid input: invalid type: sequence, expected a map at line 1 column 0
    null: 400 Bad Request Malformed request body: it is not JSON (EOF while parsing a value at line 1 column 0)
    "#);
}

#[tokio::test]
async fn a_server_without_a_host_has_no_console() {
    let cloud = Cloud::new().await;
    let id = cloud.create("web").await;
    let body = json!({"os-getConsoleOutput": {}});
    let answer = cloud.send(&format!("POST /servers/{id}/action"), "member", 1, body.clone()).await;
    assert_snapshot!(answer.shown(), @r#"
    409 Conflict
    {"conflictingRequest":{"code":409,"message":"Instance [uuid] is not ready"}}
    "#);
    let reader = cloud.send(&format!("POST /servers/{id}/action"), "reader", 1, body).await;
    assert_snapshot!(reader.shown(), @r#"
    403 Forbidden
    {"forbidden":{"code":403,"message":"Policy doesn't allow os_compute_api:os-console-output to be performed."}}
    "#);
}
