//! `POST` and `GET /v2/images/…`

use super::Door;
use crate::http::testing::{Answer, ask};
use axum::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

const PATH: &str = "/image/v2/images";

async fn create(door: &Door, token: &str, body: Value) -> Answer {
    ask(Method::POST, PATH).by(token).json(&body).of(&door.router).await
}

#[tokio::test]
async fn a_member_names_an_image() {
    let door = Door::open().await;
    let body = json!({
        "id": "11111111-2222-3333-4444-555555555555",
        "name": "cirros",
        "visibility": "private",
        "disk_format": "qcow2",
        "container_format": "bare",
        "min_disk": 1,
        "min_ram": 64,
        "protected": false,
        "tags": ["b", "a", "a"],
        "hw_disk_bus": "virtio",
        "owner_specified.openstack.md5": "",
    });
    let answer = create(&door, "member", body.clone()).await;
    assert_snapshot!(answer, @r#"
    201
    {
      "checksum": null,
      "container_format": "bare",
      "created_at": "2026-01-01T00:00:00Z",
      "disk_format": "qcow2",
      "file": "/v2/images/11111111-2222-3333-4444-555555555555/file",
      "hw_disk_bus": "virtio",
      "id": "11111111-2222-3333-4444-555555555555",
      "min_disk": 1,
      "min_ram": 64,
      "name": "cirros",
      "os_hash_algo": null,
      "os_hash_value": null,
      "os_hidden": false,
      "owner": "one",
      "owner_specified.openstack.md5": "",
      "protected": false,
      "schema": "/v2/schemas/image",
      "self": "/v2/images/11111111-2222-3333-4444-555555555555",
      "size": null,
      "status": "queued",
      "tags": [
        "a",
        "b"
      ],
      "updated_at": "2026-01-01T00:00:00Z",
      "virtual_size": null,
      "visibility": "private"
    }
    "#);
    assert_eq!(
        answer.header("location"),
        "http://cloud:5000/image/v2/images/11111111-2222-3333-4444-555555555555"
    );
    let shown = door.show("reader", "11111111-2222-3333-4444-555555555555").await;
    assert_eq!(shown.json(), answer.json());
    assert_snapshot!(create(&door, "member", body).await, @r#"
    409
    {
      "code": "409 Conflict",
      "message": "An image with id 11111111-2222-3333-4444-555555555555 is there already; choose another id, or leave it out.",
      "title": "Conflict"
    }
    "#);
}

#[tokio::test]
async fn an_image_of_nothing_has_defaults() {
    let door = Door::open().await;
    let image = create(&door, "member", json!({})).await.json();
    assert_eq!(image["visibility"], "shared");
    assert_eq!(image["name"], Value::Null);
    assert_eq!(image["owner"], "one");
    assert_eq!(image["status"], "queued");
}

#[tokio::test]
async fn who_may_not() {
    let door = Door::open().await;
    assert_snapshot!(create(&door, "reader", json!({"name": "x"})).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Policy doesn't allow add_image to be performed.",
      "title": "Forbidden"
    }
    "#);
    assert_snapshot!(create(&door, "unscoped", json!({})).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "add_image needs a token for a project; ask for one with a project scope.",
      "title": "Forbidden"
    }
    "#);
    assert_snapshot!(create(&door, "forged", json!({})).await, @r#"
    401
    {
      "code": "401 Unauthorized",
      "message": "The token is not one of ours.",
      "title": "Unauthorized"
    }
    "#);
    assert_snapshot!(create(&door, "member", json!({"visibility": "public"})).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Policy doesn't allow publicize_image to be performed.",
      "title": "Forbidden"
    }
    "#);
    assert_snapshot!(create(&door, "member", json!({"owner": "two"})).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "You are not permitted to create images owned by 'two'.",
      "title": "Forbidden"
    }
    "#);
    assert_eq!(create(&door, "admin", json!({"owner": "two"})).await.status, 201);
}

#[tokio::test]
async fn what_only_the_service_sets() {
    let door = Door::open().await;
    assert_snapshot!(create(&door, "member", json!({"status": "active"})).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Attribute 'status' is read-only.",
      "title": "Forbidden"
    }
    "#);
    assert_snapshot!(create(&door, "member", json!({"os_glance_x": "y"})).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Attribute 'os_glance_x' is reserved.",
      "title": "Forbidden"
    }
    "#);
    assert_snapshot!(create(&door, "member", json!({"locations": []})).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Attribute 'locations' is read-only.",
      "title": "Forbidden"
    }
    "#);
}

#[tokio::test]
async fn what_cannot_be_set() {
    let door = Door::open().await;
    for (key, value) in [
        ("name", json!(7)),
        ("name", json!("x".repeat(256))),
        ("name", json!("a\0b")),
        ("id", json!("not-a-uuid")),
        ("visibility", json!("secret")),
        ("disk_format", json!("floppy")),
        ("protected", json!("yes")),
        ("min_disk", json!(-1)),
        ("min_ram", json!(1_u64 << 40)),
        ("tags", json!("one")),
        ("tags", json!([1])),
        ("free", json!(1)),
        ("free", Value::Null),
    ] {
        let answer = create(&door, "member", json!({key: value.clone()})).await;
        assert_eq!(answer.status, 400, "{key} {value}: {answer}");
    }
    assert_snapshot!(create(&door, "member", json!({"min_disk": -1})).await, @r#"
    400
    {
      "code": "400 Bad Request",
      "message": "Provided object does not match schema 'image': min_disk is -1, and a whole number from 0 to 2147483647 is wanted.",
      "title": "Bad Request"
    }
    "#);
    assert_snapshot!(create(&door, "member", json!(["x"])).await, @r#"
    400
    {
      "code": "400 Bad Request",
      "message": "An image is wanted: a JSON object.",
      "title": "Bad Request"
    }
    "#);
    let not_json = ask(Method::POST, PATH).by("member").body("{").of(&door.router).await;
    assert_snapshot!(not_json, @r#"
    400
    {
      "code": "400 Bad Request",
      "message": "Malformed request body: it is not JSON (EOF while parsing an object at line 1 column 1)",
      "title": "Bad Request"
    }
    "#);
    let many: serde_json::Map<_, _> = (0..129).map(|n| (format!("p{n}"), json!(""))).collect();
    assert_snapshot!(create(&door, "member", Value::Object(many)).await, @r#"
    413
    {
      "code": "413 Payload Too Large",
      "message": "An image has 128 properties at the most; this would be 129.",
      "title": "Payload Too Large"
    }
    "#);
}

#[tokio::test]
async fn who_sees_what() {
    let door = Door::open().await;
    let private = door.queued(json!({"visibility": "private"})).await;
    let community = door.queued(json!({"visibility": "community"})).await;
    assert_eq!(door.show("reader", &private).await.status, 200);
    assert_eq!(door.show("admin", &private).await.status, 200);
    assert_eq!(door.show("other", &community).await.status, 200);
    let path = "/image/v2/images/00000000-0000-0000-0000-000000000000";
    assert_snapshot!(door.get("member", path).await, @r#"
    404
    {
      "code": "404 Not Found",
      "message": "Image 00000000-0000-0000-0000-000000000000 could not be found.",
      "title": "Not Found"
    }
    "#);
    assert_eq!(door.show("other", &private).await.status, 404);
    assert_eq!(door.show("unscoped", &community).await.status, 404);
    assert_eq!(door.show("member", "nonsense").await.status, 404);
    let nobody = ask(Method::GET, &format!("{PATH}/{private}")).of(&door.router).await;
    assert_snapshot!(nobody, @r#"
    401
    {
      "code": "401 Unauthorized",
      "message": "The request you have made requires authentication: send a token in the X-Auth-Token header.",
      "title": "Unauthorized"
    }
    "#);
}
