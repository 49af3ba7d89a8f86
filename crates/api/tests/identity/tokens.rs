//! `/v3/auth/tokens`

use crate::cloud::{Answer, Cloud, PASSWORD, by_password, by_token};
use axum::body::Body;
use axum::http::{Request, StatusCode};
use hatchery_control::identity::CheckToken;
use serde_json::{Value, json};

const TOKENS: &str = "POST /v3/auth/tokens";

/// The body without the catalog and audit ids, which other tests look at.
fn brief(mut answer: Answer) -> String {
    if let Some(token) = answer.body["token"].as_object_mut() {
        token.remove("catalog");
        token.insert("audit_ids".into(), json!(token["audit_ids"].as_array().unwrap().len()));
    }
    answer.shown()
}

#[tokio::test]
async fn a_project_token_says_everything() {
    let cloud = Cloud::new().await;
    let scope = json!({"project": {"name": "admin", "domain": {"name": "Default"}}});
    let answer = cloud.authenticate("admin", PASSWORD, scope).await;
    let token = answer.headers["x-subject-token"].to_str().unwrap().to_owned();
    assert_eq!(answer.body["token"]["catalog"].as_array().unwrap().len(), 5);
    insta::assert_snapshot!(brief(answer), @r#"
    201 Created
    {"token":{"audit_ids":1,"expires_at":"2026-01-01T01:00:00.000000Z","is_domain":false,"issued_at":"2026-01-01T00:00:00.000001Z","methods":["password"],"project":{"domain":{"id":"default","name":"Default"},"id":"[id]","name":"admin"},"roles":[{"id":"[id]","name":"admin"},{"id":"[id]","name":"manager"},{"id":"[id]","name":"member"},{"id":"[id]","name":"reader"}],"user":{"domain":{"id":"default","name":"Default"},"id":"[id]","name":"admin","password_expires_at":null}}}
    "#);
    let claims = cloud.check.check(&token).unwrap();
    assert_eq!(claims.roles, ["admin", "manager", "member", "reader"]);
}

#[tokio::test]
async fn other_scopes_show_their_own_part() {
    let cloud = Cloud::new().await;
    for (scope, part) in [
        (json!({"system": {"all": true}}), "system"),
        (json!({"domain": {"id": "default"}}), "domain"),
    ] {
        let answer = cloud.authenticate("admin", PASSWORD, scope).await;
        let token = answer.body["token"].as_object().unwrap();
        assert!(token.contains_key(part) && token.contains_key("catalog"));
        assert!(!token.contains_key("project"));
        assert_eq!(token["roles"].as_array().unwrap().len(), 4);
    }
    for scope in [Value::Null, json!("unscoped"), json!({"unscoped": {}})] {
        let answer = cloud.authenticate("admin", PASSWORD, scope).await;
        let token = answer.body["token"].as_object().unwrap();
        for absent in ["system", "domain", "project", "roles", "catalog"] {
            assert!(!token.contains_key(absent), "{absent}");
        }
    }
}

#[tokio::test]
async fn the_default_project_is_used_only_if_it_can_be() {
    let cloud = Cloud::new().await;
    let user = cloud.user("ada", "default").await;
    let project = cloud.project("lab", "default").await;
    let set = json!({"user": {"default_project_id": project}});
    cloud.admin(&format!("PATCH /v3/users/{user}"), set).await;
    let scope_of = |answer: Answer| answer.body["token"]["project"]["id"].clone();
    let without_role = cloud.authenticate("ada", PASSWORD, Value::Null).await;
    assert_eq!(scope_of(without_role), Value::Null);
    cloud.grant(&format!("projects/{project}"), &user, "member").await;
    let with_role = cloud.authenticate("ada", PASSWORD, Value::Null).await;
    assert_eq!(scope_of(with_role), json!(project));
    let unscoped = cloud.authenticate("ada", PASSWORD, json!("unscoped")).await;
    assert_eq!(scope_of(unscoped), Value::Null);
}

#[tokio::test]
async fn all_failing_logins_are_answered_alike() {
    let cloud = Cloud::new().await;
    let user = cloud.user("ada", "default").await;
    let admin_project = json!({"project": {"id": cloud.foundation.project}});
    let wrong = cloud.authenticate("ada", "wrong", Value::Null).await;
    insta::assert_snapshot!(wrong.shown(), @r#"
    401 Unauthorized
    {"error":{"code":401,"message":"The request you have made requires authentication.","title":"Unauthorized"}}
    "#);
    assert_eq!(wrong.headers["www-authenticate"], "Keystone uri=\"/identity\"");
    let mut others = vec![
        cloud.authenticate("nobody", PASSWORD, Value::Null).await,
        cloud.authenticate("ada", PASSWORD, admin_project).await,
        cloud.authenticate("ada", PASSWORD, json!({"project": {"id": "nothing"}})).await,
        cloud.authenticate("ada", PASSWORD, json!({"domain": {"name": "nothing"}})).await,
        cloud.authenticate("ada", PASSWORD, json!({"system": {"all": true}})).await,
        cloud.send(TOKENS, "", by_token("rubbish", Value::Null)).await,
    ];
    let disable = json!({"user": {"enabled": false}});
    cloud.admin(&format!("PATCH /v3/users/{user}"), disable).await;
    others.push(cloud.authenticate("ada", PASSWORD, Value::Null).await);
    for other in others {
        assert_eq!(other.shown(), wrong.shown());
    }
}

/// Logins that are none, each for a reason of its own.
fn malformed_logins() -> Vec<Value> {
    let identity = |identity: Value| json!({"auth": {"identity": identity}});
    let scoped = |scope| by_password("admin", PASSWORD, scope);
    let user = |user: Value| identity(json!({"methods": ["password"], "password": {"user": user}}));
    vec![
        json!([]),
        json!("auth"),
        json!({}),
        json!({"auth": null}),
        json!({"auth": {}}),
        identity(json!([])),
        identity(json!({})),
        identity(json!({"methods": "password"})),
        identity(json!({"methods": []})),
        identity(json!({"methods": [7]})),
        identity(json!({"methods": ["password"]})),
        identity(json!({"methods": ["token"], "token": {}})),
        identity(json!({"methods": ["token"], "token": {"id": 1}})),
        identity(json!({"methods": ["password"], "password": {}})),
        user(json!(7)),
        user(json!({"password": "x"})),
        user(json!({"name": "admin", "password": "x"})),
        user(json!({"name": "admin", "domain": {}, "password": "x"})),
        user(json!({"name": {"a": 1}, "domain": {"id": "default"}, "password": "x"})),
        user(json!({"id": "admin", "password": 1})),
        user(json!({"id": "admin"})),
        user(json!({"id": "a\u{0}b", "password": "x"})),
        scoped(json!("everything")),
        scoped(json!({})),
        scoped(json!({"project": {"id": "a"}, "domain": {"id": "b"}})),
        scoped(json!({"project": {"name": "a"}})),
        scoped(json!({"project": 3})),
        scoped(json!({"domain": {}})),
        scoped(json!({"system": {"all": false}})),
    ]
}

#[tokio::test]
async fn malformed_logins_are_refused_with_a_reason() {
    let cloud = Cloud::new().await;
    let mut reasons = String::new();
    for body in malformed_logins() {
        let answer = cloud.send(TOKENS, "", body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body} {}", answer.shown());
        reasons.push_str(answer.message());
        reasons.push('\n');
    }
    insta::assert_snapshot!(reasons, @r#"
    Invalid input: the request body must be of type 'object', not an array.
    Invalid input: the request body must be of type 'object', not a string.
    Invalid input: 'auth' is a required property of the request body.
    Invalid input for field 'auth': it must be of type 'object', not null.
    Invalid input: 'identity' is a required property of auth.
    Invalid input for field 'auth/identity': it must be of type 'object', not an array.
    Invalid input: 'methods' is a required property of auth/identity.
    Invalid input for field 'auth/identity/methods': it must be of type 'array', not a string.
    Invalid input for field 'auth/identity/methods': name at least one method.
    Invalid input for field 'auth/identity/methods': it must be of type 'string', not a number.
    Invalid input: 'password' is a required property of auth/identity.
    Invalid input: 'id' is a required property of auth/identity/token.
    Invalid input for field 'auth/identity/token/id': it must be of type 'string', not a number.
    Invalid input: 'user' is a required property of auth/identity/password.
    Invalid input for field 'auth/identity/password/user': it must be of type 'object', not a number.
    Invalid input: 'id or name' is a required property of auth/identity/password/user.
    Invalid input: 'domain' is a required property of auth/identity/password/user.
    Invalid input: 'id or name' is a required property of auth/identity/password/user/domain.
    Invalid input for field 'auth/identity/password/user/name': it must be of type 'string', not an object.
    Invalid input for field 'auth/identity/password/user/password': it must be of type 'string', not a number.
    Invalid input: 'password' is a required property of auth/identity/password/user.
    Invalid input: text must not hold NUL characters.
    Invalid input for field 'auth/scope': it must be of type 'object', not a string.
    Expecting to find exactly one of system, project, domain or unscoped in scope.
    Expecting to find exactly one of system, project, domain or unscoped in scope.
    Invalid input: 'domain' is a required property of auth/scope/project.
    Invalid input for field 'auth/scope/project': it must be of type 'object', not a number.
    Invalid input: 'id or name' is a required property of auth/scope/domain.
    Invalid input for field 'auth/scope/system': only {"all": true} can be asked for.
    "#);
    let unknown_method = json!({"auth": {"identity": {"methods": ["telepathy"], "telepathy": {}}}});
    let answer = cloud.send(TOKENS, "", unknown_method).await;
    insta::assert_snapshot!(answer.shown(), @r#"
    401 Unauthorized
    {"error":{"code":401,"message":"Attempted to authenticate with an unsupported method; this service takes password and token.","title":"Unauthorized"}}
    "#);
}

#[tokio::test]
async fn bodies_that_are_not_json_are_refused_with_a_reason() {
    let cloud = Cloud::new().await;
    let deep = "[".repeat(100_000);
    for body in ["", "{", "auth=x", "\u{0}", "{\"auth\": 1e999}", &deep] {
        let request = Request::post("/identity/v3/auth/tokens").body(Body::from(body.to_owned()));
        let answer = cloud.raw(request.unwrap()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.shown());
        assert!(!answer.message().is_empty());
    }
    let large = Request::post("/identity/v3/auth/tokens").body(Body::from(" ".repeat(1 << 20)));
    let answer = cloud.raw(large.unwrap()).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn a_token_got_with_a_token_ends_with_it() {
    let cloud = Cloud::new().await;
    let first = cloud.authenticate("admin", PASSWORD, Value::Null).await;
    let token = first.headers["x-subject-token"].to_str().unwrap().to_owned();
    cloud.clock.advance_micros(600_000_000);
    let scope = json!({"project": {"id": cloud.foundation.project}});
    let second = cloud.send(TOKENS, "", by_token(&token, scope)).await;
    let (one, two) = (&first.body["token"], &second.body["token"]);
    assert_eq!(two["methods"], json!(["token", "password"]));
    assert_eq!(two["expires_at"], one["expires_at"]);
    assert_eq!(two["audit_ids"][1], one["audit_ids"][0]);
    assert_ne!(two["audit_ids"][0], one["audit_ids"][0]);
}

#[tokio::test]
async fn a_system_token_is_not_for_less() {
    let cloud = Cloud::new().await;
    let token = cloud.login("admin", PASSWORD, json!({"system": {"all": true}})).await;
    let scope = json!({"project": {"id": cloud.foundation.project}});
    let answer = cloud.send(TOKENS, "", by_token(&token, scope)).await;
    insta::assert_snapshot!(answer.shown(), @r#"
    403 Forbidden
    {"error":{"code":403,"message":"You are not authorized to perform the requested action: Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed.","title":"Forbidden"}}
    "#);
    let again = cloud.send(TOKENS, "", by_token(&token, json!({"system": {"all": true}}))).await;
    assert_eq!(again.status, StatusCode::CREATED);
}

#[tokio::test]
async fn two_proofs_must_be_of_one_user() {
    let cloud = Cloud::new().await;
    cloud.user("ada", "default").await;
    let with_ada = |token: &str| {
        let mut body = by_password("ada", PASSWORD, Value::Null);
        body["auth"]["identity"]["methods"] = json!(["password", "token", "password"]);
        body["auth"]["identity"]["token"] = json!({"id": token});
        body
    };
    let refused = cloud.send(TOKENS, "", with_ada(&cloud.admin)).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    let own = cloud.login("ada", PASSWORD, Value::Null).await;
    let taken = cloud.send(TOKENS, "", with_ada(&own)).await;
    assert_eq!(taken.status, StatusCode::CREATED, "{}", taken.shown());
    assert_eq!(taken.body["token"]["methods"], json!(["password", "token"]));
}

#[tokio::test]
async fn a_token_is_shown_to_its_user_and_to_those_above() {
    let cloud = Cloud::new().await;
    let ada = cloud.user("ada", "default").await;
    cloud.grant("system", &ada, "reader").await;
    cloud.user("bob", "default").await;
    let reader = cloud.login("ada", PASSWORD, json!({"system": {"all": true}})).await;
    let bob = cloud.login("bob", PASSWORD, Value::Null).await;
    let show = "GET /v3/auth/tokens";
    for (asker, status) in [(&cloud.admin, 200), (&reader, 200), (&bob, 403)] {
        let answer = cloud.send_about(show, asker, &cloud.admin, Value::Null).await;
        assert_eq!(answer.status.as_u16(), status);
    }
    let own = cloud.send_about(show, &bob, &bob, Value::Null).await;
    insta::assert_snapshot!(brief(own), @r#"
    200 OK
    {"token":{"audit_ids":1,"expires_at":"2026-01-01T01:00:00.000000Z","issued_at":"2026-01-01T00:00:00.000002Z","methods":["password"],"user":{"domain":{"id":"default","name":"Default"},"id":"[id]","name":"bob","password_expires_at":null}}}
    "#);
    let head = cloud.send_about("HEAD /v3/auth/tokens", &bob, &bob, Value::Null).await;
    assert_eq!((head.status, head.body), (StatusCode::OK, Value::Null));
    let brief =
        cloud.send_about("GET /v3/auth/tokens?nocatalog", &reader, &cloud.admin, Value::Null).await;
    assert_eq!(brief.body["token"]["catalog"], Value::Null);
    let missing = cloud.send(show, &bob, Value::Null).await;
    insta::assert_snapshot!(missing.shown(), @r#"
    404 Not Found
    {"error":{"code":404,"message":"Could not find token: the request has no X-Subject-Token header.","title":"Not Found"}}
    "#);
    let rubbish = cloud.send_about(show, &bob, "rubbish", Value::Null).await;
    insta::assert_snapshot!(rubbish.shown(), @r#"
    404 Not Found
    {"error":{"code":404,"message":"Could not find token: it is not valid, or not valid any more.","title":"Not Found"}}
    "#);
}

#[tokio::test]
async fn no_forged_token_passes() {
    let cloud = Cloud::new().await;
    let mut tampered = cloud.admin.clone();
    let last = if tampered.pop() == Some('A') { 'Q' } else { 'A' };
    tampered.push(last);
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJyb2xlcyI6WyJhZG1pbiJdfQ.";
    let other_cloud = Cloud::new().await;
    let mut reasons = String::new();
    for (name, token) in [
        ("missing", ""),
        ("rubbish", "rubbish"),
        ("tampered", tampered.as_str()),
        ("alg none", none),
        ("foreign", other_cloud.admin.as_str()),
    ] {
        let answer = cloud.send("GET /v3/users", token, Value::Null).await;
        reasons.push_str(&format!("{name}: {} {}\n", answer.status, answer.message()));
    }
    insta::assert_snapshot!(reasons, @r"
    missing: 401 Unauthorized The request you have made requires authentication: send a token in the X-Auth-Token header.
    rubbish: 401 Unauthorized The token is not one of this service; ask for a new one.
    tampered: 401 Unauthorized The token is not one of this service; ask for a new one.
    alg none: 401 Unauthorized The token is not one of this service; ask for a new one.
    foreign: 401 Unauthorized The token is not one of this service; ask for a new one.
    ");
    assert_eq!(cloud.send("GET /v3/users", &cloud.admin, Value::Null).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_token_ends_to_the_microsecond() {
    let cloud = Cloud::new().await;
    let token = cloud.login("admin", PASSWORD, Value::Null).await;
    cloud.clock.advance_micros(3_600_000_000 - 1);
    assert!(cloud.check.check(&token).is_ok());
    cloud.clock.advance_micros(1);
    let answer = cloud.send("GET /v3/auth/projects", &token, Value::Null).await;
    insta::assert_snapshot!(answer.shown(), @r#"
    401 Unauthorized
    {"error":{"code":401,"message":"The token has expired; ask for a new one.","title":"Unauthorized"}}
    "#);
    let rescope = cloud.send(TOKENS, "", by_token(&token, Value::Null)).await;
    assert_eq!(rescope.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_clock_set_back_makes_no_token_live_longer() {
    let cloud = Cloud::new().await;
    let year = 365 * 24 * 3_600_000_000;
    cloud.clock.advance_micros(year);
    let early = cloud.login("admin", PASSWORD, Value::Null).await;
    let call = "DELETE /v3/auth/tokens";
    let answer = cloud.send_about(call, &early, &early, Value::Null).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT);
    cloud.clock.advance_micros(-year);
    let cloud = cloud.restarted().await;
    assert!(cloud.check.check(&early).is_err());
    let token = cloud.login("admin", PASSWORD, Value::Null).await;
    assert!(cloud.check.check(&token).is_ok());
    cloud.clock.advance_micros(3_600_000_000);
    assert!(cloud.check.check(&token).is_err());
}

#[tokio::test]
async fn tokens_live_through_a_restart() {
    let cloud = Cloud::new().await;
    let token = cloud.admin.clone();
    let cloud = cloud.restarted().await;
    assert!(cloud.check.check(&token).is_ok());
}
