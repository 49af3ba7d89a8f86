//! Which servers a listing wants, and what of that the database does not decide.

use super::show_server::ServerDetail;
use hatchery_model::compute::Server;
use hatchery_model::id::{FlavorId, HostName, ImageId, ProjectId, ServerId, UserId};
use hatchery_model::page::Page;
use hatchery_model::timestamp::Timestamp;
use std::collections::BTreeSet;

/// Which servers.
#[derive(Clone, Debug, Default)]
pub struct ServerQuery {
    /// `all_tenants`: of every project. Administrators only.
    pub all_projects: bool,
    /// Of this project, with `all_projects`.
    pub project: Option<ProjectId>,
    /// Made by this user.
    pub user: Option<UserId>,
    /// On this host. Administrators only.
    pub host: Option<HostName>,
    /// Made from this image.
    pub image: Option<ImageId>,
    /// Made with this flavor.
    pub flavor: Option<FlavorId>,
    /// With one of these states' names ([`hatchery_model::compute::ServerState::name`]); empty: any.
    pub states: Vec<&'static str>,
    /// Deleted ones instead of the others. Administrators only.
    pub deleted: bool,
    /// Changed at or after this.
    pub changed_since: Option<Timestamp>,
    /// What is looked for in the rows themselves.
    pub look: Look,
    /// Which part of the list.
    pub page: Page,
}

/// Filters that no index helps with. Texts are parts of what is looked at; `^` and `$` tie them to its ends.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Look {
    /// Part of the name.
    pub name: Option<String>,
    /// Part of the description.
    pub description: Option<String>,
    /// Part of the host name.
    pub hostname: Option<String>,
    /// Part of the key pair's name.
    pub key_name: Option<String>,
    /// Part of the zone's name.
    pub zone: Option<String>,
    /// The beginning of an address.
    pub address: Option<String>,
    /// This server.
    pub id: Option<ServerId>,
    /// All servers of one request.
    pub reservation_id: Option<String>,
    /// Changed at or before this.
    pub changed_before: Option<Timestamp>,
    /// Locked ones, or the others.
    pub locked: Option<bool>,
    /// With a config drive, or without.
    pub config_drive: Option<bool>,
    /// With all these tags.
    pub tags: BTreeSet<String>,
    /// With one of these tags, if there are any here.
    pub tags_any: BTreeSet<String>,
    /// Without one of these tags at least, if there are any here.
    pub not_tags: BTreeSet<String>,
    /// With none of these tags.
    pub not_tags_any: BTreeSet<String>,
}

impl Look {
    /// Whether anything is looked for.
    pub(super) fn is_needed(&self) -> bool {
        *self != Self::default()
    }

    /// Whether a server has all that is looked for.
    pub(super) fn fits(&self, detail: &ServerDetail) -> bool {
        self.texts_fit(&detail.server) && self.tags_fit(&detail.server) && self.rest_fits(detail)
    }

    fn texts_fit(&self, server: &Server) -> bool {
        let key_name = server.keypair.as_ref().map(|keypair| keypair.name.as_str());
        [
            (&self.name, Some(server.name.as_str())),
            (&self.description, server.description.as_deref()),
            (&self.hostname, Some(server.hostname.as_str())),
            (&self.key_name, key_name),
            (&self.zone, server.availability_zone.as_deref()),
        ]
        .into_iter()
        .all(|(pattern, text)| pattern.as_ref().is_none_or(|pattern| has(text, pattern)))
    }

    fn tags_fit(&self, server: &Server) -> bool {
        let has = &server.tags;
        self.tags.is_subset(has)
            && (self.tags_any.is_empty() || !self.tags_any.is_disjoint(has))
            && (self.not_tags.is_empty() || !self.not_tags.is_subset(has))
            && self.not_tags_any.is_disjoint(has)
    }

    fn rest_fits(&self, detail: &ServerDetail) -> bool {
        let server = &detail.server;
        let begins = |start: &String| {
            let start = start.trim_start_matches('^');
            detail
                .addresses
                .iter()
                .any(|one| has(Some(&one.address.to_string()), &format!("^{start}")))
        };
        self.id.is_none_or(|id| id == server.id)
            && self.reservation_id.as_ref().is_none_or(|id| *id == server.reservation_id)
            && self.changed_before.is_none_or(|at| server.updated_at <= at)
            && self.locked.is_none_or(|locked| locked == server.locked)
            && self.config_drive.is_none_or(|drive| drive == server.config_drive)
            && self.address.as_ref().is_none_or(begins)
    }
}

fn has(text: Option<&str>, pattern: &str) -> bool {
    let Some(text) = text else { return false };
    let (pattern, from_start) =
        pattern.strip_prefix('^').map_or((pattern, false), |rest| (rest, true));
    let (pattern, to_end) = pattern.strip_suffix('$').map_or((pattern, false), |rest| (rest, true));
    match (from_start, to_end) {
        (true, true) => text == pattern,
        (true, false) => text.starts_with(pattern),
        (false, true) => text.ends_with(pattern),
        (false, false) => text.contains(pattern),
    }
}

#[cfg(test)]
mod tests {
    use super::has;

    #[test]
    fn a_text_is_found_by_its_parts_and_its_ends() {
        for (pattern, fits) in [
            ("eb", true),
            ("^web", true),
            ("^eb", false),
            ("-1$", true),
            ("web$", false),
            ("^web-1$", true),
            ("", true),
        ] {
            assert_eq!(has(Some("web-1"), pattern), fits, "{pattern}");
        }
        assert!(!has(None, ""));
    }
}
