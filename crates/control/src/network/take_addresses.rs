//! Takes addresses of a network's subnets for a port, in the caller's transaction.

use super::ranges;
use super::refusal::Refusal;
use crate::error::Error;
use hatchery_model::id::{NetworkId, PortId, SubnetId};
use hatchery_model::network::{AddressRange, FixedIp, Subnet};
use hatchery_ports::store::{StoreError, TakenRun, UnitOfWork};
use std::collections::BTreeMap;
use std::net::IpAddr;

/// Neutron's `max_fixed_ips_per_port`.
const MAX_FIXED_IPS: usize = 5;

/// A port on its way to addresses.
pub(super) struct Taking<'a> {
    pub(super) uow: &'a mut dyn UnitOfWork,
    pub(super) network: NetworkId,
    pub(super) port: PortId,
    /// The network's.
    pub(super) subnets: &'a [Subnet],
    /// Where the lowest taken addresses lie, as far as that is known. Forgotten of each subnet in which one is taken.
    pub(super) first_runs: &'a mut BTreeMap<SubnetId, Option<TakenRun>>,
}

impl Taking<'_> {
    /// One address of each IP version that the network has subnets of.
    pub(super) async fn any(&mut self) -> Result<Vec<FixedIp>, Refusal> {
        let mut taken = Vec::new();
        for v4 in [true, false] {
            // Collected: an iterator with a closure in it, held over an await, keeps the future from being `Send`.
            let candidates: Vec<&Subnet> =
                self.subnets.iter().filter(|subnet| subnet.cidr.addr().is_ipv4() == v4).collect();
            if candidates.is_empty() {
                continue;
            }
            let mut found = None;
            for subnet in candidates {
                found = self.free_in(subnet).await?;
                if found.is_some() {
                    break;
                }
            }
            let fixed = found.ok_or(Refusal::IpAddressGenerationFailure(self.network))?;
            self.take(fixed).await?;
            taken.push(fixed);
        }
        Ok(taken)
    }

    /// The addresses that were asked for. Addresses that are named are taken first, so that none is given away to an entry that
    /// names only a subnet.
    pub(super) async fn wanted(
        &mut self,
        wanted: &[(Option<SubnetId>, Option<IpAddr>)],
        trusted: bool,
    ) -> Result<Vec<FixedIp>, Refusal> {
        if wanted.len() > MAX_FIXED_IPS {
            return Err(Refusal::InvalidInput(format!(
                "fixed_ips: a port has {MAX_FIXED_IPS} addresses at the most"
            )));
        }
        let mut taken: Vec<Option<FixedIp>> = vec![None; wanted.len()];
        for (place, (subnet, address)) in taken.iter_mut().zip(wanted) {
            if let Some(address) = *address {
                let fixed = locate(self.subnets, *subnet, address, self.network, trusted)?;
                self.take(fixed).await?;
                *place = Some(fixed);
            }
        }
        for (place, (subnet, _)) in taken.iter_mut().zip(wanted) {
            if place.is_none() {
                let id = subnet.ok_or_else(|| {
                    Refusal::InvalidInput(
                        "fixed_ips: each entry needs a subnet_id, an ip_address, or both".into(),
                    )
                })?;
                let found = self.free_in(subnet_of(self.subnets, id)?).await?;
                let fixed = found.ok_or(Refusal::IpAddressGenerationFailure(self.network))?;
                self.take(fixed).await?;
                *place = Some(fixed);
            }
        }
        Ok(taken.into_iter().flatten().collect())
    }

    /// The lowest free address of a subnet's pools, in their order. Asks only where what is known does not tell.
    async fn free_in(&mut self, subnet: &Subnet) -> Result<Option<FixedIp>, StoreError> {
        let known = self.first_runs.get(&subnet.id).copied();
        for pool in &subnet.pools {
            let found = match known.map_or(Lowest::Unknown, |run| lowest_free(pool, run)) {
                Lowest::Free(address) => Some(address),
                Lowest::None => None,
                Lowest::Unknown => {
                    self.uow.addresses().find_free(subnet.id, pool.start, pool.end).await?
                }
            };
            if let Some(address) = found {
                return Ok(Some(FixedIp { subnet: subnet.id, address }));
            }
        }
        Ok(None)
    }

    async fn take(&mut self, fixed: FixedIp) -> Result<(), Refusal> {
        self.first_runs.remove(&fixed.subnet);
        match self.uow.addresses().insert(fixed.subnet, fixed.address, self.port).await {
            Ok(()) => Ok(()),
            Err(StoreError::Conflict { .. }) => Err(taken_already(fixed)),
            Err(error) => Err(error.into()),
        }
    }
}

