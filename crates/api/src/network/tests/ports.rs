//! `/v2.0/ports`

use super::{Door, kind};
use insta::assert_snapshot;
use serde_json::{Value, json};

/// A network of `member` with a subnet 10.0.0.0/24.
async fn lan(door: &Door) -> (String, String) {
    let network = door.network("member", json!({})).await;
    let subnet = door.subnet("member", &network, json!({})).await;
    (network, subnet)
}

fn addresses(port: &Value) -> Vec<&str> {
    let fixed = port["fixed_ips"].as_array().unwrap();
    fixed.iter().map(|one| one["ip_address"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn made_shown_changed_and_deleted() {
    let door = Door::open().await;
    let (network, _) = lan(&door).await;
    let body = json!({"port": {"network_id": network, "name": "p"}});
    let made = door.post("member", "/ports", body).await;
    assert_snapshot!(made, @r#"
    201
    {
      "port": {
        "admin_state_up": true,
        "allowed_address_pairs": [],
        "binding:vnic_type": "normal",
        "created_at": "2026-01-01T00:00:00Z",
        "description": "",
        "device_id": "",
        "device_owner": "",
        "extra_dhcp_opts": [],
        "fixed_ips": [
          {
            "ip_address": "10.0.0.3",
            "subnet_id": "a83d7e35-de18-4749-9667-61748e5c43cb"
          }
        ],
        "id": "8aa2d790-d641-4387-a857-4c6fae6d9b6f",
        "mac_address": "fa:16:3e:3b:4a:79",
        "name": "p",
        "network_id": "a53c36d7-6cec-49e0-b585-27120fbbe785",
        "port_security_enabled": true,
        "project_id": "one",
        "revision_number": 1,
        "security_groups": [
          "e7563cb5-62b7-58e1-8c2c-f384690cd930"
        ],
        "status": "DOWN",
        "tags": [],
        "tenant_id": "one",
        "updated_at": "2026-01-01T00:00:00Z"
      }
    }
    "#);
    let path = format!("/ports/{}", made.json()["port"]["id"].as_str().unwrap());
    assert_eq!(door.get("reader", &path).await.json(), made.json());
    let seen = door.get("admin", &path).await.json()["port"].clone();
    assert_eq!(seen["binding:vif_type"], "unbound");
    let patch = json!({"port": {"name": "q", "fixed_ips": [{"ip_address": "10.0.0.77"}], "device_id": "d"}});
    let changed = door.put("member", &path, patch).await.json()["port"].clone();
    assert_eq!(
        (changed["name"].as_str(), changed["revision_number"].as_i64()),
        (Some("q"), Some(2))
    );
    assert_eq!(addresses(&changed), ["10.0.0.77"]);
    assert_eq!(addresses(&door.port("member", &network, json!({})).await), ["10.0.0.3"]);
    assert_snapshot!(door.delete("member", &path).await, @"204");
    assert_snapshot!(door.get("member", &path).await, @r#"
    404
    {
      "NeutronError": {
        "detail": "",
        "message": "Port 8aa2d790-d641-4387-a857-4c6fae6d9b6f could not be found.",
        "type": "PortNotFound"
      }
    }
    "#);
    let again = json!({"fixed_ips": [{"ip_address": "10.0.0.77"}]});
    door.port("member", &network, again).await;
}

#[tokio::test]
async fn addresses_are_taken_once() {
    let door = Door::open().await;
    let (network, subnet) = lan(&door).await;
    let first = door.port("member", &network, json!({"mac_address": "FA-16-3E-00-00-01"})).await;
    assert_eq!(
        (addresses(&first), first["mac_address"].as_str()),
        (vec!["10.0.0.3"], Some("fa:16:3e:00:00:01"))
    );
    for (fields, status, wanted) in [
        (json!({"fixed_ips": [{"ip_address": "10.0.0.3"}]}), 409, "IpAddressAlreadyAllocated"),
        (json!({"fixed_ips": [{"ip_address": "10.0.0.1"}]}), 409, "IpAddressAlreadyAllocated"),
        (
            json!({"fixed_ips": [{"ip_address": "10.0.0.9"}, {"ip_address": "10.0.0.9"}]}),
            409,
            "IpAddressAlreadyAllocated",
        ),
        (json!({"mac_address": "fa:16:3e:00:00:01"}), 409, "MacAddressInUse"),
        (json!({"fixed_ips": [{"ip_address": "10.0.0.0"}]}), 400, "InvalidIpForNetwork"),
        (json!({"fixed_ips": [{"ip_address": "10.0.0.255"}]}), 400, "InvalidIpForNetwork"),
        (json!({"fixed_ips": [{"ip_address": "10.0.1.1"}]}), 400, "InvalidIpForNetwork"),
        (
            json!({"fixed_ips": [{"subnet_id": subnet, "ip_address": "10.0.1.1"}]}),
            400,
            "InvalidIpForNetwork",
        ),
        (
            json!({"fixed_ips": [{"subnet_id": "00000000-0000-0000-0000-000000000000"}]}),
            404,
            "SubnetNotFound",
        ),
        (json!({"fixed_ips": [{}]}), 400, "InvalidInput"),
        (json!({"fixed_ips": [{}, {}, {}, {}, {}, {}]}), 400, "InvalidInput"),
        (json!({"fixed_ips": "all"}), 400, "HTTPBadRequest"),
        (json!({"fixed_ips": ["10.0.0.9"]}), 400, "HTTPBadRequest"),
        (json!({"fixed_ips": [{"ip_address": "x"}]}), 400, "HTTPBadRequest"),
        (json!({"mac_address": "x"}), 400, "HTTPBadRequest"),
        (json!({"network_id": "x"}), 400, "HTTPBadRequest"),
        (json!({"network_id": "00000000-0000-0000-0000-000000000000"}), 404, "NetworkNotFound"),
        (json!({"allowed_address_pairs": [{"ip_address": "10.0.0.9"}]}), 400, "HTTPBadRequest"),
        (json!({"binding:vnic_type": "direct"}), 400, "HTTPBadRequest"),
        (
            json!({"security_groups": ["00000000-0000-0000-0000-000000000000"]}),
            404,
            "SecurityGroupNotFound",
        ),
        (json!({"status": "ACTIVE"}), 400, "HTTPBadRequest"),
    ] {
        let mut body = json!({"network_id": network});
        super::extend(&mut body, fields.clone());
        let answer = door.post("member", "/ports", json!({"port": body})).await;
        assert_eq!(
            (answer.status.as_u16(), kind(&answer).as_str()),
            (status, wanted),
            "{fields}: {answer}"
        );
    }
    let two = json!({"fixed_ips": [{"subnet_id": subnet}, {"ip_address": "10.0.0.4"}]});
    assert_eq!(addresses(&door.port("member", &network, two).await), ["10.0.0.5", "10.0.0.4"]);
    assert!(addresses(&door.port("member", &network, json!({"fixed_ips": []})).await).is_empty());
    assert_snapshot!(door.post("member", "/ports", json!({"port": {}})).await, @r#"
    400
    {
      "NeutronError": {
        "detail": "",
        "message": "Failed to parse request. Required attribute 'network_id' not specified",
        "type": "HTTPBadRequest"
      }
    }
    "#);
}

#[tokio::test]
async fn a_full_network_says_so() {
    let door = Door::open().await;
    let network = door.network("member", json!({})).await;
    let none = door.port("member", &network, json!({})).await;
    assert!(addresses(&none).is_empty());
    door.subnet("member", &network, json!({"cidr": "10.0.0.0/29"})).await;
    door.subnet("member", &network, json!({"cidr": "fd00::/64", "ip_version": 6})).await;
    let first = door.port("member", &network, json!({})).await;
    assert_eq!(addresses(&first), ["10.0.0.3", "fd00::2"]);
    let three = json!({"ports": [{"network_id": network}, {"network_id": network}, {"network_id": network}]});
    assert_eq!(
        door.post("member", "/ports", three).await.json()["ports"].as_array().unwrap().len(),
        3
    );
    let one = json!({"port": {"network_id": network}});
    assert_snapshot!(door.post("member", "/ports", one.clone()).await, @r#"
    409
    {
      "NeutronError": {
        "detail": "",
        "message": "No more IP addresses are available on network a53c36d7-6cec-49e0-b585-27120fbbe785.",
        "type": "IpAddressGenerationFailure"
      }
    }
    "#);
    door.subnet("member", &network, json!({"cidr": "10.0.1.0/29"})).await;
    let next = door.post("member", "/ports", one).await.json()["port"].clone();
    assert_eq!(addresses(&next), ["10.0.1.3", "fd00::6"]);
}

#[tokio::test]
async fn who_may_not() {
    let door = Door::open().await;
    let (network, _) = lan(&door).await;
    let port = door.port("member", &network, json!({})).await;
    let path = format!("/ports/{}", port["id"].as_str().unwrap());
    let on = |network: &str| json!({"port": {"network_id": network}});
    assert_snapshot!(door.post("reader", "/ports", on(&network)).await, @r#"
    403
    {
      "NeutronError": {
        "detail": "",
        "message": "Policy doesn't allow create_port to be performed.",
        "type": "PolicyNotAuthorized"
      }
    }
    "#);
    assert_snapshot!(door.post("other", "/ports", on(&network)).await, @r#"
    404
    {
      "NeutronError": {
        "detail": "",
        "message": "Network a53c36d7-6cec-49e0-b585-27120fbbe785 could not be found.",
        "type": "NetworkNotFound"
      }
    }
    "#);
    assert_eq!(door.post("nobody", "/ports", on(&network)).await.status, 401);
    assert_eq!(door.post("other", "/ports", on(&door.first)).await.status, 201);
    let patch = json!({"port": {"name": "x"}});
    assert_eq!(door.put("other", &path, patch.clone()).await.status, 404);
    assert_eq!(door.put("reader", &path, patch.clone()).await.status, 403);
    assert_eq!(door.put("nobody", &path, patch).await.status, 401);
    assert_eq!(door.get("other", &path).await.status, 404);
    assert_eq!(door.get("nobody", &path).await.status, 401);
    assert_eq!(door.delete("other", &path).await.status, 404);
    assert_eq!(door.delete("reader", &path).await.status, 403);
    assert_eq!(door.delete("nobody", &path).await.status, 401);
    for fields in [
        json!({"mac_address": "fa:16:3e:00:00:01"}),
        json!({"fixed_ips": [{"ip_address": "10.100.0.99"}]}),
        json!({"device_owner": "network:dhcp"}),
        json!({"port_security_enabled": false}),
        json!({"binding:host_id": "h"}),
    ] {
        let mut body = json!({"network_id": door.first});
        super::extend(&mut body, fields.clone());
        let answer = door.post("member", "/ports", json!({"port": body})).await;
        assert_eq!(answer.status, 403, "{fields}: {answer}");
    }
}

#[tokio::test]
async fn a_networks_owner_sees_what_is_on_it() {
    let door = Door::open().await;
    let port = door.port("member", &door.first, json!({})).await;
    let path = format!("/ports/{}", port["id"].as_str().unwrap());
    assert_eq!(door.get("admin", &path).await.status, 200);
    assert_eq!(door.get("other", &path).await.status, 404);
    assert_eq!(door.get("other", "/ports").await.json(), json!({"ports": []}));
    let own = door.get("member", "/ports").await.json();
    assert_eq!(own["ports"].as_array().unwrap().len(), 1);
    let lent = door.network("member", json!({})).await;
    door.subnet("member", &lent, json!({})).await;
    door.put("admin", &format!("/networks/{lent}"), json!({"network": {"shared": true}})).await;
    door.port("other", &lent, json!({"name": "guest"})).await;
    let seen = door.get("reader", "/ports?name=guest").await.json();
    assert_eq!(seen["ports"][0]["project_id"], "two");
}

#[tokio::test]
async fn what_a_guest_uses_stays() {
    let door = Door::open().await;
    let (network, _) = lan(&door).await;
    let port = door
        .port("member", &network, json!({"device_id": "s", "device_owner": "compute:nova"}))
        .await;
    let path = format!("/ports/{}", port["id"].as_str().unwrap());
    let bind = json!({"port": {"binding:host_id": "h"}});
    assert_eq!(door.put("member", &path, bind.clone()).await.status, 403);
    let bound = door.put("admin", &path, bind).await.json()["port"].clone();
    assert_eq!(
        (bound["binding:host_id"].as_str(), bound["binding:vif_type"].as_str()),
        (Some("h"), Some("bridge"))
    );
    assert_snapshot!(door.delete("member", &path).await, @r#"
    409
    {
      "NeutronError": {
        "detail": "",
        "message": "Port 8aa2d790-d641-4387-a857-4c6fae6d9b6f is used by s; delete that first.",
        "type": "PortInUse"
      }
    }
    "#);
    let readdress = json!({"port": {"fixed_ips": []}});
    assert_snapshot!(door.put("member", &path, readdress).await, @r#"
    409
    {
      "NeutronError": {
        "detail": "",
        "message": "Port 8aa2d790-d641-4387-a857-4c6fae6d9b6f is bound to a host; its addresses cannot change while it is.",
        "type": "PortBound"
      }
    }
    "#);
    let serving =
        door.get("member", "/ports?device_owner=network:dhcp").await.json()["ports"][0]["id"]
            .clone();
    let serving = format!("/ports/{}", serving.as_str().unwrap());
    assert_snapshot!(kind(&door.delete("member", &serving).await), @"ServicePortInUse");
}
