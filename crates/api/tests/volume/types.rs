//! Volume types, their specs, and who may use them.

use crate::cloud::{Cloud, ONE};
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::{Value, json};

fn wanted(name: &str, more: Value) -> Value {
    let mut wanted = json!({"name": name});
    for (key, value) in more.as_object().unwrap() {
        wanted[key] = value.clone();
    }
    json!({"volume_type": wanted})
}

async fn make(cloud: &Cloud, name: &str, more: Value) -> String {
    let made = cloud.send("POST /types", "admin", 0, wanted(name, more)).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.shown());
    made.text("/volume_type/id")
}

#[tokio::test]
async fn a_type_lives() {
    let cloud = Cloud::new().await;
    let specs = json!({"description": "quick", "extra_specs": {"volume_backend_name": "ssd", "multiattach": "<is> True", "gone": null}});
    let id = make(&cloud, "fast", specs).await;
    let shown = cloud.ask(&format!("GET /types/{id}"), "admin").await;
    assert_snapshot!(shown.shown().replace(&id, "[id]"), @r#"
    200 OK
    {
      "volume_type": {
        "description": "quick",
        "extra_specs": {
          "multiattach": "<is> True",
          "volume_backend_name": "ssd"
        },
        "id": "[id]",
        "is_public": true,
        "name": "fast",
        "os-volume-type-access:is_public": true,
        "qos_specs_id": null
      }
    }
    "#);
    let seen = cloud.ask(&format!("GET /types/{id}"), "member").await;
    assert_snapshot!(seen.shown().replace(&id, "[id]"), @r#"
    200 OK
    {
      "volume_type": {
        "description": "quick",
        "extra_specs": {
          "multiattach": "<is> True"
        },
        "id": "[id]",
        "is_public": true,
        "name": "fast",
        "os-volume-type-access:is_public": true
      }
    }
    "#);
    let change = json!({"volume_type": {"name": "faster", "description": null}});
    let changed = cloud.send(&format!("PUT /types/{id}"), "admin", 0, change).await;
    assert_eq!(changed.text("/volume_type/name"), "faster");
    assert_eq!(changed.text("/volume_type/description"), "quick");
    let taken = cloud.send("POST /types", "admin", 0, wanted("faster", json!({}))).await;
    assert_snapshot!(taken.shown(), @r#"
    409 Conflict
    {
      "conflictingRequest": {
        "code": 409,
        "message": "Volume Type faster already exists."
      }
    }
    "#);
    let gone = cloud.ask(&format!("DELETE /types/{id}"), "admin").await;
    assert_eq!(gone.status, StatusCode::ACCEPTED);
    let again = cloud.ask(&format!("DELETE /types/{id}"), "admin").await;
    assert_eq!(again.message(), format!("Volume type {id} could not be found."));
}

#[tokio::test]
async fn the_default_type_stays() {
    let cloud = Cloud::new().await;
    let default = cloud.ask("GET /types/default", "member").await;
    assert_eq!(default.text("/volume_type/name"), "__DEFAULT__");
    let id = default.text("/volume_type/id");
    for (call, body) in [
        (format!("DELETE /types/{id}"), Value::Null),
        (format!("PUT /types/{id}"), json!({"volume_type": {"name": "other"}})),
        (format!("PUT /types/{id}"), json!({"volume_type": {"is_public": false}})),
    ] {
        let answer = cloud.send(&call, "admin", 0, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{call}: {}", answer.shown());
    }
    assert_eq!(cloud.ask("GET /types/default", "member").await.body, default.body);
}

#[tokio::test]
async fn specs_are_set_shown_and_removed() {
    let cloud = Cloud::new().await;
    let id = make(&cloud, "fast", json!({})).await;
    let path = format!("/types/{id}/extra_specs");
    let set = json!({"extra_specs": {"a": "1", "replication_enabled": "x"}});
    let answer = cloud.send(&format!("POST {path}"), "admin", 0, set.clone()).await;
    assert_eq!(answer.body, set);
    let one = cloud.send(&format!("PUT {path}/a"), "admin", 0, json!({"a": "2"})).await;
    assert_eq!(one.body, json!({"a": "2"}));
    let other = cloud.send(&format!("PUT {path}/a"), "admin", 0, json!({"b": "2"})).await;
    assert_eq!(other.message(), "Request body and URI mismatch");
    let seen = cloud.ask(&format!("GET {path}"), "reader").await;
    assert_eq!(seen.body, json!({"extra_specs": {"replication_enabled": "x"}}));
    assert_eq!(cloud.ask(&format!("GET {path}/a"), "reader").await.status, StatusCode::NOT_FOUND);
    assert_eq!(cloud.ask(&format!("GET {path}/a"), "admin").await.body, json!({"a": "2"}));
    let bad = json!({"extra_specs": {"sch\u{f6}n": "1"}});
    let bad = cloud.send(&format!("POST {path}"), "admin", 0, bad).await;
    assert_eq!(bad.status, StatusCode::BAD_REQUEST, "{}", bad.shown());
    let gone = cloud.ask(&format!("DELETE {path}/a"), "admin").await;
    assert_eq!(gone.status, StatusCode::ACCEPTED);
    let gone = cloud.ask(&format!("DELETE {path}/a"), "admin").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_private_type_is_for_those_who_were_let_in() {
    let cloud = Cloud::new().await;
    let private = json!({"os-volume-type-access:is_public": "false"});
    let id = make(&cloud, "secret", private).await;
    let show = format!("GET /types/{id}");
    assert_eq!(cloud.ask(&show, "member").await.status, StatusCode::NOT_FOUND);
    let act = format!("POST /types/{id}/action");
    let add = json!({"addProjectAccess": {"project": ONE}});
    assert_eq!(cloud.send(&act, "admin", 0, add.clone()).await.status, StatusCode::ACCEPTED);
    assert_eq!(cloud.send(&act, "admin", 0, add).await.status, StatusCode::CONFLICT);
    assert_eq!(cloud.ask(&show, "member").await.status, StatusCode::OK);
    assert_eq!(cloud.ask(&show, "other").await.status, StatusCode::NOT_FOUND);
    let names = cloud.ask("GET /types?sort=name:asc", "member").await;
    assert_eq!(names.column("volume_types", "name"), ["__DEFAULT__", "secret", "slow"]);
    let public = cloud.ask("GET /types", "admin").await;
    assert!(!public.column("volume_types", "name").contains(&"secret".into()));
    let both = cloud.ask("GET /types?is_public=None", "admin").await;
    assert!(both.column("volume_types", "name").contains(&"secret".into()));
    let list = format!("GET /types/{id}/os-volume-type-access");
    let access = json!({"volume_type_access": [{"volume_type_id": id, "project_id": ONE}]});
    assert_eq!(cloud.ask(&list, "admin").await.body, access);
    let remove = json!({"removeProjectAccess": {"project": ONE}});
    assert_eq!(cloud.send(&act, "admin", 0, remove.clone()).await.status, StatusCode::ACCEPTED);
    assert_eq!(cloud.send(&act, "admin", 0, remove).await.status, StatusCode::NOT_FOUND);
    assert_eq!(cloud.ask(&show, "member").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn pages_of_types() {
    let cloud = Cloud::new().await;
    for name in ["a", "b", "c"] {
        make(&cloud, name, json!({})).await;
    }
    let first = cloud.ask("GET /types?sort=name:desc&limit=2", "member").await;
    assert_eq!(first.column("volume_types", "name"), ["slow", "c"]);
    let next = first.text("/volume_type_links/0/href");
    let next = next.strip_prefix("http://cloud/volume/v3").unwrap();
    let second = cloud.ask(&format!("GET {next}"), "member").await;
    assert_eq!(second.column("volume_types", "name"), ["b", "a"]);
    let offset = cloud.ask("GET /types?sort=name:desc&offset=3", "member").await;
    assert_eq!(offset.column("volume_types", "name"), ["a", "__DEFAULT__"]);
}
