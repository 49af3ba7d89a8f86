//! `/os-keypairs`

use super::view;
use crate::compute::envelope::{Answer, Compute};
use crate::compute::fields::{self, present, too_new};
use crate::compute::links;
use crate::compute::microversion::Microversion;
use crate::compute::versions::Root;
use crate::http::body::Json;
use crate::http::caller::By;
use crate::http::paging;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use hatchery_control::Error;
use hatchery_control::compute::{KeypairVerbs, NewKeypair};
use hatchery_model::compute::KeyType;
use hatchery_model::id::UserId;
use hatchery_model::page::Page;
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;

type Pairs = Query<Vec<(String, String)>>;

/// `{"keypair": {…}}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    keypair: CreateKeypair,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreateKeypair {
    name: String,
    #[serde(default, deserialize_with = "present")]
    public_key: Option<String>,
    #[serde(rename = "type", default, deserialize_with = "present")]
    key_type: Option<String>,
    #[serde(default, deserialize_with = "present")]
    user_id: Option<String>,
}

/// Another user's, for administrators since 2.10.
fn user(pairs: &[(String, String)], version: Microversion) -> Option<UserId> {
    let given = pairs.iter().find(|(key, _)| key == "user_id" && version.0 >= 10);
    given.map(|(_, value)| UserId::from(value.as_str()))
}

/// Lists.
pub async fn list(
    State(verbs): State<Arc<KeypairVerbs>>,
    State(root): State<Root>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Query(pairs): Pairs,
) -> Answer {
    // Pages came with 2.35.
    let page = if version.0 >= 35 {
        paging::page(&pairs, Some(paging::MAX_LIMIT))?
    } else {
        Page::default()
    };
    let keypairs = verbs.list(&caller, user(&pairs, version), &page).await?;
    let shown: Vec<_> =
        keypairs.iter().map(|keypair| json!({"keypair": view::brief(version, keypair)})).collect();
    let full = page.limit.is_some_and(|limit| limit > 0 && shown.len() >= limit as usize);
    let last = keypairs.last().map(|keypair| keypair.name.as_str());
    let mut body = json!({"keypairs": shown});
    if let Some(next) = links::next(&root, "os-keypairs", &pairs, last, full) {
        body["keypairs_links"] = next;
    }
    Ok(axum::Json(body).into_response())
}

/// Shows one.
pub async fn show(
    State(verbs): State<Arc<KeypairVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(name): Path<String>,
    Query(pairs): Pairs,
) -> Answer {
    let keypair = verbs.show(&caller, user(&pairs, version), &name).await?;
    Ok(axum::Json(json!({"keypair": view::whole(version, &keypair)})).into_response())
}

/// Imports or makes one.
pub async fn create(
    State(verbs): State<Arc<KeypairVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Json(body, _): Json<CreateBody, Compute>,
) -> Answer {
    let asked = body.keypair;
    check_name(&asked.name, version)?;
    too_new(version, "type", 2, asked.key_type.is_some())?;
    too_new(version, "user_id", 10, asked.user_id.is_some())?;
    let key_type = match asked.key_type.as_deref() {
        None | Some("ssh") => KeyType::Ssh,
        Some("x509") => KeyType::X509,
        Some(other) => {
            return Err(Error::Invalid(format!("'{other}' is not one of ['ssh', 'x509']")).into());
        }
    };
    if asked.public_key.is_none() && version.0 >= 92 {
        let text = "Invalid input: 'public_key' is a required property since microversion 2.92.";
        return Err(Error::Invalid(text.into()).into());
    }
    let new = NewKeypair { name: asked.name, key_type, public_key: asked.public_key };
    let owner = asked.user_id.map(UserId);
    let made = verbs.create(&caller, owner, new).await?;
    let mut shown = view::created(version, &made.keypair);
    if let Some(private_key) = made.private_key {
        shown["private_key"] = json!(private_key);
    }
    let status = if version.0 >= 2 { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, axum::Json(json!({"keypair": shown}))).into_response())
}

/// The characters `@` and `.` came with 2.92.
fn check_name(name: &str, version: Microversion) -> Result<(), Error> {
    fields::name("name", name)?;
    if version.0 < 92 && name.contains(['@', '.']) {
        return Err(Error::Invalid(format!(
            "Invalid input for field/attribute name. Value: {name}. Letters, digits, spaces, dashes and underscores are wanted; '@' and '.' need microversion 2.92."
        )));
    }
    Ok(())
}

/// Deletes one.
pub async fn delete(
    State(verbs): State<Arc<KeypairVerbs>>,
    By(caller, _): By<Compute>,
    version: Microversion,
    Path(name): Path<String>,
    Query(pairs): Pairs,
) -> Answer<StatusCode> {
    verbs.delete(&caller, user(&pairs, version), &name).await?;
    Ok(if version.0 >= 2 { StatusCode::NO_CONTENT } else { StatusCode::ACCEPTED })
}
