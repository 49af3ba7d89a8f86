//! Keystone's verbs.
//!
//! One verb a file, in a folder by noun; [`IdentityVerbs`] joins them with their ports. Who may do what is in `policy`. What each
//! route says on the wire is not here.

mod assignment;
mod bootstrap;
mod check_token;
mod conflict;
mod domain;
mod fixed;
mod passwords;
mod policy;
mod project;
mod reference;
mod removal;
mod role;
mod token;
mod user;
mod verbs;

pub use assignment::{
    AssignmentDetail, AssignmentNames, AssignmentQuery, CheckGrant, Grant, ListAssignments,
    ListGrants, Ungrant,
};
pub use bootstrap::{DEFAULT_DOMAIN, Foundation, bootstrap};
pub use check_token::CheckToken;
pub use domain::{
    CreateDomain, DeleteDomain, DomainChange, DomainQuery, ListDomains, NewDomain, ShowDomain,
    UpdateDomain,
};
pub use fixed::{may_change_catalog, may_list_groups, may_read_catalog};
pub use passwords::{MAX_PASSWORD_BYTES, Passwords};
pub use project::{
    CreateProject, DeleteProject, ListProjects, ListUserScopes, NewProject, ProjectChange,
    ProjectQuery, ShowProject, TagQuery, UpdateProject, UserScopes,
};
pub use reference::{DomainRef, ProjectRef, UserRef};
pub use role::{
    CreateRole, DeleteRole, Implication, ImplyRole, ListImplications, ListRoles, NewRole,
    RoleChange, RoleQuery, ShowImplication, ShowRole, StopImplyingRole, UpdateRole,
};
pub use token::{
    Authenticate, DEFAULT_LIFETIME_SECONDS, FoundScope, Login, MAX_LIFETIME_SECONDS, Proof,
    RevokeToken, ShowToken, TokenAuthority, TokenDetail, WantedScope,
};
pub use user::{
    ChangePassword, CreateUser, DeleteUser, ListUsers, NewUser, ShowUser, UpdateUser, UserChange,
    UserQuery,
};
pub use verbs::{IdentityPorts, IdentityVerbs};
