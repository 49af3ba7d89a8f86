//! `/limits`, `/os-quota-sets`, and the lists of what is not here.

use crate::cloud::Cloud;
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::{Value, json};

#[tokio::test]
async fn nothing_is_limited_and_what_is_used_is_counted() {
    let cloud = Cloud::new().await;
    cloud.active("web").await;
    cloud.create("db").await;
    assert_snapshot!(cloud.ask("GET /limits", "reader").await.shown(), @r#"
    200 OK
    {
      "limits": {
        "absolute": {
          "maxImageMeta": -1,
          "maxPersonality": -1,
          "maxPersonalitySize": -1,
          "maxSecurityGroupRules": -1,
          "maxSecurityGroups": -1,
          "maxServerGroupMembers": -1,
          "maxServerGroups": -1,
          "maxServerMeta": -1,
          "maxTotalCores": -1,
          "maxTotalFloatingIps": -1,
          "maxTotalInstances": -1,
          "maxTotalKeypairs": -1,
          "maxTotalRAMSize": -1,
          "totalCoresUsed": 2,
          "totalFloatingIpsUsed": 0,
          "totalInstancesUsed": 2,
          "totalRAMUsed": 1024,
          "totalSecurityGroupsUsed": 0,
          "totalServerGroupsUsed": 0
        },
        "rate": []
      }
    }
    "#);
    let newest = cloud.send("GET /limits", "reader", 96, Value::Null).await;
    assert_snapshot!(newest.part("/limits/absolute"), @r#"
    {
      "maxServerGroupMembers": -1,
      "maxServerGroups": -1,
      "maxServerMeta": -1,
      "maxTotalCores": -1,
      "maxTotalInstances": -1,
      "maxTotalKeypairs": -1,
      "maxTotalRAMSize": -1,
      "totalCoresUsed": 2,
      "totalInstancesUsed": 2,
      "totalRAMUsed": 1024,
      "totalServerGroupsUsed": 0
    }
    "#);
    let used = async |who: &str, path: &str| {
        cloud.ask(path, who).await.body["limits"]["absolute"]["totalInstancesUsed"].clone()
    };
    assert_eq!(used("other", "GET /limits").await, json!(0));
    assert_eq!(used("unscoped", "GET /limits").await, json!(0));
    assert_eq!(used("admin", "GET /limits?tenant_id=one").await, json!(2));
    assert_snapshot!(cloud.ask("GET /limits?tenant_id=one", "other").await.shown(), @r#"
    403 Forbidden
    {
      "forbidden": {"code":403,"message":"Policy doesn't allow os_compute_api:limits:other_project to be performed."}
    }
    "#);
}

#[tokio::test]
async fn quotas_say_the_same() {
    let cloud = Cloud::new().await;
    cloud.active("web").await;
    assert_snapshot!(cloud.ask("GET /os-quota-sets/one", "reader").await.shown(), @r#"
    200 OK
    {
      "quota_set": {
        "cores": -1,
        "fixed_ips": -1,
        "floating_ips": -1,
        "id": "one",
        "injected_file_content_bytes": -1,
        "injected_file_path_bytes": -1,
        "injected_files": -1,
        "instances": -1,
        "key_pairs": -1,
        "metadata_items": -1,
        "ram": -1,
        "security_group_rules": -1,
        "security_groups": -1,
        "server_group_members": -1,
        "server_groups": -1
      }
    }
    "#);
    let newest = cloud.send("GET /os-quota-sets/one", "reader", 96, Value::Null).await;
    let defaults = cloud.send("GET /os-quota-sets/one/defaults", "reader", 96, Value::Null).await;
    assert_eq!(newest.body, defaults.body);
    assert_snapshot!(newest.part("/quota_set"), @r#"
    {
      "cores": -1,
      "id": "one",
      "instances": -1,
      "key_pairs": -1,
      "metadata_items": -1,
      "ram": -1,
      "server_group_members": -1,
      "server_groups": -1
    }
    "#);
    let detail = cloud.send("GET /os-quota-sets/one/detail", "reader", 57, Value::Null).await;
    assert_eq!(detail.body["quota_set"]["ram"], json!({"limit": -1, "in_use": 512, "reserved": 0}));
    assert_eq!(cloud.ask("GET /os-quota-sets/one", "admin").await.status, StatusCode::OK);
    assert_snapshot!(cloud.ask("GET /os-quota-sets/one", "other").await.shown(), @r#"
    403 Forbidden
    {"forbidden":{"code":403,"message":"Policy doesn't allow os_compute_api:os-quota-sets:show to be performed."}}
    "#);
    assert_eq!(
        cloud.ask("GET /os-quota-sets/one/detail", "other").await.status,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn what_is_not_here_is_an_empty_list() {
    let cloud = Cloud::new().await;
    for (path, who, list) in [
        ("/extensions", "unscoped", "extensions"),
        ("/os-server-groups", "reader", "server_groups"),
    ] {
        let answer = cloud.ask(&format!("GET {path}"), who).await;
        assert_eq!(answer.body, json!({list: []}), "{path}");
    }
}
