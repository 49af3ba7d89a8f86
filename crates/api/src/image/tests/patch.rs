//! `PATCH /v2/images/{image}`, tags, deactivation

use super::Door;
use crate::http::testing::{Answer, ask};
use axum::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

const NEW: &str = "application/openstack-images-v2.1-json-patch";
const OLD: &str = "application/openstack-images-v2.0-json-patch";

async fn patch(door: &Door, token: &str, id: &str, kind: &str, body: Value) -> Answer {
    ask(Method::PATCH, &format!("/image/v2/images/{id}"))
        .by(token)
        .header("content-type", kind)
        .body(body.to_string())
        .of(&door.router)
        .await
}

#[tokio::test]
async fn a_member_sets_and_removes() {
    let door = Door::open().await;
    let id = door.queued(json!({"old": "1", "a/b": "2"})).await;
    door.clock.advance_micros(5_000_000);
    let body = json!([
        {"op": "replace", "path": "/name", "value": "new"},
        {"op": "add", "path": "/hw_disk_bus", "value": "scsi"},
        {"op": "remove", "path": "/old"},
        {"op": "replace", "path": "/a~1b", "value": "3"},
        {"op": "replace", "path": "/tags", "value": ["t"]},
        {"op": "replace", "path": "/min_disk", "value": 2},
        {"op": "replace", "path": "/protected", "value": true},
    ]);
    let answer = patch(&door, "member", &id, NEW, body).await;
    assert_snapshot!(answer, @r#"
    200
    {
      "a/b": "3",
      "checksum": null,
      "container_format": "bare",
      "created_at": "2026-01-01T00:00:00Z",
      "disk_format": "raw",
      "file": "/v2/images/e5050b10-1d16-4256-815c-0289ec2d0a91/file",
      "hw_disk_bus": "scsi",
      "id": "e5050b10-1d16-4256-815c-0289ec2d0a91",
      "min_disk": 2,
      "min_ram": 0,
      "name": "new",
      "os_hash_algo": null,
      "os_hash_value": null,
      "os_hidden": false,
      "owner": "one",
      "protected": true,
      "schema": "/v2/schemas/image",
      "self": "/v2/images/e5050b10-1d16-4256-815c-0289ec2d0a91",
      "size": null,
      "status": "queued",
      "tags": [
        "t"
      ],
      "updated_at": "2026-01-01T00:00:05Z",
      "virtual_size": null,
      "visibility": "shared"
    }
    "#);
    assert_eq!(door.show("member", &id).await.json(), answer.json());
    let old = patch(&door, "member", &id, OLD, json!([{"replace": "/name", "value": "x"}])).await;
    assert_eq!(old.json()["name"], "x");
}

#[tokio::test]
async fn all_or_nothing() {
    let door = Door::open().await;
    let id = door.queued(json!({})).await;
    let body = json!([
        {"op": "replace", "path": "/name", "value": "new"},
        {"op": "replace", "path": "/absent", "value": "x"},
    ]);
    assert_snapshot!(patch(&door, "member", &id, NEW, body).await, @r#"
    409
    {
      "code": "409 Conflict",
      "message": "Property absent does not exist.",
      "title": "Conflict"
    }
    "#);
    assert_eq!(door.show("member", &id).await.json()["name"], "cirros");
}

#[tokio::test]
async fn who_may_not() {
    let door = Door::open().await;
    let body = json!([{"op": "replace", "path": "/name", "value": "x"}]);
    let own = door.queued(json!({})).await;
    let public = door.queued_by("admin", json!({"visibility": "public"})).await;
    assert_snapshot!(patch(&door, "reader", &own, NEW, body.clone()).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Policy doesn't allow modify_image to be performed.",
      "title": "Forbidden"
    }
    "#);
    assert_snapshot!(patch(&door, "member", &public, NEW, body.clone()).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Policy doesn't allow modify_image to be performed.",
      "title": "Forbidden"
    }
    "#);
    assert_eq!(patch(&door, "other", &own, NEW, body.clone()).await.status, 404);
    assert_eq!(patch(&door, "nobody", &own, NEW, body).await.status, 401);
    for (path, value) in [("/visibility", json!("public")), ("/owner", json!("two"))] {
        let body = json!([{"op": "replace", "path": path, "value": value}]);
        assert_eq!(patch(&door, "member", &own, NEW, body.clone()).await.status, 403);
        assert_eq!(patch(&door, "admin", &own, NEW, body).await.status, 200);
    }
}

#[tokio::test]
async fn what_is_no_patch() {
    let door = Door::open().await;
    let id = door.queued(json!({"there": "1"})).await;
    for (body, status) in [
        (json!({}), 400),
        (json!(["x"]), 400),
        (json!([{"op": "move", "path": "/name", "value": "x"}]), 400),
        (json!([{"path": "/name", "value": "x"}]), 400),
        (json!([{"op": "add", "value": "x"}]), 400),
        (json!([{"op": "add", "path": "/name"}]), 400),
        (json!([{"op": "add", "path": "name", "value": "x"}]), 400),
        (json!([{"op": "add", "path": "/tags/-", "value": "x"}]), 400),
        (json!([{"op": "add", "path": "/a~2", "value": "x"}]), 400),
        (json!([{"op": "add", "path": "/", "value": "x"}]), 400),
        (json!([{"op": "replace", "path": "/id", "value": "x"}]), 403),
        (json!([{"op": "remove", "path": "/size"}]), 403),
        (json!([{"op": "remove", "path": "/name"}]), 403),
        (json!([{"op": "add", "path": "/locations/-", "value": {}}]), 400),
        (json!([{"op": "remove", "path": "/absent"}]), 409),
    ] {
        let answer = patch(&door, "member", &id, NEW, body.clone()).await;
        assert_eq!(answer.status, status, "{body}: {answer}");
    }
    let again = json!([{"add": "/there", "value": "2"}]);
    assert_eq!(patch(&door, "member", &id, OLD, again).await.status, 409);
    assert_snapshot!(patch(&door, "member", &id, "application/json", json!([])).await, @r#"
    415
    {
      "code": "415 Unsupported Media Type",
      "message": "Image PATCH expects Content-Type one of: application/openstack-images-v2.0-json-patch, application/openstack-images-v2.1-json-patch",
      "title": "Unsupported Media Type"
    }
    "#);
}

#[tokio::test]
async fn formats_are_fixed_by_the_bytes() {
    let door = Door::open().await;
    let id = door.active(&[7; 1024], json!({})).await;
    let body = json!([{"op": "replace", "path": "/disk_format", "value": "qcow2"}]);
    assert_snapshot!(patch(&door, "member", &id, NEW, body).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Attribute disk_format can be replaced only while the image is queued.",
      "title": "Forbidden"
    }
    "#);
}

#[tokio::test]
async fn tags_come_and_go() {
    let door = Door::open().await;
    let id = door.queued(json!({})).await;
    let tag = format!("/image/v2/images/{id}/tags/gold");
    let asked = async |method: Method, token: &str| {
        ask(method, &tag).by(token).of(&door.router).await.status.as_u16()
    };
    assert_eq!(asked(Method::PUT, "reader").await, 403);
    assert_eq!(asked(Method::PUT, "other").await, 404);
    assert_eq!(asked(Method::PUT, "nobody").await, 401);
    assert_eq!(asked(Method::PUT, "member").await, 204);
    assert_eq!(asked(Method::PUT, "member").await, 204);
    assert_eq!(door.show("member", &id).await.json()["tags"], json!(["gold"]));
    assert_eq!(asked(Method::DELETE, "member").await, 204);
    assert_eq!(asked(Method::DELETE, "member").await, 404);
    let long = format!("/image/v2/images/{id}/tags/{}", "x".repeat(256));
    assert_eq!(ask(Method::PUT, &long).by("member").of(&door.router).await.status, 400);
}

#[tokio::test]
async fn deactivation_closes_the_data() {
    let door = Door::open().await;
    let id = door.active(&[7; 1024], json!({})).await;
    let act = async |verb: &str, token: &str| {
        let path = format!("/image/v2/images/{id}/actions/{verb}");
        ask(Method::POST, &path).by(token).of(&door.router).await
    };
    let file = format!("/image/v2/images/{id}/file");
    assert_eq!(act("deactivate", "reader").await.status, 403);
    assert_eq!(act("deactivate", "other").await.status, 404);
    assert_eq!(act("deactivate", "nobody").await.status, 401);
    for _ in 0..2 {
        assert_eq!(act("deactivate", "member").await.status, 204);
        assert_eq!(door.status(&id).await, "deactivated");
    }
    assert_snapshot!(door.get("member", &file).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "The image has been deactivated; only an administrator can download its data.",
      "title": "Forbidden"
    }
    "#);
    assert_eq!(door.get("admin", &file).await.status, 200);
    for _ in 0..2 {
        assert_eq!(act("reactivate", "member").await.status, 204);
    }
    assert_eq!(door.get("member", &file).await.status, 200);
    let empty = door.queued(json!({})).await;
    let path = format!("/image/v2/images/{empty}/actions/deactivate");
    assert_snapshot!(ask(Method::POST, &path).by("member").of(&door.router).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Not allowed to deactivate an image that has no data yet.",
      "title": "Forbidden"
    }
    "#);
}
