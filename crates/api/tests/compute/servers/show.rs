//! `GET /servers/{id}`

use crate::cloud::Cloud;
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn the_first_microversion_shows_what_the_owner_may_see() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let shown = cloud.ask(&format!("GET /servers/{id}"), "reader").await;
    assert_snapshot!(shown.shown(), @r#"
    200 OK
    {
      "server": {
        "OS-DCF:diskConfig": "MANUAL",
        "OS-EXT-AZ:availability_zone": "nova",
        "OS-EXT-STS:power_state": 1,
        "OS-EXT-STS:task_state": null,
        "OS-EXT-STS:vm_state": "active",
        "OS-SRV-USG:launched_at": "2026-01-01T00:00:00.000000",
        "OS-SRV-USG:terminated_at": null,
        "accessIPv4": "",
        "accessIPv6": "",
        "addresses": {"private":[{"OS-EXT-IPS-MAC:mac_addr":"[mac]","OS-EXT-IPS:type":"fixed","addr":"10.1.0.2","version":4}]},
        "config_drive": "",
        "created": "2026-01-01T00:00:00Z",
        "flavor": {"id":"1","links":[{"href":"http://cloud/compute/flavors/1","rel":"bookmark"}]},
        "hostId": "[host id]",
        "id": "[uuid]",
        "image": {
          "id": "00000000-0000-0000-0000-000000000011",
          "links": [{"href":"http://cloud/compute/images/00000000-0000-0000-0000-000000000011","rel":"bookmark"}]
        },
        "key_name": null,
        "links": [
          {"href":"http://cloud/compute/v2.1/servers/[uuid]","rel":"self"},
          {"href":"http://cloud/compute/servers/[uuid]","rel":"bookmark"}
        ],
        "metadata": {},
        "name": "web",
        "os-extended-volumes:volumes_attached": [],
        "progress": 0,
        "security_groups": [{"name":"default"}],
        "status": "ACTIVE",
        "tenant_id": "one",
        "updated": "2026-01-01T00:00:00Z",
        "user_id": "member"
      }
    }
    "#);
}

#[tokio::test]
async fn the_newest_shows_administrators_everything() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let shown = cloud.send(&format!("GET /servers/{id}"), "admin", 96, json!(null)).await;
    assert_snapshot!(shown.shown(), @r#"
    200 OK
    {
      "server": {
        "OS-DCF:diskConfig": "MANUAL",
        "OS-EXT-AZ:availability_zone": "nova",
        "OS-EXT-SRV-ATTR:host": "host-1",
        "OS-EXT-SRV-ATTR:hostname": "web",
        "OS-EXT-SRV-ATTR:hypervisor_hostname": "host-1",
        "OS-EXT-SRV-ATTR:instance_name": "instance-00000001",
        "OS-EXT-SRV-ATTR:kernel_id": "",
        "OS-EXT-SRV-ATTR:launch_index": 0,
        "OS-EXT-SRV-ATTR:ramdisk_id": "",
        "OS-EXT-SRV-ATTR:reservation_id": "[reservation]",
        "OS-EXT-SRV-ATTR:root_device_name": "/dev/vda",
        "OS-EXT-SRV-ATTR:user_data": null,
        "OS-EXT-STS:power_state": 1,
        "OS-EXT-STS:task_state": null,
        "OS-EXT-STS:vm_state": "active",
        "OS-SRV-USG:launched_at": "2026-01-01T00:00:00.000000",
        "OS-SRV-USG:terminated_at": null,
        "accessIPv4": "",
        "accessIPv6": "",
        "addresses": {"private":[{"OS-EXT-IPS-MAC:mac_addr":"[mac]","OS-EXT-IPS:type":"fixed","addr":"10.1.0.2","version":4}]},
        "config_drive": "",
        "created": "2026-01-01T00:00:00Z",
        "description": null,
        "flavor": {"disk":1,"ephemeral":0,"extra_specs":{},"original_name":"m1.tiny","ram":512,"swap":0,"vcpus":1},
        "hostId": "[host id]",
        "host_status": "UP",
        "id": "[uuid]",
        "image": {
          "id": "00000000-0000-0000-0000-000000000011",
          "links": [{"href":"http://cloud/compute/images/00000000-0000-0000-0000-000000000011","rel":"bookmark"}]
        },
        "key_name": null,
        "links": [
          {"href":"http://cloud/compute/v2.1/servers/[uuid]","rel":"self"},
          {"href":"http://cloud/compute/servers/[uuid]","rel":"bookmark"}
        ],
        "locked": false,
        "locked_reason": null,
        "metadata": {},
        "name": "web",
        "os-extended-volumes:volumes_attached": [],
        "pinned_availability_zone": null,
        "progress": 0,
        "security_groups": [{"name":"default"}],
        "server_groups": [],
        "status": "ACTIVE",
        "tags": [],
        "tenant_id": "one",
        "trusted_image_certificates": null,
        "updated": "2026-01-01T00:00:00Z",
        "user_id": "member"
      }
    }
    "#);
}

