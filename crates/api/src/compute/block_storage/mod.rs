//! `/os-volumes` and `/os-snapshots`: block storage as Nova passed it on until microversion 2.35. What is done is done by the verbs of block
//! storage, with their rights; this is another spelling of them.

pub mod snapshots;
pub mod volumes;

use crate::compute::microversion::{Microversion, until};
use crate::http::paging::MAX_LIMIT;
use hatchery_control::Error;

/// The last microversion that has it.
const LAST: u32 = 35;

/// Refuses a later microversion, as if the route were not there.
fn is_spoken(version: Microversion) -> Result<(), Error> {
    until(version, LAST)
}

/// The part of a listing that is wanted: so many are left out, so many shown at the most. A limit of 0 is none.
fn part(pairs: &[(String, String)]) -> Result<(usize, usize), Error> {
    let number = |wanted: &str| {
        let Some((_, text)) = pairs.iter().find(|(key, _)| key == wanted) else { return Ok(0) };
        text.parse::<u32>().map_err(|_| {
            Error::Invalid(format!(
                "{wanted} param must be an integer of 0 or more: '{text}' is not"
            ))
        })
    };
    let (offset, limit) = (number("offset")?, number("limit")?);
    let limit = if limit == 0 { MAX_LIMIT } else { limit.min(MAX_LIMIT) };
    Ok((offset as usize, limit as usize))
}

#[cfg(test)]
mod tests {
    use super::part;

    #[test]
    fn a_limit_of_nothing_is_none() {
        let pairs = |limit: &str| vec![("limit".to_owned(), limit.to_owned())];
        assert_eq!(part(&[]).unwrap(), (0, 1000));
        assert_eq!(part(&pairs("0")).unwrap(), (0, 1000));
        assert_eq!(part(&pairs("2")).unwrap(), (0, 2));
        assert_eq!(part(&pairs("5000")).unwrap(), (0, 1000));
        assert!(part(&pairs("-1")).is_err() && part(&pairs("x")).is_err());
    }
}
