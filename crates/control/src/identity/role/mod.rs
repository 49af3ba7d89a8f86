//! Roles: what they are called, and which implies which.

mod create_role;
mod delete_role;
mod graph;
mod imply_role;
mod list_implications;
mod list_roles;
mod show_implication;
mod show_role;
mod stop_implying_role;
mod update_role;

pub use create_role::{CreateRole, NewRole};
pub use delete_role::DeleteRole;
pub(super) use graph::RoleGraph;
pub use imply_role::ImplyRole;
pub use list_implications::{Implication, ListImplications};
pub use list_roles::{ListRoles, RoleQuery};
pub use show_implication::ShowImplication;
pub use show_role::ShowRole;
pub use stop_implying_role::StopImplyingRole;
pub use update_role::{RoleChange, UpdateRole};

use crate::error::Error;
use hatchery_model::id::RoleId;
use hatchery_model::identity::Role;
use hatchery_ports::store::UnitOfWork;

/// The role, or that there is none.
pub(super) async fn existing_role(unit: &mut dyn UnitOfWork, id: &RoleId) -> Result<Role, Error> {
    unit.roles().find(id).await?.ok_or_else(|| Error::not_found("role", id))
}

/// What a name that is taken is answered with.
fn name_taken(name: &str) -> String {
    format!("Conflict occurred attempting to store role - Duplicate entry found with name {name}.")
}
