//! Who may do what: every route asked by everyone. The figures are statuses; 401, 403 and the rest must be Keystone's.

use crate::cloud::{Cloud, PASSWORD};
use axum::http::StatusCode;
use serde_json::{Value, json};

/// Callers, in the order of the columns.
const CALLERS: [&str; 9] = [
    "nobody",
    "unscoped",
    "p-reader",
    "p-member",
    "d-reader",
    "d-manager",
    "s-reader",
    "d-admin",
    "admin",
];

struct Stage {
    cloud: Cloud,
    tokens: Vec<String>,
    /// What stands for `{…}` in the calls below.
    names: Vec<(&'static str, String)>,
}

/// A user `eve` and a project `lab` in the domain `eng`, where the callers of a domain are at home too.
async fn stage() -> Stage {
    let cloud = Cloud::new().await;
    let new = json!({"domain": {"name": "eng"}});
    let eng = cloud.admin("POST /v3/domains", new).await.id("domain");
    let lab = cloud.project("lab", &eng).await;
    let eve = cloud.user("eve", &eng).await;
    let ada = cloud.user("ada", "default").await;
    for (target, roles) in [
        (format!("projects/{lab}"), vec!["reader", "member"]),
        (format!("domains/{eng}"), vec!["reader", "manager", "admin"]),
        ("system".to_owned(), vec!["reader"]),
    ] {
        for role in roles {
            let user = cloud.user(&format!("{role}-{}", &target[..1]), "default").await;
            cloud.grant(&target, &user, role).await;
        }
    }
    cloud.grant(&format!("projects/{lab}"), &eve, "member").await;
    let in_lab = json!({"project": {"id": lab}});
    let in_eng = json!({"domain": {"id": eng}});
    let tokens = vec![
        String::new(),
        cloud.login("ada", PASSWORD, Value::Null).await,
        cloud.login("reader-p", PASSWORD, in_lab.clone()).await,
        cloud.login("member-p", PASSWORD, in_lab).await,
        cloud.login("reader-d", PASSWORD, in_eng.clone()).await,
        cloud.login("manager-d", PASSWORD, in_eng.clone()).await,
        cloud.login("reader-s", PASSWORD, json!({"system": {"all": true}})).await,
        cloud.login("admin-d", PASSWORD, in_eng).await,
        cloud.admin.clone(),
    ];
    let names = vec![
        ("eng", eng),
        ("lab", lab),
        ("eve", eve),
        ("ada", ada),
        ("member", cloud.role("member").await),
        ("reader", cloud.role("reader").await),
        ("admin", cloud.role("admin").await),
    ];
    Stage { cloud, tokens, names }
}

impl Stage {
    /// The text with ids for names.
    fn filled(&self, text: &str) -> String {
        self.names
            .iter()
            .fold(text.to_owned(), |text, (name, id)| text.replace(&format!("{{{name}}}"), id))
    }

    /// One line: the call, and the status of each caller.
    async fn row(&self, call: &str, body: &str) -> String {
        let filled = self.filled(call);
        let body: Value = serde_json::from_str(&self.filled(body)).unwrap();
        let mut row = format!("{call:<47}");
        for token in &self.tokens {
            let answer = self.cloud.send(&filled, token, body.clone()).await;
            assert!(answer.status.as_u16() < 500, "{call}: {}", answer.shown());
            if answer.status.is_client_error() && !call.starts_with("HEAD") {
                assert!(!answer.message().is_empty(), "{call}: {}", answer.shown());
            }
            row.push_str(&format!(" {}", answer.status.as_u16()));
        }
        row
    }

