//! The first start: the domain, roles, project and user without which nobody could do anything.

use super::passwords::Passwords;
use crate::error::Error;
use hatchery_model::id::{DomainId, ProjectId, RoleId, UserId};
use hatchery_model::identity::{
    Assignment, AssignmentTarget, BUILT_IN_ROLES, Domain, Project, Role, User,
};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::{Store, UnitOfWork};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The setting that says that it has been done.
const DONE_SETTING: &str = "identity.bootstrap";

/// Id of the first domain, as in every OpenStack.
pub const DEFAULT_DOMAIN: &str = "default";

/// What the first start has made. Administrators may have changed or deleted it since.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Foundation {
    /// The domain `Default`.
    pub domain: DomainId,
    /// The project `admin`.
    pub project: ProjectId,
    /// The user `admin`.
    pub user: UserId,
}

/// Makes what Keystone's own bootstrap makes, in one transaction, once in the life of a store: a later call changes nothing and gives
/// the same answer, so that what an administrator has changed stays so. `Invalid` for a password that cannot be used.
pub async fn bootstrap(
    store: &dyn Store,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
    passwords: &Passwords,
    admin_password: &str,
) -> Result<Foundation, Error> {
    if let Some(done) = find(store.read().await?.as_mut()).await? {
        return Ok(done);
    }
    let hash = passwords.hash(admin_password.to_owned()).await?;
    let mut unit = store.begin().await?;
    if let Some(done) = find(unit.as_mut()).await? {
        return Ok(done);
    }
    let foundation = Foundation {
        domain: DomainId::from(DEFAULT_DOMAIN),
        project: ProjectId::from(random_uuid(entropy)),
        user: UserId::from(random_uuid(entropy)),
    };
    insert_nouns(unit.as_mut(), clock, &foundation, hash).await?;
    let admin = insert_roles(unit.as_mut(), entropy).await?;
    for target in [
        AssignmentTarget::Project(foundation.project.clone()),
        AssignmentTarget::Domain(foundation.domain.clone()),
        AssignmentTarget::System,
    ] {
        let assignment = Assignment { user: foundation.user.clone(), role: admin.clone(), target };
        unit.assignments().insert(&assignment).await?;
    }
    let text = serde_json::to_string(&foundation)
        .map_err(|error| Error::Internal { source: Box::new(error) })?;
    unit.settings().put(DONE_SETTING, &text).await?;
    unit.commit().await?;
    Ok(foundation)
}

async fn find(unit: &mut dyn UnitOfWork) -> Result<Option<Foundation>, Error> {
    let Some(text) = unit.settings().find(DONE_SETTING).await? else {
        return Ok(None);
    };
    serde_json::from_str(&text)
        .map(Some)
        .map_err(|error| Error::Internal { source: Box::new(error) })
}

async fn insert_nouns(
    unit: &mut dyn UnitOfWork,
    clock: &dyn Clock,
    foundation: &Foundation,
    password_hash: String,
) -> Result<(), Error> {
    let domain = Domain {
        id: foundation.domain.clone(),
        name: "Default".into(),
        description: "The default domain".into(),
        enabled: true,
    };
    unit.domains().insert(&domain).await?;
    let project = Project {
        id: foundation.project.clone(),
        name: "admin".into(),
        domain: foundation.domain.clone(),
        parent: None,
        description: "Bootstrap project for initializing the cloud.".into(),
        enabled: true,
        tags: Vec::new(),
        extra: BTreeMap::new(),
    };
    unit.projects().insert(&project).await?;
    let user = User {
        id: foundation.user.clone(),
        name: "admin".into(),
        domain: foundation.domain.clone(),
        password_hash: Some(password_hash),
        password_set_at: clock.now(),
        default_project: None,
        enabled: true,
        description: None,
        email: None,
        extra: BTreeMap::new(),
    };
    unit.users().insert(&user).await?;
    Ok(())
}

/// The built-in roles, each implying the next; gives the id of the first.
async fn insert_roles(unit: &mut dyn UnitOfWork, entropy: &dyn Entropy) -> Result<RoleId, Error> {
    let ids = BUILT_IN_ROLES.map(|_| RoleId::from(random_uuid(entropy)));
    for (id, name) in ids.iter().zip(BUILT_IN_ROLES) {
        let role = Role { id: id.clone(), name: name.into(), domain: None, description: None };
        unit.roles().insert(&role).await?;
    }
    for pair in ids.windows(2) {
        if let [of, what] = pair {
            unit.roles().insert_implication(of, what).await?;
        }
    }
    let [admin, ..] = ids;
    Ok(admin)
}
