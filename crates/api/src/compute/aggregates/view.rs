//! An aggregate as Nova shows it.

use crate::compute::microversion::Microversion;
use crate::http::time;
use hatchery_model::compute::Aggregate;
use serde_json::{Value, json};

/// Without hosts and metadata: as the answer to a create has it.
pub fn brief(version: Microversion, aggregate: &Aggregate) -> Value {
    let mut shown = json!({
        "availability_zone": aggregate.zone(),
        "created_at": time::micros(aggregate.created_at),
        "deleted": false,
        "deleted_at": null,
        "id": aggregate.number,
        "name": aggregate.name,
        "updated_at": aggregate.updated_at.map(time::micros),
    });
    if version.0 >= 41 {
        shown["uuid"] = json!(aggregate.uuid);
    }
    shown
}

/// The whole aggregate.
pub fn whole(version: Microversion, aggregate: &Aggregate) -> Value {
    let mut shown = brief(version, aggregate);
    shown["hosts"] = json!(aggregate.hosts);
    shown["metadata"] = json!(aggregate.metadata);
    shown
}
