//! `/v3/domains`

use crate::cloud::{Cloud, PASSWORD};
use axum::http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn a_domain_is_made_shown_changed_and_removed() {
    let cloud = Cloud::new().await;
    let new = json!({"domain": {"name": " eng ", "description": "Engineers"}});
    let made = cloud.admin("POST /v3/domains", new).await;
    insta::assert_snapshot!(made.shown(), @r#"
    201 Created
    {"domain":{"description":"Engineers","enabled":true,"id":"[id]","links":{"self":"http://cloud/identity/v3/domains/[id]"},"name":"eng","options":{},"tags":[]}}
    "#);
    let id = made.id("domain");
    let shown = cloud.admin(&format!("GET /v3/domains/{id}"), Value::Null).await;
    assert_eq!(shown.body, made.body);
    let listed = cloud.admin("GET /v3/domains?name=eng", Value::Null).await;
    assert_eq!(listed.body["domains"], json!([made.body["domain"]]));
    let enabled = cloud.admin(&format!("DELETE /v3/domains/{id}"), Value::Null).await;
    insta::assert_snapshot!(enabled.shown(), @r#"
    403 Forbidden
    {"error":{"code":403,"message":"Cannot delete a domain that is enabled, please disable it first.","title":"Forbidden"}}
    "#);
    let change = json!({"domain": {"id": id, "enabled": "false", "description": null}});
    let changed = cloud.admin(&format!("PATCH /v3/domains/{id}"), change).await;
    assert_eq!(changed.body["domain"]["enabled"], json!(false));
    assert_eq!(changed.body["domain"]["description"], json!(""));
    let disabled = cloud.admin("GET /v3/domains?enabled=0", Value::Null).await;
    assert_eq!(disabled.body["domains"].as_array().unwrap().len(), 1);
    let removed = cloud.admin(&format!("DELETE /v3/domains/{id}"), Value::Null).await;
    assert_eq!((removed.status, removed.body), (StatusCode::NO_CONTENT, Value::Null));
    let gone = cloud.admin(&format!("GET /v3/domains/{id}"), Value::Null).await;
    insta::assert_snapshot!(gone.shown(), @r#"
    404 Not Found
    {"error":{"code":404,"message":"Could not find domain: [id].","title":"Not Found"}}
    "#);
}

#[tokio::test]
async fn a_domain_takes_everything_in_it_along() {
    let cloud = Cloud::new().await;
    let eng =
        cloud.admin("POST /v3/domains", json!({"domain": {"name": "eng"}})).await.id("domain");
    let user = cloud.user("eve", &eng).await;
    let ada = cloud.user("ada", "default").await;
    let lab = cloud.project("lab", &eng).await;
    let role = json!({"role": {"name": "ops", "domain_id": eng}});
    let role = cloud.admin("POST /v3/roles", role).await.id("role");
    cloud.grant(&format!("projects/{lab}"), &ada, "member").await;
    cloud.grant(&format!("domains/{eng}"), &ada, "member").await;
    cloud.grant("system", &user, "reader").await;
    let call = format!("PUT /v3/projects/{lab}/users/{ada}/roles/{role}");
    assert_eq!(cloud.admin(&call, Value::Null).await.status, StatusCode::NO_CONTENT);
    let disable = json!({"domain": {"enabled": false}});
    cloud.admin(&format!("PATCH /v3/domains/{eng}"), disable).await;
    let login = cloud.authenticate("ada", PASSWORD, json!({"domain": {"id": eng}})).await;
    assert_eq!(login.status, StatusCode::UNAUTHORIZED);
    cloud.admin(&format!("DELETE /v3/domains/{eng}"), Value::Null).await;
    for gone in [format!("users/{user}"), format!("projects/{lab}"), format!("roles/{role}")] {
        let answer = cloud.admin(&format!("GET /v3/{gone}"), Value::Null).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{gone}");
    }
    let left = cloud.admin("GET /v3/role_assignments", Value::Null).await;
    assert_eq!(left.body["role_assignments"].as_array().unwrap().len(), 3, "{}", left.shown());
}

#[tokio::test]
async fn names_and_chosen_ids_are_unique() {
    let cloud = Cloud::new().await;
    let taken = cloud.admin("POST /v3/domains", json!({"domain": {"name": "Default"}})).await;
    insta::assert_snapshot!(taken.shown(), @r#"
    409 Conflict
    {"error":{"code":409,"message":"Conflict occurred attempting to store domain - it is not permitted to have two projects acting as domains with the same name: Default.","title":"Conflict"}}
    "#);
    let id = "0123456789abcdef0123456789abcdef";
    let chosen = |name: &str, id: &str| json!({"domain": {"name": name, "explicit_domain_id": id}});
    assert_eq!(cloud.admin("POST /v3/domains", chosen("a", id)).await.id("domain"), id);
    assert_eq!(cloud.admin("POST /v3/domains", chosen("b", id)).await.status, StatusCode::CONFLICT);
    let odd = cloud.admin("POST /v3/domains", chosen("c", "x")).await;
    insta::assert_snapshot!(odd.shown(), @r#"
    400 Bad Request
    {"error":{"code":400,"message":"Domain ID does not conform to required UUID format: 32 lower-case hex digits.","title":"Bad Request"}}
    "#);
    let rename = json!({"domain": {"name": "Default"}});
    let clash = cloud.admin(&format!("PATCH /v3/domains/{id}"), rename).await;
    assert_eq!(clash.status, StatusCode::CONFLICT);
}
