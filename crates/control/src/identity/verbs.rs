//! All use cases of identity, made from the ports that they share. Each holds only those that it uses.

use super::assignment::{CheckGrant, Grant, ListAssignments, ListGrants, Ungrant};
use super::domain::{CreateDomain, DeleteDomain, ListDomains, ShowDomain, UpdateDomain};
use super::passwords::Passwords;
use super::project::{
    CreateProject, DeleteProject, ListProjects, ListUserScopes, ShowProject, UpdateProject,
};
use super::role::{
    CreateRole, DeleteRole, ImplyRole, ListImplications, ListRoles, ShowImplication, ShowRole,
    StopImplyingRole, UpdateRole,
};
use super::token::{Authenticate, RevokeToken, ShowToken, TokenAuthority};
use super::user::{ChangePassword, CreateUser, DeleteUser, ListUsers, ShowUser, UpdateUser};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::Store;
use std::sync::Arc;

/// What identity's use cases stand on.
#[derive(Clone)]
pub struct IdentityPorts {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// Password hashing.
    pub passwords: Passwords,
    /// Tokens.
    pub authority: Arc<TokenAuthority>,
}

macro_rules! verbs {
    ($($(#[$doc:meta])* $verb:ident: $Verb:ident { $($port:ident),* })*) => {
        /// One field a verb.
        pub struct IdentityVerbs {
            $($(#[$doc])* pub $verb: $Verb,)*
        }

        impl IdentityVerbs {
            /// Joins verbs and ports.
            pub fn new(ports: &IdentityPorts) -> Self {
                Self {
                    $($verb: $Verb { $($port: ports.$port.clone()),* },)*
                }
            }
        }
    };
}

verbs! {
    /// `POST /v3/auth/tokens`
    authenticate: Authenticate { store, passwords, authority }
    /// `GET /v3/auth/tokens`
    show_token: ShowToken { store, authority }
    /// `DELETE /v3/auth/tokens`
    revoke_token: RevokeToken { store, authority }
    /// `GET /v3/auth/{projects,domains,system}` and `/v3/users/{id}/projects`
    list_user_scopes: ListUserScopes { store }
    /// `GET /v3/domains`
    list_domains: ListDomains { store }
    /// `GET /v3/domains/{id}`
    show_domain: ShowDomain { store }
    /// `POST /v3/domains`
    create_domain: CreateDomain { store, entropy }
    /// `PATCH /v3/domains/{id}`
    update_domain: UpdateDomain { store, authority }
    /// `DELETE /v3/domains/{id}`
    delete_domain: DeleteDomain { store, authority }
    /// `GET /v3/projects`
    list_projects: ListProjects { store }
    /// `GET /v3/projects/{id}`
    show_project: ShowProject { store }
    /// `POST /v3/projects`
    create_project: CreateProject { store, entropy }
    /// `PATCH /v3/projects/{id}`
    update_project: UpdateProject { store, authority }
    /// `DELETE /v3/projects/{id}`
    delete_project: DeleteProject { store, authority }
    /// `GET /v3/users`
    list_users: ListUsers { store }
    /// `GET /v3/users/{id}`
    show_user: ShowUser { store }
    /// `POST /v3/users`
    create_user: CreateUser { store, clock, entropy, passwords }
    /// `PATCH /v3/users/{id}`
    update_user: UpdateUser { store, clock, passwords, authority }
    /// `DELETE /v3/users/{id}`
    delete_user: DeleteUser { store, authority }
    /// `POST /v3/users/{id}/password`
    change_password: ChangePassword { store, clock, passwords, authority }
    /// `GET /v3/roles`
    list_roles: ListRoles { store }
    /// `GET /v3/roles/{id}`
    show_role: ShowRole { store }
    /// `POST /v3/roles`
    create_role: CreateRole { store, entropy }
    /// `PATCH /v3/roles/{id}`
    update_role: UpdateRole { store, authority }
    /// `DELETE /v3/roles/{id}`
    delete_role: DeleteRole { store, authority }
    /// `GET /v3/role_inferences` and `/v3/roles/{id}/implies`
    list_implications: ListImplications { store }
    /// `GET /v3/roles/{id}/implies/{id}`
    show_implication: ShowImplication { store }
    /// `PUT /v3/roles/{id}/implies/{id}`
    imply_role: ImplyRole { store }
    /// `DELETE /v3/roles/{id}/implies/{id}`
    stop_implying_role: StopImplyingRole { store, authority }
    /// `GET /v3/{target}/users/{id}/roles`
    list_grants: ListGrants { store }
    /// `GET /v3/{target}/users/{id}/roles/{id}`
    check_grant: CheckGrant { store }
    /// `PUT /v3/{target}/users/{id}/roles/{id}`
    grant: Grant { store }
    /// `DELETE /v3/{target}/users/{id}/roles/{id}`
    ungrant: Ungrant { store, authority }
    /// `GET /v3/role_assignments`
    list_assignments: ListAssignments { store }
}