#[tokio::test]
async fn a_server_that_is_being_made_has_no_addresses_yet() {
    let cloud = Cloud::new().await;
    let id = cloud.create("web").await;
    let shown = cloud.send(&format!("GET /servers/{id}"), "member", 96, json!(null)).await;
    assert_snapshot!(shown.shown(), @r#"
    200 OK
    {
      "server": {
        "OS-DCF:diskConfig": "MANUAL",
        "OS-EXT-AZ:availability_zone": "",
        "OS-EXT-SRV-ATTR:hostname": "web",
        "OS-EXT-STS:power_state": 0,
        "OS-EXT-STS:task_state": "scheduling",
        "OS-EXT-STS:vm_state": "building",
        "OS-SRV-USG:launched_at": null,
        "OS-SRV-USG:terminated_at": null,
        "accessIPv4": "",
        "accessIPv6": "",
        "addresses": {},
        "config_drive": "",
        "created": "2026-01-01T00:00:00Z",
        "description": null,
        "flavor": {"disk":1,"ephemeral":0,"extra_specs":{},"original_name":"m1.tiny","ram":512,"swap":0,"vcpus":1},
        "hostId": "",
        "id": "[uuid]",
        "image": {
          "id": "00000000-0000-0000-0000-000000000011",
          "links": [{"href":"http://cloud/compute/images/00000000-0000-0000-0000-000000000011","rel":"bookmark"}]
        },
        "key_name": null,
        "links": [
          {"href":"http://cloud/compute/v2.1/servers/[uuid]","rel":"self"},
          {"href":"http://cloud/compute/servers/[uuid]","rel":"bookmark"}
        ],
        "locked": false,
        "locked_reason": null,
        "metadata": {},
        "name": "web",
        "os-extended-volumes:volumes_attached": [],
        "pinned_availability_zone": null,
        "progress": 0,
        "security_groups": [{"name":"default"}],
        "server_groups": [],
        "status": "BUILD",
        "tags": [],
        "tenant_id": "one",
        "trusted_image_certificates": null,
        "updated": "2026-01-01T00:00:00Z",
        "user_id": "member"
      }
    }
    "#);
}

#[tokio::test]
async fn a_server_that_failed_says_why() {
    let cloud = Cloud::new().await;
    let id = cloud.failed("web").await;
    let mine = cloud.ask(&format!("GET /servers/{id}"), "member").await;
    assert_eq!(mine.text("/server/status"), "ERROR");
    assert_snapshot!(mine.part("/server/fault"), @r#"{"code":500,"created":"2026-01-01T00:00:00Z","message":"The disk is full."}"#);
    let theirs = cloud.ask(&format!("GET /servers/{id}"), "admin").await;
    assert_snapshot!(theirs.part("/server/fault"), @r#"
    {
      "code": 500,
      "created": "2026-01-01T00:00:00Z",
      "details": "1 hosts were looked at. RetryFilter refused 1. compute_disk on host-1: step 0",
      "message": "The disk is full."
    }
    "#);
    let deleting = cloud.ask(&format!("DELETE /servers/{id}"), "member").await;
    assert_eq!(deleting.status, StatusCode::NO_CONTENT);
}

/// A zone is pinned only when its user has named it.
#[tokio::test]
async fn a_zone_that_nobody_asked_for_is_not_pinned() {
    let cloud = Cloud::new().await;
    let (zone, pinned) = ("OS-EXT-AZ:availability_zone", "pinned_availability_zone");
    for (asked, caller, wanted) in [
        (json!({}), "member", json!(null)),
        (json!({"availability_zone": "nova"}), "member", json!("nova")),
        (json!({"availability_zone": "nova:host-1"}), "admin", json!("nova")),
        (json!({"host": "host-1"}), "admin", json!(null)),
    ] {
        let id = cloud.create_of("web", caller, asked.clone()).await;
        let early = cloud.send(&format!("GET /servers/{id}"), caller, 96, json!(null)).await;
        assert_eq!(early.body["server"][pinned], wanted, "{asked}");
        cloud.settle().await;
        let late = cloud.send(&format!("GET /servers/{id}"), caller, 96, json!(null)).await;
        assert_eq!(late.body["server"][pinned], wanted, "{asked}");
        assert_eq!(late.body["server"][zone], json!("nova"), "{asked}");
    }
}

#[tokio::test]
async fn the_host_is_said_to_be_as_it_is() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let call = format!("GET /servers/{id}");
    let status =
        async || cloud.send(&call, "admin", 16, json!(null)).await.text("/server/host_status");
    assert_eq!(status().await, "UP");
    let service = format!("PUT /os-services/{}", cloud.host.id);
    cloud.send(&service, "admin", 53, json!({"status": "disabled"})).await;
    assert_eq!(status().await, "MAINTENANCE");
    cloud.send(&service, "admin", 53, json!({"status": "enabled"})).await;
    cloud.pass(3600);
    assert_eq!(status().await, "UNKNOWN");
    let owner = cloud.send(&call, "member", 96, json!(null)).await;
    assert!(owner.body["server"].get("host_status").is_none());
}

/// Fields by the microversion that brought them, for an owner.
#[tokio::test]
async fn fields_come_with_their_microversions() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let mut known: Vec<String> = Vec::new();
    let mut table = String::new();
    for version in 1..=96 {
        let answer =
            cloud.send(&format!("GET /servers/{id}"), "member", version, json!(null)).await;
        let fields: Vec<String> =
            answer.body["server"].as_object().unwrap().keys().cloned().collect();
        let new: Vec<&String> = fields.iter().filter(|field| !known.contains(field)).collect();
        assert!(known.iter().all(|field| fields.contains(field)), "2.{version} lost a field");
        if !new.is_empty() && version > 1 {
            table.push_str(&format!(
                "2.{version} {}\n",
                new.iter().map(|f| f.as_str()).collect::<Vec<_>>().join(" ")
            ));
        }
        known = fields;
    }
    assert_snapshot!(table, @r#"
    2.9 locked
    2.19 description
    2.26 tags
    2.63 trusted_image_certificates
    2.71 server_groups
    2.73 locked_reason
    2.90 OS-EXT-SRV-ATTR:hostname
    2.96 pinned_availability_zone
    "#);
}

#[tokio::test]
async fn what_is_not_there_and_what_is_another_project_s_look_alike() {
    let cloud = Cloud::new().await;
    let id = cloud.active("web").await;
    let other = cloud.ask(&format!("GET /servers/{id}"), "other").await;
    assert_snapshot!(other.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Instance [uuid] could not be found."}}
    "#);
    for missing in ["00000000-0000-0000-0000-0000000000ff", "web", &id.replace('-', "")] {
        let answer = cloud.ask(&format!("GET /servers/{missing}"), "admin").await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{missing}");
        assert_eq!(answer.message(), format!("Instance {missing} could not be found."));
    }
    let nobody = cloud.ask(&format!("GET /servers/{id}"), "").await;
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
}
