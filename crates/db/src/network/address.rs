//! Addresses taken in subnets.
//!
//! Stored as hex digits of fixed width (8 for IPv4, 32 for IPv6): text order is address order. The schema keeps, for
//! each taken address, whether the next one is free.

use crate::error::corrupt;
use crate::rows::column;
use crate::unit_of_work::Transaction;
use crate::value::text;
use async_trait::async_trait;
use hatchery_model::id::{PortId, SubnetId};
use hatchery_ports::store::{Addresses, StoreError};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const NOUN: &str = "address";
const INSERT: &str = "INSERT INTO addresses (subnet, address, prior, next, port, run_end) \
    VALUES ($1, $2, $3, $4, $5, \
    CASE WHEN EXISTS (SELECT 1 FROM addresses WHERE subnet = $1 AND address = $4) THEN 0 ELSE 1 END) \
    ON CONFLICT DO NOTHING";
/// The start, or the end of the first run of taken addresses from the start on.
const FIND_FREE: &str = "SELECT $2 AS free \
    WHERE NOT EXISTS (SELECT 1 FROM addresses WHERE subnet = $1 AND address = $2) \
    UNION ALL \
    SELECT free FROM (SELECT next AS free FROM addresses \
        WHERE subnet = $1 AND run_end = 1 AND address >= $2 AND address < $3 ORDER BY address LIMIT 1) AS first_run \
    ORDER BY free LIMIT 1";
const DELETE: &str = "DELETE FROM addresses WHERE port = $1";
const LIST: &str = "SELECT address, port FROM addresses WHERE subnet = $1 ORDER BY address";

fn spell(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => format!("{:08x}", address.to_bits()),
        IpAddr::V6(address) => format!("{:032x}", address.to_bits()),
    }
}

/// An address from its hex digits.
pub(crate) fn read(spelled: &str) -> Result<IpAddr, StoreError> {
    let wrong = |error| corrupt(NOUN, spelled, error);
    match spelled.len() {
        8 => u32::from_str_radix(spelled, 16)
            .map(|bits| IpAddr::V4(Ipv4Addr::from_bits(bits)))
            .map_err(wrong),
        _ => u128::from_str_radix(spelled, 16)
            .map(|bits| IpAddr::V6(Ipv6Addr::from_bits(bits)))
            .map_err(wrong),
    }
}

/// The neighbours of an address; the first and the last address of all have nothing beyond, spelled as nothing.
fn neighbours(address: IpAddr) -> (String, String) {
    let (prior, next) = match address {
        IpAddr::V4(address) => {
            let bits = address.to_bits();
            let address = |bits| IpAddr::V4(Ipv4Addr::from_bits(bits));
            (bits.checked_sub(1).map(address), bits.checked_add(1).map(address))
        }
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            let address = |bits| IpAddr::V6(Ipv6Addr::from_bits(bits));
            (bits.checked_sub(1).map(address), bits.checked_add(1).map(address))
        }
    };
    let spell = |address: Option<IpAddr>| address.map(spell).unwrap_or_default();
    (spell(prior), spell(next))
}

#[async_trait]
impl Addresses for Transaction {
    async fn insert(
        &mut self,
        subnet: SubnetId,
        address: IpAddr,
        port: PortId,
    ) -> Result<(), StoreError> {
        let (prior, next) = neighbours(address);
        let values = vec![text(subnet), text(spell(address)), text(prior), text(next), text(port)];
        self.change_one(NOUN, address, INSERT, values).await
    }

    async fn find_free(
        &mut self,
        subnet: SubnetId,
        start: IpAddr,
        end: IpAddr,
    ) -> Result<Option<IpAddr>, StoreError> {
        if start > end || start.is_ipv4() != end.is_ipv4() {
            return Ok(None);
        }
        let values = vec![text(subnet), text(spell(start)), text(spell(end))];
        let row = self.row(NOUN, FIND_FREE, values).await?;
        row.map(|row| read(&column::<String>(NOUN, &row, 0)?)).transpose()
    }

    async fn delete(&mut self, port: PortId) -> Result<u64, StoreError> {
        self.change("remove", NOUN, DELETE, vec![text(port)]).await
    }

    async fn list(&mut self, subnet: SubnetId) -> Result<Vec<(IpAddr, PortId)>, StoreError> {
        let rows = self.rows("read", NOUN, LIST, vec![text(subnet)]).await?;
        rows.iter()
            .map(|row| {
                let address = read(&column::<String>(NOUN, row, 0)?)?;
                let port: String = column(NOUN, row, 1)?;
                let port = port.parse().map_err(|error| corrupt(NOUN, address, error))?;
                Ok((address, port))
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::{neighbours, read, spell};
    use std::net::IpAddr;

    #[test]
    fn text_order_is_address_order() {
        let addresses = ["0.0.0.0", "9.255.255.255", "10.0.0.0", "10.0.0.16", "255.255.255.255"];
        let spelled: Vec<String> =
            addresses.iter().map(|address| spell(address.parse().unwrap())).collect();
        assert!(spelled.is_sorted());
        for (address, spelled) in addresses.iter().zip(&spelled) {
            assert_eq!(read(spelled).unwrap(), address.parse::<IpAddr>().unwrap());
        }
        assert_eq!(
            read(&spell("fd00::1:0".parse().unwrap())).unwrap(),
            "fd00::1:0".parse::<IpAddr>().unwrap()
        );
    }

    #[test]
    fn the_ends_of_all_addresses_have_one_neighbour() {
        let (prior, next) = neighbours("0.0.0.0".parse().unwrap());
        assert_eq!((prior.as_str(), next.as_str()), ("", "00000001"));
        let (prior, next) = neighbours("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff".parse().unwrap());
        assert!(prior.ends_with("fffe"));
        assert_eq!(next, "");
    }
}
