//! An offer as Cinder shows it, by microversion.

use super::wire::SNAPSHOTS;
use crate::http::time;
use crate::volume::address::Address;
use crate::volume::microversion::Microversion;
use hatchery_model::volume::Transfer;
use serde_json::{Value, json};

/// Who offers, and who has accepted, came then.
const HISTORY: u32 = 57;

/// What a listing without details has, and the answer to an acceptance. Cinder's links name the older address.
pub fn brief(address: &Address, transfer: &Transfer) -> Value {
    json!({
        "id": transfer.id,
        "volume_id": transfer.volume,
        "name": transfer.name,
        "links": address.links(&format!("os-volume-transfer/{}", transfer.id)),
    })
}

/// The whole offer. One that is shown has not been accepted: then it is gone.
pub fn whole(address: &Address, version: Microversion, transfer: &Transfer) -> Value {
    let mut shown = brief(address, transfer);
    shown["created_at"] = json!(time::micros(transfer.created_at));
    if version.0 >= SNAPSHOTS {
        shown["no_snapshots"] = json!(transfer.no_snapshots);
    }
    if version.0 >= HISTORY {
        shown["source_project_id"] = json!(transfer.project);
        shown["destination_project_id"] = Value::Null;
        shown["accepted"] = json!(false);
    }
    shown
}
