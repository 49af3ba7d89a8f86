//! Lists of what Neutron runs on and this deployment has not: agents and availability zones. Hosts build networks by their own agent, which
//! compute lists.

use super::fault::{Asked, Fault};
use axum::Json;
use hatchery_control::policy;
use serde_json::{Value, json};

/// `GET /v2.0/agents`
pub async fn agents(asked: Asked) -> Result<Json<Value>, Fault> {
    policy::admin(&asked.0, "get_agent")?;
    Ok(Json(json!({"agents": []})))
}

/// `GET /v2.0/availability_zones`
pub async fn zones(_: Asked) -> Json<Value> {
    Json(json!({"availability_zones": []}))
}
