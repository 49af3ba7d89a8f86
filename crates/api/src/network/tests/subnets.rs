//! `/v2.0/subnets`

use super::{Door, kind};
use insta::assert_snapshot;
use serde_json::{Value, json};

#[tokio::test]
async fn made_shown_changed_and_deleted() {
    let door = Door::open().await;
    let network = door.network("member", json!({})).await;
    let body = json!({"subnet": {
        "network_id": network, "ip_version": 4, "cidr": "10.0.0.7/24", "name": "s",
        "dns_nameservers": ["1.1.1.1"],
        "host_routes": [{"destination": "10.1.0.0/16", "nexthop": "10.0.0.9"}],
    }});
    let made = door.post("member", "/subnets", body).await;
    assert_snapshot!(made, @r#"
    201
    {
      "subnet": {
        "allocation_pools": [
          {
            "end": "10.0.0.254",
            "start": "10.0.0.2"
          }
        ],
        "cidr": "10.0.0.0/24",
        "created_at": "2026-01-01T00:00:00Z",
        "description": "",
        "dns_nameservers": [
          "1.1.1.1"
        ],
        "enable_dhcp": true,
        "gateway_ip": "10.0.0.1",
        "host_routes": [
          {
            "destination": "10.1.0.0/16",
            "nexthop": "10.0.0.9"
          }
        ],
        "id": "a83d7e35-de18-4749-9667-61748e5c43cb",
        "ip_version": 4,
        "ipv6_address_mode": null,
        "ipv6_ra_mode": null,
        "name": "s",
        "network_id": "a53c36d7-6cec-49e0-b585-27120fbbe785",
        "project_id": "one",
        "revision_number": 1,
        "service_types": [],
        "subnetpool_id": null,
        "tags": [],
        "tenant_id": "one",
        "updated_at": "2026-01-01T00:00:00Z"
      }
    }
    "#);
    let id = made.json()["subnet"]["id"].as_str().unwrap().to_owned();
    let path = format!("/subnets/{id}");
    assert_eq!(door.get("reader", &path).await.json(), made.json());
    assert_eq!(
        door.get("member", &format!("/networks/{network}")).await.json()["network"]["subnets"],
        json!([id])
    );
}

#[tokio::test]
async fn dhcp_is_served_from_an_address_of_the_subnet() {
    let door = Door::open().await;
    let network = door.network("member", json!({})).await;
    let id = door.subnet("member", &network, json!({})).await;
    let path = format!("/subnets/{id}");
    let serving =
        door.get("member", "/ports?device_owner=network:dhcp").await.json()["ports"][0].clone();
    assert_eq!(serving["fixed_ips"], json!([{"subnet_id": id, "ip_address": "10.0.0.2"}]));
    assert_eq!(serving["status"], "ACTIVE");
    let patch = json!({"subnet": {
        "gateway_ip": "10.0.0.254", "enable_dhcp": false, "dns_nameservers": [],
        "allocation_pools": [{"start": "10.0.0.100", "end": "10.0.0.200"}],
    }});
    let changed = door.put("member", &path, patch).await.json()["subnet"].clone();
    assert_eq!(changed["gateway_ip"], "10.0.0.254");
    assert_eq!(changed["allocation_pools"], json!([{"start": "10.0.0.100", "end": "10.0.0.200"}]));
    assert_eq!(changed["revision_number"], 2);
    assert_eq!(door.get("member", "/ports").await.json(), json!({"ports": []}));
    let patch = json!({"subnet": {"enable_dhcp": true, "gateway_ip": null}});
    assert_eq!(door.put("member", &path, patch).await.json()["subnet"]["gateway_ip"], json!(null));
    let serving = door.get("member", "/ports").await.json()["ports"][0]["fixed_ips"][0].clone();
    assert_eq!(serving["ip_address"], "10.0.0.100");
    assert_snapshot!(door.delete("member", &path).await, @"204");
    assert_eq!(door.get("member", "/ports").await.json(), json!({"ports": []}));
    assert_snapshot!(door.get("member", &path).await, @r#"
    404
    {
      "NeutronError": {
        "detail": "",
        "message": "Subnet a83d7e35-de18-4749-9667-61748e5c43cb could not be found.",
        "type": "SubnetNotFound"
      }
    }
    "#);
}

#[tokio::test]
async fn who_may_not() {
    let door = Door::open().await;
    let network = door.network("member", json!({})).await;
    let path = format!("/subnets/{}", door.subnet("member", &network, json!({})).await);
    let on = |network: &str| json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.9.0.0/24"}});
    assert_snapshot!(door.post("member", "/subnets", on(&door.first)).await, @r#"
    403
    {
      "NeutronError": {
        "detail": "",
        "message": "Policy doesn't allow create_subnet to be performed.",
        "type": "PolicyNotAuthorized"
      }
    }
    "#);
    assert_snapshot!(door.post("other", "/subnets", on(&network)).await, @r#"
    404
    {
      "NeutronError": {
        "detail": "",
        "message": "Network a53c36d7-6cec-49e0-b585-27120fbbe785 could not be found.",
        "type": "NetworkNotFound"
      }
    }
    "#);
    assert_eq!(door.post("reader", "/subnets", on(&network)).await.status, 403);
    assert_eq!(door.post("nobody", "/subnets", on(&network)).await.status, 401);
    let patch = json!({"subnet": {"name": "x"}});
    assert_eq!(door.put("other", &path, patch.clone()).await.status, 404);
    assert_eq!(door.put("reader", &path, patch.clone()).await.status, 403);
    assert_eq!(door.put("nobody", &path, patch).await.status, 401);
    assert_eq!(door.get("other", &path).await.status, 404);
    assert_eq!(door.get("nobody", &path).await.status, 401);
    assert_eq!(door.delete("other", &path).await.status, 404);
    assert_eq!(door.delete("reader", &path).await.status, 403);
    assert_eq!(door.delete("nobody", &path).await.status, 401);
    let shared = door.get("other", "/subnets").await.json();
    assert_eq!(shared["subnets"][0]["name"], "private-subnet");
    assert_eq!(shared["subnets"].as_array().unwrap().len(), 1);
}

/// Fields that spoil a good subnet; status and type of the answer.
fn bad_fields() -> Vec<(Value, u16, &'static str)> {
    vec![
        (json!({"network_id": null}), 400, "HTTPBadRequest"),
        (json!({"network_id": "x"}), 400, "HTTPBadRequest"),
        (json!({"network_id": "00000000-0000-0000-0000-000000000000"}), 404, "NetworkNotFound"),
        (json!({"cidr": "10.0.0.0"}), 400, "HTTPBadRequest"),
        (json!({"cidr": "10.0.0.0/33"}), 400, "HTTPBadRequest"),
        (json!({"cidr": null}), 400, "HTTPBadRequest"),
        (json!({"cidr": "0.0.0.0/0"}), 400, "InvalidInput"),
        (json!({"cidr": "127.0.0.0/24"}), 400, "InvalidInput"),
        (json!({"cidr": "fd00::/64"}), 400, "InvalidInput"),
        (json!({"cidr": "10.8.0.128/25"}), 400, "InvalidInput"),
        (json!({"cidr": "10.0.0.0/8"}), 400, "InvalidInput"),
        (json!({"ip_version": 5}), 400, "HTTPBadRequest"),
        (json!({"gateway_ip": "10.1.0.1"}), 400, "InvalidInput"),
        (json!({"gateway_ip": "10.0.0.0"}), 400, "InvalidInput"),
        (json!({"gateway_ip": "10.0.0.255"}), 400, "InvalidInput"),
        (json!({"gateway_ip": "here"}), 400, "HTTPBadRequest"),
        (
            json!({"allocation_pools": [{"start": "10.0.0.9", "end": "10.0.0.2"}]}),
            400,
            "InvalidAllocationPool",
        ),
        (
            json!({"allocation_pools": [{"start": "10.0.0.1", "end": "10.0.0.2"}]}),
            409,
            "GatewayConflictWithAllocationPools",
        ),
        (
            json!({"allocation_pools": [{"start": "10.0.0.2", "end": "10.0.0.9"}, {"start": "10.0.0.9", "end": "10.0.0.10"}]}),
            409,
            "OverlappingAllocationPools",
        ),
        (json!({"allocation_pools": [{"start": "10.0.0.2"}]}), 400, "HTTPBadRequest"),
        (json!({"allocation_pools": "all"}), 400, "HTTPBadRequest"),
        (json!({"dns_nameservers": ["a.b"]}), 400, "HTTPBadRequest"),
        (json!({"dns_nameservers": ["1.1.1.1", "1.1.1.1"]}), 400, "InvalidInput"),
        (
            json!({"dns_nameservers": ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4", "1.1.1.5", "1.1.1.6"]}),
            400,
            "DNSNameServersExhausted",
        ),
        (json!({"host_routes": [{"destination": "10.1.0.0/16"}]}), 400, "HTTPBadRequest"),
        (
            json!({"host_routes": [{"destination": "10.1.0.0/16", "nexthop": "fd00::1"}]}),
            400,
            "InvalidInput",
        ),
        (json!({"subnetpool_id": "x"}), 400, "HTTPBadRequest"),
        (json!({"ipv6_ra_mode": "slaac"}), 400, "HTTPBadRequest"),
        (json!({"colour": "red"}), 400, "HTTPBadRequest"),
    ]
}

#[tokio::test]
async fn what_is_no_subnet() {
    let door = Door::open().await;
    let network = door.network("member", json!({})).await;
    door.subnet("member", &network, json!({"cidr": "10.8.0.0/24"})).await;
    for (fields, status, wanted) in bad_fields() {
        let mut body = json!({"network_id": network, "ip_version": 4, "cidr": "10.0.0.0/24"});
        super::extend(&mut body, fields.clone());
        let answer = door.post("member", "/subnets", json!({"subnet": body})).await;
        assert_eq!(
            (answer.status.as_u16(), kind(&answer).as_str()),
            (status, wanted),
            "{fields}: {answer}"
        );
    }
    let none = json!({"subnet": {"cidr": "10.0.0.0/24", "ip_version": 4}});
    assert_snapshot!(door.post("member", "/subnets", none).await, @r#"
    400
    {
      "NeutronError": {
        "detail": "",
        "message": "Failed to parse request. Required attribute 'network_id' not specified",
        "type": "HTTPBadRequest"
      }
    }
    "#);
    assert_eq!(
        door.get("member", &format!("/subnets?network_id={network}")).await.json()["subnets"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
}

#[tokio::test]
async fn networks_that_the_host_is_on_do_not_overlap() {
    let door = Door::open().await;
    let outside = door.network("admin", json!({"router:external": true})).await;
    let inside = door.network("admin", json!({})).await;
    let on = |network: &str| json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.100.1.0/24"}});
    assert_snapshot!(kind(&door.post("admin", "/subnets", on(&outside)).await), @"InvalidInput");
    assert_eq!(door.post("admin", "/subnets", on(&inside)).await.status, 201);
}

#[tokio::test]
async fn addresses_in_use_keep_it() {
    let door = Door::open().await;
    let network = door.network("member", json!({})).await;
    let id = door.subnet("member", &network, json!({})).await;
    let path = format!("/subnets/{id}");
    let port =
        door.port("member", &network, json!({"fixed_ips": [{"ip_address": "10.0.0.200"}]})).await;
    assert_snapshot!(kind(&door.delete("member", &path).await), @"SubnetInUse");
    let pools = json!([{"start": "10.0.0.10", "end": "10.0.0.20"}]);
    let gateway =
        |address: &str| json!({"subnet": {"gateway_ip": address, "allocation_pools": pools}});
    assert_snapshot!(kind(&door.put("member", &path, gateway("10.0.0.200")).await), @"IpAddressAlreadyAllocated");
    assert_snapshot!(kind(&door.put("member", &path, gateway("10.0.0.15")).await), @"GatewayConflictWithAllocationPools");
    assert_eq!(door.put("member", &path, gateway("10.0.0.201")).await.status, 200);
    let port = format!("/ports/{}", port["id"].as_str().unwrap());
    assert_eq!(door.delete("member", &port).await.status, 204);
    assert_eq!(door.delete("member", &path).await.status, 204);
}
