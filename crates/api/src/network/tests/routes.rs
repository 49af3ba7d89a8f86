//! Version documents, and what clients only read.

use super::{Door, kind};
use crate::http::testing::ask;
use axum::http::Method;
use insta::assert_snapshot;
use serde_json::json;

#[tokio::test]
async fn version_documents() {
    let door = Door::open().await;
    assert_snapshot!(ask(Method::GET, "/network").of(&door.router).await, @r#"
    200
    {
      "versions": [
        {
          "id": "v2.0",
          "links": [
            {
              "href": "http://cloud:5000/network/v2.0/",
              "rel": "self"
            }
          ],
          "status": "CURRENT"
        }
      ]
    }
    "#);
    assert_snapshot!(door.get("reader", "").await, @r#"
    200
    {
      "resources": [
        {
          "collection": "networks",
          "links": [
            {
              "href": "http://cloud:5000/network/v2.0/networks",
              "rel": "self"
            }
          ],
          "name": "network"
        },
        {
          "collection": "subnets",
          "links": [
            {
              "href": "http://cloud:5000/network/v2.0/subnets",
              "rel": "self"
            }
          ],
          "name": "subnet"
        },
        {
          "collection": "ports",
          "links": [
            {
              "href": "http://cloud:5000/network/v2.0/ports",
              "rel": "self"
            }
          ],
          "name": "port"
        }
      ]
    }
    "#);
    assert_eq!(door.get("reader", "/").await.status, 200);
    assert_eq!(ask(Method::GET, "/network/v2.0").of(&door.router).await.status, 401);
}

#[tokio::test]
async fn extensions() {
    let door = Door::open().await;
    let all = door.get("reader", "/extensions").await.json();
    let aliases: Vec<_> = all["extensions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["alias"].as_str().unwrap())
        .collect();
    assert_snapshot!(aliases.join("\n"), @r#"
    binding
    external-net
    filter-validation
    net-mtu
    net-mtu-writable
    network-ip-availability
    pagination
    port-security
    project-id
    provider
    quotas
    revision-if-match
    sorting
    standard-attr-description
    standard-attr-timestamp
    standard-attr-revisions
    "#);
    assert_eq!(
        door.get("reader", "/extensions/binding").await.json()["extension"]["alias"],
        "binding"
    );
    assert_snapshot!(door.get("reader", "/extensions/router").await, @r#"
    404
    {
      "NeutronError": {
        "detail": "",
        "message": "Extension router could not be found.",
        "type": "ExtensionsNotFound"
      }
    }
    "#);
}

#[tokio::test]
async fn quotas() {
    let door = Door::open().await;
    assert_snapshot!(door.get("reader", "/quotas/one").await, @r#"
    200
    {
      "quota": {
        "network": -1,
        "port": -1,
        "subnet": -1
      }
    }
    "#);
    assert_eq!(door.get("reader", "/quotas/one/default").await.status, 200);
    assert_eq!(door.get("reader", "/quotas/two").await.status, 404);
    assert_eq!(door.get("admin", "/quotas/two").await.status, 200);
    assert_eq!(door.get("reader", "/quotas").await.status, 403);
    assert_eq!(door.get("admin", "/quotas").await.json(), json!({"quotas": []}));
}

#[tokio::test]
async fn the_default_group() {
    let door = Door::open().await;
    let groups = door.get("reader", "/security-groups?name=default").await.json();
    let group = &groups["security_groups"][0];
    let id = group["id"].as_str().unwrap();
    assert_eq!(
        door.get("reader", &format!("/security-groups/{id}")).await.json()["security_group"],
        *group
    );
    assert_eq!(door.get("other", &format!("/security-groups/{id}")).await.status, 404);
    let rules = door.get("reader", "/security-group-rules?direction=ingress").await.json();
    assert_eq!(rules["security_group_rules"].as_array().unwrap().len(), 2);
    assert_eq!(
        door.get("reader", "/security-groups?name=x").await.json(),
        json!({"security_groups": []})
    );
    let port = door.port("member", &door.first, json!({"security_groups": [id]})).await;
    assert_eq!(port["security_groups"], json!([id]));
    let make = door.post("member", "/security-groups", json!({"security_group": {}})).await;
    assert_snapshot!(make, @r#"
    405
    {
      "NeutronError": {
        "detail": "",
        "message": "The method is not allowed for this resource.",
        "type": "HTTPMethodNotAllowed"
      }
    }
    "#);
}

#[tokio::test]
async fn how_full_networks_are() {
    let door = Door::open().await;
    assert_snapshot!(door.get("admin", &format!("/network-ip-availabilities/{}", door.first)).await, @r#"
    200
    {
      "network_ip_availability": {
        "network_id": "e5050b10-1d16-4256-815c-0289ec2d0a91",
        "network_name": "private",
        "project_id": "ops",
        "subnet_ip_availability": [
          {
            "cidr": "10.100.0.0/20",
            "ip_version": 4,
            "subnet_id": "67ec8e65-a18d-4bbe-9e55-32fbeea293f8",
            "subnet_name": "private-subnet",
            "total_ips": 4093,
            "used_ips": 1
          }
        ],
        "tenant_id": "ops",
        "total_ips": 4093,
        "used_ips": 1
      }
    }
    "#);
    let all = door
        .get("admin", "/network-ip-availabilities?network_name=private&ip_version=4")
        .await
        .json();
    assert_eq!(all["network_ip_availabilities"].as_array().unwrap().len(), 1);
    assert_eq!(door.get("member", "/network-ip-availabilities").await.status, 403);
}

#[tokio::test]
async fn what_is_not_there() {
    let door = Door::open().await;
    assert_snapshot!(door.get("member", "/routers").await, @r#"
    404
    {
      "NeutronError": {
        "detail": "",
        "message": "The resource at this path could not be found.",
        "type": "HTTPNotFound"
      }
    }
    "#);
    assert_eq!(door.get("nobody", "/routers").await.status, 401);
    assert_eq!(kind(&door.post("member", "/extensions", json!({})).await), "HTTPMethodNotAllowed");
    assert_eq!(door.get("admin", "/agents").await.json(), json!({"agents": []}));
    assert_eq!(door.get("member", "/agents").await.status, 403);
    assert_eq!(
        door.get("member", "/availability_zones").await.json(),
        json!({"availability_zones": []})
    );
    assert_eq!(ask(Method::GET, "/network/v9").of(&door.router).await.status, 404);
}
