//! `DELETE /v2/images/{image}`

use super::Door;
use crate::http::testing::{Answer, ask};
use axum::body::Body;
use axum::http::Method;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use hatchery_model::task::Work;
use insta::assert_snapshot;
use serde_json::json;
use std::sync::Arc;
use tokio::sync::Notify;

async fn delete(door: &Door, token: &str, id: &str) -> Answer {
    ask(Method::DELETE, &format!("/image/v2/images/{id}")).by(token).of(&door.router).await
}

#[tokio::test]
async fn nothing_is_left() {
    let door = Door::open().await;
    let id = door.active(&[7; 512], json!({})).await;
    assert_snapshot!(delete(&door, "member", &id).await, @"204");
    assert_eq!(door.show("admin", &id).await.status, 404);
    assert_eq!(door.files(), Vec::<String>::new());
    let mut uow = door.store.read().await.unwrap();
    let id = id.parse().unwrap();
    assert_eq!(uow.images().find(id).await.unwrap(), None);
    assert_eq!(uow.tasks().find_by_work(&Work::DeleteImage(id)).await.unwrap(), None);
}

#[tokio::test]
async fn who_may_not() {
    let door = Door::open().await;
    let id = door.queued(json!({"visibility": "community"})).await;
    assert_snapshot!(delete(&door, "reader", &id).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Policy doesn't allow delete_image to be performed.",
      "title": "Forbidden"
    }
    "#);
    assert_snapshot!(delete(&door, "other", &id).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Policy doesn't allow delete_image to be performed.",
      "title": "Forbidden"
    }
    "#);
    assert_eq!(delete(&door, "nobody", &id).await.status, 401);
    assert_eq!(delete(&door, "member", "nonsense").await.status, 404);
    let protected = door.queued(json!({"protected": true})).await;
    assert_snapshot!(delete(&door, "member", &protected).await, @r#"
    403
    {
      "code": "403 Forbidden",
      "message": "Image 67ec8e65-a18d-4bbe-9e55-32fbeea293f8 is protected and cannot be deleted; set protected to false first.",
      "title": "Forbidden"
    }
    "#);
    assert_eq!(delete(&door, "member", &id).await.status, 204);
    assert_snapshot!(delete(&door, "member", &id).await, @r#"
    404
    {
      "code": "404 Not Found",
      "message": "Image e5050b10-1d16-4256-815c-0289ec2d0a91 could not be found.",
      "title": "Not Found"
    }
    "#);
}

#[tokio::test]
async fn an_image_may_go_while_it_arrives() {
    let door = Door::open().await;
    let id = door.queued(json!({})).await;
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, waits) = (begun.clone(), go_on.clone());
    let body = stream::once(async move {
        begins.notify_one();
        waits.notified().await;
        Ok::<_, std::io::Error>(Bytes::from_static(&[7; 512]))
    });
    let path = format!("/image/v2/images/{id}/file");
    let uploading = ask(Method::PUT, &path)
        .by("member")
        .header("content-type", "application/octet-stream")
        .body(Body::from_stream(body.boxed()))
        .of(&door.router);
    let deleting = async {
        begun.notified().await;
        let answer = delete(&door, "member", &id).await;
        go_on.notify_one();
        answer
    };
    let (uploaded, deleted) = tokio::join!(uploading, deleting);
    assert_eq!(deleted.status, 204, "{deleted}");
    assert_snapshot!(uploaded, @r#"
    410
    {
      "code": "410 Gone",
      "message": "Image e5050b10-1d16-4256-815c-0289ec2d0a91 was deleted during the upload; its data has been removed.",
      "title": "Gone"
    }
    "#);
    assert_eq!(door.show("admin", &id).await.status, 404);
    assert_eq!(door.files(), Vec::<String>::new());
}
