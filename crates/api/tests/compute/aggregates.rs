//! `/os-aggregates`

use crate::answer::Answer;
use crate::cloud::Cloud;
use crate::rows;
use axum::http::StatusCode;
use hatchery_model::message::{Event, HostBase, HostBaseState};
use hatchery_ports::clock::Clock;
use insta::assert_snapshot;
use serde_json::{Value, json};

const ONE: &str = "/os-aggregates/1";

async fn send(cloud: &Cloud, call: &str, body: Value) -> Answer {
    cloud.send(call, "admin", 96, body).await
}

async fn act(cloud: &Cloud, action: &str, argument: Value) -> Answer {
    send(cloud, &format!("POST {ONE}/action"), json!({action: argument})).await
}

/// An aggregate in a zone; its number is the next.
async fn make(cloud: &Cloud, name: &str, zone: Value) -> Answer {
    let body = json!({"aggregate": {"name": name, "availability_zone": zone}});
    send(cloud, "POST /os-aggregates", body).await
}

/// With the aggregate 1 of its host.
async fn with_host(zone: Value) -> Cloud {
    let cloud = Cloud::new().await;
    assert_eq!(make(&cloud, "one", zone).await.status, StatusCode::OK);
    let added = act(&cloud, "add_host", json!({"host": "host-1"})).await;
    assert_eq!(added.status, StatusCode::OK, "{}", added.shown());
    cloud
}

async fn zone_of_host(cloud: &Cloud) -> String {
    cloud.ask("GET /os-services", "admin").await.text("/services/0/zone")
}

