//! `os-retype`, `os-migrate_volume`, `os-unmanage`: actions that bring a volume elsewhere, or let it go.

use super::{Asked, wrong};
use crate::volume::envelope::Answer;
use crate::volume::fields::bool_of;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::volume::{Migration, MigrationPolicy, Retype, VolumeRemoval, VolumeVerbs};
use serde_json::{Map, Value};

/// Since then a cluster may be named in the place of a host.
const CLUSTER: u32 = 16;

/// `{"new_type": …, "migration_policy": "never"}`
pub(super) async fn retype(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let fields = asked.fields(&["new_type", "migration_policy"])?;
    let new_type = fields.get("new_type").and_then(Value::as_str);
    let new_type = new_type.filter(|text| !text.is_empty() && text.chars().count() <= 255);
    let policy = match fields.get("migration_policy") {
        None | Some(Value::Null) => MigrationPolicy::Never,
        Some(Value::String(word)) if word == "never" => MigrationPolicy::Never,
        Some(Value::String(word)) if word == "on-demand" => MigrationPolicy::OnDemand,
        Some(other) => {
            return Err(Error::Invalid(format!(
                "Invalid input for field/attribute migration_policy. Value: {other}. {other} is not one of ['on-demand', 'never']"
            ))
            .into());
        }
    };
    let new_type = new_type.ok_or_else(|| wrong("new_type"))?.to_owned();
    verbs.retype_volume(asked.caller, asked.volume()?, &Retype { new_type, policy }).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// `{"host": …, "force_host_copy": false, "lock_volume": false}`, since 3.16 with `cluster`. Every copy is made by a host here.
pub(super) async fn migrate(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let known = ["host", "force_host_copy", "lock_volume", "cluster"];
    let with_cluster = asked.version.0 >= CLUSTER;
    let fields = asked.fields(if with_cluster { &known } else { &known[..3] })?;
    let host = text(fields, "host")?;
    let cluster = text(fields, "cluster")?;
    flag(fields, "force_host_copy")?;
    let lock = flag(fields, "lock_volume")?;
    let host = match (host, cluster) {
        (Some(host), None) => host,
        // There are no clusters: what is named is none.
        (None, Some(cluster)) => cluster,
        (None, None) if !with_cluster => return Err(wrong("host").into()),
        (Some(_), Some(_)) | (None, None) => {
            return Err(Error::Invalid(
                "Invalid input received: One and only one of cluster and host must be set.".into(),
            )
            .into());
        }
    };
    let wanted = Migration { host: host.to_owned(), lock };
    verbs.migrate_volume(asked.caller, asked.volume()?, &wanted).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Its backend forgets the volume, and its bytes stay. Whatever the argument is, as in Cinder.
pub(super) async fn unmanage(verbs: &VolumeVerbs, asked: &Asked<'_>) -> Answer {
    let how = VolumeRemoval { keep_bytes: true, ..VolumeRemoval::default() };
    verbs.delete_volume(asked.caller, asked.volume()?, how).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

fn text<'a>(fields: &'a Map<String, Value>, name: &str) -> Result<Option<&'a str>, Error> {
    match fields.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) if text.is_empty() && name == "cluster" => Ok(None),
        Some(Value::String(text)) if text.chars().count() <= 255 => Ok(Some(text)),
        Some(_) => Err(wrong(name)),
    }
}

fn flag(fields: &Map<String, Value>, name: &str) -> Result<bool, Error> {
    match fields.get(name) {
        None => Ok(false),
        Some(Value::Bool(on)) => Ok(*on),
        Some(Value::String(text)) => bool_of(text).ok_or_else(|| wrong(name)),
        Some(_) => Err(wrong(name)),
    }
}
