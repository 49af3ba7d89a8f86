//! `/os-hypervisors`

use crate::cloud::Cloud;
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::Value;

const ID: &str = "00000000-0000-0000-0000-000000000001";

async fn get(cloud: &Cloud, path: &str, version: u32) -> crate::answer::Answer {
    cloud.send(&format!("GET /os-hypervisors{path}"), "admin", version, Value::Null).await
}

#[tokio::test]
async fn what_a_host_has_and_what_is_taken() {
    let cloud = Cloud::new().await;
    cloud.active("web").await;
    assert_snapshot!(get(&cloud, "/1", 1).await.shown(), @r#"
    200 OK
    {
      "hypervisor": {
        "cpu_info": "{\"arch\":\"x86_64\",\"model\":\"fake\"}",
        "current_workload": 0,
        "disk_available_least": 90,
        "free_disk_gb": 99,
        "free_ram_mb": 15872,
        "host_ip": "192.0.2.7",
        "hypervisor_hostname": "host-1",
        "hypervisor_type": "fake",
        "hypervisor_version": 1002003,
        "id": 1,
        "local_gb": 100,
        "local_gb_used": 1,
        "memory_mb": 16384,
        "memory_mb_used": 512,
        "running_vms": 1,
        "service": {"disabled_reason":null,"host":"host-1","id":1},
        "state": "up",
        "status": "enabled",
        "vcpus": 8,
        "vcpus_used": 1
      }
    }
    "#);
    assert_snapshot!(get(&cloud, &format!("/{ID}"), 96).await.shown(), @r#"
    200 OK
    {
      "hypervisor": {
        "host_ip": "192.0.2.7",
        "hypervisor_hostname": "host-1",
        "hypervisor_type": "fake",
        "hypervisor_version": 1002003,
        "id": "00000000-0000-0000-0000-000000000001",
        "service": {"disabled_reason":null,"host":"host-1","id":"00000000-0000-0000-0000-000000000001"},
        "state": "up",
        "status": "enabled",
        "uptime": "up 1 days, 02:03"
      }
    }
    "#);
    assert_snapshot!(get(&cloud, "/statistics", 87).await.shown(), @r#"
    200 OK
    {
      "hypervisor_statistics": {
        "count": 1,
        "current_workload": 0,
        "disk_available_least": 90,
        "free_disk_gb": 99,
        "free_ram_mb": 15872,
        "local_gb": 100,
        "local_gb_used": 1,
        "memory_mb": 16384,
        "memory_mb_used": 512,
        "running_vms": 1,
        "vcpus": 8,
        "vcpus_used": 1
      }
    }
    "#);
    assert_eq!(get(&cloud, "/statistics", 88).await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(&cloud, "/1/uptime", 1).await.text("/hypervisor/uptime"), "up 1 days, 02:03");
    assert_eq!(get(&cloud, &format!("/{ID}/uptime"), 88).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn hosts_are_listed() {
    let cloud = Cloud::new().await;
    assert_snapshot!(get(&cloud, "", 1).await.shown(), @r#"
    200 OK
    {"hypervisors":[{"hypervisor_hostname":"host-1","id":1,"state":"up","status":"enabled"}]}
    "#);
    assert_snapshot!(get(&cloud, "", 53).await.shown(), @r#"
    200 OK
    {
      "hypervisors": [
        {
          "hypervisor_hostname": "host-1",
          "id": "00000000-0000-0000-0000-000000000001",
          "state": "up",
          "status": "enabled"
        }
      ]
    }
    "#);
    assert_eq!(get(&cloud, "/detail", 53).await.text("/hypervisors/0/host_ip"), "192.0.2.7");
    let page = get(&cloud, "?limit=1", 33).await;
    assert_snapshot!(page.part("/hypervisors_links"), @r#"[{"href":"http://cloud/compute/v2.1/os-hypervisors?limit=1&marker=1","rel":"next"}]"#);
    assert_eq!(
        get(&cloud, "?limit=1&marker=1", 33).await.body["hypervisors"],
        serde_json::json!([])
    );
    assert_snapshot!(get(&cloud, "?marker=7", 33).await.shown(), @r#"
    400 Bad Request
    {"badRequest":{"code":400,"message":"marker [7] not found"}}
    "#);
}

#[tokio::test]
async fn hosts_are_found_by_their_names() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let found =
        |answer: &crate::answer::Answer| answer.column("hypervisors", "hypervisor_hostname");
    assert_eq!(found(&get(&cloud, "/ost-/search", 52).await), ["host-1"]);
    assert_eq!(found(&get(&cloud, "?hypervisor_hostname_pattern=ost", 53).await), ["host-1"]);
    assert_snapshot!(get(&cloud, "/none/search", 52).await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Hypervisor matching 'none' could not be found."}}
    "#);
    assert_snapshot!(get(&cloud, "?hypervisor_hostname_pattern=none", 53).await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Hypervisor matching 'none' could not be found."}}
    "#);
    assert_snapshot!(get(&cloud, "?hypervisor_hostname_pattern=h&limit=1", 53).await.shown(), @r#"
    400 Bad Request
    {
      "badRequest": {
        "code": 400,
        "message": "Paging over hypervisors with the hypervisor_hostname_pattern query parameter is not supported."
      }
    }
    "#);
    assert_eq!(get(&cloud, "/host/search", 53).await.status, StatusCode::NOT_FOUND);
    let servers = get(&cloud, "/host/servers", 52).await;
    assert_eq!(servers.text("/hypervisors/0/servers/0/uuid"), id);
    assert_eq!(get(&cloud, "/host/servers", 53).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn servers_of_a_host_are_shown_on_wish() {
    let cloud = Cloud::new().await;
    let show = format!("/{ID}?with_servers=True");
    assert!(get(&cloud, &show, 74).await.body["hypervisor"].get("servers").is_none());
    assert_eq!(get(&cloud, &show, 75).await.body["hypervisor"]["servers"], serde_json::json!([]));
    let id = cloud.active("web").await;
    for path in ["/detail?with_servers=1", "?with_servers=yes"] {
        let listed = get(&cloud, path, 53).await;
        assert_eq!(listed.text("/hypervisors/0/servers/0/uuid"), id, "{path}");
        assert_eq!(listed.text("/hypervisors/0/servers/0/name"), "web", "{path}");
    }
    assert_snapshot!(get(&cloud, "?with_servers=perhaps", 53).await.shown(), @r#"
    400 Bad Request
    {
      "badRequest": {
        "code": 400,
        "message": "Invalid input for query parameters with_servers. Value: perhaps. A boolean is wanted."
      }
    }
    "#);
}

#[tokio::test]
async fn a_silent_host_is_down_and_a_disabled_one_is_disabled() {
    let cloud = Cloud::new().await;
    cloud.pass(3600);
    assert_eq!(get(&cloud, "", 53).await.text("/hypervisors/0/state"), "down");
    cloud.report().await;
    assert_eq!(get(&cloud, "", 53).await.text("/hypervisors/0/state"), "up");
}

#[tokio::test]
async fn hosts_that_are_not_there() {
    let cloud = Cloud::new().await;
    assert_snapshot!(get(&cloud, "/2", 52).await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Hypervisor with ID '2' could not be found."}}
    "#);
    assert_snapshot!(get(&cloud, "/1", 53).await.shown(), @r#"
    400 Bad Request
    {"badRequest":{"code":400,"message":"Invalid uuid 1"}}
    "#);
    assert_snapshot!(get(&cloud, "/00000000-0000-0000-0000-0000000000ff", 53).await.shown(), @r#"
    404 Not Found
    {
      "itemNotFound": {"code":404,"message":"Hypervisor with ID '00000000-0000-0000-0000-0000000000ff' could not be found."}
    }
    "#);
}
