//! Who asks: what a checked token says.

use crate::id::{DomainId, ProjectId, RequestId, UserId};
use serde::{Deserialize, Serialize};

/// The one on whose behalf a use case runs. Made only by token validation, or by [`Caller::system`].
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Caller {
    /// The user.
    pub user: UserId,
    /// The user's name, for what is shown.
    pub user_name: String,
    /// The user's domain.
    pub user_domain: DomainId,
    /// What the token is scoped to.
    pub scope: Scope,
    /// Names of the roles held on the scope, implied ones included.
    pub roles: Vec<String>,
    /// The request, for logs and action records.
    pub request: RequestId,
}

/// What a token is good for.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum Scope {
    /// Only to learn about oneself.
    Unscoped,
    /// One project.
    Project {
        /// The project.
        id: ProjectId,
        /// The project's domain.
        domain: DomainId,
    },
    /// One domain.
    Domain(DomainId),
    /// The whole deployment.
    System,
}

impl Caller {
    /// The deployment itself: reconcilers and first-start set-up.
    pub fn system(request: RequestId) -> Self {
        Self {
            user: UserId::from("system"),
            user_name: "system".into(),
            user_domain: DomainId::from("default"),
            scope: Scope::System,
            roles: vec!["admin".into()],
            request,
        }
    }

    /// Whether the caller holds a role, given or implied.
    pub fn has_role(&self, name: &str) -> bool {
        self.roles.iter().any(|role| role.eq_ignore_ascii_case(name))
    }

    /// Whether the caller is an administrator: OpenStack's `context_is_admin`.
    pub fn is_admin(&self) -> bool {
        self.has_role("admin")
    }

    /// The project that the caller works in.
    pub fn project(&self) -> Option<&ProjectId> {
        match &self.scope {
            Scope::Project { id, .. } => Some(id),
            Scope::Unscoped | Scope::Domain(_) | Scope::System => None,
        }
    }
}
