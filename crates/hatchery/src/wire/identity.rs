//! Keystone's part.

use super::{Check, Ground};
use anyhow::Context;
use hatchery_api::Router;
use hatchery_api::identity::{CatalogSettings, router};
use hatchery_control::identity::{
    IdentityPorts, IdentityVerbs, Passwords, TokenAuthority, bootstrap,
};
use hatchery_model::id::ProjectId;
use std::sync::Arc;

/// Passwords checked at once: each takes 19 MiB while it is.
const PASSWORDS_AT_ONCE: usize = 2;

pub struct Identity {
    pub router: Router,
    pub check: Check,
    pub admin_project: ProjectId,
}

pub async fn join(ground: &Ground, password: &str) -> anyhow::Result<Identity> {
    let passwords = Passwords::new(ground.entropy.clone(), PASSWORDS_AT_ONCE);
    let foundation = bootstrap(
        ground.store.as_ref(),
        ground.clock.as_ref(),
        ground.entropy.as_ref(),
        &passwords,
        password,
    )
    .await
    .context("the first administrator cannot be made")?;
    let authority = TokenAuthority::open(
        ground.store.as_ref(),
        ground.clock.clone(),
        ground.entropy.clone(),
        ground.config.token.expiration,
    )
    .await
    .context("tokens cannot be signed")?;
    let authority = Arc::new(authority);
    let verbs = Arc::new(IdentityVerbs::new(&IdentityPorts {
        store: ground.store.clone(),
        clock: ground.clock.clone(),
        entropy: ground.entropy.clone(),
        passwords,
        authority: authority.clone(),
    }));
    let catalog =
        CatalogSettings { public_url: ground.base.clone(), region: "RegionOne".to_owned() };
    let check: Check = authority;
    Ok(Identity {
        router: router(verbs, check.clone(), catalog),
        check,
        admin_project: foundation.project,
    })
}
