//! Availability zones as aggregates make them: a host is in one at the most, and its zone does not change under its servers.

use crate::error::Error;
use hatchery_model::compute::Aggregate;
use hatchery_model::id::HostName;
use hatchery_model::page::Page;
use hatchery_ports::store::{ServerFilter, UnitOfWork};

/// The zone that aggregates give a host.
pub(super) fn zone_of<'a>(
    aggregates: impl IntoIterator<Item = &'a Aggregate>,
    host: &HostName,
) -> Option<&'a str> {
    aggregates.into_iter().filter(|one| one.has(host)).find_map(Aggregate::zone)
}

/// Other zones in which any of the hosts is by another aggregate, as Nova lists them; `None` if there are none.
pub(super) fn other_zones(
    aggregates: &[Aggregate],
    aggregate: &Aggregate,
    hosts: &[HostName],
    zone: &str,
) -> Option<String> {
    let others = aggregates.iter().filter(|one| one.number != aggregate.number);
    let zones: Vec<String> = others
        .filter(|one| hosts.iter().any(|host| one.has(host)))
        .filter_map(Aggregate::zone)
        .filter(|other| *other != zone)
        .map(|other| format!("'{other}'"))
        .collect();
    if zones.is_empty() {
        return None;
    }
    let zones = zones.join(", ");
    Some(format!("One or more hosts already in availability zone(s) [{zones}]"))
}

/// How many servers stand on a host.
pub(super) async fn servers_on(uow: &mut dyn UnitOfWork, host: &HostName) -> Result<usize, Error> {
    let filter = ServerFilter { host: Some(host.clone()), ..ServerFilter::default() };
    Ok(uow.servers().list(&filter, &Page::default()).await?.len())
}

/// That a zone would change under servers, in Nova's words.
pub(super) fn would_move(
    verb: &str,
    preposition: &str,
    from: Option<&str>,
    to: Option<&str>,
    servers: usize,
) -> String {
    let (from, to) = (from.unwrap_or("None"), to.unwrap_or("None"));
    format!(
        "The host cannot be {verb} {preposition} the aggregate as the availability zone of the host would change from '{from}' to '{to}' but the host already has {servers} instance(s). Changing the AZ of an existing instance is not supported by this action. Move the instances away from this host then try again. If you need to move the instances between AZs then you can use shelve_offload and unshelve to achieve this."
    )
}

/// Brings the rows of these hosts in line with the aggregates as they are now.
pub(super) async fn settle(
    uow: &mut dyn UnitOfWork,
    hosts: &[HostName],
    default: &str,
) -> Result<(), Error> {
    let aggregates = uow.aggregates().list().await?;
    for name in hosts {
        let Some(mut host) = uow.hosts().find(name).await? else {
            continue;
        };
        let zone = zone_of(&aggregates, name).unwrap_or(default);
        if host.availability_zone != zone {
            host.availability_zone = zone.to_owned();
            uow.hosts().update(&host).await?;
        }
    }
    Ok(())
}
