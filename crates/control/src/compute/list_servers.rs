//! Lists servers.

use super::hosts::HostVerbs;
use super::show_server::{ServerDetail, with_addresses};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Server;
use hatchery_model::id::{FlavorId, HostName, ImageId, ProjectId, UserId};
use hatchery_model::page::Page;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{ServerFilter, Store, UnitOfWork};
use std::sync::Arc;

/// Rows read at once while a filter that the database does not know thins them out.
const CHUNK: u32 = 500;

/// `GET /servers` and `GET /servers/detail`.
pub struct ListServers {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Their hosts.
    pub hosts: HostVerbs,
}

/// Which servers.
#[derive(Clone, Debug, Default)]
pub struct ServerQuery {
    /// `all_tenants`: of every project. Administrators only.
    pub all_projects: bool,
    /// Of this project, with `all_projects`.
    pub project: Option<ProjectId>,
    /// Made by this user.
    pub user: Option<UserId>,
    /// Part of the name; `^` and `$` tie it to the ends.
    pub name: Option<String>,
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
    /// All servers of one request.
    pub reservation_id: Option<String>,
    /// Which part of the list.
    pub page: Page,
}

impl ListServers {
    /// The servers, without what stands in other rows. Needs `reader` on a project.
    pub async fn run(&self, caller: &Caller, query: &ServerQuery) -> Result<Vec<Server>, Error> {
        let filter = store_filter(caller, query)?;
        let mut uow = self.store.read().await?;
        select(&mut *uow, &filter, query).await
    }

    /// The servers with their addresses. Needs `reader` on a project.
    pub async fn detail(
        &self,
        caller: &Caller,
        query: &ServerQuery,
    ) -> Result<Vec<ServerDetail>, Error> {
        let filter = store_filter(caller, query)?;
        let mut uow = self.store.read().await?;
        let servers = select(&mut *uow, &filter, query).await?;
        let mut detailed = with_addresses(&mut *uow, servers).await?;
        if detailed.iter().any(|detail| detail.server.host.is_some()) {
            let hosts = uow.hosts().list().await?;
            for detail in &mut detailed {
                let name = detail.server.host.as_ref();
                let host = hosts.iter().find(|host| Some(&host.name) == name).cloned();
                detail.host = host.map(|host| self.hosts.status(host));
            }
        }
        Ok(detailed)
    }
}

fn store_filter(caller: &Caller, query: &ServerQuery) -> Result<ServerFilter, Error> {
    let project = if query.all_projects {
        policy::admin(caller, "os_compute_api:servers:index:get_all_tenants")?;
        query.project.clone()
    } else {
        Some(policy::reader_project(caller, "os_compute_api:servers:index")?.clone())
    };
    if query.host.is_some() || query.deleted {
        policy::admin(caller, "os_compute_api:servers:allow_all_filters")?;
    }
    Ok(ServerFilter {
        project,
        user: query.user.clone(),
        host: query.host.clone(),
        image: query.image,
        flavor: query.flavor.clone(),
        states: query.states.clone(),
        deleted: query.deleted,
        changed_since: query.changed_since,
    })
}

async fn select(
    uow: &mut dyn UnitOfWork,
    filter: &ServerFilter,
    query: &ServerQuery,
) -> Result<Vec<Server>, Error> {
    if query.name.is_none() && query.reservation_id.is_none() {
        return Ok(uow.servers().list(filter, &query.page).await?);
    }
    let wanted = query.page.limit.map_or(usize::MAX, |limit| limit as usize);
    let mut page = Page { limit: Some(CHUNK), ..query.page.clone() };
    let mut chosen = Vec::new();
    loop {
        let chunk = uow.servers().list(filter, &page).await?;
        let last = chunk.last().map(|server| server.id.to_string());
        let ended = chunk.len() < CHUNK as usize;
        chosen.extend(chunk.into_iter().filter(|server| fits(server, query)));
        if chosen.len() >= wanted {
            chosen.truncate(wanted);
            return Ok(chosen);
        }
        if ended {
            return Ok(chosen);
        }
        page.marker = last;
    }
}

fn fits(server: &Server, query: &ServerQuery) -> bool {
    let name = query.name.as_ref();
    let reservation = query.reservation_id.as_ref();
    name.is_none_or(|pattern| name_fits(&server.name, pattern))
        && reservation.is_none_or(|id| *id == server.reservation_id)
}

fn name_fits(name: &str, pattern: &str) -> bool {
    let (pattern, from_start) =
        pattern.strip_prefix('^').map_or((pattern, false), |rest| (rest, true));
    let (pattern, to_end) = pattern.strip_suffix('$').map_or((pattern, false), |rest| (rest, true));
    match (from_start, to_end) {
        (true, true) => name == pattern,
        (true, false) => name.starts_with(pattern),
        (false, true) => name.ends_with(pattern),
        (false, false) => name.contains(pattern),
    }
}

#[cfg(test)]
mod tests {
    use super::name_fits;

    #[test]
    fn a_name_is_found_by_its_parts_and_its_ends() {
        for (pattern, fits) in [
            ("eb", true),
            ("^web", true),
            ("^eb", false),
            ("-1$", true),
            ("web$", false),
            ("^web-1$", true),
            ("", true),
        ] {
            assert_eq!(name_fits("web-1", pattern), fits, "{pattern}");
        }
    }
}
