//! Quality-of-service specs, default types of projects, and filters of listings.

use crate::cloud::{Answer, Cloud};
use axum::http::StatusCode;
use hatchery_model::disk::BlockSource;
use hatchery_model::image::ImageFormat;
use insta::assert_snapshot;
use serde_json::{Value, json};

const SLOW: &str = "00000000-0000-0000-0000-000000000031";

/// Each route with the microversion in which it is asked, and its body.
pub const CALLS: [(&str, u32, &str); 10] = [
    ("GET /qos-specs", 0, ""),
    ("POST /qos-specs", 0, r#"{"qos_specs": {"name": "more"}}"#),
    ("GET /qos-specs/{qos}", 0, ""),
    ("PUT /qos-specs/{qos}", 0, r#"{"qos_specs": {"a": "b"}}"#),
    ("PUT /qos-specs/{qos}/delete_keys", 0, r#"{"keys": ["a"]}"#),
    ("GET /qos-specs/{qos}/associations", 0, ""),
    ("GET /qos-specs/{qos}/associate?vol_type_id={type}", 0, ""),
    ("GET /qos-specs/{qos}/disassociate?vol_type_id={type}", 0, ""),
    ("GET /qos-specs/{qos}/disassociate_all", 0, ""),
    ("DELETE /qos-specs/{qos}", 0, ""),
];

async fn made(cloud: &Cloud, body: Value) -> Answer {
    let made = cloud.send("POST /qos-specs", "admin", 0, json!({"qos_specs": body})).await;
    assert_eq!(made.status, StatusCode::OK, "{}", made.shown());
    made
}

async fn ask(cloud: &Cloud, call: &str, body: Value) -> Answer {
    cloud.send(call, "admin", 0, body).await
}

#[tokio::test]
async fn who_may_do_what() {
    let cloud = Cloud::new().await;
    let id = made(&cloud, json!({"name": "fast"})).await.text("/qos_specs/id");
    let mut table = String::new();
    for (call, version, body) in CALLS {
        table.push_str(&format!("{call:<60}"));
        let call = call.replace("{qos}", &id).replace("{type}", SLOW);
        for caller in ["", "unscoped", "other", "reader", "member", "admin"] {
            let body = serde_json::from_str(body).unwrap_or(Value::Null);
            let answer = cloud.send(&call, caller, version, body).await;
            assert!(answer.status.as_u16() < 400 || !answer.message().is_empty(), "{call}");
            table.push_str(&format!(" {}", answer.status.as_u16()));
        }
        table.push('\n');
    }
    assert_snapshot!(table, @r#"
    GET /qos-specs                                               401 403 403 403 403 200
    POST /qos-specs                                              401 403 403 403 403 200
    GET /qos-specs/{qos}                                         401 403 403 403 403 200
    PUT /qos-specs/{qos}                                         401 403 403 403 403 200
    PUT /qos-specs/{qos}/delete_keys                             401 403 403 403 403 202
    GET /qos-specs/{qos}/associations                            401 403 403 403 403 200
    GET /qos-specs/{qos}/associate?vol_type_id={type}            401 403 403 403 403 202
    GET /qos-specs/{qos}/disassociate?vol_type_id={type}         401 403 403 403 403 202
    GET /qos-specs/{qos}/disassociate_all                        401 403 403 403 403 202
    DELETE /qos-specs/{qos}                                      401 403 403 403 403 202
    "#);
}

#[tokio::test]
async fn specs_live_and_go() {
    let cloud = Cloud::new().await;
    let made =
        made(&cloud, json!({"name": " fast ", "consumer": "both", "read_iops_sec": "9"})).await;
    let id = made.text("/qos_specs/id");
    assert_snapshot!(made.without(&id), @r#"
    200 OK
    {
      "links": [
        {
          "href": "http://cloud/volume/v3/qos-specs/[id]",
          "rel": "self"
        },
        {
          "href": "http://cloud/volume/qos-specs/[id]",
          "rel": "bookmark"
        }
      ],
      "qos_specs": {
        "consumer": "both",
        "id": "[id]",
        "name": "fast",
        "specs": {
          "read_iops_sec": "9"
        }
      }
    }
    "#);
    let path = format!("/qos-specs/{id}");
    let change = json!({"qos_specs": {"consumer": "front-end", "write_iops_sec": "8"}});
    let changed = ask(&cloud, &format!("PUT {path}"), change.clone()).await;
    assert_eq!(changed.body, change);
    let keys = json!({"keys": ["read_iops_sec"]});
    ask(&cloud, &format!("PUT {path}/delete_keys"), keys.clone()).await;
    let gone = ask(&cloud, &format!("PUT {path}/delete_keys"), keys).await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND, "{}", gone.shown());
    let shown = ask(&cloud, &format!("GET {path}"), Value::Null).await;
    assert_eq!(shown.body["qos_specs"]["specs"], json!({"write_iops_sec": "8"}));
    assert_eq!(shown.text("/qos_specs/consumer"), "front-end");
    self::made(&cloud, json!({"name": "other"})).await;
    let listed = ask(&cloud, "GET /qos-specs?sort=name:desc&limit=1", Value::Null).await;
    assert_eq!(listed.column("qos_specs", "name"), ["other"]);
    assert!(listed.body["qos_specs_links"].is_array(), "{}", listed.shown());
    let listed = ask(&cloud, "GET /qos-specs?consumer=front-end", Value::Null).await;
    assert_eq!(listed.column("qos_specs", "name"), ["fast"]);

    // They hold for a type: one set at a time, and they do not go while they do.
    let other = ask(&cloud, "GET /qos-specs?name=other", Value::Null).await;
    let other = other.text("/qos_specs/0/id");
    ask(&cloud, &format!("GET {path}/associate?vol_type_id={SLOW}"), Value::Null).await;
    let show = format!("GET /types/{SLOW}");
    assert_eq!(ask(&cloud, &show, Value::Null).await.text("/volume_type/qos_specs_id"), id);
    let second = format!("GET /qos-specs/{other}/associate?vol_type_id={SLOW}");
    let second = ask(&cloud, &second, Value::Null).await;
    assert!(second.message().contains("already associated with another"), "{}", second.shown());
    let of = ask(&cloud, &format!("GET {path}/associations"), Value::Null).await;
    let slow = json!({"association_type": "volume_type", "name": "slow", "id": SLOW});
    assert_eq!(of.body, json!({"qos_associations": [slow]}));
    let in_use = ask(&cloud, &format!("DELETE {path}"), Value::Null).await;
    assert_eq!(in_use.message(), "Qos specs still in use.");
    let gone = ask(&cloud, &format!("DELETE {path}?force=true"), Value::Null).await;
    assert_eq!(gone.status, StatusCode::ACCEPTED);
    let shown = ask(&cloud, &show, Value::Null).await;
    assert_eq!(shown.body["volume_type"]["qos_specs_id"], Value::Null);
}

#[tokio::test]
async fn what_is_wrong_is_said() {
    let cloud = Cloud::new().await;
    for (body, status, why) in [
        (json!({"name": ""}), 400, "name"),
        (json!({"consumer": "both"}), 400, "name"),
        (json!({"name": "x", "consumer": "nobody"}), 400, "Valid consumer"),
        (json!({"name": "x", "": "y"}), 400, "qos_specs"),
        (json!({"name": "x", "read_iops_sec": 7}), 400, "read_iops_sec"),
    ] {
        let body = json!({"qos_specs": body});
        let answer = ask(&cloud, "POST /qos-specs", body.clone()).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.shown());
        assert!(answer.message().contains(why), "{body}: {}", answer.shown());
    }
    let id = made(&cloud, json!({"name": "x"})).await.text("/qos_specs/id");
    let again = ask(&cloud, "POST /qos-specs", json!({"qos_specs": {"name": "x"}})).await;
    assert_eq!(again.status, StatusCode::CONFLICT, "{}", again.shown());
    let none = ask(&cloud, &format!("GET /qos-specs/{id}/associate"), Value::Null).await;
    assert_eq!(none.message(), "Volume Type id must not be None.");
    let empty = ask(&cloud, &format!("PUT /qos-specs/{id}"), json!({"qos_specs": {}})).await;
    assert_eq!(empty.status, StatusCode::BAD_REQUEST, "{}", empty.shown());
}

/// Whoever plugs a volume elsewhere is told what the hypervisor is to see to.
#[tokio::test]
async fn an_attachment_says_the_front_end_specs() {
    let cloud = Cloud::new().await;
    let specs = json!({"name": "fast", "consumer": "both", "total_iops_sec_per_gb": "30"});
    let id = made(&cloud, specs).await.text("/qos_specs/id");
    let default = cloud.ask("GET /types/default", "admin").await.text("/volume_type/id");
    let call = format!("GET /qos-specs/{id}/associate?vol_type_id={default}");
    assert_eq!(ask(&cloud, &call, Value::Null).await.status, StatusCode::ACCEPTED);
    let volume = cloud.available("disk").await;
    let source = BlockSource::File {
        path: "/disks/a".into(),
        format: ImageFormat::Raw,
        read_only: false,
        backing: None,
    };
    cloud.force(&volume, |volume| volume.source = Some(source)).await;
    let body = json!({"attachment": {"volume_uuid": volume, "connector": {"host": "h"}}});
    let made = cloud.send("POST /attachments", "member", 27, body).await;
    let info = &made.body["attachment"]["connection_info"];
    assert_eq!(info["qos_specs"], json!({"total_iops_sec": "30"}), "{}", made.shown());
}

#[tokio::test]
async fn a_project_has_a_default_type_of_its_own() {
    let cloud = Cloud::new().await;
    let set = async |named: &str| {
        let body = json!({"default_type": {"volume_type": named}});
        cloud.send("PUT /default-types/0e1", "admin", 62, body).await
    };
    let wrong = set("nothing").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST, "{}", wrong.shown());
    let shown = json!({"project_id": "0e1", "volume_type_id": SLOW});
    assert_eq!(set("slow").await.body, json!({"default_type": shown}));
    let ask = async |call: &str, caller: &str| cloud.send(call, caller, 62, Value::Null).await;
    assert_eq!(ask("GET /default-types", "admin").await.body, json!({"default_types": [shown]}));
    let one = ask("GET /default-types/0e1", "admin").await;
    assert_eq!(one.body, json!({"default_type": shown}));
    assert_eq!(ask("GET /types/default", "member").await.text("/volume_type/name"), "slow");
    assert_eq!(ask("GET /types/default", "other").await.text("/volume_type/name"), "__DEFAULT__");
    let mine = cloud.creating("mine").await;
    let mine = ask(&format!("GET /volumes/{mine}"), "member").await;
    assert_eq!(mine.text("/volume/volume_type"), "slow");
    let kept = ask(&format!("DELETE /types/{SLOW}"), "admin").await;
    assert!(kept.message().contains("is a default volume type"), "{}", kept.shown());
    ask("DELETE /default-types/0e1", "admin").await;
    assert_eq!(ask("GET /types/default", "member").await.text("/volume_type/name"), "__DEFAULT__");
    let old = cloud.send("GET /default-types", "admin", 61, Value::Null).await;
    assert_eq!(old.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn filters_are_told() {
    let cloud = Cloud::new().await;
    let one = cloud.send("GET /resource_filters?resource=backup", "reader", 33, Value::Null).await;
    let filters = json!(["name", "status", "volume_id"]);
    let backup = json!({"resource": "backup", "filters": filters});
    assert_eq!(one.body, json!({"resource_filters": [backup]}));
    let old = cloud.send("GET /resource_filters", "reader", 32, Value::Null).await;
    assert_eq!(old.status, StatusCode::NOT_FOUND);
}
