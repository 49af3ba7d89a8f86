//! Whose the volumes are that the cloud itself keeps.

use crate::error::Error;
use crate::identity::DEFAULT_DOMAIN;
use hatchery_model::id::{DomainId, ProjectId, UserId};
use hatchery_model::identity::{Project, User};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::{Store, UnitOfWork};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Who it is now.
const SETTING: &str = "volume.internal_tenant";
/// Who it is where nobody has been named.
const OWN: &str = "volume.internal_tenant.own";
/// Name of the project and the user of our own.
const NAME: &str = "cinder-internal";

/// A project and a user: Cinder's `cinder_internal_tenant_project_id` and `cinder_internal_tenant_user_id`.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct InternalTenant {
    /// The project.
    pub project: ProjectId,
    /// The user.
    pub user: UserId,
}

/// Has an internal project and user: those that are named, else ones of our own, which are made once. Nobody can log in as that user.
pub async fn ensure_internal_tenant(
    store: &dyn Store,
    entropy: &dyn Entropy,
    now: Timestamp,
    named: Option<InternalTenant>,
) -> Result<InternalTenant, Error> {
    let mut uow = store.begin().await?;
    let tenant = match named {
        Some(named) => named,
        None => match read(&mut *uow, OWN).await? {
            Some(own) => own,
            None => make(&mut *uow, entropy, now).await?,
        },
    };
    if read(&mut *uow, SETTING).await?.as_ref() != Some(&tenant) {
        write(&mut *uow, SETTING, &tenant).await?;
    }
    uow.commit().await?;
    Ok(tenant)
}

/// Who it is. `None`: nobody has been named or made yet.
pub(super) async fn find(uow: &mut dyn UnitOfWork) -> Result<Option<InternalTenant>, Error> {
    read(uow, SETTING).await
}

async fn read(uow: &mut dyn UnitOfWork, name: &str) -> Result<Option<InternalTenant>, Error> {
    let Some(text) = uow.settings().find(name).await? else { return Ok(None) };
    let tenant = serde_json::from_str(&text);
    tenant.map(Some).map_err(|error| Error::Internal { source: Box::new(error) })
}

async fn write(uow: &mut dyn UnitOfWork, name: &str, tenant: &InternalTenant) -> Result<(), Error> {
    let text = serde_json::to_string(tenant);
    let text = text.map_err(|error| Error::Internal { source: Box::new(error) })?;
    Ok(uow.settings().put(name, &text).await?)
}

async fn make(
    uow: &mut dyn UnitOfWork,
    entropy: &dyn Entropy,
    now: Timestamp,
) -> Result<InternalTenant, Error> {
    let tenant = InternalTenant {
        project: ProjectId::from(random_uuid(entropy)),
        user: UserId::from(random_uuid(entropy)),
    };
    let project = Project {
        id: tenant.project.clone(),
        name: NAME.to_owned(),
        domain: DomainId::from(DEFAULT_DOMAIN),
        parent: None,
        description: "Volumes that the cloud keeps for itself.".to_owned(),
        enabled: true,
        tags: Vec::new(),
        extra: BTreeMap::new(),
    };
    uow.projects().insert(&project).await?;
    let user = User {
        id: tenant.user.clone(),
        name: NAME.to_owned(),
        domain: DomainId::from(DEFAULT_DOMAIN),
        password_hash: None,
        password_set_at: now,
        default_project: Some(tenant.project.clone()),
        enabled: false,
        description: None,
        email: None,
        extra: BTreeMap::new(),
    };
    uow.users().insert(&user).await?;
    write(uow, OWN, &tenant).await?;
    Ok(tenant)
}
