//! `/v3/users`

use crate::cloud::{Cloud, PASSWORD};
use axum::http::StatusCode;
use serde_json::{Value, json};

#[tokio::test]
async fn a_user_is_made_shown_changed_and_removed() {
    let cloud = Cloud::new().await;
    let new = json!({"user": {
        "name": "ada", "password": PASSWORD, "email": "ada@example.org", "shoe_size": 38,
        "password_expires_at": "forged", "options": {}, "federated": [],
    }});
    let made = cloud.admin("POST /v3/users", new).await;
    insta::assert_snapshot!(made.shown(), @r#"
    201 Created
    {"user":{"domain_id":"default","email":"ada@example.org","enabled":true,"id":"[id]","links":{"self":"http://cloud/identity/v3/users/[id]"},"name":"ada","options":{},"password_expires_at":null,"shoe_size":38}}
    "#);
    let path = format!("/v3/users/{}", made.id("user"));
    let shown = cloud.admin(&format!("GET {path}"), Value::Null).await;
    assert_eq!(shown.body, made.body);
    let change = json!({"user": {"name": "lovelace", "email": null, "description": "first"}});
    let changed = cloud.admin(&format!("PATCH {path}"), change).await;
    insta::assert_snapshot!(changed.shown(), @r#"
    200 OK
    {"user":{"description":"first","domain_id":"default","enabled":true,"id":"[id]","links":{"self":"http://cloud/identity/v3/users/[id]"},"name":"lovelace","options":{},"password_expires_at":null,"shoe_size":38}}
    "#);
    cloud.login("lovelace", PASSWORD, Value::Null).await;
    for (query, count) in [("name=lovelace", 1), ("enabled=false", 0), ("domain_id=default", 2)] {
        let listed = cloud.admin(&format!("GET /v3/users?{query}"), Value::Null).await;
        assert_eq!(listed.body["users"].as_array().unwrap().len(), count, "{query}");
    }
    let removed = cloud.admin(&format!("DELETE {path}"), Value::Null).await;
    assert_eq!((removed.status, removed.body), (StatusCode::NO_CONTENT, Value::Null));
    let gone = cloud.admin(&format!("DELETE {path}"), Value::Null).await;
    insta::assert_snapshot!(gone.shown(), @r#"
    404 Not Found
    {"error":{"code":404,"message":"Could not find user: [id].","title":"Not Found"}}
    "#);
}

#[tokio::test]
async fn no_answer_has_a_password() {
    let cloud = Cloud::new().await;
    let new = json!({"user": {"name": "ada", "password": PASSWORD}});
    let made = cloud.admin("POST /v3/users", new).await;
    let path = format!("/v3/users/{}", made.id("user"));
    let change = json!({"user": {"password": "another secret"}});
    let changed = cloud.admin(&format!("PATCH {path}"), change).await;
    let listed = cloud.admin("GET /v3/users", Value::Null).await;
    for answer in [made, changed, listed] {
        let shown = answer.body.to_string();
        for secret in [PASSWORD, "another secret", "argon2", "password\""] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[tokio::test]
async fn names_are_unique_in_a_domain_that_is_there() {
    let cloud = Cloud::new().await;
    let taken = cloud.admin("POST /v3/users", json!({"user": {"name": "admin"}})).await;
    insta::assert_snapshot!(taken.shown(), @r#"
    409 Conflict
    {"error":{"code":409,"message":"Conflict occurred attempting to store user - Duplicate entry found with name admin at domain ID default.","title":"Conflict"}}
    "#);
    let elsewhere = json!({"user": {"name": "x", "domain_id": "nothing"}});
    let unknown = cloud.admin("POST /v3/users", elsewhere).await;
    insta::assert_snapshot!(unknown.shown(), @r#"
    404 Not Found
    {"error":{"code":404,"message":"Could not find domain: nothing.","title":"Not Found"}}
    "#);
    let ada = cloud.user("ada", "default").await;
    let clash = json!({"user": {"name": "admin"}});
    let clash = cloud.admin(&format!("PATCH /v3/users/{ada}"), clash).await;
    assert_eq!(clash.status, StatusCode::CONFLICT);
    let moved = json!({"user": {"domain_id": "other"}});
    let moved = cloud.admin(&format!("PATCH /v3/users/{ada}"), moved).await;
    insta::assert_snapshot!(moved.shown(), @r#"
    400 Bad Request
    {"error":{"code":400,"message":"Cannot change Domain ID","title":"Bad Request"}}
    "#);
    let empty = cloud.admin(&format!("PATCH /v3/users/{ada}"), json!({"user": {}})).await;
    insta::assert_snapshot!(empty.shown(), @r#"
    400 Bad Request
    {"error":{"code":400,"message":"Invalid input for field 'user': name at least one property to change.","title":"Bad Request"}}
    "#);
}

#[tokio::test]
async fn a_user_without_password_cannot_log_in() {
    let cloud = Cloud::new().await;
    cloud.admin("POST /v3/users", json!({"user": {"name": "bot", "password": null}})).await;
    for password in ["", "null", PASSWORD] {
        let answer = cloud.authenticate("bot", password, Value::Null).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    }
    let long = json!({"user": {"name": "long", "password": "x".repeat(4097)}});
    let refused = cloud.admin("POST /v3/users", long).await;
    insta::assert_snapshot!(refused.shown(), @r#"
    400 Bad Request
    {"error":{"code":400,"message":"The password must have at most 4096 bytes.","title":"Bad Request"}}
    "#);
}

#[tokio::test]
async fn users_change_their_password_with_the_old_one() {
    let cloud = Cloud::new().await;
    let ada = cloud.user("ada", "default").await;
    let call = format!("POST /v3/users/{ada}/password");
    let change =
        |old: &str, new: &str| json!({"user": {"original_password": old, "password": new}});
    let wrong = cloud.send(&call, "", change("wrong", "new")).await;
    insta::assert_snapshot!(wrong.shown(), @r#"
    401 Unauthorized
    {"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}
    "#);
    let unknown = "POST /v3/users/nobody/password";
    let unknown = cloud.send(unknown, "", change(PASSWORD, "new")).await;
    assert_eq!(unknown.shown(), wrong.shown());
    let half = cloud.send(&call, "", json!({"user": {"password": "new"}})).await;
    insta::assert_snapshot!(half.shown(), @r#"
    400 Bad Request
    {"error":{"code":400,"message":"Invalid input: 'original_password' is a required property of user.","title":"Bad Request"}}
    "#);
    let done = cloud.send(&call, "", change(PASSWORD, "new")).await;
    assert_eq!((done.status, done.body), (StatusCode::NO_CONTENT, Value::Null));
    let old = cloud.authenticate("ada", PASSWORD, Value::Null).await;
    assert_eq!(old.status, StatusCode::UNAUTHORIZED);
    cloud.login("ada", "new", Value::Null).await;
}

#[tokio::test]
async fn a_users_projects_are_those_it_holds_roles_on() {
    let cloud = Cloud::new().await;
    let ada = cloud.user("ada", "default").await;
    let lab = cloud.project("lab", "default").await;
    cloud.project("other", "default").await;
    cloud.grant(&format!("projects/{lab}"), &ada, "member").await;
    cloud.grant(&format!("projects/{lab}"), &ada, "reader").await;
    cloud.grant("domains/default", &ada, "reader").await;
    let token = cloud.login("ada", PASSWORD, Value::Null).await;
    let own = cloud.send(&format!("GET /v3/users/{ada}/projects"), &token, Value::Null).await;
    let projects = own.body["projects"].as_array().unwrap();
    assert_eq!(projects.len(), 1);
    assert_eq!(projects[0]["id"], json!(lab));
    let filtered = cloud.admin(&format!("GET /v3/users/{ada}/projects?name=x"), Value::Null).await;
    assert_eq!(filtered.body["projects"], json!([]));
    let by_token = cloud.send("GET /v3/auth/projects", &token, Value::Null).await;
    assert_eq!(by_token.body["projects"], own.body["projects"]);
    let domains = cloud.send("GET /v3/auth/domains", &token, Value::Null).await;
    assert_eq!(domains.body["domains"][0]["id"], "default");
    for (token, system) in [(&token, json!([])), (&cloud.admin, json!([{"all": true}]))] {
        let answer = cloud.send("GET /v3/auth/system", token, Value::Null).await;
        assert_eq!(answer.body["system"], system);
    }
}
