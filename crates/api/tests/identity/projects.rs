//! `/v3/projects`

use crate::cloud::{Answer, Cloud};
use axum::http::StatusCode;
use serde_json::{Value, json};

fn names(answer: &Answer) -> Vec<&str> {
    let projects = answer.body["projects"].as_array().unwrap();
    projects.iter().map(|project| project["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_project_is_made_shown_changed_and_removed() {
    let cloud = Cloud::new().await;
    let new = json!({"project": {
        "name": "lab", "description": null, "tags": ["b", "a"], "cost_centre": 7,
        "links": "forged", "id": "forged", "is_domain": false,
    }});
    let made = cloud.admin("POST /v3/projects", new).await;
    insta::assert_snapshot!(made.shown(), @r#"
    201 Created
    {"project":{"cost_centre":7,"description":"","domain_id":"default","enabled":true,"id":"[id]","is_domain":false,"links":{"self":"http://cloud/identity/v3/projects/[id]"},"name":"lab","options":{},"parent_id":"default","tags":["a","b"]}}
    "#);
    let id = made.id("project");
    let path = format!("/v3/projects/{id}");
    let shown = cloud.admin(&format!("GET {path}"), Value::Null).await;
    assert_eq!(shown.body, made.body);
    let change = json!({"project": {"name": "works", "tags": [], "cost_centre": null, "parent_id": "default"}});
    let changed = cloud.admin(&format!("PATCH {path}"), change).await;
    assert_eq!(changed.body["project"]["name"], "works");
    assert_eq!(changed.body["project"]["tags"], json!([]));
    assert_eq!(changed.body["project"]["cost_centre"], Value::Null);
    let removed = cloud.admin(&format!("DELETE {path}"), Value::Null).await;
    assert_eq!((removed.status, removed.body), (StatusCode::NO_CONTENT, Value::Null));
    let gone = cloud.admin(&format!("GET {path}"), Value::Null).await;
    insta::assert_snapshot!(gone.shown(), @r#"
    404 Not Found
    {"error":{"code":404,"message":"Could not find project: [id].","title":"Not Found"}}
    "#);
}

#[tokio::test]
async fn a_name_is_unique_in_its_domain() {
    let cloud = Cloud::new().await;
    let eng =
        cloud.admin("POST /v3/domains", json!({"domain": {"name": "eng"}})).await.id("domain");
    let lab = cloud.project("lab", "default").await;
    cloud.project("lab", &eng).await;
    let taken = cloud.admin("POST /v3/projects", json!({"project": {"name": "lab"}})).await;
    insta::assert_snapshot!(taken.shown(), @r#"
    409 Conflict
    {"error":{"code":409,"message":"Conflict occurred attempting to store project - it is not permitted to have two projects with either the same name or same id in the same domain: name is lab, project id [id].","title":"Conflict"}}
    "#);
    cloud.project("other", "default").await;
    let rename = json!({"project": {"name": "other"}});
    let clash = cloud.admin(&format!("PATCH /v3/projects/{lab}"), rename).await;
    assert_eq!(clash.status, StatusCode::CONFLICT);
    let moved = json!({"project": {"domain_id": eng}});
    let refused = cloud.admin(&format!("PATCH /v3/projects/{lab}"), moved).await;
    insta::assert_snapshot!(refused.shown(), @r#"
    400 Bad Request
    {"error":{"code":400,"message":"Cannot change Domain ID","title":"Bad Request"}}
    "#);
}

#[tokio::test]
async fn projects_form_a_tree_of_five() {
    let cloud = Cloud::new().await;
    let under = |name: &str, parent: &str| json!({"project": {"name": name, "parent_id": parent}});
    let mut ids = vec![cloud.project("p1", "default").await];
    for name in ["p2", "p3", "p4", "p5", "p6"] {
        let made = cloud.admin("POST /v3/projects", under(name, ids.last().unwrap())).await;
        if name == "p6" {
            insta::assert_snapshot!(made.shown(), @r#"
            403 Forbidden
            {"error":{"code":403,"message":"Max hierarchy depth reached for [id] branch.","title":"Forbidden"}}
            "#);
        } else {
            ids.push(made.id("project"));
        }
    }
    let refusals = [
        ("DELETE", 0, Value::Null),
        ("PATCH", 0, json!({"project": {"enabled": false}})),
        ("PATCH", 1, json!({"project": {"parent_id": ids[3]}})),
    ];
    let mut reasons = String::new();
    for (method, at, body) in refusals {
        let answer = cloud.admin(&format!("{method} /v3/projects/{}", ids[at]), body).await;
        let message =
            ids.iter().fold(answer.message().to_owned(), |text, id| text.replace(id, "[id]"));
        reasons.push_str(&format!("{} {message}\n", answer.status));
    }
    for (body, name) in [
        (under("x", "nothing"), "unknown parent"),
        (json!({"project": {"name": "x", "domain_id": "nothing"}}), "unknown domain"),
    ] {
        let answer = cloud.admin("POST /v3/projects", body).await;
        reasons.push_str(&format!("{} {name}: {}\n", answer.status, answer.message()));
    }
    insta::assert_snapshot!(reasons, @r"
    403 Forbidden Cannot delete the project [id] since it is not a leaf in the hierarchy. Use the cascade option if you want to delete a whole subtree.
    403 Forbidden Cannot disable project [id] since its subtree contains enabled projects.
    403 Forbidden Update of `parent_id` is not allowed.
    400 Bad Request unknown parent: Could not find project: nothing.
    400 Bad Request unknown domain: Could not find domain: nothing.
    ");
    let disable = json!({"project": {"enabled": false}});
    for id in ids.iter().rev() {
        let answer = cloud.admin(&format!("PATCH /v3/projects/{id}"), disable.clone()).await;
        assert_eq!(answer.status, StatusCode::OK);
    }
    let enable = json!({"project": {"enabled": true}});
    let early = cloud.admin(&format!("PATCH /v3/projects/{}", ids[4]), enable).await;
    assert_eq!(early.status, StatusCode::FORBIDDEN);
    let below = cloud.admin(&format!("GET /v3/projects?parent_id={}", ids[0]), Value::Null).await;
    assert_eq!(names(&below), ["p2"]);
    let top = cloud.admin("GET /v3/projects?parent_id=default", Value::Null).await;
    assert_eq!(names(&top), ["admin", "p1"]);
}

#[tokio::test]
async fn listings_are_filtered_and_paged() {
    let cloud = Cloud::new().await;
    for (name, tags) in [("a", json!(["x"])), ("b", json!(["x", "y"])), ("c", json!([]))] {
        let new = json!({"project": {"name": name, "tags": tags, "enabled": name != "c"}});
        cloud.admin("POST /v3/projects", new).await;
    }
    for (query, found) in [
        ("", vec!["a", "admin", "b", "c"]),
        ("?name=b", vec!["b"]),
        ("?enabled=false", vec!["c"]),
        ("?tags=x,y", vec!["b"]),
        ("?tags-any=x,y", vec!["a", "b"]),
        ("?not-tags-any=y", vec!["a", "admin", "c"]),
        ("?name__contains=mi", vec!["admin"]),
        ("?domain_id=other", vec![]),
        ("?is_domain=True", vec!["Default"]),
    ] {
        let answer = cloud.admin(&format!("GET /v3/projects{query}"), Value::Null).await;
        assert_eq!(names(&answer), found, "{query}");
    }
    let mut next = "/identity/v3/projects?limit=3".to_owned();
    let mut pages = Vec::new();
    while !next.is_empty() {
        let path =
            next.trim_start_matches("http://cloud").trim_start_matches("/identity").to_owned();
        let page = cloud.admin(&format!("GET {path}"), Value::Null).await;
        assert_eq!(page.body["links"]["self"], format!("http://cloud/identity{path}"));
        pages.push(names(&page).join(" "));
        next = page.body["links"]["next"].as_str().unwrap_or_default().to_owned();
    }
    assert_eq!(pages, ["a admin b", "c"]);
    for bad in ["limit=-1", "limit=many", "marker=nothing"] {
        let answer = cloud.admin(&format!("GET /v3/projects?{bad}"), Value::Null).await;
        assert!(answer.status.is_client_error(), "{bad}");
    }
}

#[tokio::test]
async fn a_removed_project_is_nobodys_default() {
    let cloud = Cloud::new().await;
    let lab = cloud.project("lab", "default").await;
    let new = json!({"user": {"name": "ada", "default_project_id": lab}});
    let ada = cloud.admin("POST /v3/users", new).await.id("user");
    cloud.admin(&format!("DELETE /v3/projects/{lab}"), Value::Null).await;
    let shown = cloud.admin(&format!("GET /v3/users/{ada}"), Value::Null).await;
    assert_eq!(shown.body["user"]["default_project_id"], Value::Null);
}
