//! The query of a listing of servers.

use super::status;
use crate::compute::microversion::Microversion;
use crate::http::{paging, time};
use hatchery_control::Error;
use hatchery_control::compute::ServerQuery;
use hatchery_model::id::{FlavorId, HostName, ProjectId, UserId};

/// Sort keys that Nova takes and we have.
const SORT_KEYS: [&str; 8] = [
    "created_at",
    "updated_at",
    "display_name",
    "uuid",
    "host",
    "project_id",
    "user_id",
    "vm_state",
];

/// What a query asks for; `None`: nothing can fit, so the listing is empty.
pub fn parse(
    query: &[(String, String)],
    version: Microversion,
) -> Result<Option<ServerQuery>, Error> {
    let mut wanted = ServerQuery {
        page: paging::page(query, Some(paging::MAX_LIMIT))?,
        ..ServerQuery::default()
    };
    for (key, _) in &wanted.page.sort {
        if !SORT_KEYS.contains(&key.as_str()) {
            return Err(Error::Invalid(format!("Sort key supplied is invalid: {key}")));
        }
    }
    for (key, value) in query {
        if !one(&mut wanted, key, value, version)? {
            return Ok(None);
        }
    }
    Ok(Some(wanted))
}

/// Takes one pair; `false` when nothing can fit. Keys that are not known are ignored, as Nova does.
fn one(
    wanted: &mut ServerQuery,
    key: &str,
    value: &str,
    version: Microversion,
) -> Result<bool, Error> {
    match key {
        "all_tenants" => {
            wanted.all_projects = truth(key, if value.is_empty() { "1" } else { value })?
        }
        "project_id" | "tenant_id" => wanted.project = Some(ProjectId::from(value)),
        "user_id" => wanted.user = Some(UserId::from(value)),
        "name" => wanted.name = Some(value.to_owned()),
        "host" => wanted.host = Some(HostName::from(value)),
        "flavor" => wanted.flavor = Some(FlavorId::from(value)),
        "reservation_id" => wanted.reservation_id = Some(value.to_owned()),
        "deleted" => wanted.deleted = truth(key, value)?,
        "image" => match value.parse() {
            Ok(image) => wanted.image = Some(image),
            Err(_) => return Ok(false),
        },
        "status" | "vm_state" => {
            let states = match key {
                "status" => status::states_of(value),
                _ => status::states_of_vm_state(value),
            };
            if states.is_empty() {
                return Ok(false);
            }
            wanted.deleted |= states.contains(&"deleted");
            wanted.states.extend(states);
        }
        "changes-since" => {
            let at = time::parse(value).ok_or_else(|| {
                Error::Invalid(format!("Invalid input for query parameters changes-since. Value: {value}. '{value}' is not a 'date-time'"))
            })?;
            wanted.changed_since = Some(at);
        }
        "tags" | "not-tags" | "tags-any" | "not-tags-any" if version.0 >= 26 => {
            return Err(Error::Unsupported(format!(
                "Filtering servers by {key} is not available here."
            )));
        }
        _ => {}
    }
    Ok(true)
}

fn truth(key: &str, value: &str) -> Result<bool, Error> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
        _ => {
            Err(Error::Invalid(format!("Invalid input for query parameters {key}. Value: {value}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::compute::microversion::MAX;

    fn pairs(text: &[(&str, &str)]) -> Vec<(String, String)> {
        text.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn reads_filters_and_refuses_what_makes_no_sense() {
        let query =
            pairs(&[("status", "ACTIVE"), ("name", "web"), ("all_tenants", ""), ("odd", "x")]);
        let wanted = parse(&query, MAX).unwrap().unwrap();
        assert_eq!((wanted.states.as_slice(), wanted.all_projects), (["active"].as_slice(), true));
        assert!(parse(&pairs(&[("status", "RESCUE")]), MAX).unwrap().is_none());
        assert!(parse(&pairs(&[("sort_key", "password")]), MAX).is_err());
        assert!(parse(&pairs(&[("changes-since", "soon")]), MAX).is_err());
        assert!(parse(&pairs(&[("all_tenants", "perhaps")]), MAX).is_err());
    }
}
