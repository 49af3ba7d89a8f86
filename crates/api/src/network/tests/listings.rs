//! Filters, order, pages and fields, which all listings share.

use super::Door;
use insta::assert_snapshot;
use serde_json::{Value, json};

async fn three() -> (Door, String) {
    let door = Door::open().await;
    let network = door.network("member", json!({"name": "lan"})).await;
    door.subnet("member", &network, json!({"enable_dhcp": false})).await;
    for (name, device) in [("b", "x"), ("a", "y"), ("c", "")] {
        door.clock.advance_micros(1_000_000);
        let fields = json!({"name": name, "device_id": device, "admin_state_up": name != "c"});
        door.port("member", &network, fields).await;
    }
    (door, network)
}

fn names(body: &Value) -> Vec<&str> {
    let ports = body["ports"].as_array().unwrap();
    ports.iter().map(|port| port["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn filters_and_order() {
    let (door, network) = three().await;
    for (query, wanted) in [
        (String::new(), vec!["b", "a", "c"]),
        ("?name=a".into(), vec!["a"]),
        ("?name=a&name=b".into(), vec!["b", "a"]),
        ("?name=a&device_id=x".into(), vec![]),
        ("?device_id=x&device_id=y".into(), vec!["b", "a"]),
        ("?device_id=".into(), vec!["c"]),
        ("?admin_state_up=False".into(), vec!["c"]),
        ("?status=DOWN&sort_key=name&sort_dir=desc".into(), vec!["c", "b", "a"]),
        (
            "?sort_key=admin_state_up&sort_key=name&sort_dir=asc&sort_dir=asc".into(),
            vec!["c", "a", "b"],
        ),
        ("?fixed_ips=ip_address%3D10.0.0.2".into(), vec!["b"]),
        ("?fixed_ips=ip_address%3D10.0.0.2&fixed_ips=ip_address%3D10.0.0.3".into(), vec!["b", "a"]),
        ("?fixed_ips=nonsense".into(), vec![]),
        ("?project_id=one&tenant_id=one".into(), vec!["b", "a", "c"]),
        ("?project_id=two".into(), vec![]),
        ("?revision_number=1".into(), vec!["b", "a", "c"]),
        ("?tags=x".into(), vec![]),
        ("?not-tags=x".into(), vec!["b", "a", "c"]),
        (format!("?network_id={network}"), vec!["b", "a", "c"]),
        (format!("?network_id={}", door.first), vec![]),
        ("?network_id=nonsense".into(), vec![]),
        ("?mac_address=nonsense".into(), vec![]),
        ("?limit=0".into(), vec!["b", "a", "c"]),
    ] {
        let answer = door.get("member", &format!("/ports{query}")).await;
        assert_eq!(answer.status, 200, "{query}: {answer}");
        assert_eq!(names(&answer.json()), wanted, "{query}");
    }
}

#[tokio::test]
async fn pages_lead_both_ways() {
    let (door, _) = three().await;
    let follow = async |link: &Value| {
        let href = link["href"].as_str().unwrap();
        let path = href.strip_prefix("http://cloud:5000/network/v2.0").unwrap();
        door.get("member", path).await.json()
    };
    let first = door.get("member", "/ports?limit=2&sort_key=name&sort_dir=asc").await.json();
    assert_eq!(names(&first), ["a", "b"]);
    assert_eq!(first["ports_links"][0]["rel"], "next");
    let second = follow(&first["ports_links"][0]).await;
    assert_eq!(names(&second), ["c"]);
    let links = second["ports_links"].as_array().unwrap();
    assert_eq!((links.len(), links[0]["rel"].as_str()), (1, Some("previous")));
    let back = follow(&links[0]).await;
    assert_eq!(names(&back), ["a", "b"]);
    assert_eq!(door.get("member", "/ports").await.json().get("ports_links"), None);
}

#[tokio::test]
async fn fields_are_cut() {
    let (door, network) = three().await;
    assert_snapshot!(door.get("member", "/ports?name=a&fields=name&fields=status").await, @r#"
    200
    {
      "ports": [
        {
          "name": "a",
          "status": "DOWN"
        }
      ]
    }
    "#);
    let one = door.get("member", &format!("/networks/{network}?fields=name")).await;
    assert_snapshot!(one, @r#"
    200
    {
      "network": {
        "name": "lan"
      }
    }
    "#);
}

#[tokio::test]
async fn what_cannot_be_listed() {
    let (door, _) = three().await;
    for query in [
        "colour=red",
        "sort_key=name",
        "sort_key=colour&sort_dir=asc",
        "sort_key=name&sort_dir=up",
        "limit=-1",
        "limit=all",
        "marker=nonsense",
    ] {
        for kind in ["networks", "subnets", "ports"] {
            let answer = door.get("member", &format!("/{kind}?{query}")).await;
            assert_eq!(answer.status, 400, "{query}: {answer}");
        }
    }
    assert_snapshot!(door.get("member", "/ports?colour=red").await, @r#"
    400
    {
      "NeutronError": {
        "detail": "",
        "message": "['colour'] is invalid attribute for filtering",
        "type": "HTTPBadRequest"
      }
    }
    "#);
    for kind in ["networks", "subnets", "ports"] {
        assert_eq!(door.get("nobody", &format!("/{kind}")).await.status, 401);
        assert_eq!(door.get("unscoped", &format!("/{kind}")).await.status, 403);
    }
}
