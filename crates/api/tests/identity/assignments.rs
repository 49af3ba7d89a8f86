//! Grants, and `/v3/role_assignments`

use crate::cloud::{Answer, Cloud, PASSWORD};
use axum::http::StatusCode;
use serde_json::{Value, json};

/// `role user scope`, sorted, of a listing with names.
fn lines(answer: &Answer) -> Vec<String> {
    let rows = answer.body["role_assignments"].as_array().unwrap();
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let scope = &row["scope"];
            let place = scope["project"]["name"]
                .as_str()
                .or(scope["domain"]["name"].as_str())
                .unwrap_or("system");
            let name = |noun: &str| row[noun]["name"].as_str().unwrap().to_owned();
            format!("{} {} {place}", name("role"), name("user"))
        })
        .collect();
    lines.sort();
    lines
}

#[tokio::test]
async fn a_role_is_given_seen_and_taken() {
    let cloud = Cloud::new().await;
    let ada = cloud.user("ada", "default").await;
    let lab = cloud.project("lab", "default").await;
    let member = cloud.role("member").await;
    for target in [format!("projects/{lab}"), "domains/default".into(), "system".into()] {
        let roles = format!("/v3/{target}/users/{ada}/roles");
        let one = format!("{roles}/{member}");
        let status = async |call: &str| cloud.admin(call, Value::Null).await.status;
        assert_eq!(status(&format!("GET {one}")).await, StatusCode::NOT_FOUND);
        assert_eq!(status(&format!("PUT {one}")).await, StatusCode::NO_CONTENT);
        assert_eq!(status(&format!("PUT {one}")).await, StatusCode::NO_CONTENT);
        assert_eq!(status(&format!("HEAD {one}")).await, StatusCode::NO_CONTENT);
        let listed = cloud.admin(&format!("GET {roles}"), Value::Null).await;
        assert_eq!(listed.body["roles"].as_array().unwrap().len(), 1);
        assert_eq!(listed.body["roles"][0]["name"], "member");
        assert_eq!(listed.body["links"]["self"], format!("http://cloud/identity{roles}"));
        assert_eq!(status(&format!("DELETE {one}")).await, StatusCode::NO_CONTENT);
        assert_eq!(status(&format!("DELETE {one}")).await, StatusCode::NOT_FOUND);
    }
    let call = format!("GET /v3/projects/{lab}/users/{ada}/roles/{member}");
    insta::assert_snapshot!(cloud.admin(&call, Value::Null).await.shown(), @r#"
    404 Not Found
    {"error":{"code":404,"message":"Could not find role assignment with role: [id], user or group: [id], project, domain, or system: [id].","title":"Not Found"}}
    "#);
}

#[tokio::test]
async fn a_domains_role_stays_in_its_domain() {
    let cloud = Cloud::new().await;
    let eng =
        cloud.admin("POST /v3/domains", json!({"domain": {"name": "eng"}})).await.id("domain");
    let own = json!({"role": {"name": "ops", "domain_id": eng}});
    let own = cloud.admin("POST /v3/roles", own).await.id("role");
    let ada = cloud.user("ada", "default").await;
    let here = cloud.project("here", &eng).await;
    let there = cloud.project("there", "default").await;
    for (project, status) in [(&here, 204), (&there, 403)] {
        let call = format!("PUT /v3/projects/{project}/users/{ada}/roles/{own}");
        assert_eq!(cloud.admin(&call, Value::Null).await.status.as_u16(), status);
    }
    let login = cloud.authenticate("ada", PASSWORD, json!({"project": {"id": here}})).await;
    assert_eq!(login.status, StatusCode::UNAUTHORIZED, "it implies nothing yet");
    let reader = cloud.role("reader").await;
    cloud.admin(&format!("PUT /v3/roles/{own}/implies/{reader}"), Value::Null).await;
    let login = cloud.authenticate("ada", PASSWORD, json!({"project": {"id": here}})).await;
    assert_eq!(login.body["token"]["roles"][0]["name"], "reader");
}

#[tokio::test]
async fn assignments_are_listed_as_given_or_with_what_they_imply() {
    let cloud = Cloud::new().await;
    let ada = cloud.user("ada", "default").await;
    let lab = cloud.project("lab", "default").await;
    cloud.grant(&format!("projects/{lab}"), &ada, "manager").await;
    cloud.grant(&format!("projects/{lab}"), &ada, "reader").await;
    cloud.grant("system", &ada, "reader").await;
    let member = cloud.role("member").await;
    for (query, found) in [
        (
            String::new(),
            vec![
                "admin admin Default",
                "admin admin admin",
                "admin admin system",
                "manager ada lab",
                "reader ada lab",
                "reader ada system",
            ],
        ),
        (format!("&user.id={ada}"), vec!["manager ada lab", "reader ada lab", "reader ada system"]),
        ("&scope.system=all".into(), vec!["admin admin system", "reader ada system"]),
        ("&scope.domain.id=default".into(), vec!["admin admin Default"]),
        (
            format!("&scope.project.id={lab}&effective"),
            vec!["manager ada lab", "member ada lab", "reader ada lab"],
        ),
        (format!("&role.id={member}"), vec![]),
        (format!("&role.id={member}&effective=1&user.id={ada}"), vec!["member ada lab"]),
        ("&group.id=x".into(), vec![]),
    ] {
        let call = format!("GET /v3/role_assignments?include_names=1{query}");
        assert_eq!(lines(&cloud.admin(&call, Value::Null).await), found, "{query}");
    }
    let call =
        format!("GET /v3/role_assignments?effective&role.id={member}&scope.project.id={lab}");
    insta::assert_snapshot!(cloud.admin(&call, Value::Null).await.shown(), @r#"
    200 OK
    {"links":{"next":null,"previous":null,"self":"http://cloud/identity/v3/role_assignments?effective&role.id=[id]&scope.project.id=[id]"},"role_assignments":[{"links":{"assignment":"http://cloud/identity/v3/projects/[id]/users/[id]/roles/[id]","prior_role":"http://cloud/identity/v3/prior_role/[id]/implies/[id]"},"role":{"id":"[id]"},"scope":{"project":{"id":"[id]"}},"user":{"id":"[id]"}}]}
    "#);
    let call = format!(
        "GET /v3/role_assignments?include_names&scope.project.id={lab}&role.id={}",
        cloud.role("manager").await
    );
    insta::assert_snapshot!(cloud.admin(&call, Value::Null).await.shown(), @r#"
    200 OK
    {"links":{"next":null,"previous":null,"self":"http://cloud/identity/v3/role_assignments?include_names&scope.project.id=[id]&role.id=[id]"},"role_assignments":[{"links":{"assignment":"http://cloud/identity/v3/projects/[id]/users/[id]/roles/[id]"},"role":{"id":"[id]","name":"manager"},"scope":{"project":{"domain":{"id":"default","name":"Default"},"id":"[id]","name":"lab"}},"user":{"domain":{"id":"default","name":"Default"},"id":"[id]","name":"ada"}}]}
    "#);
}

#[tokio::test]
async fn contradicting_filters_are_refused() {
    let cloud = Cloud::new().await;
    let mut reasons = String::new();
    for query in [
        "user.id=a&group.id=b",
        "scope.project.id=a&scope.domain.id=b",
        "scope.project.id=a&scope.system=all",
        "scope.domain.id=a&scope.system=all",
        "effective&group.id=a",
        "include_subtree=1&scope.project.id=a",
    ] {
        let answer = cloud.admin(&format!("GET /v3/role_assignments?{query}"), Value::Null).await;
        reasons.push_str(&format!("{} {}\n", answer.status, answer.message()));
    }
    insta::assert_snapshot!(reasons, @r"
    400 Bad Request Specify a user or group, not both
    400 Bad Request Specify a domain or project, not both
    400 Bad Request Specify system or project, not both
    400 Bad Request Specify system or domain, not both
    400 Bad Request Combining effective and group filter will always result in an empty list.
    400 Bad Request include_subtree is not offered: ask for each project by scope.project.id.
    ");
}

#[tokio::test]
async fn a_domains_reader_sees_its_domain_only() {
    let cloud = Cloud::new().await;
    let eng =
        cloud.admin("POST /v3/domains", json!({"domain": {"name": "eng"}})).await.id("domain");
    let lab = cloud.project("lab", &eng).await;
    let ada = cloud.user("ada", &eng).await;
    cloud.grant(&format!("projects/{lab}"), &ada, "member").await;
    let guard = cloud.user("guard", "default").await;
    cloud.grant(&format!("domains/{eng}"), &guard, "reader").await;
    let token = cloud.login("guard", PASSWORD, json!({"domain": {"id": eng}})).await;
    let seen = cloud.send("GET /v3/role_assignments?include_names", &token, Value::Null).await;
    assert_eq!(lines(&seen), ["member ada lab", "reader guard eng"]);
    for (noun, name) in [("users", "ada"), ("projects", "lab"), ("domains", "eng")] {
        let seen = cloud.send(&format!("GET /v3/{noun}"), &token, Value::Null).await;
        let all = seen.body[noun].as_array().unwrap();
        assert_eq!(all.len(), 1, "{noun}");
        assert_eq!(all[0]["name"], name);
    }
}
