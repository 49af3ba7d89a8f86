//! The query of a listing of servers.

use super::status;
use crate::compute::fields::bool_of;
use crate::compute::microversion::Microversion;
use crate::http::{paging, time};
use hatchery_control::Error;
use hatchery_control::compute::{Look, ServerQuery};
use hatchery_model::caller::Caller;
use hatchery_model::id::{FlavorId, HostName, ProjectId, UserId};
use hatchery_model::timestamp::Timestamp;
use std::collections::BTreeSet;

/// Sort keys that Nova takes and we have.
const SORT_KEYS: [&str; 5] = ["created_at", "updated_at", "display_name", "uuid", "host"];

/// What is read elsewhere, or means nothing here.
const READ_ELSEWHERE: [&str; 5] = ["limit", "marker", "sort_key", "sort_dir", "soft_deleted"];

/// Filters of Nova's that are not built yet. Whoever is no administrator is answered without them, as in Nova; an administrator is told.
const NOT_BUILT: [&str; 15] = [
    "power_state",
    "task_state",
    "progress",
    "launch_index",
    "launched_at",
    "terminated_at",
    "created_at",
    "kernel_id",
    "ramdisk_id",
    "root_device_name",
    "locked_by",
    "auto_disk_config",
    "access_ip_v4",
    "access_ip_v6",
    "node",
];

/// What a query asks for; `None`: nothing can fit, so the listing is empty.
pub fn parse(
    query: &[(String, String)],
    version: Microversion,
    caller: &Caller,
) -> Result<Option<ServerQuery>, Error> {
    let mut wanted = ServerQuery {
        page: paging::page(query, Some(paging::MAX_LIMIT))?,
        ..ServerQuery::default()
    };
    for (key, _) in &wanted.page.sort {
        if !SORT_KEYS.contains(&key.as_str()) {
            return Err(Error::Invalid(format!("Sort key supplied is invalid: {key}")));
        }
        if key == "host" && !caller.is_admin() {
            return Err(Error::Denied("Only administrators can sort servers by host".into()));
        }
    }
    let statuses: Vec<&str> =
        query.iter().filter(|(key, _)| key == "status").map(|(_, value)| value.as_str()).collect();
    if !statuses.is_empty() && !take_statuses(&mut wanted, &statuses, version, caller)? {
        return Ok(None);
    }
    for (key, value) in query {
        if !one(&mut wanted, key, value, (version, caller))? {
            return Ok(None);
        }
    }
    check_span(&wanted)?;
    Ok(Some(wanted))
}

/// `false` when no server of ours has one of the statuses.
fn take_statuses(
    wanted: &mut ServerQuery,
    statuses: &[&str],
    version: Microversion,
    caller: &Caller,
) -> Result<bool, Error> {
    if !statuses.iter().any(|text| status::is_known(text)) && version.0 >= 38 {
        return Err(Error::Invalid("Invalid status value".into()));
    }
    wanted.states = statuses.iter().flat_map(|text| status::states_of(text)).collect();
    if wanted.states == ["deleted"] {
        if !caller.is_admin() {
            let text = "Only administrators may list deleted instances";
            return Err(Error::Denied(text.into()));
        }
        wanted.deleted = true;
    }
    Ok(!wanted.states.is_empty())
}

/// Takes one pair; `false` when nothing can fit. Keys that are not known are ignored until 2.74, and those that only administrators may use are
/// ignored from others, as Nova does.
fn one(
    wanted: &mut ServerQuery,
    key: &str,
    value: &str,
    (version, caller): (Microversion, &Caller),
) -> Result<bool, Error> {
    let text = || value.to_owned();
    match key {
        "status" => {}
        "all_tenants" => {
            wanted.all_projects = truth(key, if value.is_empty() { "1" } else { value })?
        }
        "project_id" | "tenant_id" => wanted.project = Some(ProjectId::from(value)),
        "user_id" => wanted.user = Some(UserId::from(value)),
        "flavor" => wanted.flavor = Some(FlavorId::from(value)),
        "image" | "image_ref" => match value.parse() {
            Ok(image) => wanted.image = Some(image),
            Err(_) => return Ok(false),
        },
        "vm_state" => {
            let states = status::states_of_vm_state(value);
            if states.is_empty() {
                return Ok(false);
            }
            wanted.states.extend(states);
        }
        "changes-since" => wanted.changed_since = Some(instant(key, value)?),
        "host" if caller.is_admin() => wanted.host = Some(HostName::from(value)),
        // What is no boolean means no, as in Nova.
        "deleted" if caller.is_admin() => wanted.deleted = bool_of(value).unwrap_or(false),
        "uuid" => match value.parse() {
            Ok(id) => wanted.look.id = Some(id),
            Err(_) => return Ok(false),
        },
        "name" | "display_name" => wanted.look.name = Some(text()),
        "description" | "display_description" => wanted.look.description = Some(text()),
        "hostname" => wanted.look.hostname = Some(text()),
        "key_name" => wanted.look.key_name = Some(text()),
        "availability_zone" => wanted.look.zone = Some(text()),
        "ip" | "ip6" => wanted.look.address = Some(text()),
        "reservation_id" => wanted.look.reservation_id = Some(text()),
        "config_drive" => wanted.look.config_drive = Some(truth(key, value)?),
        _ if NOT_BUILT.contains(&key) => {
            if caller.is_admin() {
                let text = format!("Filtering servers by {key} is not available here.");
                return Err(Error::Unsupported(text));
            }
        }
        _ => return later(&mut wanted.look, key, value, version).map(|()| true),
    }
    Ok(true)
}

