//! Tokens that stop working before their time.

use crate::cloud::{Cloud, PASSWORD, by_token};
use axum::http::StatusCode;
use hatchery_control::identity::CheckToken;
use serde_json::{Value, json};

struct Stage {
    cloud: Cloud,
    ada: String,
    lab: String,
    /// Unscoped, of `ada`.
    unscoped: String,
    /// Of `ada` on the project `lab`, got with the unscoped one.
    scoped: String,
}

async fn stage() -> Stage {
    let cloud = Cloud::new().await;
    let ada = cloud.user("ada", "default").await;
    let lab = cloud.project("lab", "default").await;
    cloud.grant(&format!("projects/{lab}"), &ada, "member").await;
    let unscoped = cloud.login("ada", PASSWORD, Value::Null).await;
    let scope = json!({"project": {"id": lab}});
    let answer = cloud.send("POST /v3/auth/tokens", "", by_token(&unscoped, scope)).await;
    let scoped = answer.headers["x-subject-token"].to_str().unwrap().to_owned();
    Stage { cloud, ada, lab, unscoped, scoped }
}

impl Stage {
    /// Which of the two tokens still work.
    fn alive(&self) -> (bool, bool) {
        let works = |token| self.cloud.check.check(token).is_ok();
        (works(&self.unscoped), works(&self.scoped))
    }

    async fn done(&self, call: &str, body: Value) {
        let answer = self.cloud.admin(call, body).await;
        assert!(answer.status.is_success(), "{call}: {}", answer.shown());
    }

    async fn restarted(mut self) -> Self {
        self.cloud = self.cloud.restarted().await;
        self
    }
}

#[tokio::test]
async fn a_revoked_token_takes_its_descendants_along() {
    let stage = stage().await;
    let call = "DELETE /v3/auth/tokens";
    let (unscoped, scoped) = (&stage.unscoped, &stage.scoped);
    let answer = stage.cloud.send_about(call, scoped, unscoped, Value::Null).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", answer.shown());
    assert_eq!(stage.alive(), (false, false));
    let again = stage.cloud.send_about(call, &stage.cloud.admin, unscoped, Value::Null).await;
    assert_eq!(again.status, StatusCode::NOT_FOUND);
    let stage = stage.restarted().await;
    assert_eq!(stage.alive(), (false, false));
    let new = stage.cloud.login("ada", PASSWORD, Value::Null).await;
    assert!(stage.cloud.check.check(&new).is_ok());
}

#[tokio::test]
async fn a_descendant_goes_alone_and_a_root_can() {
    let stage = stage().await;
    let (unscoped, scoped) = (&stage.unscoped, &stage.scoped);
    let call = "DELETE /v3/auth/tokens";
    stage.cloud.send_about(call, unscoped, scoped, Value::Null).await;
    assert_eq!(stage.alive(), (true, false));
    let stage = crate::revocation::stage().await;
    let call = "DELETE /v3/auth/tokens?cascade=false";
    stage.cloud.send_about(call, &stage.unscoped, &stage.unscoped, Value::Null).await;
    assert_eq!(stage.alive(), (false, true));
}

#[tokio::test]
async fn nobody_revokes_the_token_of_another() {
    let stage = stage().await;
    stage.cloud.user("bob", "default").await;
    let bob = stage.cloud.login("bob", PASSWORD, Value::Null).await;
    let call = "DELETE /v3/auth/tokens";
    let answer = stage.cloud.send_about(call, &bob, &stage.scoped, Value::Null).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    let anonymous = stage.cloud.send_about(call, "", &stage.scoped, Value::Null).await;
    assert_eq!(anonymous.status, StatusCode::UNAUTHORIZED);
    assert_eq!(stage.alive(), (true, true));
}

