//! `PUT /servers/{id}`

use super::show::id_of;
use super::view::Viewer;
use crate::compute::envelope::{Answer, Compute};
use crate::compute::fields::{self, disk_config, present, too_new};
use crate::compute::microversion::Microversion;
use crate::compute::versions::Root;
use crate::http::body::Json;
use crate::http::caller::By;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::compute::{ChangeServer, ServerChanges, ShowServer};
use serde::Deserialize;
use serde_json::json;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

/// `{"server": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    server: UpdateServer,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateServer {
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    /// Since 2.19; null for none.
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    /// Since 2.90.
    #[serde(default, deserialize_with = "present")]
    hostname: Option<String>,
    #[serde(rename = "accessIPv4", default, deserialize_with = "present")]
    access_ipv4: Option<Ipv4Addr>,
    #[serde(rename = "accessIPv6", default, deserialize_with = "present")]
    access_ipv6: Option<Ipv6Addr>,
    #[serde(rename = "OS-DCF:diskConfig", default, deserialize_with = "disk_config")]
    _disk_config: (),
}

/// Changes, and shows the server as it is then.
pub async fn update(
    State(change): State<Arc<ChangeServer>>,
    State(show): State<Arc<ShowServer>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(id): Path<String>,
    Json(body, _): Json<UpdateBody, Compute>,
) -> Answer {
    let id = id_of(&id)?;
    change.attributes(&caller, id, &parse(body.server, version)?).await?;
    let detail = show.run(&caller, id).await?;
    let viewer = Viewer { root: &root, version, caller: &caller };
    Ok(axum::Json(json!({"server": viewer.changed(&detail)})).into_response())
}

fn parse(asked: UpdateServer, version: Microversion) -> Result<ServerChanges, Error> {
    too_new(version, "description", 19, asked.description.is_some())?;
    too_new(version, "hostname", 90, asked.hostname.is_some())?;
    if let Some(hostname) = &asked.hostname {
        fields::hostname(hostname, version)?;
    }
    if let Some(Some(description)) = &asked.description {
        fields::description(description)?;
    }
    if let Some(name) = &asked.name {
        fields::name("name", name)?;
    }
    Ok(ServerChanges {
        name: asked.name,
        description: asked.description,
        hostname: asked.hostname,
        access_ipv4: asked.access_ipv4,
        access_ipv6: asked.access_ipv6,
    })
}
