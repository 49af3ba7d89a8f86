//! Offers of volumes to other projects.

use crate::cloud::{Answer, Cloud};
use axum::http::StatusCode;
use hatchery_model::volume::{SnapshotState, VolumeState};
use hatchery_ports::store::Store;
use insta::assert_snapshot;
use serde_json::{Value, json};

/// Each route with the microversion in which it is asked, and its body.
pub const CALLS: [(&str, u32, &str); 12] = [
    ("GET /volume-transfers", 55, ""),
    ("GET /volume-transfers/detail", 55, ""),
    ("GET /volume-transfers/{transfer}", 55, ""),
    ("GET /os-volume-transfer", 0, ""),
    ("GET /os-volume-transfer/detail", 0, ""),
    ("GET /os-volume-transfer/{transfer}", 0, ""),
    ("POST /volume-transfers", 55, r#"{"transfer": {"volume_id": "{free}"}}"#),
    ("POST /os-volume-transfer", 0, r#"{"transfer": {"volume_id": "{free}"}}"#),
    ("POST /volume-transfers/{transfer}/accept", 55, r#"{"accept": {"auth_key": "no"}}"#),
    ("POST /os-volume-transfer/{transfer}/accept", 0, r#"{"accept": {"auth_key": 7}}"#),
    ("DELETE /os-volume-transfer/{transfer}", 0, ""),
    ("DELETE /volume-transfers/{transfer}", 55, ""),
];

/// An offer of the member's volume.
async fn offer(cloud: &Cloud, volume: &str, more: &Value) -> Answer {
    let mut body = json!({"transfer": {"volume_id": volume, "name": " gift "}});
    if let (Some(body), Some(more)) = (body["transfer"].as_object_mut(), more.as_object()) {
        body.extend(more.clone());
    }
    let made = cloud.send("POST /volume-transfers", "member", 57, body).await;
    assert_eq!(made.status, StatusCode::ACCEPTED, "{}", made.shown());
    made
}

async fn accept(cloud: &Cloud, caller: &str, offer: &Answer) -> Answer {
    let id = offer.text("/transfer/id");
    let body = json!({"accept": {"auth_key": offer.text("/transfer/auth_key")}});
    cloud.send(&format!("POST /volume-transfers/{id}/accept"), caller, 55, body).await
}

async fn status(cloud: &Cloud, volume: &str) -> String {
    cloud.ask(&format!("GET /volumes/{volume}"), "admin").await.text("/volume/status")
}

#[tokio::test]
async fn who_may_do_what() {
    let cloud = Cloud::new().await;
    let many = json!({"quota_set": {"volumes": -1}});
    cloud.send("PUT /os-quota-sets/0e1", "admin", 0, many).await;
    let free = cloud.available("free").await;
    let mut table = String::new();
    for (call, version, body) in CALLS {
        table.push_str(&format!("{call:<60}"));
        let volume = cloud.available("disk").await;
        let made = offer(&cloud, &volume, &json!({})).await;
        let transfer = made.text("/transfer/id");
        let fill = |text: &str| text.replace("{free}", &free).replace("{transfer}", &transfer);
        for caller in ["", "unscoped", "other", "reader", "member", "admin"] {
            cloud.force(&free, |volume| volume.state = VolumeState::Available).await;
            let body = serde_json::from_str(&fill(body)).unwrap_or(Value::Null);
            let answer = cloud.send(&fill(call), caller, version, body).await;
            assert!(answer.status.as_u16() < 400 || !answer.message().is_empty(), "{call}");
            table.push_str(&format!(" {}", answer.status.as_u16()));
        }
        table.push('\n');
        cloud.send(&format!("DELETE /volumes/{volume}?force=true"), "admin", 23, Value::Null).await;
    }
    assert_snapshot!(table, @r#"
    GET /volume-transfers                                        401 403 200 200 200 200
    GET /volume-transfers/detail                                 401 403 200 200 200 200
    GET /volume-transfers/{transfer}                             401 404 404 200 200 200
    GET /os-volume-transfer                                      401 403 200 200 200 200
    GET /os-volume-transfer/detail                               401 403 200 200 200 200
    GET /os-volume-transfer/{transfer}                           401 404 404 200 200 200
    POST /volume-transfers                                       401 404 404 403 202 202
    POST /os-volume-transfer                                     401 404 404 403 202 202
    POST /volume-transfers/{transfer}/accept                     401 403 400 403 400 400
    POST /os-volume-transfer/{transfer}/accept                   401 403 400 403 400 400
    DELETE /os-volume-transfer/{transfer}                        401 404 404 403 202 404
    DELETE /volume-transfers/{transfer}                          401 404 404 403 202 404
    "#);
}

#[tokio::test]
async fn an_offer_is_shown_as_cinder_shows_it() {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    let made = offer(&cloud, &volume, &json!({"no_snapshots": true})).await;
    let (id, key) = (made.text("/transfer/id"), made.text("/transfer/auth_key"));
    assert!(key.len() == 16 && key.chars().all(|c| c.is_ascii_hexdigit()), "{key}");
    let shown = made.without(&id).replace(&volume, "[volume]").replace(&key, "[key]");
    assert_snapshot!(shown, @r#"
    202 Accepted
    {
      "transfer": {
        "accepted": false,
        "auth_key": "[key]",
        "created_at": "2026-01-01T00:00:00.000000",
        "destination_project_id": null,
        "id": "[id]",
        "links": [
          {
            "href": "http://cloud/volume/v3/os-volume-transfer/[id]",
            "rel": "self"
          },
          {
            "href": "http://cloud/volume/os-volume-transfer/[id]",
            "rel": "bookmark"
          }
        ],
        "name": "gift",
        "no_snapshots": true,
        "source_project_id": "0e1",
        "volume_id": "[volume]"
      }
    }
    "#);
    assert_eq!(status(&cloud, &volume).await, "awaiting-transfer");
    // Afterwards nobody is told the key, and it is kept nowhere.
    let mut whole = made.body.clone();
    whole["transfer"].as_object_mut().unwrap().remove("auth_key");
    let path = format!("GET /volume-transfers/{id}");
    assert_eq!(cloud.send(&path, "member", 57, Value::Null).await.body, whole);
    let mut uow = cloud.db.read().await.unwrap();
    let row = uow.volume_transfers().find(id.parse().unwrap()).await.unwrap().unwrap();
    assert!(!format!("{row:?}").contains(&key) && row.key_hash.starts_with("$argon2id$"));
    drop(uow);
    let old = cloud.send(&path, "member", 54, Value::Null).await;
    for newer in ["no_snapshots", "accepted", "source_project_id", "destination_project_id"] {
        assert!(old.body["transfer"].get(newer).is_none(), "{newer}");
    }
}

#[tokio::test]
async fn offers_are_listed_by_page() {
    let cloud = Cloud::new().await;
    let mut made = Vec::new();
    for name in ["a", "b", "c"] {
        let volume = cloud.available(name).await;
        made.push(offer(&cloud, &volume, &json!({"name": name})).await.text("/transfer/id"));
        cloud.clock.advance_micros(1);
    }
    let names = |answer: Answer| answer.column("transfers", "name");
    let ask = async |query: &str, version| {
        let path = format!("GET /volume-transfers/detail{query}");
        cloud.send(&path, "member", version, Value::Null).await
    };
    assert_eq!(names(ask("", 58).await), ["a", "b", "c"], "the oldest first");
    assert_eq!(names(ask("", 59).await), ["c", "b", "a"]);
    assert_eq!(names(ask("?sort=name:asc", 59).await), ["a", "b", "c"]);
    assert_eq!(names(ask("?name=b", 59).await), ["b"]);
    let page = ask("?limit=2", 59).await;
    assert!(page.text("/transfers_links/0/href").contains(&format!("marker={}", made[1])));
    assert_eq!(names(page), ["c", "b"]);
    assert_eq!(names(ask(&format!("?limit=2&marker={}", made[1]), 59).await), ["a"]);
    assert_eq!(names(ask("?limit=2&offset=1", 59).await), ["b", "a"]);
    for wrong in ["?marker=nothing", "?sort=colour"] {
        assert_eq!(ask(wrong, 59).await.status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let other = cloud.send("GET /volume-transfers", "other", 59, Value::Null).await;
    assert_eq!(other.body, json!({"transfers": []}));
    let all = cloud.send("GET /volume-transfers?all_tenants=1", "admin", 59, Value::Null).await;
    assert_eq!(all.column("transfers", "id").len(), 3);
}

#[tokio::test]
async fn a_volume_goes_to_another_project_with_its_snapshots() {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    let snapshot = cloud.snapshot(&volume, "kept").await;
    let made = offer(&cloud, &volume, &json!({})).await;
    let id = made.text("/transfer/id");
    let wrong = json!({"accept": {"auth_key": "0123456789abcdef"}});
    let path = format!("POST /volume-transfers/{id}/accept");
    let wrong = cloud.send(&path, "other", 55, wrong).await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let text = format!("Invalid auth key: Attempt to transfer {id} with invalid auth key.");
    assert_eq!(wrong.message(), text);
    // While it is offered, nobody gets it otherwise.
    for (call, body) in [
        (format!("DELETE /volumes/{volume}"), Value::Null),
        ("POST /attachments".into(), json!({"attachment": {"volume_uuid": volume}})),
        (format!("POST /volumes/{volume}/action"), json!({"os-extend": {"new_size": 2}})),
        ("POST /volume-transfers".into(), json!({"transfer": {"volume_id": volume}})),
        ("POST /snapshots".into(), json!({"snapshot": {"volume_id": volume, "force": true}})),
    ] {
        let answer = cloud.send(&call, "member", 55, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{call}: {}", answer.shown());
    }

    let taken = accept(&cloud, "other", &made).await;
    assert_eq!(taken.status, StatusCode::ACCEPTED, "{}", taken.shown());
    assert_eq!(taken.text("/transfer/volume_id"), volume);
    let shown = cloud.ask(&format!("GET /volumes/{volume}"), "other").await;
    let shown = |field: &str| shown.text(&format!("/volume/{field}"));
    assert_eq!((shown("status"), shown("user_id")), ("available".into(), "other".into()));
    assert_eq!(shown("os-vol-tenant-attr:tenant_id"), "2a2");
    let of = async |caller: &str| {
        let listed = cloud.ask("GET /snapshots", caller).await;
        let limits = cloud.ask("GET /limits", caller).await;
        let used = limits.body["limits"]["absolute"]["totalGigabytesUsed"].clone();
        (listed.column("snapshots", "id"), used)
    };
    assert_eq!(of("other").await, (vec![snapshot], json!(2)));
    assert_eq!(of("member").await, (vec![], json!(0)));
    let gone = cloud.ask(&format!("GET /volumes/{volume}"), "member").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    // The key is worth nothing any more.
    assert_eq!(accept(&cloud, "member", &made).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn snapshots_may_stay() {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    let snapshot = cloud.snapshot(&volume, "kept").await;
    let made = offer(&cloud, &volume, &json!({"no_snapshots": true})).await;
    assert_eq!(accept(&cloud, "other", &made).await.status, StatusCode::ACCEPTED);
    let mine = cloud.ask("GET /snapshots", "member").await;
    assert_eq!(mine.column("snapshots", "id"), std::slice::from_ref(&snapshot));
    let refused = cloud.ask(&format!("DELETE /volumes/{volume}?cascade=true"), "other").await;
    assert!(refused.message().contains("disassociated from snapshots after volume transfer"));
    // Given on with the others' snapshots, it leaves those where they are.
    let body = json!({"transfer": {"volume_id": volume}});
    let made = cloud.send("POST /volume-transfers", "other", 55, body).await;
    assert_eq!(accept(&cloud, "admin", &made).await.status, StatusCode::ACCEPTED);
    let mine = cloud.ask("GET /snapshots", "member").await;
    assert_eq!(mine.column("snapshots", "id"), [snapshot]);
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_stays() {
    let cloud = Cloud::new().await;
    let volume = cloud.available("disk").await;
    let snapshot = cloud.snapshot(&volume, "kept").await;
    let made = offer(&cloud, &volume, &json!({})).await;
    for limits in [
        json!({"gigabytes": 1}),
        json!({"snapshots": 0}),
        json!({"volumes": 0}),
        json!({"per_volume_gigabytes": 0}),
        json!({"volumes___DEFAULT__": 0}),
        json!({"gigabytes___DEFAULT__": 1}),
    ] {
        let body = json!({"quota_set": limits});
        cloud.send("DELETE /os-quota-sets/2a2", "admin", 0, Value::Null).await;
        let set = cloud.send("PUT /os-quota-sets/2a2", "admin", 0, body.clone()).await;
        assert_eq!(set.status, StatusCode::OK, "{body}: {}", set.shown());
        let over = accept(&cloud, "other", &made).await;
        assert_eq!(over.status, StatusCode::PAYLOAD_TOO_LARGE, "{body}: {}", over.shown());
        assert_eq!(status(&cloud, &volume).await, "awaiting-transfer");
    }
    cloud.send("DELETE /os-quota-sets/2a2", "admin", 0, Value::Null).await;
    cloud.force_snapshot(&snapshot, SnapshotState::Failed).await;
    let busy = accept(&cloud, "other", &made).await;
    assert!(busy.message().contains("is not in the expected available state"), "{}", busy.shown());
    cloud.force(&volume, |volume| volume.state = VolumeState::Maintenance).await;
    let busy = accept(&cloud, "other", &made).await;
    assert!(busy.message().contains("expected in awaiting-transfer state"), "{}", busy.shown());

    // Taken back; then a snapshot that is not available is in the way of a new offer.
    cloud.force(&volume, |volume| volume.state = VolumeState::AwaitingTransfer).await;
    let id = made.text("/transfer/id");
    cloud.send(&format!("DELETE /volume-transfers/{id}"), "member", 55, Value::Null).await;
    assert_eq!(status(&cloud, &volume).await, "available");
    for (more, version, why) in [
        (json!({}), 55, "snapshot: "),
        (json!({"no_snapshots": true}), 54, "before microversion 3.55"),
        (json!({"name": " "}), 55, "name"),
        (json!({"colour": "red"}), 55, "colour"),
    ] {
        let mut body = json!({"transfer": {"volume_id": volume}});
        body["transfer"].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let answer = cloud.send("POST /volume-transfers", "member", version, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{more}: {}", answer.shown());
        assert!(answer.message().contains(why), "{more}: {}", answer.shown());
    }
}
