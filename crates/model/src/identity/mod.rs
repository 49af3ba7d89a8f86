//! Keystone's nouns.

mod assignment;
mod domain;
mod project;
mod role;
mod token;
mod user;

pub use assignment::{Assignment, AssignmentTarget};
pub use domain::Domain;
pub use project::Project;
pub use role::{BUILT_IN_ROLES, Role};
pub use token::{Revocation, RevocationSubject, TokenClaims};
pub use user::User;