    async fn table(&self, calls: &[(&str, &str)]) -> String {
        let mut table = format!("{:<47} {}\n", "", CALLERS.join(" "));
        for (call, body) in calls {
            table.push_str(&self.row(call, body).await);
            table.push('\n');
        }
        table
    }
}

/// What is looked at.
const LOOKS: [&str; 44] = [
    "GET /v3/auth/catalog",
    "GET /v3/auth/projects",
    "GET /v3/auth/domains",
    "GET /v3/auth/system",
    "GET /v3/domains",
    "GET /v3/domains/{eng}",
    "GET /v3/domains/none",
    "GET /v3/projects",
    "GET /v3/projects/{lab}",
    "GET /v3/projects/none",
    "GET /v3/users",
    "GET /v3/users/{eve}",
    "GET /v3/users/{ada}",
    "GET /v3/users/none",
    "GET /v3/users/{eve}/projects",
    "GET /v3/users/{eve}/groups",
    "GET /v3/groups",
    "GET /v3/roles",
    "GET /v3/roles?domain_id={eng}",
    "GET /v3/roles/{member}",
    "GET /v3/roles/{admin}",
    "GET /v3/roles/none",
    "GET /v3/roles/{admin}/implies",
    "GET /v3/roles/{member}/implies/{reader}",
    "HEAD /v3/roles/{member}/implies/{reader}",
    "GET /v3/roles/{reader}/implies/{member}",
    "GET /v3/role_inferences",
    "GET /v3/role_assignments",
    "GET /v3/projects/{lab}/users/{eve}/roles",
    "GET /v3/projects/{lab}/users/{eve}/roles/{member}",
    "HEAD /v3/projects/{lab}/users/{eve}/roles/{member}",
    "GET /v3/projects/{lab}/users/{eve}/roles/{reader}",
    "GET /v3/projects/{lab}/users/none/roles/{reader}",
    "GET /v3/domains/{eng}/users/{eve}/roles",
    "GET /v3/domains/{eng}/users/{ada}/roles",
    "GET /v3/system/users/{eve}/roles",
    "GET /v3/system/users/{eve}/roles/{admin}",
    "GET /v3/services",
    "GET /v3/services/none",
    "GET /v3/endpoints",
    "GET /v3/regions",
    "GET /v3/regions/none",
    "GET /v3/nothing",
    "PUT /v3/users",
];

/// What is changed, with the body that asks for it. What succeeds leaves things as they were.
const CHANGES: [(&str, &str); 34] = [
    ("POST /v3/domains", r#"{"domain": {"name": "eng"}}"#),
    ("PATCH /v3/domains/{eng}", r#"{"domain": {"description": "x"}}"#),
    ("DELETE /v3/domains/{eng}", "null"),
    ("POST /v3/projects", r#"{"project": {"name": "lab", "domain_id": "{eng}"}}"#),
    ("POST /v3/projects", r#"{"project": {"name": "admin"}}"#),
    ("PATCH /v3/projects/{lab}", r#"{"project": {"description": "x"}}"#),
    ("PATCH /v3/projects/none", r#"{"project": {"description": "x"}}"#),
    ("DELETE /v3/projects/none", "null"),
    ("POST /v3/users", r#"{"user": {"name": "eve", "domain_id": "{eng}"}}"#),
    ("POST /v3/users", r#"{"user": {"name": "ada"}}"#),
    ("PATCH /v3/users/{eve}", r#"{"user": {"description": "x"}}"#),
    ("PATCH /v3/users/{ada}", r#"{"user": {"description": "x"}}"#),
    ("PATCH /v3/users/none", r#"{"user": {"description": "x"}}"#),
    ("DELETE /v3/users/none", "null"),
    ("POST /v3/roles", r#"{"role": {"name": "admin"}}"#),
    ("POST /v3/roles", r#"{"role": {"name": "x", "domain_id": "none"}}"#),
    ("PATCH /v3/roles/{member}", r#"{"role": {"description": "x"}}"#),
    ("DELETE /v3/roles/none", "null"),
    ("PUT /v3/roles/{admin}/implies/{reader}", "null"),
    ("PUT /v3/roles/{reader}/implies/{admin}", "null"),
    ("DELETE /v3/roles/{reader}/implies/{member}", "null"),
    ("PUT /v3/projects/{lab}/users/{eve}/roles/{reader}", "null"),
    ("PUT /v3/projects/{lab}/users/{eve}/roles/{admin}", "null"),
    ("PUT /v3/projects/{lab}/users/{ada}/roles/{reader}", "null"),
    ("PUT /v3/projects/{lab}/users/{ada}/roles/none", "null"),
    ("PUT /v3/projects/none/users/{ada}/roles/{reader}", "null"),
    ("PUT /v3/domains/{eng}/users/{eve}/roles/{reader}", "null"),
    ("PUT /v3/system/users/{eve}/roles/{reader}", "null"),
    ("DELETE /v3/projects/{lab}/users/none/roles/{reader}", "null"),
    ("DELETE /v3/domains/{eng}/users/{eve}/roles/{admin}", "null"),
    ("DELETE /v3/system/users/{eve}/roles/{admin}", "null"),
    ("POST /v3/services", r#"{}"#),
    ("PATCH /v3/endpoints/none", r#"{}"#),
    ("DELETE /v3/regions/RegionOne", "null"),
];

#[tokio::test]
async fn looking() {
    let calls = LOOKS.map(|call| (call, "null"));
    insta::assert_snapshot!(stage().await.table(&calls).await, @r"
                                                    nobody unscoped p-reader p-member d-reader d-manager s-reader d-admin admin
    GET /v3/auth/catalog                            401 403 200 200 403 403 403 403 200
    GET /v3/auth/projects                           401 200 200 200 200 200 200 200 200
    GET /v3/auth/domains                            401 200 200 200 200 200 200 200 200
    GET /v3/auth/system                             401 200 200 200 200 200 200 200 200
    GET /v3/domains                                 401 403 403 403 200 200 200 200 200
    GET /v3/domains/{eng}                           401 403 200 200 200 200 200 200 200
    GET /v3/domains/none                            401 403 403 403 403 403 404 404 404
    GET /v3/projects                                401 403 403 403 200 200 200 200 200
    GET /v3/projects/{lab}                          401 403 200 200 200 200 200 200 200
    GET /v3/projects/none                           401 403 403 403 403 403 404 404 404
    GET /v3/users                                   401 403 403 403 200 200 200 200 200
    GET /v3/users/{eve}                             401 403 403 403 200 200 200 200 200
    GET /v3/users/{ada}                             401 200 403 403 403 403 200 200 200
    GET /v3/users/none                              401 403 403 403 403 403 404 404 404
    GET /v3/users/{eve}/projects                    401 403 403 403 200 200 200 200 200
    GET /v3/users/{eve}/groups                      401 403 403 403 200 200 200 200 200
    GET /v3/groups                                  401 403 403 403 200 200 200 200 200
    GET /v3/roles                                   401 403 403 403 403 200 200 200 200
    GET /v3/roles?domain_id={eng}                   401 403 403 403 403 403 200 403 200
    GET /v3/roles/{member}                          401 403 403 403 403 200 200 200 200
    GET /v3/roles/{admin}                           401 403 403 403 403 403 200 200 200
    GET /v3/roles/none                              401 403 403 403 403 403 404 404 404
    GET /v3/roles/{admin}/implies                   401 403 403 403 403 403 200 403 200
    GET /v3/roles/{member}/implies/{reader}         401 403 403 403 403 403 200 403 200
    HEAD /v3/roles/{member}/implies/{reader}        401 403 403 403 403 403 204 403 204
    GET /v3/roles/{reader}/implies/{member}         401 403 403 403 403 403 404 403 404
    GET /v3/role_inferences                         401 403 403 403 403 403 200 403 200
    GET /v3/role_assignments                        401 403 403 403 200 200 200 200 200
    GET /v3/projects/{lab}/users/{eve}/roles        401 403 403 403 200 200 200 200 200
    GET /v3/projects/{lab}/users/{eve}/roles/{member} 401 403 403 403 204 204 204 204 204
    HEAD /v3/projects/{lab}/users/{eve}/roles/{member} 401 403 403 403 204 204 204 204 204
    GET /v3/projects/{lab}/users/{eve}/roles/{reader} 401 403 403 403 404 404 404 404 404
    GET /v3/projects/{lab}/users/none/roles/{reader} 401 404 404 404 404 404 404 404 404
    GET /v3/domains/{eng}/users/{eve}/roles         401 403 403 403 200 200 200 200 200
    GET /v3/domains/{eng}/users/{ada}/roles         401 403 403 403 403 403 200 200 200
    GET /v3/system/users/{eve}/roles                401 403 403 403 403 403 200 403 200
    GET /v3/system/users/{eve}/roles/{admin}        401 403 403 403 403 403 404 403 404
    GET /v3/services                                401 403 403 403 403 403 200 403 200
    GET /v3/services/none                           401 403 403 403 403 403 404 403 404
    GET /v3/endpoints                               401 403 403 403 403 403 200 403 200
    GET /v3/regions                                 401 200 200 200 200 200 200 200 200
    GET /v3/regions/none                            401 404 404 404 404 404 404 404 404
    GET /v3/nothing                                 404 404 404 404 404 404 404 404 404
    PUT /v3/users                                   405 405 405 405 405 405 405 405 405
    ");
}

#[tokio::test]
async fn changing() {
    insta::assert_snapshot!(stage().await.table(&CHANGES).await, @r"
                                                    nobody unscoped p-reader p-member d-reader d-manager s-reader d-admin admin
    POST /v3/domains                                401 403 403 403 403 403 403 403 409
    PATCH /v3/domains/{eng}                         401 403 403 403 403 403 403 403 200
    DELETE /v3/domains/{eng}                        401 403 403 403 403 403 403 403 403
    POST /v3/projects                               401 403 403 403 403 409 403 409 409
    POST /v3/projects                               401 403 403 403 403 403 403 201 409
    PATCH /v3/projects/{lab}                        401 403 403 403 403 200 403 200 200
    PATCH /v3/projects/none                         401 403 403 403 403 403 403 404 404
    DELETE /v3/projects/none                        401 403 403 403 403 403 403 404 404
    POST /v3/users                                  401 403 403 403 403 409 403 409 409
    POST /v3/users                                  401 403 403 403 403 403 403 201 409
    PATCH /v3/users/{eve}                           401 403 403 403 403 200 403 200 200
    PATCH /v3/users/{ada}                           401 403 403 403 403 403 403 200 200
    PATCH /v3/users/none                            401 403 403 403 403 403 403 404 404
    DELETE /v3/users/none                           401 403 403 403 403 403 403 404 404
    POST /v3/roles                                  401 403 403 403 403 403 403 403 409
    POST /v3/roles                                  401 403 403 403 403 403 403 403 404
    PATCH /v3/roles/{member}                        401 403 403 403 403 403 403 403 200
    DELETE /v3/roles/none                           401 403 403 403 403 403 403 403 404
    PUT /v3/roles/{admin}/implies/{reader}          401 403 403 403 403 403 403 403 201
    PUT /v3/roles/{reader}/implies/{admin}          401 403 403 403 403 403 403 403 403
    DELETE /v3/roles/{reader}/implies/{member}      401 403 403 403 403 403 403 403 404
    PUT /v3/projects/{lab}/users/{eve}/roles/{reader} 401 403 403 403 403 204 403 204 204
    PUT /v3/projects/{lab}/users/{eve}/roles/{admin} 401 403 403 403 403 403 403 204 204
    PUT /v3/projects/{lab}/users/{ada}/roles/{reader} 401 403 403 403 403 403 403 204 204
    PUT /v3/projects/{lab}/users/{ada}/roles/none   401 404 404 404 404 404 404 404 404
    PUT /v3/projects/none/users/{ada}/roles/{reader} 401 404 404 404 404 404 404 404 404
    PUT /v3/domains/{eng}/users/{eve}/roles/{reader} 401 403 403 403 403 204 403 204 204
    PUT /v3/system/users/{eve}/roles/{reader}       401 403 403 403 403 403 403 403 204
    DELETE /v3/projects/{lab}/users/none/roles/{reader} 401 403 403 403 403 403 403 404 404
    DELETE /v3/domains/{eng}/users/{eve}/roles/{admin} 401 403 403 403 403 403 403 404 404
    DELETE /v3/system/users/{eve}/roles/{admin}     401 403 403 403 403 403 403 403 404
    POST /v3/services                               401 403 403 403 403 403 403 403 403
    PATCH /v3/endpoints/none                        401 403 403 403 403 403 403 403 403
    DELETE /v3/regions/RegionOne                    401 403 403 403 403 403 403 403 403
    ");
}

/// Bodies that are wrong for some noun or for all.
fn wrong_bodies() -> Vec<Value> {
    let long = "n".repeat(256);
    vec![
        json!([]),
        json!(null),
        json!({"name": 7}),
        json!({"name": ""}),
        json!({"name": "\u{2003} "}),
        json!({"name": long}),
        json!({"name": "a\u{0}"}),
        json!({"name": "x", "enabled": "perhaps"}),
        json!({"name": "x", "description": {}}),
        json!({"name": "x", "domain_id": "no/such"}),
        json!({"name": "x", "options": {"immutable": true}}),
        json!({"name": "x", "tags": ["a", "a"]}),
        json!({"name": "x", "tags": "a"}),
        json!({"name": "x", "password": 7, "original_password": "x"}),
        json!({"id": "other", "name": "x", "password": []}),
    ]
}

/// What each wrong body is answered with, by an administrator's request. No answer is a server's failure, or without a reason.
async fn refusals(call: &str, noun: &str) -> String {
    let stage = stage().await;
    let call = stage.filled(call);
    let mut reasons = Vec::new();
    for inner in wrong_bodies() {
        for body in [json!({"other": inner}), json!([inner]), json!({noun: inner})] {
            let answer = stage.cloud.admin(&call, body.clone()).await;
            let status = answer.status.as_u16();
            let reason = answer.message().to_owned();
            assert!(status < 500 && (status < 300 || !reason.is_empty()), "{call} {body}");
            if status == 400 && body.get(noun).is_some() {
                reasons.push(reason);
            }
        }
    }
    reasons.dedup();
    reasons.join("\n")
}

#[tokio::test]
async fn malformed_domains() {
    insta::assert_snapshot!(refusals("POST /v3/domains", "domain").await, @r"
    Invalid input for field 'domain': it must be of type 'object', not an array.
    Invalid input for field 'domain': it must be of type 'object', not null.
    Invalid input for field 'domain/name': it must be of type 'string', not a number.
    Invalid input for field 'domain/name': it must have 1 to 64 characters, not 0.
    Invalid input for field 'domain/name': it must not be blank.
    Invalid input for field 'domain/name': it must have 1 to 64 characters, not 256.
    Invalid input: text must not hold NUL characters.
    Invalid input for field 'domain/enabled': it must be of type 'boolean', not a string.
    Invalid input for field 'domain/description': it must be of type 'string', not an object.
    Invalid input for field 'options': this service knows no resource options.
    ");
    insta::assert_snapshot!(refusals("PATCH /v3/domains/{eng}", "domain").await, @r"
    Invalid input for field 'domain': it must be of type 'object', not an array.
    Invalid input for field 'domain': it must be of type 'object', not null.
    Invalid input for field 'domain/name': it must be of type 'string', not a number.
    Invalid input for field 'domain/name': it must have 1 to 64 characters, not 0.
    Invalid input for field 'domain/name': it must not be blank.
    Invalid input for field 'domain/name': it must have 1 to 64 characters, not 256.
    Invalid input: text must not hold NUL characters.
    Invalid input for field 'domain/enabled': it must be of type 'boolean', not a string.
    Invalid input for field 'domain/description': it must be of type 'string', not an object.
    Invalid input for field 'options': this service knows no resource options.
    Cannot change ID
    ");
}

#[tokio::test]
async fn malformed_projects() {
    insta::assert_snapshot!(refusals("POST /v3/projects", "project").await, @r"
    Invalid input for field 'project': it must be of type 'object', not an array.
    Invalid input for field 'project': it must be of type 'object', not null.
    Invalid input for field 'project/name': it must be of type 'string', not a number.
    Invalid input for field 'project/name': it must have 1 to 64 characters, not 0.
    Invalid input for field 'project/name': it must not be blank.
    Invalid input for field 'project/name': it must have 1 to 64 characters, not 256.
    Invalid input: text must not hold NUL characters.
    Invalid input for field 'project/enabled': it must be of type 'boolean', not a string.
    Invalid input for field 'project/description': it must be of type 'string', not an object.
    Invalid input for field 'project/domain_id': 'no/such' is not an id of 1 to 64 letters, digits and hyphens.
    Invalid input for field 'options': this service knows no resource options.
    Invalid input for field 'project/tags': at most 80 tags, each once.
    Invalid input for field 'project/tags': it must be of type 'array', not a string.
    ");
    insta::assert_snapshot!(refusals("PATCH /v3/projects/{lab}", "project").await, @r"
    Invalid input for field 'project': it must be of type 'object', not an array.
    Invalid input for field 'project': it must be of type 'object', not null.
    Invalid input for field 'project/name': it must be of type 'string', not a number.
    Invalid input for field 'project/name': it must have 1 to 64 characters, not 0.
    Invalid input for field 'project/name': it must not be blank.
    Invalid input for field 'project/name': it must have 1 to 64 characters, not 256.
    Invalid input: text must not hold NUL characters.
    Invalid input for field 'project/enabled': it must be of type 'boolean', not a string.
    Invalid input for field 'project/description': it must be of type 'string', not an object.
    Invalid input for field 'project/domain_id': 'no/such' is not an id of 1 to 64 letters, digits and hyphens.
    Invalid input for field 'options': this service knows no resource options.
    Invalid input for field 'project/tags': at most 80 tags, each once.
    Invalid input for field 'project/tags': it must be of type 'array', not a string.
    Cannot change ID
    ");
}

#[tokio::test]
async fn malformed_users() {
    insta::assert_snapshot!(refusals("POST /v3/users", "user").await, @r"
    Invalid input for field 'user': it must be of type 'object', not an array.
    Invalid input for field 'user': it must be of type 'object', not null.
    Invalid input for field 'user/name': it must be of type 'string', not a number.
    Invalid input for field 'user/name': it must have 1 to 255 characters, not 0.
    Invalid input for field 'user/name': it must not be blank.
    Invalid input for field 'user/name': it must have 1 to 255 characters, not 256.
    Invalid input: text must not hold NUL characters.
    Invalid input for field 'user/enabled': it must be of type 'boolean', not a string.
    Invalid input for field 'user/description': it must be of type 'string', not an object.
    Invalid input for field 'user/domain_id': 'no/such' is not an id of 1 to 64 letters, digits and hyphens.
    Invalid input for field 'options': this service knows no resource options.
    Invalid input for field 'user/password': it must be of type 'string', not a number.
    Invalid input for field 'user/password': it must be of type 'string', not an array.
    ");
    insta::assert_snapshot!(refusals("PATCH /v3/users/{eve}", "user").await, @r"
    Invalid input for field 'user': it must be of type 'object', not an array.
    Invalid input for field 'user': it must be of type 'object', not null.
    Invalid input for field 'user/name': it must be of type 'string', not a number.
    Invalid input for field 'user/name': it must have 1 to 255 characters, not 0.
    Invalid input for field 'user/name': it must not be blank.
    Invalid input for field 'user/name': it must have 1 to 255 characters, not 256.
    Invalid input: text must not hold NUL characters.
    Invalid input for field 'user/enabled': it must be of type 'boolean', not a string.
    Invalid input for field 'user/description': it must be of type 'string', not an object.
    Invalid input for field 'user/domain_id': 'no/such' is not an id of 1 to 64 letters, digits and hyphens.
    Invalid input for field 'options': this service knows no resource options.
    Invalid input for field 'user/password': it must be of type 'string', not a number.
    Cannot change ID
    ");
    insta::assert_snapshot!(refusals("POST /v3/users/{eve}/password", "user").await, @r"
    Invalid input for field 'user': it must be of type 'object', not an array.
    Invalid input for field 'user': it must be of type 'object', not null.
    Invalid input: 'original_password' is a required property of user.
    Invalid input: text must not hold NUL characters.
    Invalid input: 'original_password' is a required property of user.
    Invalid input for field 'user/password': it must be of type 'string', not a number.
    Invalid input: 'original_password' is a required property of user.
    ");
}

#[tokio::test]
async fn malformed_roles() {
    insta::assert_snapshot!(refusals("POST /v3/roles", "role").await, @r"
    Invalid input for field 'role': it must be of type 'object', not an array.
    Invalid input for field 'role': it must be of type 'object', not null.
    Invalid input for field 'role/name': it must be of type 'string', not a number.
    Invalid input for field 'role/name': it must have 1 to 255 characters, not 0.
    Invalid input for field 'role/name': it must not be blank.
    Invalid input for field 'role/name': it must have 1 to 255 characters, not 256.
    Invalid input: text must not hold NUL characters.
    Invalid input for field 'role/description': it must be of type 'string', not an object.
    Invalid input for field 'role/domain_id': 'no/such' is not an id of 1 to 64 letters, digits and hyphens.
    Invalid input for field 'options': this service knows no resource options.
    ");
    insta::assert_snapshot!(refusals("PATCH /v3/roles/{member}", "role").await, @r"
    Invalid input for field 'role': it must be of type 'object', not an array.
    Invalid input for field 'role': it must be of type 'object', not null.
    Invalid input for field 'role/name': it must be of type 'string', not a number.
    Invalid input for field 'role/name': it must have 1 to 255 characters, not 0.
    Invalid input for field 'role/name': it must not be blank.
    Invalid input for field 'role/name': it must have 1 to 255 characters, not 256.
    Invalid input: text must not hold NUL characters.
    ");
}

#[tokio::test]
async fn addresses_that_nothing_can_be_found_by_are_refused() {
    let cloud = Cloud::new().await;
    for call in [
        "GET /v3/users/%00",
        "GET /v3/users/%ff",
        "GET /v3/users?name=%00",
        "DELETE /v3/projects/a%00b",
    ] {
        let answer = cloud.admin(call, Value::Null).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{call}");
    }
    let odd = cloud.admin("GET /v3/users/%20%27%3B--%E2%98%83", Value::Null).await;
    assert_eq!(odd.status, StatusCode::NOT_FOUND, "{}", odd.shown());
}
