//! `DELETE /servers/{id}`

use crate::cloud::Cloud;
use axum::http::StatusCode;
use insta::assert_snapshot;

#[tokio::test]
async fn a_member_s_server_goes() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let call = format!("DELETE /servers/{id}");
    let answer = cloud.ask(&call, "member").await;
    assert_eq!((answer.status, answer.body), (StatusCode::NO_CONTENT, serde_json::Value::Null));
    let shown = cloud.ask(&format!("GET /servers/{id}"), "member").await;
    assert_eq!(shown.text("/server/OS-EXT-STS:task_state"), "deleting");
    assert_eq!(shown.text("/server/status"), "ACTIVE");
    assert_eq!(cloud.ask(&call, "member").await.status, StatusCode::NO_CONTENT, "asked again");
    cloud.settle().await;
    assert_eq!(
        cloud.ask(&format!("GET /servers/{id}"), "member").await.status,
        StatusCode::NOT_FOUND
    );
    assert_snapshot!(cloud.ask(&call, "member").await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Instance [uuid] could not be found."}}
    "#);
}

#[tokio::test]
async fn others_cannot() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let call = format!("DELETE /servers/{id}");
    assert_snapshot!(cloud.ask(&call, "reader").await.shown(), @r#"
    403 Forbidden
    {"forbidden":{"code":403,"message":"Policy doesn't allow os_compute_api:servers:delete to be performed."}}
    "#);
    assert_eq!(cloud.ask(&call, "other").await.status, StatusCode::NOT_FOUND);
    assert_eq!(cloud.ask(&call, "unscoped").await.status, StatusCode::NOT_FOUND);
    assert_eq!(cloud.ask(&call, "").await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(cloud.ask("DELETE /servers/web", "admin").await.status, StatusCode::NOT_FOUND);
    assert_eq!(cloud.ask(&call, "admin").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_locked_server_stays_unless_an_administrator_asks() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    cloud.force(&id, |server| server.locked = true).await;
    let call = format!("DELETE /servers/{id}");
    assert_snapshot!(cloud.ask(&call, "member").await.shown(), @r#"
    409 Conflict
    {"conflictingRequest":{"code":409,"message":"Instance [uuid] is locked"}}
    "#);
    assert_eq!(cloud.ask(&call, "admin").await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_server_that_is_being_made_goes_too() {
    let cloud = Cloud::new().await;
    let id = cloud.create("web").await;
    assert_eq!(
        cloud.ask(&format!("DELETE /servers/{id}"), "member").await.status,
        StatusCode::NO_CONTENT
    );
    cloud.settle().await;
    assert_eq!(
        cloud.ask(&format!("GET /servers/{id}"), "member").await.status,
        StatusCode::NOT_FOUND
    );
}
