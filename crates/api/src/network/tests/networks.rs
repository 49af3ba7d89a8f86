//! `/v2.0/networks`

use super::{Door, kind};
use crate::http::testing::ask;
use axum::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

#[tokio::test]
async fn made_shown_changed_and_deleted() {
    let door = Door::open().await;
    let body = json!({"network": {"name": "lan", "admin_state_up": true, "mtu": 1400}});
    let made = door.post("member", "/networks", body).await;
    assert_snapshot!(made, @r#"
    201
    {
      "network": {
        "admin_state_up": true,
        "availability_zone_hints": [],
        "availability_zones": [],
        "created_at": "2026-01-01T00:00:00Z",
        "description": "",
        "id": "a53c36d7-6cec-49e0-b585-27120fbbe785",
        "ipv4_address_scope": null,
        "ipv6_address_scope": null,
        "mtu": 1400,
        "name": "lan",
        "port_security_enabled": true,
        "project_id": "one",
        "revision_number": 1,
        "router:external": false,
        "shared": false,
        "status": "ACTIVE",
        "subnets": [],
        "tags": [],
        "tenant_id": "one",
        "updated_at": "2026-01-01T00:00:00Z"
      }
    }
    "#);
    let path = format!("/networks/{}", made.json()["network"]["id"].as_str().unwrap());
    assert_eq!(door.get("reader", &path).await.json(), made.json());
    door.clock.advance_micros(9_000_000);
    let body = json!({"network": {"name": "new", "description": "d", "admin_state_up": "False"}});
    let changed = door.put("member", &path, body).await.json()["network"].clone();
    assert_eq!(changed["name"], "new");
    assert_eq!(changed["status"], "DOWN");
    assert_eq!(changed["revision_number"], 2);
    assert_eq!(changed["updated_at"], "2026-01-01T00:00:09Z");
    assert_snapshot!(door.delete("member", &path).await, @"204");
    assert_snapshot!(door.get("member", &path).await, @r#"
    404
    {
      "NeutronError": {
        "detail": "",
        "message": "Network a53c36d7-6cec-49e0-b585-27120fbbe785 could not be found.",
        "type": "NetworkNotFound"
      }
    }
    "#);
}

#[tokio::test]
async fn several_at_once_are_all_or_none() {
    let door = Door::open().await;
    let both = json!({"networks": [{"name": "a"}, {"name": "b"}]});
    let made = door.post("member", "/networks", both).await;
    assert_eq!(made.json()["networks"][1]["name"], "b");
    let one_is_bad = json!({"networks": [{"name": "c"}, {"name": "d", "shared": true}]});
    assert_eq!(door.post("member", "/networks", one_is_bad).await.status, 403);
    assert_eq!(door.get("member", "/networks?name=c").await.json(), json!({"networks": []}));
}

#[tokio::test]
async fn who_may_not() {
    let door = Door::open().await;
    let own = format!("/networks/{}", door.network("member", json!({})).await);
    let first = format!("/networks/{}", door.first);
    let patch = json!({"network": {"name": "x"}});
    assert_snapshot!(door.post("reader", "/networks", json!({"network": {}})).await, @r#"
    403
    {
      "NeutronError": {
        "detail": "",
        "message": "Policy doesn't allow create_network to be performed.",
        "type": "PolicyNotAuthorized"
      }
    }
    "#);
    assert_snapshot!(door.post("unscoped", "/networks", json!({"network": {}})).await, @r#"
    403
    {
      "NeutronError": {
        "detail": "",
        "message": "create_network needs a token for a project; ask for one with a project scope.",
        "type": "PolicyNotAuthorized"
      }
    }
    "#);
    assert_snapshot!(door.post("nobody", "/networks", json!({"network": {}})).await, @r#"
    401
    {
      "error": {
        "code": 401,
        "message": "The token is not one of ours.",
        "title": "Unauthorized"
      }
    }
    "#);
    assert_snapshot!(door.put("member", &first, patch.clone()).await, @r#"
    403
    {
      "NeutronError": {
        "detail": "",
        "message": "Policy doesn't allow update_network to be performed.",
        "type": "PolicyNotAuthorized"
      }
    }
    "#);
    assert_snapshot!(door.put("other", &own, patch.clone()).await, @r#"
    404
    {
      "NeutronError": {
        "detail": "",
        "message": "Network a53c36d7-6cec-49e0-b585-27120fbbe785 could not be found.",
        "type": "NetworkNotFound"
      }
    }
    "#);
    assert_eq!(door.put("reader", &own, patch.clone()).await.status, 403);
    assert_eq!(door.put("nobody", &own, patch).await.status, 401);
    assert_eq!(door.get("other", &own).await.status, 404);
    assert_eq!(door.get("nobody", &own).await.status, 401);
    assert_eq!(door.get("other", &first).await.status, 200);
    assert_eq!(door.get("unscoped", &first).await.status, 404);
    assert_eq!(door.delete("other", &own).await.status, 404);
    assert_eq!(door.delete("reader", &own).await.status, 403);
    assert_eq!(door.delete("nobody", &own).await.status, 401);
    assert_eq!(door.delete("member", &first).await.status, 403);
}

#[tokio::test]
async fn what_only_administrators_set() {
    let door = Door::open().await;
    let own = format!("/networks/{}", door.network("member", json!({})).await);
    for fields in [
        json!({"shared": true}),
        json!({"router:external": true}),
        json!({"provider:network_type": "local"}),
        json!({"project_id": "two"}),
    ] {
        let body = json!({"network": fields});
        let answer = door.post("member", "/networks", body.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), kind(&answer).as_str()),
            (403, "PolicyNotAuthorized"),
            "{body}"
        );
        assert_eq!(door.post("admin", "/networks", body).await.status, 201);
    }
    let share = json!({"network": {"shared": true}});
    assert_eq!(door.put("member", &own, share.clone()).await.status, 403);
    assert_eq!(door.put("admin", &own, share).await.status, 200);
}

#[tokio::test]
async fn what_is_no_network() {
    let door = Door::open().await;
    for body in [
        json!({}),
        json!([]),
        json!({"network": []}),
        json!({"networks": []}),
        json!({"networks": {}}),
        json!({"network": {}, "networks": [{}]}),
        json!({"network": {"name": 5}}),
        json!({"network": {"name": "x".repeat(256)}}),
        json!({"network": {"name": "a\0"}}),
        json!({"network": {"admin_state_up": "maybe"}}),
        json!({"network": {"mtu": 5}}),
        json!({"network": {"mtu": "big"}}),
        json!({"network": {"id": "00000000-0000-0000-0000-000000000000"}}),
        json!({"network": {"project_id": "one", "tenant_id": "two"}}),
        json!({"network": {"qos_policy_id": "x"}}),
    ] {
        let answer = door.post("member", "/networks", body.clone()).await;
        assert_eq!(answer.status, 400, "{body}: {answer}");
    }
    assert_snapshot!(door.post("member", "/networks", json!({"network": {"colour": "red"}})).await, @r#"
    400
    {
      "NeutronError": {
        "detail": "",
        "message": "Unrecognized attribute(s) 'colour'",
        "type": "HTTPBadRequest"
      }
    }
    "#);
    assert_snapshot!(door.post("member", "/networks", json!({"network": {"name": 5}})).await, @r#"
    400
    {
      "NeutronError": {
        "detail": "",
        "message": "Invalid input for name. Reason: '5' is not a valid string.",
        "type": "HTTPBadRequest"
      }
    }
    "#);
    let vlan = json!({"network": {"provider:network_type": "vlan"}});
    assert_snapshot!(door.post("admin", "/networks", vlan).await, @r#"
    400
    {
      "NeutronError": {
        "detail": "",
        "message": "Invalid input for operation: provider:network_type is \"vlan\"; this deployment has networks of type local only.",
        "type": "InvalidInput"
      }
    }
    "#);
    let text = ask(Method::POST, "/network/v2.0/networks").by("member").body("{");
    assert_snapshot!(text.of(&door.router).await, @r#"
    400
    {
      "NeutronError": {
        "detail": "",
        "message": "Malformed request body: it is not JSON (EOF while parsing an object at line 1 column 1)",
        "type": "HTTPBadRequest"
      }
    }
    "#);
    assert_eq!(door.get("member", "/networks/nonsense").await.status, 404);
    assert_eq!(kind(&door.delete("member", "/networks/nonsense").await), "NetworkNotFound");
}

#[tokio::test]
async fn ports_of_others_keep_it() {
    let door = Door::open().await;
    let id = door.network("admin", json!({"shared": true})).await;
    door.subnet("admin", &id, json!({})).await;
    let path = format!("/networks/{id}");
    let port = door.port("member", &id, json!({})).await;
    assert_snapshot!(kind(&door.delete("admin", &path).await), @"NetworkInUse");
    let alone = json!({"network": {"shared": false}});
    assert_snapshot!(kind(&door.put("admin", &path, alone).await), @"InvalidSharedSetting");
    let port = format!("/ports/{}", port["id"].as_str().unwrap());
    assert_eq!(door.delete("member", &port).await.status, 204);
    assert_eq!(door.delete("admin", &path).await.status, 204);
    let left = door.get("admin", &format!("/ports?network_id={id}")).await;
    assert_eq!(left.json(), json!({"ports": []}));
}

#[tokio::test]
async fn a_change_of_an_old_revision_is_refused() {
    let door = Door::open().await;
    let id = door.network("member", json!({})).await;
    let put = async |matching: &str| {
        ask(Method::PUT, &format!("/network/v2.0/networks/{id}"))
            .by("member")
            .header("if-match", matching)
            .json(&json!({"network": {"name": "x"}}))
            .of(&door.router)
            .await
    };
    assert_eq!(put("revision_number=1").await.status, 200);
    assert_snapshot!(put("revision_number=1").await, @r#"
    412
    {
      "NeutronError": {
        "detail": "",
        "message": "Constraint revision_number=1 does not hold: the revision is 2 now.",
        "type": "RevisionNumberConstraintFailed"
      }
    }
    "#);
    assert_eq!(put("yesterday").await.status, 400);
}

#[tokio::test]
async fn the_first_network_is_made_once() {
    let door = Door::open().await;
    let network = door.get("member", "/networks?name=private").await.json()["networks"][0].clone();
    assert_eq!(network["shared"], true);
    assert_eq!(network["subnets"].as_array().unwrap().len(), 1);
    let wanted =
        hatchery_control::network::FirstNetwork::usual(hatchery_model::id::ProjectId::from("ops"));
    let entropy = hatchery_testkit::SeededEntropy::new(9);
    let now = hatchery_model::timestamp::Timestamp(0);
    let again =
        hatchery_control::network::ensure_first_network(&*door.store, &entropy, now, wanted)
            .await
            .unwrap();
    assert_eq!(again.to_string(), door.first);
    assert_eq!(
        door.get("admin", "/networks").await.json()["networks"].as_array().unwrap().len(),
        1
    );
    let none: Option<&Value> = network.get("provider:network_type");
    assert_eq!(none, None);
}
