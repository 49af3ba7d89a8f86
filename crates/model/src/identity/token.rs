//! What a token says, and how it is taken back.

use crate::caller::Scope;
use crate::id::{DomainId, ProjectId, UserId};
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};

/// The signed content of a token. All that a service needs to serve a request stands here, so that a
/// check reads no database.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct TokenClaims {
    /// Names this token in revocations (`audit_ids[0]`).
    pub audit_id: String,
    /// Audit id of the first token of the chain, when this one was got with a token.
    pub parent_audit_id: Option<String>,
    /// `password` or `token`, in the order used.
    pub methods: Vec<String>,
    /// The user.
    pub user: UserId,
    /// The user's name.
    pub user_name: String,
    /// The user's domain.
    pub user_domain: DomainId,
    /// What the token is good for.
    pub scope: Scope,
    /// Names of the roles held, implied ones included.
    pub roles: Vec<String>,
    /// When it was made.
    pub issued_at: Timestamp,
    /// From then on it is not accepted.
    pub expires_at: Timestamp,
}

/// Tokens that are not accepted any more although they have not expired.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct Revocation {
    /// Which tokens.
    pub subject: RevocationSubject,
    /// Tokens issued up to this moment are revoked.
    pub issued_before: Timestamp,
    /// When the last of them would have expired: the row may be forgotten then.
    pub forget_at: Timestamp,
}

/// Which tokens a revocation is about.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize)]
pub enum RevocationSubject {
    /// One token.
    Token(String),
    /// One token and all that were got with it.
    Chain(String),
    /// All of a user.
    User(UserId),
    /// All of a user on one project.
    UserOnProject(UserId, ProjectId),
    /// All of a project.
    Project(ProjectId),
}
