//! A new token, for a password or for another token.
//!
//! Whatever is wrong with a login, the answer and the work for it are the same: nobody learns which users, projects or domains
//! exist.

use super::authority::TokenAuthority;
use super::scope::{FoundScope, WantedScope};
use crate::error::Error;
use crate::identity::check_token::CheckToken;
use crate::identity::passwords::Passwords;
use crate::identity::reference::{ProjectRef, UserRef, enabled_user};
use crate::identity::role::RoleGraph;
use hatchery_model::caller::Scope;
use hatchery_model::id::UserId;
use hatchery_model::identity::{Domain, Role, TokenClaims, User};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{Store, UnitOfWork};
use std::sync::Arc;

/// A login.
#[derive(Clone)]
pub struct Login {
    /// All of them must hold, and be about one user.
    pub proofs: Vec<Proof>,
    /// For what.
    pub scope: WantedScope,
}

/// How a user shows who it is.
#[derive(Clone)]
pub enum Proof {
    /// By password.
    Password {
        /// Who.
        user: UserRef,
        /// The password.
        password: String,
    },
    /// By a token that it has.
    Token(String),
}

/// A token with all that is shown of it.
pub struct TokenDetail {
    /// What it says.
    pub claims: TokenClaims,
    /// Its user's domain.
    pub user_domain: Domain,
    /// Its scope.
    pub scope: FoundScope,
    /// The roles on its scope.
    pub roles: Vec<Role>,
}

/// Logs in.
pub struct Authenticate {
    pub(in crate::identity) store: Arc<dyn Store>,
    pub(in crate::identity) passwords: Passwords,
    pub(in crate::identity) authority: Arc<TokenAuthority>,
}

/// What a proof has shown.
struct Shown {
    user: UserId,
    /// The hash that the password was checked against: the login fails if it has been replaced meanwhile.
    hash: Option<String>,
    methods: Vec<String>,
    not_after: Option<Timestamp>,
    parent: Option<String>,
}

impl Authenticate {
    /// The token and what it says. `Unauthenticated` unless the proofs hold and the scope is there with a role on it; `Denied` for
    /// a system token that is offered for something narrower.
    pub async fn run(&self, login: Login) -> Result<(String, TokenDetail), Error> {
        let mut shown = None;
        for proof in &login.proofs {
            let next = match proof {
                Proof::Password { user, password } => self.by_password(user, password).await?,
                Proof::Token(token) => self.by_token(token, &login.scope)?,
            };
            shown = Some(match shown {
                None => next,
                Some(before) => both(before, next)?,
            });
        }
        let shown = shown.ok_or_else(refused)?;
        self.issue(shown, &login.scope).await
    }

    async fn by_password(&self, wanted: &UserRef, password: &str) -> Result<Shown, Error> {
        let found = {
            let mut unit = self.store.read().await?;
            enabled_user(unit.as_mut(), wanted).await?
        };
        let hash = found.as_ref().and_then(|(user, _)| user.password_hash.clone());
        let verified = self.passwords.verify(password.to_owned(), hash.clone()).await?;
        match found {
            Some((user, _)) if verified => Ok(Shown {
                user: user.id,
                hash,
                methods: vec!["password".into()],
                not_after: None,
                parent: None,
            }),
            _ => Err(refused()),
        }
    }

    fn by_token(&self, token: &str, scope: &WantedScope) -> Result<Shown, Error> {
        let claims = self.authority.check(token).map_err(|_| refused())?;
        let narrower = matches!(scope, WantedScope::Project(_) | WantedScope::Domain(_));
        if claims.scope == Scope::System && narrower {
            return Err(Error::Denied(
                "You are not authorized to perform the requested action: Using a system-scoped token to create a \
                 project-scoped or domain-scoped token is not allowed."
                    .into(),
            ));
        }
        let mut methods = vec!["token".to_owned()];
        methods.extend(claims.methods.into_iter().filter(|method| method != "token"));
        Ok(Shown {
            user: claims.user,
            hash: None,
            methods,
            not_after: Some(claims.expires_at),
            parent: Some(claims.parent_audit_id.unwrap_or(claims.audit_id)),
        })
    }

    async fn issue(
        &self,
        shown: Shown,
        wanted: &WantedScope,
    ) -> Result<(String, TokenDetail), Error> {
        let issuing = self.authority.issuing().await;
        let mut unit = self.store.read().await?;
        let (user, user_domain) =
            enabled_user(unit.as_mut(), &UserRef::Id(shown.user)).await?.ok_or_else(refused)?;
        if shown.hash.is_some() && shown.hash != user.password_hash {
            return Err(refused());
        }
        let (scope, roles) = scope_of(unit.as_mut(), &user, wanted).await?.ok_or_else(refused)?;
        let (issued_at, expires_at) = issuing.period();
        let claims = TokenClaims {
            audit_id: issuing.audit_id(),
            parent_audit_id: shown.parent,
            methods: shown.methods,
            user: user.id,
            user_name: user.name,
            user_domain: user.domain,
            scope: scope.claim(),
            roles: roles.iter().map(|role| role.name.clone()).collect(),
            issued_at,
            expires_at: shown.not_after.map_or(expires_at, |end| end.min(expires_at)),
        };
        let token = issuing.seal(&claims)?;
        let detail = TokenDetail { claims, user_domain, scope, roles };
        Ok((token, detail))
    }
}

/// Two proofs together: of one user, good until the earlier end.
fn both(first: Shown, second: Shown) -> Result<Shown, Error> {
    if first.user != second.user {
        return Err(refused());
    }
    let mut methods = first.methods;
    for method in second.methods {
        if !methods.contains(&method) {
            methods.push(method);
        }
    }
    Ok(Shown {
        user: first.user,
        hash: first.hash.or(second.hash),
        methods,
        not_after: match (first.not_after, second.not_after) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        },
        parent: first.parent.or(second.parent),
    })
}

/// The scope wanted, with the roles that the user has on it: at least one, unless it is unscoped.
async fn scope_of(
    unit: &mut dyn UnitOfWork,
    user: &User,
    wanted: &WantedScope,
) -> Result<Option<(FoundScope, Vec<Role>)>, Error> {
    let default = match wanted {
        WantedScope::Default => user.default_project.clone(),
        _ => None,
    };
    if let Some(project) = default {
        let wanted = WantedScope::Project(ProjectRef::Id(project));
        if let Some(found) = explicit_scope_of(unit, user, &wanted).await? {
            return Ok(Some(found));
        }
    }
    explicit_scope_of(unit, user, wanted).await
}

async fn explicit_scope_of(
    unit: &mut dyn UnitOfWork,
    user: &User,
    wanted: &WantedScope,
) -> Result<Option<(FoundScope, Vec<Role>)>, Error> {
    let Some(scope) = FoundScope::of(unit, wanted).await? else {
        return Ok(None);
    };
    let Some(target) = scope.target() else {
        return Ok(Some((scope, Vec::new())));
    };
    let graph = RoleGraph::load(unit).await?;
    let roles = graph.of_user_on(unit, &user.id, &target).await?;
    Ok((!roles.is_empty()).then_some((scope, roles)))
}

/// Keystone's one answer to every login that fails.
pub(in crate::identity) fn refused() -> Error {
    Error::Unauthenticated("The request you have made requires authentication.".into())
}