#[tokio::test]
async fn one_is_made_shown_and_removed() {
    let cloud = Cloud::new().await;
    let old = json!({"aggregate": {"name": "old"}});
    assert_snapshot!(cloud.send("POST /os-aggregates", "admin", 1, old.clone()).await.shown(), @r#"
    200 OK
    {
      "aggregate": {
        "availability_zone": null,
        "created_at": "2026-01-01T00:00:00.000000",
        "deleted": false,
        "deleted_at": null,
        "id": 1,
        "name": "old",
        "updated_at": null
      }
    }
    "#);
    assert_snapshot!(cloud.send("POST /os-aggregates", "admin", 41, old).await.shown(), @r#"
    409 Conflict
    {"conflictingRequest":{"code":409,"message":"Aggregate old already exists."}}
    "#);
    assert!(make(&cloud, "new", json!("east")).await.body["aggregate"]["uuid"].is_string());
    assert_snapshot!(send(&cloud, "GET /os-aggregates/2", Value::Null).await.shown(), @r#"
    200 OK
    {
      "aggregate": {
        "availability_zone": "east",
        "created_at": "2026-01-01T00:00:00.000000",
        "deleted": false,
        "deleted_at": null,
        "hosts": [],
        "id": 2,
        "metadata": {"availability_zone":"east"},
        "name": "new",
        "updated_at": null,
        "uuid": "[uuid]"
      }
    }
    "#);
    let listed = cloud.ask("GET /os-aggregates", "admin").await;
    assert_eq!(listed.column("aggregates", "name"), ["old", "new"]);
    assert_eq!(listed.body["aggregates"][0].get("uuid"), None, "before 2.41");
    let gone = send(&cloud, "DELETE /os-aggregates/2", Value::Null).await;
    assert_eq!((gone.status, gone.body), (StatusCode::OK, Value::Null));
    assert_snapshot!(send(&cloud, "DELETE /os-aggregates/2", Value::Null).await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Aggregate 2 could not be found."}}
    "#);
    assert_snapshot!(send(&cloud, "GET /os-aggregates/two", Value::Null).await.shown(), @r#"
    400 Bad Request
    {"badRequest":{"code":400,"message":"Invalid input received: id must be an integer"}}
    "#);
    let below = send(&cloud, "GET /os-aggregates/-1", Value::Null).await;
    assert_eq!(below.message(), "Aggregate -1 could not be found.");
}

#[tokio::test]
async fn odd_bodies_are_refused_and_change_nothing() {
    let cloud = with_host(json!("east")).await;
    let before = send(&cloud, "GET /os-aggregates", Value::Null).await;
    let long = "x".repeat(256);
    let whole = |body: Value| json!({"aggregate": body});
    let action = format!("POST {ONE}/action");
    let put = format!("PUT {ONE}");
    let images = format!("POST {ONE}/images");
    let new = "POST /os-aggregates";
    for (call, body) in [
        (new, json!({})),
        (new, whole(json!({}))),
        (new, whole(json!({"name": ""}))),
        (new, whole(json!({"name": " a"}))),
        (new, whole(json!({"name": long}))),
        (new, whole(json!({"name": 5}))),
        (new, whole(json!({"name": "a", "hosts": []}))),
        (new, whole(json!({"name": "a", "availability_zone": "a:b"}))),
        (new, whole(json!({"name": "a", "availability_zone": ""}))),
        (&put, whole(json!({}))),
        (&put, whole(json!({"name": null}))),
        (&put, whole(json!({"name": "  "}))),
        (&put, whole(json!({"availability_zone": null}))),
        (&put, whole(json!({"name": "renamed", "availability_zone": null}))),
        (&action, json!({})),
        (&action, json!({"add_host": {}})),
        (&action, json!({"add_host": {"host": ""}})),
        (&action, json!({"add_host": {"host": "a b"}})),
        (&action, json!({"add_host": {"host": "a"}, "remove_host": {"host": "a"}})),
        (&action, json!({"grow": {}})),
        (&action, json!({"set_metadata": {"metadata": {"a/b": "c"}}})),
        (&action, json!({"set_metadata": {"metadata": {"a": 5}}})),
        (&action, json!({"set_metadata": {"metadata": {"a": long}}})),
        (&action, json!({"set_metadata": {"metadata": {"availability_zone": ""}}})),
        (&images, json!({"cache": []})),
        (&images, json!({"cache": [{"id": "tiny"}]})),
        (&images, json!({"cache": [{"id": rows::IMAGE}, {"id": rows::IMAGE}]})),
        (&images, json!({"cache": [{"id": rows::IMAGE, "pin_until": "soon"}]})),
        (&images, json!({"cache": [{"id": rows::IMAGE, "pin_until": "2001-01-01T00:00:00Z"}]})),
        (&images, json!({"cache": [{"id": rows::IMAGE, "size": 1}]})),
        (&images, json!({"cache": [{"id": rows::IMAGE}, {"id": rows::NETWORK}]})),
    ] {
        let answer = send(&cloud, call, body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{call} {body}: {}", answer.shown());
        assert!(answer.message().len() > 10, "{call} {body}");
    }
    assert_eq!(send(&cloud, "GET /os-aggregates", Value::Null).await.body, before.body);
    let cached = send(&cloud, &format!("GET {ONE}/images"), Value::Null).await;
    assert_eq!(cached.body, json!({"images": []}));
    let old = cloud.send(&images, "admin", 80, json!({"cache": [{"id": rows::IMAGE}]})).await;
    assert_eq!(old.status, StatusCode::NOT_FOUND, "2.81 has it first");
}

#[tokio::test]
async fn hosts_come_and_go() {
    let cloud = with_host(Value::Null).await;
    assert_snapshot!(act(&cloud, "add_host", json!({"host": "host-1"})).await.shown(), @r#"
    409 Conflict
    {"conflictingRequest":{"code":409,"message":"Aggregate 1 already has host host-1."}}
    "#);
    assert_snapshot!(act(&cloud, "add_host", json!({"host": "host-2"})).await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Compute host host-2 could not be found."}}
    "#);
    assert_snapshot!(send(&cloud, &format!("DELETE {ONE}"), Value::Null).await.shown(), @r#"
    400 Bad Request
    {
      "badRequest": {"code":400,"message":"Cannot remove host from aggregate 1. Reason: Host aggregate is not empty."}
    }
    "#);
    let gone = act(&cloud, "remove_host", json!({"host": "host-1"})).await;
    assert_eq!(gone.body["aggregate"]["hosts"], json!([]));
    assert_snapshot!(act(&cloud, "remove_host", json!({"host": "host-1"})).await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Host host-1 of aggregate 1 could not be found."}}
    "#);
    assert_eq!(send(&cloud, &format!("DELETE {ONE}"), Value::Null).await.status, StatusCode::OK);
}

#[tokio::test]
async fn metadata_come_and_go() {
    let cloud = with_host(Value::Null).await;
    cloud.pass(5);
    let set = json!({"metadata": {"disk": "ssd", "a:b.c d": "é", "gone": null}});
    let shown = act(&cloud, "set_metadata", set).await;
    assert_snapshot!(shown.part("/aggregate/metadata"), @r#"{"a:b.c d":"é","disk":"ssd"}"#);
    assert_eq!(shown.text("/aggregate/updated_at"), "2026-01-01T00:00:05.000000");
    let shown = act(&cloud, "set_metadata", json!({"metadata": {"disk": null}})).await;
    assert_snapshot!(shown.part("/aggregate/metadata"), @r#"{"a:b.c d":"é"}"#);
    let renamed = json!({"aggregate": {"name": " two "}});
    let shown = send(&cloud, &format!("PUT {ONE}"), renamed).await;
    assert_eq!(shown.text("/aggregate/name"), "two");
    make(&cloud, "three", Value::Null).await;
    let taken = json!({"aggregate": {"name": "three"}});
    assert_snapshot!(send(&cloud, &format!("PUT {ONE}"), taken).await.shown(), @r#"
    409 Conflict
    {"conflictingRequest":{"code":409,"message":"Aggregate three already exists."}}
    "#);
}

#[tokio::test]
async fn a_host_is_in_one_zone_and_leaves_it_only_without_servers() {
    let cloud = with_host(json!("east")).await;
    assert_eq!(zone_of_host(&cloud).await, "east");
    make(&cloud, "two", json!("west")).await;
    let add = json!({"add_host": {"host": "host-1"}});
    assert_snapshot!(send(&cloud, "POST /os-aggregates/2/action", add.clone()).await.shown(), @r#"
    409 Conflict
    {
      "conflictingRequest": {
        "code": 409,
        "message": "Cannot add host to aggregate 2. Reason: One or more hosts already in availability zone(s) ['east']."
      }
    }
    "#);
    // One more of the same zone, and one that makes none, are no matter.
    for (number, zone) in [(3, json!("east")), (4, Value::Null)] {
        make(&cloud, &format!("more {number}"), zone).await;
        let call = format!("POST /os-aggregates/{number}/action");
        assert_eq!(send(&cloud, &call, add.clone()).await.status, StatusCode::OK);
    }
    let west = json!({"aggregate": {"availability_zone": "west"}});
    assert_snapshot!(send(&cloud, &format!("PUT {ONE}"), west.clone()).await.shown(), @r#"
    400 Bad Request
    {
      "badRequest": {
        "code": 400,
        "message": "Cannot update aggregate 1. Reason: One or more hosts already in availability zone(s) ['east']."
      }
    }
    "#);
    let remove = json!({"remove_host": {"host": "host-1"}});
    send(&cloud, "POST /os-aggregates/3/action", remove).await;
    assert_eq!(send(&cloud, &format!("PUT {ONE}"), west).await.status, StatusCode::OK);
    assert_eq!(zone_of_host(&cloud).await, "west");
    cloud.report().await;
    assert_eq!(zone_of_host(&cloud).await, "west", "a report does not change it");

    cloud.active("web").await;
    let set = act(&cloud, "set_metadata", json!({"metadata": {"availability_zone": "east"}})).await;
    assert_snapshot!(set.shown(), @r#"
    400 Bad Request
    {
      "badRequest": {
        "code": 400,
        "message": "Cannot update metadata of aggregate 1. Reason: One or more hosts contain instances in this zone."
      }
    }
    "#);
    let left = act(&cloud, "remove_host", json!({"host": "host-1"})).await;
    assert_eq!(left.status, StatusCode::CONFLICT);
    assert!(left.message().starts_with("Cannot remove host from aggregate 1. Reason: The host cannot be removed from the aggregate as the availability zone of the host would change from 'west' to 'None' but the host already has 1 instance(s)."), "{}", left.message());
}

#[tokio::test]
async fn a_host_with_servers_joins_no_zone() {
    let cloud = Cloud::new().await;
    cloud.active("web").await;
    make(&cloud, "one", json!("east")).await;
    let added = act(&cloud, "add_host", json!({"host": "host-1"})).await;
    assert_eq!(added.status, StatusCode::CONFLICT);
    assert!(added.message().contains("would change from 'None' to 'east'"), "{}", added.message());
    assert_eq!(zone_of_host(&cloud).await, "nova");
}

#[tokio::test]
async fn servers_go_to_the_zone_that_an_aggregate_makes() {
    let cloud = with_host(json!("east")).await;
    let id = cloud.create_of("web", "member", json!({"availability_zone": "east"})).await;
    cloud.settle().await;
    let shown = cloud.ask(&format!("GET /servers/{id}"), "member").await;
    assert_eq!(shown.text("/server/status"), "ACTIVE");
    assert_eq!(shown.text("/server/OS-EXT-AZ:availability_zone"), "east");
    let mut nova = crate::cloud::wanted("web");
    nova["availability_zone"] = json!("nova");
    let refused = cloud.send("POST /servers", "member", 96, json!({"server": nova})).await;
    assert_eq!(refused.message(), "The requested availability zone is not available");
    let zones = cloud.ask("GET /os-availability-zone", "member").await;
    assert_eq!(zones.column("availabilityZoneInfo", "zoneName"), ["east"]);
}

/// The host's word on a base.
async fn tell(cloud: &Cloud, state: HostBaseState, seconds: i64) {
    let image = rows::IMAGE.parse().unwrap();
    let since = cloud.clock.now().plus_seconds(seconds);
    let event = Event::BasesChanged {
        host: cloud.host.name.clone(),
        bases: vec![HostBase { image, state, since }],
    };
    let envelope = cloud.host.envelope("req-base".into(), event);
    cloud.host.news.lock().unwrap().push(envelope);
    cloud.settle().await;
}

async fn state(cloud: &Cloud) -> (String, Value) {
    let shown = send(cloud, &format!("GET {ONE}/images"), Value::Null).await;
    let host = shown.body["images"][0]["hosts"][0].clone();
    (host["state"].as_str().unwrap_or_default().to_owned(), host["detail"].clone())
}

#[tokio::test]
async fn an_image_is_cached_ahead_and_its_status_follows_the_host() {
    let cloud = with_host(Value::Null).await;
    let wish = json!({"cache": [{"id": rows::IMAGE}]});
    let accepted = send(&cloud, &format!("POST {ONE}/images"), wish.clone()).await;
    assert_eq!((accepted.status, accepted.body), (StatusCode::ACCEPTED, Value::Null));
    assert_snapshot!(send(&cloud, &format!("GET {ONE}/images"), Value::Null).await.shown(), @r#"
    200 OK
    {
      "images": [
        {
          "hosts": [{"detail":null,"host":"host-1","since":"2026-01-01T00:00:00Z","state":"caching"}],
          "id": "00000000-0000-0000-0000-000000000011",
          "name": "tiny",
          "pinned_until": null
        }
      ]
    }
    "#);
    cloud.settle().await;
    assert_eq!(cloud.host.seeded.lock().unwrap().len(), 1, "the host was told once");
    tell(&cloud, HostBaseState::Cached, 1).await;
    assert_eq!(state(&cloud).await, ("cached".into(), Value::Null));
    // Asked again, it is still there.
    send(&cloud, &format!("POST {ONE}/images"), wish).await;
    assert_eq!(state(&cloud).await.0, "cached");
    tell(&cloud, HostBaseState::Lost("its file is gone".into()), 2).await;
    assert_eq!(state(&cloud).await, ("lost".into(), json!("its file is gone")));
    tell(&cloud, HostBaseState::Cached, 1).await;
    assert_eq!(state(&cloud).await.0, "lost", "old news");
    tell(&cloud, HostBaseState::Healed, 3).await;
    assert_eq!(state(&cloud).await.0, "cached");
    tell(&cloud, HostBaseState::Failed("no room".into()), 4).await;
    assert_eq!(state(&cloud).await, ("failed".into(), json!("no room")));
    tell(&cloud, HostBaseState::Gone, 5).await;
    assert_eq!(state(&cloud).await.0, "gone");
}

#[tokio::test]
async fn a_pin_is_set_moved_and_ended() {
    let cloud = with_host(Value::Null).await;
    let pinned = |until: &str| json!({"cache": [{"id": rows::IMAGE, "pin_until": until}]});
    let shown = async || {
        let shown = send(&cloud, &format!("GET {ONE}/images"), Value::Null).await;
        shown.body["images"][0]["pinned_until"].clone()
    };
    for until in ["2026-01-01T01:00:00Z", "2026-01-02T00:00:00+00:00"] {
        send(&cloud, &format!("POST {ONE}/images"), pinned(until)).await;
    }
    assert_eq!(shown().await, json!("2026-01-02T00:00:00Z"));
    // A wish without a time leaves the pin alone.
    let wish = json!({"cache": [{"id": rows::IMAGE}]});
    send(&cloud, &format!("POST {ONE}/images"), wish).await;
    assert_eq!(shown().await, json!("2026-01-02T00:00:00Z"));
    let unpin = format!("DELETE {ONE}/images/{}", rows::IMAGE);
    assert_eq!(send(&cloud, &unpin, Value::Null).await.status, StatusCode::NO_CONTENT);
    assert_snapshot!(send(&cloud, &unpin, Value::Null).await.shown(), @r#"
    404 Not Found
    {
      "itemNotFound": {"code":404,"message":"Pin of image 00000000-0000-0000-0000-000000000011 could not be found."}
    }
    "#);
    assert_eq!(shown().await, Value::Null);
    send(&cloud, &format!("POST {ONE}/images"), pinned("2026-01-01T00:00:09Z")).await;
    cloud.pass(9);
    assert_eq!(shown().await, Value::Null, "its time is over");
}

#[tokio::test]
async fn a_host_that_joins_gets_what_is_pinned() {
    let cloud = Cloud::new().await;
    make(&cloud, "one", Value::Null).await;
    let wish = json!({"cache": [{"id": rows::IMAGE, "pin_until": "2026-01-02T00:00:00Z"}]});
    send(&cloud, &format!("POST {ONE}/images"), wish).await;
    cloud.settle().await;
    assert!(cloud.host.seeded.lock().unwrap().is_empty());
    act(&cloud, "add_host", json!({"host": "host-1"})).await;
    cloud.settle().await;
    assert_eq!(*cloud.host.seeded.lock().unwrap(), [rows::IMAGE.parse().unwrap()]);
    assert_eq!(state(&cloud).await.0, "caching");
}
