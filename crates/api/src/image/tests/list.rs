//! `GET /v2/images`

use super::Door;
use crate::http::testing::ask;
use axum::http::Method;
use insta::assert_snapshot;
use serde_json::json;

/// Names of the images of a listing.
async fn names(door: &Door, token: &str, query: &str) -> Vec<String> {
    let answer = door.get(token, &format!("/image/v2/images{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {answer}");
    let body = answer.json();
    let images = body["images"].as_array().unwrap();
    images.iter().map(|image| image["name"].as_str().unwrap().to_owned()).collect()
}

async fn filled() -> Door {
    let door = Door::open().await;
    for (token, name, extra) in [
        ("member", "a", json!({"tags": ["x", "y"], "os": "linux", "min_ram": 5})),
        ("member", "b", json!({"visibility": "private", "protected": true})),
        ("member", "c,d", json!({"os_hidden": true})),
        ("other", "e", json!({"visibility": "private"})),
        ("other", "f", json!({"visibility": "community", "tags": ["x"]})),
        ("admin", "g", json!({"visibility": "public", "disk_format": "qcow2"})),
    ] {
        door.clock.advance_micros(1_000_000);
        let mut body = extra;
        body["name"] = json!(name);
        door.queued_by(token, body).await;
    }
    door
}

#[tokio::test]
async fn each_sees_their_own() {
    let door = filled().await;
    assert_eq!(names(&door, "member", "").await, ["g", "b", "a"]);
    assert_eq!(names(&door, "reader", "").await, ["g", "b", "a"]);
    assert_eq!(names(&door, "other", "").await, ["g", "f", "e"]);
    assert_eq!(names(&door, "admin", "").await, ["g", "e", "b", "a"]);
    assert!(names(&door, "unscoped", "").await.is_empty());
    assert_eq!(ask(Method::GET, "/image/v2/images").of(&door.router).await.status, 401);
}

#[tokio::test]
async fn filters() {
    let door = filled().await;
    for (query, wanted) in [
        ("?visibility=community", vec!["f"]),
        ("?visibility=all", vec!["g", "f", "b", "a"]),
        ("?visibility=private", vec!["b"]),
        ("?os_hidden=true", vec!["c,d"]),
        ("?os_hidden=true&name=in:a,%22c,d%22", vec!["c,d"]),
        ("?name=a", vec!["a"]),
        ("?name=in:a,b,z", vec!["b", "a"]),
        ("?tag=x", vec!["a"]),
        ("?tag=x&tag=z", vec![]),
        ("?os=linux", vec!["a"]),
        ("?os=other", vec![]),
        ("?owner=ops", vec!["g"]),
        ("?owner=two", vec![]),
        ("?protected=true", vec!["b"]),
        ("?status=active", vec![]),
        ("?status=in:queued,active", vec!["g", "b", "a"]),
        ("?status=deleted", vec![]),
        ("?disk_format=qcow2", vec!["g"]),
        ("?min_ram=5", vec!["a"]),
        ("?size_min=1", vec![]),
        ("?created_at=gt:2026-01-01T00:00:02Z", vec!["g"]),
        ("?created_at=lte:2026-01-01T00:00:02Z", vec!["b", "a"]),
        ("?id=00000000-0000-0000-0000-000000000000", vec![]),
        ("?sort=name:asc", vec!["a", "b", "g"]),
        ("?sort_key=name&sort_dir=desc", vec!["g", "b", "a"]),
        ("?sort_key=status&sort_key=name&sort_dir=asc", vec!["a", "b", "g"]),
        ("?limit=0", vec![]),
        ("?member_status=all", vec!["g", "b", "a"]),
    ] {
        assert_eq!(names(&door, "member", query).await, wanted, "{query}");
    }
}

#[tokio::test]
async fn pages_follow_each_other() {
    let door = filled().await;
    let first =
        door.get("member", "/image/v2/images?limit=2&sort=name:asc&status=in:queued").await.json();
    assert_eq!(first["first"], "/v2/images?limit=2&sort=name%3Aasc&status=in%3Aqueued");
    let next = first["next"].as_str().unwrap();
    assert!(next.starts_with("/v2/images?"), "{next}");
    let second = door.get("member", &format!("/image{next}")).await.json();
    assert_eq!(second["images"][0]["name"], "g");
    assert_eq!(second.get("next"), None);
    assert_snapshot!(door.get("member", "/image/v2/images?limit=1&name=zz").await, @r#"
    200
    {
      "first": "/v2/images?limit=1&name=zz",
      "images": [],
      "schema": "/v2/schemas/images"
    }
    "#);
}

#[tokio::test]
async fn what_cannot_be_listed() {
    let door = filled().await;
    for query in [
        "limit=-1",
        "limit=x",
        "marker=00000000-0000-0000-0000-000000000000",
        "sort_key=colour",
        "sort_dir=up",
        "sort=name:asc&sort_key=name",
        "sort_key=name&sort_dir=asc&sort_dir=asc",
        "visibility=secret",
        "os_hidden=maybe",
        "size_min=big",
        "created_at=yesterday",
        "created_at=in:2026-01-01T00:00:02Z",
        "name=gt:a",
        "name=in:%22a",
        "member_status=odd",
        "changes-since=1",
        "name=a%00",
    ] {
        let answer = door.get("member", &format!("/image/v2/images?{query}")).await;
        assert_eq!(answer.status, 400, "{query}: {answer}");
    }
    assert_snapshot!(door.get("member", "/image/v2/images?sort_key=colour").await, @r#"
    400
    {
      "code": "400 Bad Request",
      "message": "Invalid sort key: colour. It must be one of the following: name, status, size, id, created_at, updated_at.",
      "title": "Bad Request"
    }
    "#);
    let others = door.queued_by("other", json!({"visibility": "private"})).await;
    let marker = format!("/image/v2/images?marker={others}");
    assert_eq!(door.get("member", &marker).await.status, 400);
}