/// What revokes, by which request, and which of the two tokens lives through it.
const CHANGES: [(&str, &str, (bool, bool)); 18] = [
    ("PATCH /v3/users/{ada}", r#"{"user": {"description": "x"}}"#, (true, true)),
    ("PATCH /v3/users/{ada}", r#"{"user": {"name": "ada2"}}"#, (true, true)),
    ("PATCH /v3/users/{ada}", r#"{"user": {"enabled": false}}"#, (false, false)),
    ("PATCH /v3/users/{ada}", r#"{"user": {"password": "new"}}"#, (false, false)),
    ("PATCH /v3/users/{ada}", r#"{"user": {"password": null}}"#, (false, false)),
    ("DELETE /v3/users/{ada}", "null", (false, false)),
    (
        "POST /v3/users/{ada}/password",
        r#"{"user": {"password": "new", "original_password": "correct horse"}}"#,
        (false, false),
    ),
    ("PATCH /v3/projects/{lab}", r#"{"project": {"name": "lab2"}}"#, (true, true)),
    ("PATCH /v3/projects/{lab}", r#"{"project": {"enabled": false}}"#, (true, false)),
    ("DELETE /v3/projects/{lab}", "null", (true, false)),
    ("DELETE /v3/projects/{lab}/users/{ada}/roles/{member}", "null", (true, false)),
    ("PATCH /v3/domains/default", r#"{"domain": {"enabled": false}}"#, (false, false)),
    ("DELETE /v3/roles/{member}", "null", (true, false)),
    ("PATCH /v3/roles/{member}", r#"{"role": {"name": "worker"}}"#, (true, false)),
    ("PATCH /v3/roles/{reader}", r#"{"role": {"name": "looker"}}"#, (true, false)),
    ("PATCH /v3/roles/{admin}", r#"{"role": {"description": "x"}}"#, (true, true)),
    ("DELETE /v3/roles/{member}/implies/{reader}", "null", (true, false)),
    ("PUT /v3/roles/{member}/implies/{manager}", "null", (true, true)),
];

/// Each is looked at again after a restart, but for the one after which nobody could log in.
#[tokio::test]
async fn changes_take_back_what_rests_on_them() {
    for (change, body, alive) in CHANGES {
        let stage = stage().await;
        let mut call = change.replace("{ada}", &stage.ada).replace("{lab}", &stage.lab);
        for role in ["member", "reader", "admin", "manager"] {
            call = call.replace(&format!("{{{role}}}"), &stage.cloud.role(role).await);
        }
        assert_eq!(stage.alive(), (true, true));
        stage.done(&call, serde_json::from_str(body).unwrap()).await;
        assert_eq!(stage.alive(), alive, "{change} {body}");
        if change != "PATCH /v3/domains/default" {
            let stage = stage.restarted().await;
            assert_eq!(stage.alive(), alive, "{change} {body}, after a restart");
        }
    }
}

#[tokio::test]
async fn a_system_role_taken_away_takes_the_users_tokens() {
    let stage = stage().await;
    stage.cloud.grant("system", &stage.ada, "reader").await;
    let scope = json!({"system": {"all": true}});
    let system = stage.cloud.login("ada", PASSWORD, scope).await;
    let reader = stage.cloud.role("reader").await;
    stage.done(&format!("DELETE /v3/system/users/{}/roles/{reader}", stage.ada), Value::Null).await;
    assert!(stage.cloud.check.check(&system).is_err());
}

#[tokio::test]
async fn a_user_enabled_again_needs_a_new_token() {
    let stage = stage().await;
    let call = format!("PATCH /v3/users/{}", stage.ada);
    stage.done(&call, json!({"user": {"enabled": false}})).await;
    stage.done(&call, json!({"user": {"enabled": true}})).await;
    assert_eq!(stage.alive(), (false, false));
    let token = stage.cloud.login("ada", PASSWORD, Value::Null).await;
    let answer = stage.cloud.send("GET /v3/auth/projects", &token, Value::Null).await;
    assert_eq!(answer.status, StatusCode::OK);
}

/// Logins and changes of the password race; whatever wins, no token of an old password lives on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_login_slips_past_a_change() {
    let stage = stage().await;
    for round in 0..4 {
        let logins = (0..4).map(|_| stage.cloud.authenticate("ada", PASSWORD, Value::Null));
        let call = format!("PATCH /v3/users/{}", stage.ada);
        let change = stage.cloud.admin(&call, json!({"user": {"password": format!("new{round}")}}));
        let (answers, changed) = tokio::join!(futures_util::future::join_all(logins), change);
        assert_eq!(changed.status, StatusCode::OK);
        for answer in answers {
            if let Some(token) = answer.headers.get("x-subject-token") {
                assert!(stage.cloud.check.check(token.to_str().unwrap()).is_err());
            }
        }
        stage.done(&call, json!({"user": {"password": PASSWORD}})).await;
    }
}
