//! Who holds which role on what.

use crate::id::{DomainId, ProjectId, RoleId, UserId};
use serde::{Deserialize, Serialize};

/// A role held by a user on a target.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub struct Assignment {
    /// The holder.
    pub user: UserId,
    /// The role.
    pub role: RoleId,
    /// On what.
    pub target: AssignmentTarget,
}

/// What a role is held on.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
pub enum AssignmentTarget {
    /// One project.
    Project(ProjectId),
    /// One domain (not the projects in it).
    Domain(DomainId),
    /// The whole deployment.
    System,
}