/// Filters that came with later microversions.
fn later(look: &mut Look, key: &str, value: &str, version: Microversion) -> Result<(), Error> {
    let tags = || value.split(',').map(str::to_owned).collect::<BTreeSet<_>>();
    match key {
        "tags" if version.0 >= 26 => look.tags = tags(),
        "tags-any" if version.0 >= 26 => look.tags_any = tags(),
        "not-tags" if version.0 >= 26 => look.not_tags = tags(),
        "not-tags-any" if version.0 >= 26 => look.not_tags_any = tags(),
        "changes-before" if version.0 >= 66 => look.changed_before = Some(instant(key, value)?),
        "locked" if version.0 >= 73 => look.locked = Some(truth(key, value)?),
        "host" | "deleted" => {}
        _ if READ_ELSEWHERE.contains(&key) => {}
        _ if version.0 >= 75 => {
            return Err(Error::Invalid(format!(
                "Invalid input for query parameters: additional properties are not allowed ('{key}' was unexpected)"
            )));
        }
        _ => {}
    }
    Ok(())
}

fn check_span(wanted: &ServerQuery) -> Result<(), Error> {
    match (wanted.changed_since, wanted.look.changed_before) {
        (Some(since), Some(before)) if before < since => Err(Error::Invalid(
            "The value of changes-since must be less than or equal to changes-before.".into(),
        )),
        _ => Ok(()),
    }
}

fn instant(key: &str, value: &str) -> Result<Timestamp, Error> {
    time::parse(value).ok_or_else(|| {
        Error::Invalid(format!(
            "Invalid input for query parameters {key}. Value: {value}. '{value}' is not a 'date-time'"
        ))
    })
}

fn truth(key: &str, value: &str) -> Result<bool, Error> {
    bool_of(value).ok_or_else(|| {
        Error::Invalid(format!("Invalid input for query parameters {key}. Value: {value}"))
    })
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::compute::microversion::{MAX, MIN};
    use hatchery_control::Error;
    use hatchery_model::caller::{Caller, Scope};
    use hatchery_model::id::{DomainId, RequestId, UserId};

    fn caller(role: &str) -> Caller {
        Caller {
            user: UserId::from("u"),
            user_name: "u".into(),
            user_domain: DomainId::from("default"),
            scope: Scope::Unscoped,
            roles: vec![role.into()],
            request: RequestId::from("req-1"),
        }
    }

    fn pairs(text: &[(&str, &str)]) -> Vec<(String, String)> {
        text.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn reads_filters_and_refuses_what_makes_no_sense() {
        let member = caller("member");
        let query = pairs(&[("status", "ACTIVE"), ("name", "web"), ("all_tenants", "")]);
        let wanted = parse(&query, MAX, &member).unwrap().unwrap();
        assert_eq!((wanted.states[0], wanted.all_projects), ("active", true));
        assert_eq!(wanted.look.name.as_deref(), Some("web"));
        assert!(parse(&pairs(&[("status", "RESCUE")]), MAX, &member).unwrap().is_none());
        for (key, value) in [
            ("sort_key", "password"),
            ("changes-since", "soon"),
            ("all_tenants", "perhaps"),
            ("status", "SLEEPY"),
            ("odd", "x"),
        ] {
            let read = parse(&pairs(&[(key, value)]), MAX, &member);
            assert!(matches!(read, Err(Error::Invalid(_))), "{key}");
        }
        assert!(parse(&pairs(&[("odd", "x")]), MIN, &member).unwrap().is_some());
        assert!(parse(&pairs(&[("status", "SLEEPY")]), MIN, &member).unwrap().is_none());
    }

    #[test]
    fn some_filters_are_for_administrators() {
        let query = pairs(&[("host", "h"), ("deleted", "true")]);
        let mine = parse(&query, MAX, &caller("member")).unwrap().unwrap();
        assert_eq!((mine.host, mine.deleted), (None, false));
        let theirs = parse(&query, MAX, &caller("admin")).unwrap().unwrap();
        assert!(theirs.host.is_some() && theirs.deleted);
        let deleted = parse(&pairs(&[("status", "DELETED")]), MAX, &caller("member"));
        assert!(matches!(deleted, Err(Error::Denied(_))));
    }
}
