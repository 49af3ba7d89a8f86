//! `/os-hatchery-pool`, over a real pool of files.

use crate::cloud::Cloud;
use crate::rows;
use axum::http::StatusCode;
use hatchery_model::base::BaseName;
use hatchery_model::compute::{Fault, ServerState};
use insta::assert_snapshot;
use serde_json::{Value, json};
use std::fs;

fn base() -> BaseName {
    BaseName::of(rows::IMAGE.parse().unwrap())
}

async fn heal(cloud: &Cloud, dry_run: bool) -> Value {
    let body = json!({"dry_run": dry_run});
    let answer = cloud.send("POST /os-hatchery-pool/heal", "admin", 96, body).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.shown());
    answer.body
}

/// A cloud whose image is in the pool.
async fn with_base() -> Cloud {
    let cloud = Cloud::new().await;
    cloud.pool.put(rows::IMAGE.parse().unwrap(), &vec![7; 65_536]);
    let done = heal(&cloud, false).await;
    assert_eq!(done["looked_at"], 1);
    assert_eq!(done["deeds"][0]["did"], "linked");
    cloud
}

#[tokio::test]
async fn a_base_is_shown_with_its_image_and_its_holders() {
    let cloud = with_base().await;
    let server = cloud.active("web").await;
    let shown = cloud.ask(&format!("GET /os-hatchery-pool/{}", rows::IMAGE), "admin").await;
    for (field, wanted) in [
        ("base", json!(base())),
        ("image", json!(rows::IMAGE)),
        ("image_name", json!("tiny")),
        ("format", json!("raw")),
        ("size", json!(65_536)),
        ("virtual_size", json!(65_536)),
        ("links", json!(2)),
        ("health", json!("good")),
    ] {
        assert_eq!(shown.body["base"][field], wanted, "{field}");
    }
    let holder = &shown.body["base"]["holders"][0];
    assert_eq!((&holder["kind"], &holder["server"]), (&json!("disk"), &json!(server)));
    assert!(shown.text("/base/digest").starts_with("sha512:"));
    let by_name = cloud.ask(&format!("GET /os-hatchery-pool/{}", base()), "admin").await;
    assert_eq!(by_name.body, shown.body);
    let listed = cloud.ask("GET /os-hatchery-pool", "admin").await;
    assert_eq!(listed.body["bases"], json!([shown.body["base"]]));
}

#[tokio::test]
async fn what_names_no_base_is_refused() {
    let cloud = with_base().await;
    assert_snapshot!(cloud.ask("GET /os-hatchery-pool/tiny", "admin").await.shown(), @r#"
    400 Bad Request
    {
      "badRequest": {
        "code": 400,
        "message": "\"tiny\" names no base; give an image's id, or the 40 hex digits that a base is called."
      }
    }
    "#);
    let unknown = cloud.ask(&format!("GET /os-hatchery-pool/{}", rows::NETWORK), "admin").await;
    assert_eq!(unknown.status, StatusCode::NOT_FOUND);
    for body in [json!({"base": null}), json!({"bases": []}), json!({"base": "tiny"})] {
        let answer = cloud.send("POST /os-hatchery-pool/verify", "admin", 96, body).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{}", answer.shown());
    }
    let body = json!({"base": rows::NETWORK});
    let answer = cloud.send("POST /os-hatchery-pool/verify", "admin", 96, body).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    let body = json!({"dry_run": "yes"});
    let answer = cloud.send("POST /os-hatchery-pool/heal", "admin", 96, body).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_lost_base_is_seen_and_put_back() {
    let cloud = with_base().await;
    let server = cloud.active("web").await;
    let path = cloud.pool.cache().join(base().as_str());
    fs::remove_file(&path).unwrap();
    let image = rows::IMAGE.parse().unwrap();
    cloud
        .force(&server, |server| {
            server.state = ServerState::Failed(Fault {
                code: 500,
                message: "Its base is lost.".into(),
                details: String::new(),
                at: server.updated_at,
                lost_base: Some(image),
            });
        })
        .await;
    let health = async || cloud.ask("GET /os-hatchery-pool", "admin").await.text("/bases/0/health");
    assert_eq!(health().await, "missing");
    let wished = heal(&cloud, true).await;
    assert_eq!(wished["deeds"].as_array().unwrap().len(), 1, "{wished}");
    assert!(!path.exists(), "a dry run changes nothing");
    let done = heal(&cloud, false).await;
    assert_eq!(done["deeds"][0]["base"], json!(base()), "{done}");
    assert!(path.exists());
    assert_eq!(health().await, "good");
    assert_eq!(heal(&cloud, false).await["deeds"], json!([]));
    cloud.settle().await;
    let status = cloud.ask(&format!("GET /servers/{server}"), "member").await;
    assert_eq!(status.text("/server/status"), "ACTIVE", "it was brought back");
}

#[tokio::test]
async fn other_bytes_are_found_by_reading() {
    let cloud = with_base().await;
    let body = json!({"base": rows::IMAGE});
    let read =
        async || cloud.send("POST /os-hatchery-pool/verify", "admin", 96, body.clone()).await;
    assert_eq!(read().await.body, json!({"looked_at": 1, "deeds": []}));
    let verified = cloud.ask("GET /os-hatchery-pool", "admin").await;
    assert!(verified.body["bases"][0]["verified_at"].is_string());
    fs::write(cloud.pool.cache().join(base().as_str()), vec![8; 65_536]).unwrap();
    let answer = read().await;
    assert_eq!(answer.body["deeds"][0]["did"], "failed", "{}", answer.shown());
}
