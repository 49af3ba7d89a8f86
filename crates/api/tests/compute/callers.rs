//! Who asks: a token is a name of one of these.

use hatchery_control::Error;
use hatchery_control::identity::CheckToken;
use hatchery_model::caller::Scope;
use hatchery_model::id::{DomainId, ProjectId, UserId};
use hatchery_model::identity::TokenClaims;
use hatchery_model::timestamp::Timestamp;

/// `admin` is one of the project `ops`; `member` and `reader` are of `one`, `other` is a member of `two`; `unscoped` has no project.
pub struct Callers;

impl CheckToken for Callers {
    fn check(&self, token: &str) -> Result<TokenClaims, Error> {
        let (project, roles): (Option<&str>, &[&str]) = match token {
            "admin" => (Some("ops"), &["admin", "manager", "member", "reader"]),
            "member" => (Some("one"), &["member", "reader"]),
            "reader" => (Some("one"), &["reader"]),
            "other" => (Some("two"), &["member", "reader"]),
            "unscoped" => (None, &[]),
            _ => return Err(Error::Unauthenticated("The token is not one of ours.".into())),
        };
        let domain = DomainId::from("default");
        Ok(TokenClaims {
            audit_id: token.into(),
            parent_audit_id: None,
            methods: vec!["password".into()],
            user: UserId::from(token),
            user_name: token.into(),
            user_domain: domain.clone(),
            scope: project.map_or(Scope::Unscoped, |project| Scope::Project {
                id: ProjectId::from(project),
                domain,
            }),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            issued_at: Timestamp(0),
            expires_at: Timestamp(i64::MAX),
        })
    }
}
