//! The choice of a host: filters, then weighing. Pure: the same rows give the same host.

use super::filter::{FILTERS, Look};
use super::settings::SchedulerSettings;
use super::weigh::best;
use hatchery_model::compute::{Claim, Host, HostFacts, NotPlaced};
use hatchery_model::id::HostName;
use hatchery_model::provision::ImageFacts;
use hatchery_model::timestamp::Timestamp;
use hatchery_model::units::Bytes;
use std::collections::BTreeMap;

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
    /// What its flavor asks beside sizes.
    pub extra_specs: BTreeMap<String, String>,
    /// Only on one of these: from there its volumes can be used. `None`: on any.
    pub reachable_from: Option<Vec<HostName>>,
    /// The image that its disk comes from. `None`: it has volumes alone.
    pub image: Option<ImageFacts>,
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
    facts: &HostFacts,
    request: &PlaceRequest,
    settings: &SchedulerSettings,
    now: Timestamp,
) -> Result<HostName, NotPlaced> {
    let judged = candidates(hosts, facts, request, settings, now);
    let passed = judged.iter().filter(|candidate| candidate.refused_by.is_none());
    let passed: Vec<&Host> = passed.map(|candidate| candidate.host).collect();
    if let Some(host) = best(&passed, facts, settings) {
        return Ok(host.name.clone());
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
    facts: &HostFacts,
    request: &PlaceRequest,
    settings: &SchedulerSettings,
    now: Timestamp,
) -> Vec<Candidate<'a>> {
    hosts
        .iter()
        .map(|host| {
            let look = Look { host, facts, request, settings, now };
            let refused_by =
                FILTERS.iter().find(|(_, passes)| !passes(&look)).map(|(name, _)| *name);
            Candidate { host, refused_by }
        })
        .collect()
}
