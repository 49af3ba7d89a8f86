//! Puts a host into an aggregate, or takes it out.

use super::{AggregateVerbs, find, holder, zones};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Aggregate;
use hatchery_model::id::HostName;
use hatchery_ports::store::UnitOfWork;

impl AggregateVerbs {
    /// Puts a host in. What is pinned there it is to have too. Administrators only.
    ///
    /// `NotFound`; `Conflict` when it is in, is in another zone, or has servers whose zone would change.
    pub async fn add_host(
        &self,
        caller: &Caller,
        number: u64,
        host: HostName,
    ) -> Result<Aggregate, Error> {
        policy::admin(caller, "os_compute_api:os-aggregates:add_host")?;
        let mut uow = self.store.begin().await?;
        known(&mut *uow, &host).await?;
        let mut aggregate = find(&mut *uow, number).await?;
        if let Some(reason) = add_refused(&mut *uow, &aggregate, &host).await? {
            let text = format!("Cannot add host to aggregate {number}. Reason: {reason}.");
            return Err(Error::Conflict(text));
        }
        if aggregate.has(&host) {
            return Err(Error::Conflict(format!("Aggregate {number} already has host {host}.")));
        }
        aggregate.hosts.push(host.clone());
        uow.aggregates().update(&aggregate).await?;
        self.settle(&mut *uow, &host).await?;
        let (by, now) = (holder(&aggregate), self.clock.now());
        let mut orders = Vec::new();
        for pin in uow.leases().list_pins(None).await? {
            if pin.by == by && pin.until > now {
                orders.push(self.order_base(&mut *uow, caller, &host, pin.image).await?);
            }
        }
        uow.commit().await?;
        self.outgoing.hand_over(orders);
        Ok(aggregate)
    }

    /// Takes a host out. Administrators only.
    ///
    /// `NotFound`, in one sentence for aggregate, host and what is not in it; `Conflict` when it has servers whose zone would change.
    pub async fn remove_host(
        &self,
        caller: &Caller,
        number: u64,
        host: HostName,
    ) -> Result<Aggregate, Error> {
        policy::admin(caller, "os_compute_api:os-aggregates:remove_host")?;
        let mut uow = self.store.begin().await?;
        let hosts = uow.hosts().find(&host).await?;
        let found = uow.aggregates().find(number).await?;
        let (Some(mut aggregate), Some(_)) = (found, hosts) else {
            return Err(not_in(number, &host));
        };
        if let Some(reason) = remove_refused(&mut *uow, &aggregate, &host).await? {
            return Err(Error::Conflict(format!(
                "Cannot remove host from aggregate {number}. Reason: {reason}."
            )));
        }
        if !aggregate.has(&host) {
            return Err(not_in(number, &host));
        }
        aggregate.hosts.retain(|one| *one != host);
        uow.aggregates().update(&aggregate).await?;
        self.settle(&mut *uow, &host).await?;
        uow.commit().await?;
        Ok(aggregate)
    }

    async fn settle(&self, uow: &mut dyn UnitOfWork, host: &HostName) -> Result<(), Error> {
        let default = &self.settings.default_availability_zone;
        zones::settle(uow, std::slice::from_ref(host), default).await
    }
}

async fn known(uow: &mut dyn UnitOfWork, host: &HostName) -> Result<(), Error> {
    match uow.hosts().find(host).await? {
        Some(_) => Ok(()),
        None => Err(Error::not_found("Compute host", host)),
    }
}

fn not_in(number: u64, host: &HostName) -> Error {
    Error::not_found("Host", format!("{host} of aggregate {number}"))
}

/// Why the host cannot come in, in Nova's words.
async fn add_refused(
    uow: &mut dyn UnitOfWork,
    aggregate: &Aggregate,
    host: &HostName,
) -> Result<Option<String>, Error> {
    let Some(zone) = aggregate.zone() else {
        return Ok(None);
    };
    let all = uow.aggregates().list().await?;
    let alone = std::slice::from_ref(host);
    if let Some(reason) = zones::other_zones(&all, aggregate, alone, zone) {
        return Ok(Some(reason));
    }
    let before = zones::zone_of(&all, host);
    if before == Some(zone) {
        return Ok(None);
    }
    let servers = zones::servers_on(uow, host).await?;
    Ok((servers > 0).then(|| zones::would_move("added", "to", before, Some(zone), servers)))
}

/// Why the host cannot leave, in Nova's words.
async fn remove_refused(
    uow: &mut dyn UnitOfWork,
    aggregate: &Aggregate,
    host: &HostName,
) -> Result<Option<String>, Error> {
    let Some(zone) = aggregate.zone() else {
        return Ok(None);
    };
    let all = uow.aggregates().list().await?;
    let others = all.iter().filter(|one| one.number != aggregate.number);
    let after = zones::zone_of(others, host);
    if after == Some(zone) {
        return Ok(None);
    }
    let servers = zones::servers_on(uow, host).await?;
    let text = || zones::would_move("removed", "from", Some(zone), after, servers);
    Ok((servers > 0).then(text))
}
