//! The choice of a host: filters, then weighing. Pure: the same rows give the same host.

use super::filter::{FILTERS, Look};
use super::settings::SchedulerSettings;
use super::weigh::better;
use hatchery_model::compute::{Claim, Host, NotPlaced};
use hatchery_model::id::HostName;
use hatchery_model::provision::ImageFacts;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;

/// What is to be placed.
#[derive(Clone, PartialEq, Debug)]
pub struct PlaceRequest {
    /// What it takes of a host.
    pub claim: Claim,
    /// Only in this availability zone.
    pub zone: Option<String>,
    /// Only on this host.
    pub host: Option<HostName>,
    /// Not there: it has been tried.
    pub excluded: Vec<HostName>,
    /// `hw_architecture` of the image.
    pub architecture: Option<String>,
    /// The image that its disk comes from.
    pub image: ImageFacts,
    /// Size of that disk.
    pub disk: Bytes,
}

/// A host as the filters judged it.
#[derive(Clone, PartialEq, Debug)]
pub struct Candidate<'a> {
    /// The host.
    pub host: &'a Host,
    /// The first filter that refused it.
    pub refused_by: Option<&'static str>,
}

/// Chooses a host; or says how many were looked at, and how many each filter refused.
pub fn place(
    hosts: &[Host],
    request: &PlaceRequest,
    settings: &SchedulerSettings,
    now: Timestamp,
) -> Result<HostName, NotPlaced> {
    let judged = candidates(hosts, request, settings, now);
    let best = judged
        .iter()
        .filter(|candidate| candidate.refused_by.is_none())
        .min_by(|a, b| better(a.host, b.host, settings));
    if let Some(best) = best {
        return Ok(best.host.name.clone());
    }
    let refused = FILTERS
        .iter()
        .map(|(name, _)| {
            let count =
                judged.iter().filter(|candidate| candidate.refused_by == Some(name)).count();
            ((*name).to_owned(), count)
        })
        .filter(|(_, count)| *count > 0)
        .collect();
    Err(NotPlaced { hosts: hosts.len(), refused })
}

/// Every host with the filters' verdict, in the order given.
pub fn candidates<'a>(
    hosts: &'a [Host],
    request: &PlaceRequest,
    settings: &SchedulerSettings,
    now: Timestamp,
) -> Vec<Candidate<'a>> {
    hosts
        .iter()
        .map(|host| {
            let look = Look { host, request, settings, now };
            let refused_by =
                FILTERS.iter().find(|(_, passes)| !passes(&look)).map(|(name, _)| *name);
            Candidate { host, refused_by }
        })
        .collect()
}
