//! Listings: their query, and the envelope with links.

use super::envelope::Refusal;
use super::fields::{Fields, truth};
use super::state::IdentityState;
use crate::http::paging::next_query;
use axum::Json;
use axum::extract::{FromRequestParts, Query};
use axum::http::Uri;
use axum::http::request::Parts;
use hatchery_control::Error;
use serde_json::{Value, json};

/// Extractor: the address of a listing and its query.
pub struct Listing {
    uri: Uri,
    query: Vec<(String, String)>,
}

impl<S: Send + Sync> FromRequestParts<S> for Listing {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Refusal> {
        let Query(query) = Query::try_from_uri(&parts.uri)
            .map_err(|error| Error::Invalid(format!("The query cannot be read: {error}")))?;
        Ok(Self { uri: parts.uri.clone(), query })
    }
}

impl Listing {
    /// The value of a parameter, unless it is empty.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.query
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// The comma-separated values of a parameter.
    pub fn texts(&self, name: &str) -> Vec<String> {
        let split = |text: &str| text.split(',').map(str::to_owned).collect();
        self.text(name).map(split).unwrap_or_default()
    }

    /// A truth value: a parameter counts as true unless it says otherwise.
    pub fn flag(&self, name: &str) -> Option<bool> {
        let (_, value) = self.query.iter().find(|(key, _)| key == name)?;
        Some(truth(value).unwrap_or(true))
    }

    /// The answer with one page of the items, each of which has an `id` (or none, where there are no pages).
    pub fn answer(
        &self,
        state: &IdentityState,
        key: &str,
        mut items: Vec<Value>,
    ) -> Result<Json<Value>, Refusal> {
        items.retain(|item| self.compares(item));
        if let Some(marker) = self.text("marker") {
            let at = items.iter().position(|item| item["id"] == marker);
            let at = at.ok_or_else(|| {
                Error::not_found("marker", format_args!("{marker} is not in this listing"))
            })?;
            items.drain(..=at);
        }
        let mut next = Value::Null;
        if let Some(limit) = self.limit()?
            && items.len() > limit
        {
            items.truncate(limit);
            let last = items.last().and_then(|item| item["id"].as_str());
            let query = next_query(&self.query, last.unwrap_or_default());
            next = json!(format!("{}{}?{query}", state.root(), self.uri.path()));
        }
        let own = format!("{}{}", state.root(), self.uri);
        let links = json!({"self": own, "previous": null, "next": next});
        Ok(Json(json!({key: items, "links": links})))
    }

    fn limit(&self) -> Result<Option<usize>, Error> {
        let Some(text) = self.text("limit") else {
            return Ok(None);
        };
        let number: usize = text.parse().map_err(|_| {
            Error::Invalid(format!(
                "Invalid input for field 'limit': '{text}' is not a whole number of 0 or more."
            ))
        })?;
        Ok((number > 0).then_some(number))
    }

    /// Keystone's inexact filters: `name__contains=x` and its relatives.
    fn compares(&self, item: &Value) -> bool {
        self.query.iter().all(|(key, wanted)| {
            let Some((attribute, way)) = key.rsplit_once("__") else {
                return true;
            };
            let Some(text) = item[attribute].as_str() else {
                return true;
            };
            let (text_low, wanted_low) = (text.to_lowercase(), wanted.to_lowercase());
            match way {
                "contains" => text.contains(wanted.as_str()),
                "startswith" => text.starts_with(wanted.as_str()),
                "endswith" => text.ends_with(wanted.as_str()),
                "icontains" => text_low.contains(&wanted_low),
                "istartswith" => text_low.starts_with(&wanted_low),
                "iendswith" => text_low.ends_with(&wanted_low),
                _ => true,
            }
        })
    }
}

/// Checks a body's `id`, which must be the one in the address if it is there.
pub fn check_same_id(fields: &mut Fields, id: &str) -> Result<(), Error> {
    match fields.text("id")? {
        Some(other) if other != id => Err(Error::Invalid("Cannot change ID".into())),
        _ => Ok(()),
    }
}

/// Resource options are not offered: a body may have them only empty.
pub fn check_no_options(fields: &mut Fields) -> Result<(), Error> {
    let Some(options) = fields.object("options")? else {
        return Ok(());
    };
    if options.is_empty() {
        return Ok(());
    }
    Err(Error::Invalid(
        "Invalid input for field 'options': this service knows no resource options.".into(),
    ))
}
