//! What a user sends about aggregates.

use crate::compute::fields::{self, present};
use crate::http::time;
use hatchery_control::Error;
use hatchery_control::compute::{AggregateChanges, CacheWish};
use hatchery_model::compute::Aggregate;
use hatchery_model::id::HostName;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Characters of names, keys and values at the most.
const MAX_TEXT: usize = 255;

/// `POST /os-aggregates`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CreateBody {
    aggregate: NewAggregate,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewAggregate {
    name: String,
    #[serde(default)]
    availability_zone: Option<String>,
}

/// `PUT /os-aggregates/{id}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpdateBody {
    aggregate: Changes,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Changes {
    #[serde(default, deserialize_with = "present")]
    name: Option<String>,
    #[serde(default, deserialize_with = "present")]
    availability_zone: Option<Option<String>>,
}

/// `add_host`, `remove_host`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostBody {
    host: String,
}

/// `set_metadata`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MetadataBody {
    metadata: BTreeMap<String, Option<String>>,
}

/// `POST /os-aggregates/{id}/images` (2.81)
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CacheBody {
    cache: Vec<CacheEntry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CacheEntry {
    id: String,
    /// Ours alone.
    #[serde(default, deserialize_with = "present")]
    pin_until: Option<String>,
}

impl CreateBody {
    /// Name and zone.
    pub fn parse(self) -> Result<(String, Option<String>), Error> {
        let aggregate = self.aggregate;
        fields::name("name", &aggregate.name)?;
        aggregate.availability_zone.as_deref().map_or(Ok(()), check_zone)?;
        Ok((aggregate.name, aggregate.availability_zone))
    }
}

impl UpdateBody {
    /// What is to change.
    pub fn parse(self) -> Result<AggregateChanges, Error> {
        let Changes { name, availability_zone } = self.aggregate;
        if name.is_none() && availability_zone.is_none() {
            let text = "Invalid input for field/attribute aggregate. Give a name or an availability_zone, or both.";
            return Err(Error::Invalid(text.into()));
        }
        // White space at its ends is taken here, and left out.
        let name = name.map(|name| name.trim().to_owned());
        name.as_deref().map_or(Ok(()), |name| fields::name("name", name))?;
        if let Some(Some(zone)) = &availability_zone {
            check_zone(zone)?;
        }
        let zone = availability_zone.map(|zone| (Aggregate::ZONE.to_owned(), zone));
        Ok(AggregateChanges { name, metadata: zone.into_iter().collect() })
    }
}

impl HostBody {
    /// The host.
    pub fn parse(self) -> Result<HostName, Error> {
        let letters = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        if (1..=MAX_TEXT).contains(&self.host.len()) && self.host.chars().all(letters) {
            return Ok(HostName(self.host));
        }
        Err(Error::Invalid(format!(
            "Invalid input for field/attribute host. Value: {}. 1 to {MAX_TEXT} letters, digits and signs of -._ are wanted.",
            self.host
        )))
    }
}

impl MetadataBody {
    /// The metadata.
    pub fn parse(self) -> Result<BTreeMap<String, Option<String>>, Error> {
        let letters =
            |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | ':' | '.' | ' ');
        for (key, value) in &self.metadata {
            let fits = (1..=MAX_TEXT).contains(&key.len()) && key.chars().all(letters);
            let value_fits = value.as_ref().is_none_or(|value| value.chars().count() <= MAX_TEXT);
            if !fits || !value_fits {
                return Err(Error::Invalid(format!(
                    "Invalid input for field/attribute metadata. Value: {key}. Keys of 1 to {MAX_TEXT} letters, digits, spaces and signs of -_:. are wanted, and values of at most {MAX_TEXT} characters."
                )));
            }
        }
        Ok(self.metadata)
    }
}

impl CacheBody {
    /// What is to be there.
    pub fn parse(self) -> Result<Vec<CacheWish>, Error> {
        if self.cache.is_empty() {
            let text = "Invalid input for field/attribute cache. Value: []. Name an image.";
            return Err(Error::Invalid(text.into()));
        }
        let entries = self.cache.into_iter();
        let wish = |entry: CacheEntry| {
            let image = entry.id.parse().map_err(|_| {
                Error::Invalid(format!(
                    "Invalid input for field/attribute id. Value: {}. '{}' is not a 'uuid'",
                    entry.id, entry.id
                ))
            })?;
            let pin_until = entry.pin_until.map(|text| {
                time::parse(&text).ok_or_else(|| {
                    Error::Invalid(format!(
                        "Invalid input for field/attribute pin_until. Value: {text}. A time like 2027-01-31T12:00:00Z is wanted."
                    ))
                })
            });
            Ok(CacheWish { image, pin_until: pin_until.transpose()? })
        };
        entries.map(wish).collect()
    }
}

/// A zone's name as Nova takes it: a name without `:`, which parts zone and host where a server is asked for.
fn check_zone(zone: &str) -> Result<(), Error> {
    fields::name("availability_zone", zone)?;
    if zone.contains(':') {
        return Err(Error::Invalid(format!(
            "Invalid input for field/attribute availability_zone. Value: {zone}. It may have no ':'."
        )));
    }
    Ok(())
}