/// The lowest free address of a pool.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Lowest {
    Free(IpAddr),
    None,
    /// Above the run that is known.
    Unknown,
}

/// What the lowest taken addresses of a subnet say of a pool in it.
fn lowest_free(pool: &AddressRange, run: Option<TakenRun>) -> Lowest {
    let Some(TakenRun { first, next }) = run else {
        return Lowest::Free(pool.start);
    };
    if pool.start < first {
        return Lowest::Free(pool.start);
    }
    match next {
        None => Lowest::None,
        Some(next) if next <= pool.start => Lowest::Unknown,
        Some(next) if next <= pool.end => Lowest::Free(next),
        Some(_) => Lowest::None,
    }
}

fn subnet_of(subnets: &[Subnet], id: SubnetId) -> Result<&Subnet, Refusal> {
    let found = subnets.iter().find(|subnet| subnet.id == id);
    Ok(found.ok_or_else(|| Error::not_found("Subnet", id))?)
}

/// The subnet in which an address may be taken. The gateway's is only for what serves the network.
fn locate(
    subnets: &[Subnet],
    named: Option<SubnetId>,
    address: IpAddr,
    network: NetworkId,
    trusted: bool,
) -> Result<FixedIp, Refusal> {
    let refused = Refusal::InvalidIpForNetwork { address, network };
    let subnet = match named {
        Some(id) => subnet_of(subnets, id)?,
        None => match subnets.iter().find(|one| one.cidr.contains(&address)) {
            Some(subnet) => subnet,
            None => return Err(refused),
        },
    };
    if !ranges::usable(&subnet.cidr, address) {
        return Err(refused);
    }
    let fixed = FixedIp { subnet: subnet.id, address };
    if subnet.gateway == Some(address) && !trusted {
        return Err(taken_already(fixed));
    }
    Ok(fixed)
}

fn taken_already(fixed: FixedIp) -> Refusal {
    Refusal::IpAddressAlreadyAllocated { address: fixed.address, subnet: fixed.subnet }
}

#[cfg(test)]
mod tests {
    use super::{Lowest, lowest_free};
    use hatchery_model::network::AddressRange;
    use hatchery_ports::store::TakenRun;
    use std::collections::BTreeSet;
    use std::net::IpAddr;

    fn address(tail: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, tail])
    }

    /// Against a search, for every set of taken addresses of a small subnet and every pool in it.
    #[test]
    fn what_the_first_run_says_is_true() {
        let mut told = 0;
        for set in 0_u8..=255 {
            let taken: BTreeSet<u8> = (0..8).filter(|bit| set & (1 << bit) != 0).collect();
            let run = taken.first().map(|first| {
                let next = (*first..).find(|tail| !taken.contains(tail)).unwrap();
                TakenRun { first: address(*first), next: Some(address(next)) }
            });
            for (start, end) in (0..8).flat_map(|start| (start..8).map(move |end| (start, end))) {
                let pool = AddressRange { start: address(start), end: address(end) };
                let free = (start..=end).find(|tail| !taken.contains(tail)).map(address);
                match lowest_free(&pool, run) {
                    Lowest::Free(told) => assert_eq!(Some(told), free),
                    Lowest::None => assert_eq!(free, None),
                    Lowest::Unknown => continue,
                }
                told += 1;
            }
        }
        assert!(told > 4_000, "only {told} of 9216 were told");
        let last = TakenRun { first: address(0), next: None };
        let pool = AddressRange { start: address(1), end: address(2) };
        assert_eq!(lowest_free(&pool, Some(last)), Lowest::None);
    }
}
