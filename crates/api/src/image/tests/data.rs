//! `PUT` and `GET /v2/images/{image}/file`

use super::Door;
use crate::http::testing::{Answer, ask};
use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use insta::assert_snapshot;
use serde_json::json;

fn file(id: &str) -> String {
    format!("/image/v2/images/{id}/file")
}

/// An upload whose body is this, with further headers.
async fn upload(door: &Door, id: &str, headers: &[(&str, &str)], body: Body) -> Answer {
    let mut asked =
        ask(Method::PUT, &file(id)).by("member").header("content-type", "application/octet-stream");
    for (name, value) in headers {
        asked = asked.header(name, value);
    }
    asked.body(body).of(&door.router).await
}

#[tokio::test]
async fn bytes_go_in_and_come_out() {
    let door = Door::open().await;
    let content: Vec<u8> = (0..300_000_u32).map(|n| (n % 251) as u8).collect();
    let id = door.active(&content, json!({})).await;
    assert_snapshot!(door.show("member", &id).await, @r#"
    200
    {
      "checksum": "34fadf2975834e9a357ec41d3e6df067",
      "container_format": "bare",
      "created_at": "2026-01-01T00:00:00Z",
      "disk_format": "raw",
      "file": "/v2/images/e5050b10-1d16-4256-815c-0289ec2d0a91/file",
      "id": "e5050b10-1d16-4256-815c-0289ec2d0a91",
      "min_disk": 0,
      "min_ram": 0,
      "name": "cirros",
      "os_hash_algo": "sha512",
      "os_hash_value": "d619213ea86cf782a1ee9a415fdacd6f2928eb24d27447ee53b230c7b21f64e55b03475956f4f2d0d03fbeba5c0c8af19dd49c658b28c50ab32a43648184d3b5",
      "os_hidden": false,
      "owner": "one",
      "protected": false,
      "schema": "/v2/schemas/image",
      "self": "/v2/images/e5050b10-1d16-4256-815c-0289ec2d0a91",
      "size": 300000,
      "status": "active",
      "tags": [],
      "updated_at": "2026-01-01T00:00:00Z",
      "virtual_size": 300000,
      "visibility": "shared"
    }
    "#);
    let whole = door.get("member", &file(&id)).await;
    assert_eq!(whole.status, 200);
    assert_eq!(whole.header("content-type"), "application/octet-stream");
    assert_eq!(whole.header("content-length"), "300000");
    assert_eq!(whole.header("content-md5"), door.show("member", &id).await.json()["checksum"]);
    assert!(whole.body == content);
    assert_eq!(door.files(), [id]);
}

#[tokio::test]
async fn ranges() {
    let door = Door::open().await;
    let content: Vec<u8> = (0..1024_u32).map(|n| (n % 251) as u8).collect();
    let id = door.active(&content, json!({})).await;
    let part = async |range: &str| {
        ask(Method::GET, &file(&id)).by("member").header("range", range).of(&door.router).await
    };
    let middle = part("bytes=10-19").await;
    assert_eq!((middle.status.as_u16(), middle.header("content-range")), (206, "bytes 10-19/1024"));
    assert_eq!(middle.body, content[10..20]);
    assert_eq!(part("bytes=-4").await.body, content[1020..]);
    assert_snapshot!(part("bytes=1024-").await, @r#"
    416
    {
      "code": "416 Range Not Satisfiable",
      "message": "The range 'bytes=1024-' is not one of an image of 1024 bytes.",
      "title": "Range Not Satisfiable"
    }
    "#);
    assert_snapshot!(part("bytes=0-1,3-4").await, @r#"
    400
    {
      "code": "400 Bad Request",
      "message": "Requests with multiple ranges are not supported; make several requests with one range each.",
      "title": "Bad Request"
    }
    "#);
}

#[tokio::test]
async fn who_may_read() {
    let door = Door::open().await;
    let id = door.active(&[7; 1024], json!({"visibility": "community"})).await;
    assert_eq!(door.get("other", &file(&id)).await.status, 200);
    assert_snapshot!(door.get("reader", &file(&id)).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Policy doesn't allow download_image to be performed.",
      "title": "Forbidden"
    }
    "#);
    assert_eq!(ask(Method::GET, &file(&id)).of(&door.router).await.status, 401);
    let private = door.active(&[7; 1024], json!({"visibility": "private"})).await;
    assert_eq!(door.get("other", &file(&private)).await.status, 404);
    let empty = door.queued(json!({})).await;
    assert_snapshot!(door.get("member", &file(&empty)).await, @"204");
}

#[tokio::test]
async fn who_may_write() {
    let door = Door::open().await;
    let id = door.queued(json!({"visibility": "community"})).await;
    assert_snapshot!(door.upload("reader", &id, &[7; 512]).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Policy doesn't allow upload_image to be performed.",
      "title": "Forbidden"
    }
    "#);
    assert_snapshot!(door.upload("other", &id, &[7; 512]).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Policy doesn't allow upload_image to be performed.",
      "title": "Forbidden"
    }
    "#);
    assert_eq!(door.upload("nobody", &id, &[7; 512]).await.status, 401);
    let private = door.queued(json!({"visibility": "private"})).await;
    assert_eq!(door.upload("other", &private, &[7; 512]).await.status, 404);
    let open = door.queued_by("member", json!({"disk_format": null})).await;
    assert_snapshot!(door.upload("member", &open, &[7; 512]).await, @r#"
    400
    {
      "code": "400 Bad Request",
      "message": "Properties disk_format, container_format must be set prior to saving data.",
      "title": "Bad Request"
    }
    "#);
    let done = door.active(&[7; 512], json!({})).await;
    assert_snapshot!(door.upload("member", &done, &[7; 512]).await, @r#"
    409
    {
      "code": "409 Conflict",
      "message": "Image status transition from active to saving is not allowed: data is taken by queued images only.",
      "title": "Conflict"
    }
    "#);
    let kind = ask(Method::PUT, &file(&id)).by("member").json(&json!({})).of(&door.router).await;
    assert_snapshot!(kind, @r#"
    415
    {
      "code": "415 Unsupported Media Type",
      "message": "An image's data is sent as Content-Type application/octet-stream.",
      "title": "Unsupported Media Type"
    }
    "#);
    let size = upload(&door, &id, &[("x-openstack-image-size", "many")], Body::from("x")).await;
    assert_snapshot!(size, @r#"
    400
    {
      "code": "400 Bad Request",
      "message": "The announced size of the image is not a number of bytes.",
      "title": "Bad Request"
    }
    "#);
}

#[tokio::test]
async fn an_upload_that_fails_leaves_nothing() {
    let door = Door::open().await;
    let id = door.queued(json!({})).await;
    let more =
        upload(&door, &id, &[("x-openstack-image-size", "10")], Body::from("0123456789a")).await;
    assert_snapshot!(more, @r#"
    400
    {
      "code": "400 Bad Request",
      "message": "The upload had more than the 10 bytes that were declared; nothing of it has been kept.",
      "title": "Bad Request"
    }
    "#);
    let less =
        upload(&door, &id, &[("x-openstack-image-size", "10")], Body::from("01234567")).await;
    assert_snapshot!(less, @r#"
    400
    {
      "code": "400 Bad Request",
      "message": "The upload had less than the 10 bytes that were declared; nothing of it has been kept.",
      "title": "Bad Request"
    }
    "#);
    let large = (1 << 20) + 1;
    let announced =
        upload(&door, &id, &[("content-length", &large.to_string())], Body::from("x")).await;
    assert_snapshot!(announced, @r#"
    413
    {
      "code": "413 Payload Too Large",
      "message": "The image is too large: this service takes 1.00 MiB (1048576 bytes) at the most.",
      "title": "Payload Too Large"
    }
    "#);
    let blocks = (0..17).map(|_| Ok::<_, std::io::Error>(Bytes::from_static(&[1; 65536])));
    let unannounced = upload(&door, &id, &[], Body::from_stream(stream::iter(blocks))).await;
    assert_eq!(unannounced.status, 413, "{unannounced}");
    let broken = stream::iter([
        Ok(Bytes::from_static(b"some")),
        Err(std::io::Error::other("reset by peer")),
    ]);
    assert_snapshot!(upload(&door, &id, &[], Body::from_stream(broken)).await, @r#"
    400
    {
      "code": "400 Bad Request",
      "message": "The upload ended early, after 4 bytes (reset by peer); nothing of it has been kept. Upload again.",
      "title": "Bad Request"
    }
    "#);
    let silent = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"some"))])
        .chain(stream::pending());
    assert_snapshot!(upload(&door, &id, &[], Body::from_stream(silent)).await, @r#"
    400
    {
      "code": "400 Bad Request",
      "message": "The upload stood still for 0 s after 4 bytes; nothing of it has been kept. Upload again.",
      "title": "Bad Request"
    }
    "#);
    let wrong = door.queued(json!({"disk_format": "qcow2"})).await;
    assert_eq!(door.upload("member", &wrong, &[7; 4096]).await.status, 415);
    for id in [id, wrong] {
        assert_eq!(door.status(&id).await, "queued");
    }
    assert_eq!(door.files(), Vec::<String>::new());
}

#[tokio::test]
async fn a_queued_again_image_takes_the_next_upload() {
    let door = Door::open().await;
    let id = door.queued(json!({})).await;
    let broken = stream::iter([Err::<Bytes, _>(std::io::Error::other("reset by peer"))]);
    assert_eq!(upload(&door, &id, &[], Body::from_stream(broken)).await.status, 400);
    assert_eq!(door.upload("member", &id, &[7; 512]).await.status, 204);
    assert_eq!(door.status(&id).await, "active");
}
