//! `/os-volume-manage`, `/manageable_volumes` (3.8): what a backend holds under another name, and how it becomes a volume. For administrators.

use super::address::Address;
use super::envelope::{Answer, Volume};
use super::fields;
use super::microversion::{Microversion, since};
use super::paging::{Pairs, Part, part, value};
use super::volumes::create::trimmed;
use super::volumes::view::Viewer;
use crate::http::body::Json;
use crate::http::caller::By;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::volume::{ManageRequest, ManageableVerbs, ManageableVolume, VolumeVerbs};
use hatchery_control::{Error, policy};
use hatchery_model::caller::Caller;
use hatchery_model::page::Direction;
use hatchery_model::units::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The newer path came then.
const FIRST: u32 = 8;

/// `{"volume": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManageBody {
    volume: ManageVolume,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ManageVolume {
    #[serde(default)]
    host: Option<String>,
    #[serde(default)]
    cluster: Option<String>,
    #[serde(rename = "ref")]
    reference: Map<String, Value>,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    volume_type: Option<String>,
    #[serde(default)]
    metadata: Option<BTreeMap<String, String>>,
    #[serde(default)]
    availability_zone: Option<String>,
    #[serde(default, deserialize_with = "fields::flexible_bool")]
    bootable: Option<bool>,
}

impl ManageVolume {
    fn parse(self) -> Result<ManageRequest, Error> {
        let (Some(host), None) = (self.host, self.cluster) else {
            return Err(Error::Invalid(
                "Invalid input received: One and only one of cluster and host must be set.".into(),
            ));
        };
        let source_name =
            source_name(&self.reference, "the name of a file or an image in the backend")?;
        let metadata = self.metadata.unwrap_or_default();
        fields::pairs("metadata", &metadata)?;
        Ok(ManageRequest {
            host,
            source_name,
            name: trimmed("name", self.name)?,
            description: trimmed("description", self.description)?,
            volume_type: self.volume_type,
            availability_zone: self.availability_zone,
            metadata,
            bootable: self.bootable == Some(true),
        })
    }
}

/// The name in a `ref`.
pub fn source_name(reference: &Map<String, Value>, what: &str) -> Result<String, Error> {
    let source = reference.get("source-name").and_then(Value::as_str);
    let source = source.filter(|text| !text.is_empty() && text.len() <= fields::MAX_TEXT);
    source.map(str::to_owned).ok_or_else(|| {
        Error::Invalid(format!(
            "Invalid input for field/attribute ref: it must have a source-name, {what}."
        ))
    })
}

/// Takes what there is for a volume.
pub async fn create(
    State(verbs): State<Arc<VolumeVerbs>>,
    By(caller, _): By<Volume>,
    address: Address,
    version: Microversion,
    Json(body, _): Json<ManageBody, Volume>,
) -> Answer {
    policy::admin(&caller, "volume_extension:volume_manage")?;
    let made = verbs.manage_volume(&caller, body.volume.parse()?).await?;
    let viewer = Viewer { address: &address, version, caller: &caller };
    let shown = json!({"volume": viewer.whole(&made)});
    Ok((StatusCode::ACCEPTED, axum::Json(shown)).into_response())
}

/// The same at the newer path.
pub async fn create_since(
    verbs: State<Arc<VolumeVerbs>>,
    by: By<Volume>,
    address: Address,
    version: Microversion,
    body: Json<ManageBody, Volume>,
) -> Answer {
    since(version, FIRST)?;
    create(verbs, by, address, version, body).await
}

async fn listed(
    verbs: &ManageableVerbs,
    caller: &Caller,
    pairs: &[(String, String)],
    view: fn(&ManageableVolume) -> Value,
) -> Answer {
    policy::admin(caller, "volume_extension:list_manageable")?;
    let page = Wanted::read(pairs)?;
    let found = page.cut(verbs.list(caller, page.host).await?, |one| one.size);
    let shown: Vec<Value> = found.iter().map(view).collect();
    Ok(axum::Json(json!({"manageable-volumes": shown})).into_response())
}

/// A page of what a backend holds.
pub struct Wanted<'a> {
    /// The backend.
    pub host: &'a str,
    part: Part,
}

impl<'a> Wanted<'a> {
    /// Reads what is asked for. `Invalid`.
    pub fn read(pairs: &'a [(String, String)]) -> Result<Self, Error> {
        let part = part(pairs)?;
        let host = value(pairs, "host").filter(|host| !host.is_empty()).ok_or_else(|| {
            Error::Invalid(
                "Invalid input received: One and only one of cluster and host must be set.".into(),
            )
        })?;
        let fits = match part.page.sort.as_slice() {
            [] => true,
            [(key, _)] => key == "size" || key == "reference",
            _ => false,
        };
        if !fits {
            return Err(Error::Invalid(
                "Invalid sort keys passed: one of size and reference is wanted.".into(),
            ));
        }
        Ok(Self { host, part })
    }

    /// The page of all, which come by their references.
    pub fn cut<T>(&self, mut all: Vec<T>, size: fn(&T) -> Bytes) -> Vec<T> {
        let page = &self.part.page;
        match page.sort.first() {
            // As Cinder: the last name first.
            None => all.reverse(),
            Some((key, way)) => {
                if key == "size" {
                    all.sort_by_key(size);
                }
                if *way == Direction::Descending {
                    all.reverse();
                }
            }
        }
        all.drain(..self.part.offset.min(all.len()));
        all.truncate(page.limit.map_or(usize::MAX, |limit| limit as usize));
        all
    }
}

fn brief(one: &ManageableVolume) -> Value {
    json!({
        "reference": {"source-name": one.name},
        "size": one.size.0.div_ceil(Bytes::from_gib(1).0),
        "safe_to_manage": one.refused_by.is_none(),
    })
}

fn whole(one: &ManageableVolume) -> Value {
    let mut shown = brief(one);
    shown["reason_not_safe"] = json!(one.refused_by);
    shown["cinder_id"] = json!(one.volume);
    shown["extra_info"] = Value::Null;
    shown
}

/// What a backend holds.
pub async fn list(
    State(verbs): State<Arc<ManageableVerbs>>,
    By(caller, _): By<Volume>,
    Query(pairs): Pairs,
) -> Answer {
    listed(&verbs, &caller, &pairs, brief).await
}

/// The same with reasons.
pub async fn detail(
    State(verbs): State<Arc<ManageableVerbs>>,
    By(caller, _): By<Volume>,
    Query(pairs): Pairs,
) -> Answer {
    listed(&verbs, &caller, &pairs, whole).await
}

/// What a backend holds, at the newer path.
pub async fn list_since(
    verbs: State<Arc<ManageableVerbs>>,
    by: By<Volume>,
    version: Microversion,
    pairs: Pairs,
) -> Answer {
    since(version, FIRST)?;
    list(verbs, by, pairs).await
}

/// The same with reasons.
pub async fn detail_since(
    verbs: State<Arc<ManageableVerbs>>,
    by: By<Volume>,
    version: Microversion,
    pairs: Pairs,
) -> Answer {
    since(version, FIRST)?;
    detail(verbs, by, pairs).await
}
