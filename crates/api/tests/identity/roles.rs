//! `/v3/roles`, implications

use crate::cloud::{Cloud, PASSWORD};
use axum::http::StatusCode;
use hatchery_control::identity::CheckToken;
use serde_json::{Value, json};

#[tokio::test]
async fn a_role_is_made_shown_changed_and_removed() {
    let cloud = Cloud::new().await;
    let new = json!({"role": {"name": "ops", "description": "Operators"}});
    let made = cloud.admin("POST /v3/roles", new.clone()).await;
    insta::assert_snapshot!(made.shown(), @r#"
    201 Created
    {"role":{"description":"Operators","domain_id":null,"id":"[id]","links":{"self":"http://cloud/identity/v3/roles/[id]"},"name":"ops","options":{}}}
    "#);
    let path = format!("/v3/roles/{}", made.id("role"));
    let shown = cloud.admin(&format!("GET {path}"), Value::Null).await;
    assert_eq!(shown.body, made.body);
    let taken = cloud.admin("POST /v3/roles", new).await;
    insta::assert_snapshot!(taken.shown(), @r#"
    409 Conflict
    {"error":{"code":409,"message":"Conflict occurred attempting to store role - Duplicate entry found with name ops.","title":"Conflict"}}
    "#);
    let changed =
        cloud.admin(&format!("PATCH {path}"), json!({"role": {"name": "operator"}})).await;
    assert_eq!(changed.body["role"]["description"], "Operators");
    let moved =
        cloud.admin(&format!("PATCH {path}"), json!({"role": {"domain_id": "default"}})).await;
    assert_eq!(moved.status, StatusCode::BAD_REQUEST);
    let removed = cloud.admin(&format!("DELETE {path}"), Value::Null).await;
    assert_eq!((removed.status, removed.body), (StatusCode::NO_CONTENT, Value::Null));
    let gone = cloud.admin(&format!("GET {path}"), Value::Null).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn roles_are_listed_by_name_and_domain() {
    let cloud = Cloud::new().await;
    let own = json!({"role": {"name": "ops", "domain_id": "default"}});
    cloud.admin("POST /v3/roles", own).await;
    for (query, found) in [
        ("", vec!["admin", "manager", "member", "reader"]),
        ("?name=member", vec!["member"]),
        ("?domain_id=default", vec!["ops"]),
        ("?domain_id=other", vec![]),
    ] {
        let answer = cloud.admin(&format!("GET /v3/roles{query}"), Value::Null).await;
        let roles = answer.body["roles"].as_array().unwrap();
        let names: Vec<&str> = roles.iter().map(|role| role["name"].as_str().unwrap()).collect();
        assert_eq!(names, found, "{query}");
    }
}

#[tokio::test]
async fn implications_are_listed_added_and_ended() {
    let cloud = Cloud::new().await;
    let all = cloud.admin("GET /v3/role_inferences", Value::Null).await;
    insta::assert_snapshot!(all.shown(), @r#"
    200 OK
    {"links":{"self":"http://cloud/identity/v3/role_inferences"},"role_inferences":[{"implies":[{"id":"[id]","links":{"self":"http://cloud/identity/v3/roles/[id]"},"name":"manager"}],"prior_role":{"id":"[id]","links":{"self":"http://cloud/identity/v3/roles/[id]"},"name":"admin"}},{"implies":[{"id":"[id]","links":{"self":"http://cloud/identity/v3/roles/[id]"},"name":"member"}],"prior_role":{"id":"[id]","links":{"self":"http://cloud/identity/v3/roles/[id]"},"name":"manager"}},{"implies":[{"id":"[id]","links":{"self":"http://cloud/identity/v3/roles/[id]"},"name":"reader"}],"prior_role":{"id":"[id]","links":{"self":"http://cloud/identity/v3/roles/[id]"},"name":"member"}}]}
    "#);
    let ops = cloud.admin("POST /v3/roles", json!({"role": {"name": "ops"}})).await.id("role");
    let reader = cloud.role("reader").await;
    let path = format!("/v3/roles/{ops}/implies/{reader}");
    let before = cloud.admin(&format!("GET {path}"), Value::Null).await;
    assert_eq!(before.status, StatusCode::NOT_FOUND);
    let added = cloud.admin(&format!("PUT {path}"), Value::Null).await;
    insta::assert_snapshot!(added.shown(), @r#"
    201 Created
    {"links":{"self":"http://cloud/identity/v3/roles/[id]/implies/[id]"},"role_inference":{"implies":{"id":"[id]","links":{"self":"http://cloud/identity/v3/roles/[id]"},"name":"reader"},"prior_role":{"id":"[id]","links":{"self":"http://cloud/identity/v3/roles/[id]"},"name":"ops"}}}
    "#);
    let again = cloud.admin(&format!("PUT {path}"), Value::Null).await;
    assert_eq!(again.status, StatusCode::CREATED);
    let of = cloud.admin(&format!("GET /v3/roles/{ops}/implies"), Value::Null).await;
    assert_eq!(of.body["role_inference"]["implies"].as_array().unwrap().len(), 1);
    let ada = cloud.user("ada", "default").await;
    cloud.grant("system", &ada, "ops").await;
    let token = cloud.login("ada", PASSWORD, json!({"system": {"all": true}})).await;
    assert_eq!(cloud.check.check(&token).unwrap().roles, ["ops", "reader"]);
    for status in [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND] {
        let ended = cloud.admin(&format!("DELETE {path}"), Value::Null).await;
        assert_eq!(ended.status, status);
    }
    let token = cloud.login("ada", PASSWORD, json!({"system": {"all": true}})).await;
    assert_eq!(cloud.check.check(&token).unwrap().roles, ["ops"]);
}

#[tokio::test]
async fn admin_is_never_implied() {
    let cloud = Cloud::new().await;
    let (reader, admin) = (cloud.role("reader").await, cloud.role("admin").await);
    let call = format!("PUT /v3/roles/{reader}/implies/{admin}");
    insta::assert_snapshot!(cloud.admin(&call, Value::Null).await.shown(), @r#"
    403 Forbidden
    {"error":{"code":403,"message":"[id] must not be implied by another role.","title":"Forbidden"}}
    "#);
    let own = json!({"role": {"name": "ops", "domain_id": "default"}});
    let own = cloud.admin("POST /v3/roles", own).await.id("role");
    let call = format!("PUT /v3/roles/{reader}/implies/{own}");
    assert_eq!(cloud.admin(&call, Value::Null).await.status, StatusCode::FORBIDDEN);
}
