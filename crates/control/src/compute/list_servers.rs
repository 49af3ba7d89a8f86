//! Lists servers.

use super::hosts::HostVerbs;
use super::server_query::{Look, ServerQuery};
use super::show_server::{ServerDetail, with_addresses};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Server;
use hatchery_model::page::Page;
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

impl ListServers {
    /// The servers, without what stands in other rows. Needs `reader` on a project.
    pub async fn run(&self, caller: &Caller, query: &ServerQuery) -> Result<Vec<Server>, Error> {
        let filter = store_filter(caller, query)?;
        let mut uow = self.store.read().await?;
        select(&mut *uow, caller, &filter, query).await
    }

    /// The servers with their addresses. Needs `reader` on a project.
    pub async fn detail(
        &self,
        caller: &Caller,
        query: &ServerQuery,
    ) -> Result<Vec<ServerDetail>, Error> {
        let filter = store_filter(caller, query)?;
        let mut uow = self.store.read().await?;
        let servers = select(&mut *uow, caller, &filter, query).await?;
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
    caller: &Caller,
    filter: &ServerFilter,
    query: &ServerQuery,
) -> Result<Vec<Server>, Error> {
    if let Some(marker) = &query.page.marker {
        check_marker(uow, caller, marker).await?;
    }
    if !query.look.is_needed() {
        return Ok(uow.servers().list(filter, &query.page).await?);
    }
    let wanted = query.page.limit.map_or(usize::MAX, |limit| limit as usize);
    let mut page = Page { limit: Some(CHUNK), ..query.page.clone() };
    let mut chosen = Vec::new();
    loop {
        let chunk = uow.servers().list(filter, &page).await?;
        let last = chunk.last().map(|server| server.id.to_string());
        let ended = chunk.len() < CHUNK as usize;
        let chunk = detailed(uow, &query.look, chunk).await?;
        let fitting = chunk.into_iter().filter(|detail| query.look.fits(detail));
        chosen.extend(fitting.map(|detail| detail.server));
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

/// The servers, with their addresses where these are looked at.
async fn detailed(
    uow: &mut dyn UnitOfWork,
    look: &Look,
    servers: Vec<Server>,
) -> Result<Vec<ServerDetail>, Error> {
    if look.address.is_some() {
        return with_addresses(uow, servers).await;
    }
    let bare =
        |server| ServerDetail { server, addresses: Vec::new(), host: None, volumes: Vec::new() };
    Ok(servers.into_iter().map(bare).collect())
}

/// Refuses a marker that is no server which the caller may see.
async fn check_marker(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    marker: &str,
) -> Result<(), Error> {
    if let Ok(id) = marker.parse()
        && let Some(server) = uow.servers().find(id).await?
        && policy::may_read(caller, &server.project)
    {
        return Ok(());
    }
    Err(Error::Invalid(format!("marker [{marker}] not found")))
}
