//! Keystone's rows.

use super::StoreError;
use async_trait::async_trait;
use hatchery_model::id::{DomainId, ProjectId, RoleId, UserId};
use hatchery_model::identity::{
    Assignment, AssignmentTarget, Domain, Project, Revocation, Role, User,
};
use hatchery_model::timestamp::Timestamp;

/// Domains.
#[async_trait]
pub trait Domains: Send {
    /// By id.
    async fn find(&mut self, id: &DomainId) -> Result<Option<Domain>, StoreError>;
    /// By name.
    async fn find_by_name(&mut self, name: &str) -> Result<Option<Domain>, StoreError>;
    /// All, by name.
    async fn list(&mut self) -> Result<Vec<Domain>, StoreError>;
    /// A new one.
    async fn insert(&mut self, domain: &Domain) -> Result<(), StoreError>;
    /// Replaces it.
    async fn update(&mut self, domain: &Domain) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: &DomainId) -> Result<bool, StoreError>;
}

/// Which projects.
#[derive(Clone, Debug, Default)]
pub struct ProjectFilter {
    /// In this domain.
    pub domain: Option<DomainId>,
    /// With exactly this name.
    pub name: Option<String>,
    /// Directly below this project.
    pub parent: Option<ProjectId>,
}

/// Projects.
#[async_trait]
pub trait Projects: Send {
    /// By id.
    async fn find(&mut self, id: &ProjectId) -> Result<Option<Project>, StoreError>;
    /// By name in a domain.
    async fn find_by_name(
        &mut self,
        domain: &DomainId,
        name: &str,
    ) -> Result<Option<Project>, StoreError>;
    /// Those that fit, by name.
    async fn list(&mut self, filter: &ProjectFilter) -> Result<Vec<Project>, StoreError>;
    /// A new one; `Conflict` also when the name is taken in the domain.
    async fn insert(&mut self, project: &Project) -> Result<(), StoreError>;
    /// Replaces it; `Conflict` when the name is taken in the domain.
    async fn update(&mut self, project: &Project) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: &ProjectId) -> Result<bool, StoreError>;
}

/// Which users.
#[derive(Clone, Debug, Default)]
pub struct UserFilter {
    /// In this domain.
    pub domain: Option<DomainId>,
    /// With exactly this name.
    pub name: Option<String>,
}

/// Users.
#[async_trait]
pub trait Users: Send {
    /// By id.
    async fn find(&mut self, id: &UserId) -> Result<Option<User>, StoreError>;
    /// By name in a domain.
    async fn find_by_name(
        &mut self,
        domain: &DomainId,
        name: &str,
    ) -> Result<Option<User>, StoreError>;
    /// Those that fit, by name.
    async fn list(&mut self, filter: &UserFilter) -> Result<Vec<User>, StoreError>;
    /// A new one; `Conflict` also when the name is taken in the domain.
    async fn insert(&mut self, user: &User) -> Result<(), StoreError>;
    /// Replaces it; `Conflict` when the name is taken in the domain.
    async fn update(&mut self, user: &User) -> Result<(), StoreError>;
    /// Removes it.
    async fn delete(&mut self, id: &UserId) -> Result<bool, StoreError>;
}

/// Roles, and which implies which.
#[async_trait]
pub trait Roles: Send {
    /// By id.
    async fn find(&mut self, id: &RoleId) -> Result<Option<Role>, StoreError>;
    /// All, by name.
    async fn list(&mut self) -> Result<Vec<Role>, StoreError>;
    /// A new one; `Conflict` also when the name is taken in its domain.
    async fn insert(&mut self, role: &Role) -> Result<(), StoreError>;
    /// Replaces it.
    async fn update(&mut self, role: &Role) -> Result<(), StoreError>;
    /// Removes it, with its implications.
    async fn delete(&mut self, id: &RoleId) -> Result<bool, StoreError>;
    /// All pairs: the first implies the second.
    async fn list_implications(&mut self) -> Result<Vec<(RoleId, RoleId)>, StoreError>;
    /// The first implies the second from now on. `Ok` when it did.
    async fn insert_implication(&mut self, of: &RoleId, what: &RoleId) -> Result<(), StoreError>;
    /// Not any more.
    async fn delete_implication(&mut self, of: &RoleId, what: &RoleId) -> Result<bool, StoreError>;
}

/// Which assignments.
#[derive(Clone, Debug, Default)]
pub struct AssignmentFilter {
    /// Held by this user.
    pub user: Option<UserId>,
    /// Of this role.
    pub role: Option<RoleId>,
    /// On this target.
    pub target: Option<AssignmentTarget>,
}

/// Role assignments.
#[async_trait]
pub trait Assignments: Send {
    /// Those that fit, in the order of their fields.
    async fn list(&mut self, filter: &AssignmentFilter) -> Result<Vec<Assignment>, StoreError>;
    /// A new one. `Ok` when it was there.
    async fn insert(&mut self, assignment: &Assignment) -> Result<(), StoreError>;
    /// Removes those that fit; says how many.
    async fn delete(&mut self, filter: &AssignmentFilter) -> Result<u64, StoreError>;
}

/// Tokens taken back.
#[async_trait]
pub trait Revocations: Send {
    /// All that still matter at `now`.
    async fn list(&mut self, now: Timestamp) -> Result<Vec<Revocation>, StoreError>;
    /// A new one.
    async fn insert(&mut self, revocation: &Revocation) -> Result<(), StoreError>;
    /// Removes those that matter no more at `now`.
    async fn delete_forgettable(&mut self, now: Timestamp) -> Result<u64, StoreError>;
}
