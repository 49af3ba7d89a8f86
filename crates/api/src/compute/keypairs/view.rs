//! A key pair as Nova shows it, by microversion.

use crate::compute::microversion::Microversion;
use crate::http::time;
use hatchery_model::compute::{KeyType, Keypair};
use serde_json::{Value, json};

/// What a listing shows.
pub fn brief(version: Microversion, keypair: &Keypair) -> Value {
    let mut shown = json!({
        "name": keypair.name,
        "public_key": keypair.public_key,
        "fingerprint": keypair.fingerprint,
    });
    if version.0 >= 2 {
        shown["type"] = json!(match keypair.key_type {
            KeyType::Ssh => "ssh",
            KeyType::X509 => "x509",
        });
    }
    shown
}

/// What the answer to a creation shows.
pub fn created(version: Microversion, keypair: &Keypair) -> Value {
    let mut shown = brief(version, keypair);
    shown["user_id"] = json!(keypair.user);
    shown
}

/// What one alone shows.
pub fn whole(version: Microversion, keypair: &Keypair) -> Value {
    let mut shown = created(version, keypair);
    shown["id"] = json!(0);
    shown["created_at"] = json!(time::micros(keypair.created_at));
    shown["updated_at"] = Value::Null;
    shown["deleted_at"] = Value::Null;
    shown["deleted"] = json!(false);
    shown
}
