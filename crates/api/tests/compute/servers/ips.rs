//! `/servers/{id}/ips`, and the volumes that a server does not have.

use crate::cloud::Cloud;
use insta::assert_snapshot;

#[tokio::test]
async fn addresses_by_network() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    assert_snapshot!(cloud.ask(&format!("GET /servers/{id}/ips"), "reader").await.shown(), @r#"
    200 OK
    {"addresses":{"private":[{"addr":"10.1.0.2","version":4}]}}
    "#);
    assert_snapshot!(cloud.ask(&format!("GET /servers/{id}/ips/private"), "reader").await.shown(), @r#"
    200 OK
    {"private":[{"addr":"10.1.0.2","version":4}]}
    "#);
    assert_snapshot!(cloud.ask(&format!("GET /servers/{id}/ips/public"), "reader").await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Network of the instance public could not be found."}}
    "#);
}

#[tokio::test]
async fn no_volumes() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let volumes = cloud.ask(&format!("GET /servers/{id}/os-volume_attachments"), "reader").await;
    assert_snapshot!(volumes.shown(), @r#"
    200 OK
    {"volumeAttachments":[]}
    "#);
}
