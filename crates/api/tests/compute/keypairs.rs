//! `/os-keypairs`

use crate::cloud::Cloud;
use axum::http::StatusCode;
use insta::assert_snapshot;
use serde_json::{Value, json};

const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@here";

fn body(keypair: Value) -> Value {
    json!({"keypair": keypair})
}

async fn import(cloud: &Cloud, name: &str, version: u32) -> crate::answer::Answer {
    let keypair = json!({"name": name, "public_key": KEY});
    cloud.send("POST /os-keypairs", "reader", version, body(keypair)).await
}

#[tokio::test]
async fn a_key_is_imported() {
    let cloud = Cloud::new().await;
    assert_snapshot!(import(&cloud, "mine", 1).await.shown(), @r#"
    200 OK
    {
      "keypair": {
        "fingerprint": "0f:a2:0a:d7:38:3e:65:45:08:6b:63:84:1c:ff:dc:ba",
        "name": "mine",
        "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@here",
        "user_id": "reader"
      }
    }
    "#);
    assert_snapshot!(import(&cloud, "mine", 2).await.shown(), @r#"
    409 Conflict
    {"conflictingRequest":{"code":409,"message":"Key pair 'mine' already exists."}}
    "#);
    assert_snapshot!(import(&cloud, "newer", 96).await.shown(), @r#"
    201 Created
    {
      "keypair": {
        "fingerprint": "0f:a2:0a:d7:38:3e:65:45:08:6b:63:84:1c:ff:dc:ba",
        "name": "newer",
        "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@here",
        "type": "ssh",
        "user_id": "reader"
      }
    }
    "#);
    assert_snapshot!(cloud.ask("GET /os-keypairs", "reader").await.shown(), @r#"
    200 OK
    {
      "keypairs": [
        {
          "keypair": {
            "fingerprint": "0f:a2:0a:d7:38:3e:65:45:08:6b:63:84:1c:ff:dc:ba",
            "name": "mine",
            "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@here"
          }
        },
        {
          "keypair": {
            "fingerprint": "0f:a2:0a:d7:38:3e:65:45:08:6b:63:84:1c:ff:dc:ba",
            "name": "newer",
            "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@here"
          }
        }
      ]
    }
    "#);
    let shown = cloud.send("GET /os-keypairs/mine", "reader", 96, Value::Null).await;
    assert_snapshot!(shown.shown(), @r#"
    200 OK
    {
      "keypair": {
        "created_at": "2026-01-01T00:00:00.000000",
        "deleted": false,
        "deleted_at": null,
        "fingerprint": "0f:a2:0a:d7:38:3e:65:45:08:6b:63:84:1c:ff:dc:ba",
        "id": 0,
        "name": "mine",
        "public_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@here",
        "type": "ssh",
        "updated_at": null,
        "user_id": "reader"
      }
    }
    "#);
}

#[tokio::test]
async fn a_pair_is_made_until_2_91() {
    let cloud = Cloud::new().await;
    let named = body(json!({"name": "made"}));
    let made = cloud.send("POST /os-keypairs", "member", 91, named.clone()).await;
    assert_eq!(made.status, StatusCode::CREATED);
    assert!(made.text("/keypair/private_key").starts_with("-----BEGIN OPENSSH PRIVATE KEY-----"));
    let shown = cloud.ask("GET /os-keypairs/made", "member").await;
    assert!(shown.body["keypair"].get("private_key").is_none());
    assert_snapshot!(cloud.send("POST /os-keypairs", "member", 92, named).await.shown(), @r#"
    400 Bad Request
    {
      "badRequest": {"code":400,"message":"Invalid input: 'public_key' is a required property since microversion 2.92."}
    }
    "#);
}

#[tokio::test]
async fn keys_are_their_user_s() {
    let cloud = Cloud::new().await;
    import(&cloud, "mine", 1).await;
    assert_eq!(cloud.ask("GET /os-keypairs", "member").await.body, json!({"keypairs": []}));
    assert_snapshot!(cloud.ask("GET /os-keypairs/mine", "member").await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Keypair mine for user member could not be found."}}
    "#);
    let theirs =
        cloud.send("GET /os-keypairs/mine?user_id=reader", "member", 10, Value::Null).await;
    assert_snapshot!(theirs.shown(), @r#"
    403 Forbidden
    {"forbidden":{"code":403,"message":"Policy doesn't allow os_compute_api:os-keypairs:show to be performed."}}
    "#);
    let seen = cloud.send("GET /os-keypairs/mine?user_id=reader", "admin", 10, Value::Null).await;
    assert_eq!(seen.status, StatusCode::OK);
    let before = cloud.send("GET /os-keypairs/mine?user_id=reader", "admin", 9, Value::Null).await;
    assert_eq!(before.status, StatusCode::NOT_FOUND, "the parameter came with 2.10");
    let for_them = json!({"name": "given", "public_key": KEY, "user_id": "reader"});
    let refused = cloud.send("POST /os-keypairs", "member", 10, body(for_them.clone())).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let given = cloud.send("POST /os-keypairs", "admin", 10, body(for_them)).await;
    assert_eq!(given.text("/keypair/user_id"), "reader");
}

#[tokio::test]
async fn pages_came_with_2_35() {
    let cloud = Cloud::new().await;
    for name in ["a", "b", "c"] {
        import(&cloud, name, 1).await;
    }
    let page = cloud.send("GET /os-keypairs?limit=2", "reader", 35, Value::Null).await;
    assert_eq!(page.body["keypairs"].as_array().unwrap().len(), 2);
    assert_snapshot!(page.part("/keypairs_links"), @r#"[{"href":"http://cloud/compute/v2.1/os-keypairs?limit=2&marker=b","rel":"next"}]"#);
    let rest = cloud.send("GET /os-keypairs?limit=2&marker=b", "reader", 35, Value::Null).await;
    assert_eq!(rest.text("/keypairs/0/keypair/name"), "c");
    let whole = cloud.send("GET /os-keypairs?limit=2", "reader", 34, Value::Null).await;
    assert_eq!(whole.body["keypairs"].as_array().unwrap().len(), 3);
    let unknown = cloud.send("GET /os-keypairs?marker=x", "reader", 35, Value::Null).await;
    assert_snapshot!(unknown.shown(), @r#"
    400 Bad Request
    {"badRequest":{"code":400,"message":"marker [x] not found"}}
    "#);
}

#[tokio::test]
async fn keys_are_deleted() {
    let cloud = Cloud::new().await;
    for (version, status) in [(1, StatusCode::ACCEPTED), (2, StatusCode::NO_CONTENT)] {
        import(&cloud, "mine", 1).await;
        let gone = cloud.send("DELETE /os-keypairs/mine", "reader", version, Value::Null).await;
        assert_eq!((gone.status, gone.body), (status, Value::Null));
    }
    assert_snapshot!(cloud.ask("DELETE /os-keypairs/mine", "reader").await.shown(), @r#"
    404 Not Found
    {"itemNotFound":{"code":404,"message":"Keypair mine for user reader could not be found."}}
    "#);
}

#[tokio::test]
async fn malformed_requests_are_told_what_is_wrong() {
    let cloud = Cloud::new().await;
    let mut sentences = String::new();
    for (version, keypair) in [
        (1, json!({"name": ""})),
        (1, json!({"name": "a/b", "public_key": KEY})),
        (91, json!({"name": "a@b", "public_key": KEY})),
        (1, json!({"public_key": KEY})),
        (1, json!({"name": "a", "public_key": null})),
        (1, json!({"name": "a", "public_key": "ssh-ed25519 nonsense"})),
        (1, json!({"name": "a", "public_key": KEY, "type": "ssh"})),
        (2, json!({"name": "a", "public_key": KEY, "type": "gpg"})),
        (2, json!({"name": "a", "public_key": KEY, "type": "x509"})),
        (9, json!({"name": "a", "public_key": KEY, "user_id": "reader"})),
    ] {
        let answer = cloud.send("POST /os-keypairs", "member", version, body(keypair)).await;
        sentences.push_str(&format!("2.{version} {} {}\n", answer.status, answer.message()));
    }
    assert_snapshot!(sentences, @r#"
    2.1 400 Bad Request Invalid input for field/attribute name. Value: . 1 to 255 printable characters are wanted, without white space at the ends.
    2.1 400 Bad Request Keypair data is invalid: Keypair name contains unsafe characters
    2.91 400 Bad Request Invalid input for field/attribute name. Value: a@b. Letters, digits, spaces, dashes and underscores are wanted; '@' and '.' need microversion 2.92.
    2.1 400 Bad Request Invalid input for field/attribute keypair: missing field `name` at line 1 column 116
    2.1 400 Bad Request Invalid input for field/attribute keypair.public_key: invalid type: null, expected a string at line 1 column 40
    2.1 400 Bad Request Keypair data is invalid: failed to generate fingerprint
    2.1 400 Bad Request Additional properties are not allowed ('type' was unexpected; it needs microversion 2.2)
    2.2 400 Bad Request 'gpg' is not one of ['ssh', 'x509']
    2.2 400 Bad Request Keypair data is invalid: failed to generate fingerprint
    2.9 400 Bad Request Additional properties are not allowed ('user_id' was unexpected; it needs microversion 2.10)
    "#);
    let dotted = body(json!({"name": "a@b.c", "public_key": KEY}));
    let made = cloud.send("POST /os-keypairs", "member", 92, dotted).await;
    assert_eq!(made.status, StatusCode::CREATED);
}
