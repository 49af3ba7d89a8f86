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
            let user = cloud
                .user(&format!("{role}-{}", &target[..1]), "default")
                .await;
            cloud.grant(&target, &user, role).await;
        }
    }
    cloud
        .grant(&format!("projects/{lab}"), &eve, "member")
        .await;
    let in_lab = json!({"project": {"id": lab}});
    let in_eng = json!({"domain": {"id": eng}});
    let tokens = vec![
        String::new(),
        cloud.login("ada", PASSWORD, Value::Null).await,
        cloud.login("reader-p", PASSWORD, in_lab.clone()).await,
        cloud.login("member-p", PASSWORD, in_lab).await,
        cloud.login("reader-d", PASSWORD, in_eng.clone()).await,
        cloud.login("manager-d", PASSWORD, in_eng.clone()).await,
        cloud
            .login("reader-s", PASSWORD, json!({"system": {"all": true}}))
            .await,
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
    Stage {
        cloud,
        tokens,
        names,
    }
}

impl Stage {
    /// One line: the call, and the status of each caller.
    async fn row(&self, call: &str, body: &Value) -> String {
        let mut filled = call.to_owned();
        let mut body = body.to_string();
        for (name, id) in &self.names {
            filled = filled.replace(&format!("{{{name}}}"), id);
            body = body.replace(&format!("{{{name}}}"), id);
        }
        let body: Value = serde_json::from_str(&body).unwrap();
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

    async fn table(&self, calls: &[(&str, Value)]) -> String {
        let mut table = format!("{:<47} {}\n", "", CALLERS.join(" "));
        for (call, body) in calls {
            table.push_str(&self.row(call, body).await);
            table.push('\n');
        }
        table
    }
}

#[tokio::test]
async fn looking() {
    let calls = [
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
    ]
    .map(|call| (call, Value::Null));
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
    let calls = [
        ("POST /v3/domains", json!({"domain": {"name": "eng"}})),
        (
            "PATCH /v3/domains/{eng}",
            json!({"domain": {"description": "x"}}),
        ),
        ("DELETE /v3/domains/{eng}", Value::Null),
        (
            "POST /v3/projects",
            json!({"project": {"name": "lab", "domain_id": "{eng}"}}),
        ),
        ("POST /v3/projects", json!({"project": {"name": "admin"}})),
        (
            "PATCH /v3/projects/{lab}",
            json!({"project": {"description": "x"}}),
        ),
        (
            "PATCH /v3/projects/none",
            json!({"project": {"description": "x"}}),
        ),
        ("DELETE /v3/projects/none", Value::Null),
        (
            "POST /v3/users",
            json!({"user": {"name": "eve", "domain_id": "{eng}"}}),
        ),
        ("POST /v3/users", json!({"user": {"name": "ada"}})),
        (
            "PATCH /v3/users/{eve}",
            json!({"user": {"description": "x"}}),
        ),
        (
            "PATCH /v3/users/{ada}",
            json!({"user": {"description": "x"}}),
        ),
        (
            "PATCH /v3/users/none",
            json!({"user": {"description": "x"}}),
        ),
        ("DELETE /v3/users/none", Value::Null),
        ("POST /v3/roles", json!({"role": {"name": "admin"}})),
        (
            "POST /v3/roles",
            json!({"role": {"name": "x", "domain_id": "none"}}),
        ),
        (
            "PATCH /v3/roles/{member}",
            json!({"role": {"description": "x"}}),
        ),
        ("DELETE /v3/roles/none", Value::Null),
        ("PUT /v3/roles/{admin}/implies/{reader}", Value::Null),
        ("PUT /v3/roles/{reader}/implies/{admin}", Value::Null),
        ("DELETE /v3/roles/{reader}/implies/{member}", Value::Null),
        (
            "PUT /v3/projects/{lab}/users/{eve}/roles/{reader}",
            Value::Null,
        ),
        (
            "PUT /v3/projects/{lab}/users/{eve}/roles/{admin}",
            Value::Null,
        ),
        (
            "PUT /v3/projects/{lab}/users/{ada}/roles/{reader}",
            Value::Null,
        ),
        ("PUT /v3/projects/{lab}/users/{ada}/roles/none", Value::Null),
        (
            "PUT /v3/projects/none/users/{ada}/roles/{reader}",
            Value::Null,
        ),
        (
            "PUT /v3/domains/{eng}/users/{eve}/roles/{reader}",
            Value::Null,
        ),
        ("PUT /v3/system/users/{eve}/roles/{reader}", Value::Null),
        (
            "DELETE /v3/projects/{lab}/users/none/roles/{reader}",
            Value::Null,
        ),
        (
            "DELETE /v3/domains/{eng}/users/{eve}/roles/{admin}",
            Value::Null,
        ),
        ("DELETE /v3/system/users/{eve}/roles/{admin}", Value::Null),
        ("POST /v3/services", json!({})),
        ("PATCH /v3/endpoints/none", json!({})),
        ("DELETE /v3/regions/RegionOne", Value::Null),
    ];
    insta::assert_snapshot!(stage().await.table(&calls).await, @r"
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

/// A body that is wrong is refused for what is wrong with it, whoever may do the thing.
#[tokio::test]
async fn malformed() {
    let stage = stage().await;
    let mut table = String::new();
    for (call, noun) in [
        ("POST /v3/domains", "domain"),
        ("PATCH /v3/domains/{eng}", "domain"),
        ("POST /v3/projects", "project"),
        ("PATCH /v3/projects/{lab}", "project"),
        ("POST /v3/users", "user"),
        ("PATCH /v3/users/{eve}", "user"),
        ("POST /v3/users/{eve}/password", "user"),
        ("POST /v3/roles", "role"),
        ("PATCH /v3/roles/{member}", "role"),
    ] {
        let mut filled = call.to_owned();
        for (name, id) in &stage.names {
            filled = filled.replace(&format!("{{{name}}}"), id);
        }
        let long = "n".repeat(256);
        for inner in [
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
        ] {
            for body in [
                json!({noun: inner}),
                json!({"other": inner}),
                json!([inner]),
            ] {
                let answer = stage.cloud.admin(&filled, body.clone()).await;
                let shown = answer.status.as_u16();
                assert!(
                    shown < 500 && (shown < 300 || !answer.message().is_empty()),
                    "{call} {body}"
                );
            }
            let answer = stage.cloud.admin(&filled, json!({noun: inner})).await;
            if answer.status == StatusCode::BAD_REQUEST {
                table.push_str(&format!("{call}: {}\n", answer.message()));
            }
        }
    }
    let mut lines: Vec<&str> = table.lines().collect();
    lines.dedup();
    insta::assert_snapshot!(lines.join("\n"), @r"
    POST /v3/domains: Invalid input for field 'domain': it must be of type 'object', not an array.
    POST /v3/domains: Invalid input for field 'domain': it must be of type 'object', not null.
    POST /v3/domains: Invalid input for field 'domain/name': it must be of type 'string', not a number.
    POST /v3/domains: Invalid input for field 'domain/name': it must have 1 to 64 characters, not 0.
    POST /v3/domains: Invalid input for field 'domain/name': it must not be blank.
    POST /v3/domains: Invalid input for field 'domain/name': it must have 1 to 64 characters, not 256.
    POST /v3/domains: Invalid input: text must not hold NUL characters.
    POST /v3/domains: Invalid input for field 'domain/enabled': it must be of type 'boolean', not a string.
    POST /v3/domains: Invalid input for field 'domain/description': it must be of type 'string', not an object.
    POST /v3/domains: Invalid input for field 'options': this service knows no resource options.
    PATCH /v3/domains/{eng}: Invalid input for field 'domain': it must be of type 'object', not an array.
    PATCH /v3/domains/{eng}: Invalid input for field 'domain': it must be of type 'object', not null.
    PATCH /v3/domains/{eng}: Invalid input for field 'domain/name': it must be of type 'string', not a number.
    PATCH /v3/domains/{eng}: Invalid input for field 'domain/name': it must have 1 to 64 characters, not 0.
    PATCH /v3/domains/{eng}: Invalid input for field 'domain/name': it must not be blank.
    PATCH /v3/domains/{eng}: Invalid input for field 'domain/name': it must have 1 to 64 characters, not 256.
    PATCH /v3/domains/{eng}: Invalid input: text must not hold NUL characters.
    PATCH /v3/domains/{eng}: Invalid input for field 'domain/enabled': it must be of type 'boolean', not a string.
    PATCH /v3/domains/{eng}: Invalid input for field 'domain/description': it must be of type 'string', not an object.
    PATCH /v3/domains/{eng}: Invalid input for field 'options': this service knows no resource options.
    PATCH /v3/domains/{eng}: Cannot change ID
    POST /v3/projects: Invalid input for field 'project': it must be of type 'object', not an array.
    POST /v3/projects: Invalid input for field 'project': it must be of type 'object', not null.
    POST /v3/projects: Invalid input for field 'project/name': it must be of type 'string', not a number.
    POST /v3/projects: Invalid input for field 'project/name': it must have 1 to 64 characters, not 0.
    POST /v3/projects: Invalid input for field 'project/name': it must not be blank.
    POST /v3/projects: Invalid input for field 'project/name': it must have 1 to 64 characters, not 256.
    POST /v3/projects: Invalid input: text must not hold NUL characters.
    POST /v3/projects: Invalid input for field 'project/enabled': it must be of type 'boolean', not a string.
    POST /v3/projects: Invalid input for field 'project/description': it must be of type 'string', not an object.
    POST /v3/projects: Invalid input for field 'project/domain_id': 'no/such' is not an id of 1 to 64 letters, digits and hyphens.
    POST /v3/projects: Invalid input for field 'options': this service knows no resource options.
    POST /v3/projects: Invalid input for field 'project/tags': at most 80 tags, each once.
    POST /v3/projects: Invalid input for field 'project/tags': it must be of type 'array', not a string.
    PATCH /v3/projects/{lab}: Invalid input for field 'project': it must be of type 'object', not an array.
    PATCH /v3/projects/{lab}: Invalid input for field 'project': it must be of type 'object', not null.
    PATCH /v3/projects/{lab}: Invalid input for field 'project/name': it must be of type 'string', not a number.
    PATCH /v3/projects/{lab}: Invalid input for field 'project/name': it must have 1 to 64 characters, not 0.
    PATCH /v3/projects/{lab}: Invalid input for field 'project/name': it must not be blank.
    PATCH /v3/projects/{lab}: Invalid input for field 'project/name': it must have 1 to 64 characters, not 256.
    PATCH /v3/projects/{lab}: Invalid input: text must not hold NUL characters.
    PATCH /v3/projects/{lab}: Invalid input for field 'project/enabled': it must be of type 'boolean', not a string.
    PATCH /v3/projects/{lab}: Invalid input for field 'project/description': it must be of type 'string', not an object.
    PATCH /v3/projects/{lab}: Invalid input for field 'project/domain_id': 'no/such' is not an id of 1 to 64 letters, digits and hyphens.
    PATCH /v3/projects/{lab}: Invalid input for field 'options': this service knows no resource options.
    PATCH /v3/projects/{lab}: Invalid input for field 'project/tags': at most 80 tags, each once.
    PATCH /v3/projects/{lab}: Invalid input for field 'project/tags': it must be of type 'array', not a string.
    PATCH /v3/projects/{lab}: Cannot change ID
    POST /v3/users: Invalid input for field 'user': it must be of type 'object', not an array.
    POST /v3/users: Invalid input for field 'user': it must be of type 'object', not null.
    POST /v3/users: Invalid input for field 'user/name': it must be of type 'string', not a number.
    POST /v3/users: Invalid input for field 'user/name': it must have 1 to 255 characters, not 0.
    POST /v3/users: Invalid input for field 'user/name': it must not be blank.
    POST /v3/users: Invalid input for field 'user/name': it must have 1 to 255 characters, not 256.
    POST /v3/users: Invalid input: text must not hold NUL characters.
    POST /v3/users: Invalid input for field 'user/enabled': it must be of type 'boolean', not a string.
    POST /v3/users: Invalid input for field 'user/description': it must be of type 'string', not an object.
    POST /v3/users: Invalid input for field 'user/domain_id': 'no/such' is not an id of 1 to 64 letters, digits and hyphens.
    POST /v3/users: Invalid input for field 'options': this service knows no resource options.
    POST /v3/users: Invalid input for field 'user/password': it must be of type 'string', not a number.
    POST /v3/users: Invalid input for field 'user/password': it must be of type 'string', not an array.
    PATCH /v3/users/{eve}: Invalid input for field 'user': it must be of type 'object', not an array.
    PATCH /v3/users/{eve}: Invalid input for field 'user': it must be of type 'object', not null.
    PATCH /v3/users/{eve}: Invalid input for field 'user/name': it must be of type 'string', not a number.
    PATCH /v3/users/{eve}: Invalid input for field 'user/name': it must have 1 to 255 characters, not 0.
    PATCH /v3/users/{eve}: Invalid input for field 'user/name': it must not be blank.
    PATCH /v3/users/{eve}: Invalid input for field 'user/name': it must have 1 to 255 characters, not 256.
    PATCH /v3/users/{eve}: Invalid input: text must not hold NUL characters.
    PATCH /v3/users/{eve}: Invalid input for field 'user/enabled': it must be of type 'boolean', not a string.
    PATCH /v3/users/{eve}: Invalid input for field 'user/description': it must be of type 'string', not an object.
    PATCH /v3/users/{eve}: Invalid input for field 'user/domain_id': 'no/such' is not an id of 1 to 64 letters, digits and hyphens.
    PATCH /v3/users/{eve}: Invalid input for field 'options': this service knows no resource options.
    PATCH /v3/users/{eve}: Invalid input for field 'user/password': it must be of type 'string', not a number.
    PATCH /v3/users/{eve}: Cannot change ID
    POST /v3/users/{eve}/password: Invalid input for field 'user': it must be of type 'object', not an array.
    POST /v3/users/{eve}/password: Invalid input for field 'user': it must be of type 'object', not null.
    POST /v3/users/{eve}/password: Invalid input: 'original_password' is a required property of user.
    POST /v3/users/{eve}/password: Invalid input: text must not hold NUL characters.
    POST /v3/users/{eve}/password: Invalid input: 'original_password' is a required property of user.
    POST /v3/users/{eve}/password: Invalid input for field 'user/password': it must be of type 'string', not a number.
    POST /v3/users/{eve}/password: Invalid input: 'original_password' is a required property of user.
    POST /v3/roles: Invalid input for field 'role': it must be of type 'object', not an array.
    POST /v3/roles: Invalid input for field 'role': it must be of type 'object', not null.
    POST /v3/roles: Invalid input for field 'role/name': it must be of type 'string', not a number.
    POST /v3/roles: Invalid input for field 'role/name': it must have 1 to 255 characters, not 0.
    POST /v3/roles: Invalid input for field 'role/name': it must not be blank.
    POST /v3/roles: Invalid input for field 'role/name': it must have 1 to 255 characters, not 256.
    POST /v3/roles: Invalid input: text must not hold NUL characters.
    POST /v3/roles: Invalid input for field 'role/description': it must be of type 'string', not an object.
    POST /v3/roles: Invalid input for field 'role/domain_id': 'no/such' is not an id of 1 to 64 letters, digits and hyphens.
    POST /v3/roles: Invalid input for field 'options': this service knows no resource options.
    PATCH /v3/roles/{member}: Invalid input for field 'role': it must be of type 'object', not an array.
    PATCH /v3/roles/{member}: Invalid input for field 'role': it must be of type 'object', not null.
    PATCH /v3/roles/{member}: Invalid input for field 'role/name': it must be of type 'string', not a number.
    PATCH /v3/roles/{member}: Invalid input for field 'role/name': it must have 1 to 255 characters, not 0.
    PATCH /v3/roles/{member}: Invalid input for field 'role/name': it must not be blank.
    PATCH /v3/roles/{member}: Invalid input for field 'role/name': it must have 1 to 255 characters, not 256.
    PATCH /v3/roles/{member}: Invalid input: text must not hold NUL characters.
    PATCH /v3/roles/{member}: Invalid input for field 'role/description': it must be of type 'string', not an object.
    PATCH /v3/roles/{member}: Invalid input for field 'role/domain_id': 'no/such' is not an id of 1 to 64 letters, digits and hyphens.
    PATCH /v3/roles/{member}: Invalid input for field 'options': this service knows no resource options.
    PATCH /v3/roles/{member}: Cannot change ID
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
    let odd = cloud
        .admin("GET /v3/users/%20%27%3B--%E2%98%83", Value::Null)
        .await;
    assert_eq!(odd.status, StatusCode::NOT_FOUND, "{}", odd.shown());
}
