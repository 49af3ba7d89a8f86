//! Keystone's default rules, as its release 2026.1 has them: who may do what to which domain.
//!
//! `admin` on any scope is the administrator of all. Beyond that, what a reader or manager may do depends on their scope.

use crate::error::Error;
use hatchery_model::caller::{Caller, Scope};
use hatchery_model::id::DomainId;

/// Refuses unless `allowed`, naming Keystone's action (`list_users`).
pub(super) fn require(allowed: bool, action: &str) -> Result<(), Error> {
    if allowed {
        Ok(())
    } else {
        Err(Error::Denied(format!(
            "You are not authorized to perform the requested action: identity:{action}."
        )))
    }
}

/// `admin` on a project or on the system: what concerns the whole deployment is closed to tokens of a domain.
pub(super) fn deployment_admin(caller: &Caller) -> bool {
    caller.is_admin() && !matches!(caller.scope, Scope::Domain(_))
}

/// `reader` on the system.
pub(super) fn system_reader(caller: &Caller) -> bool {
    caller.has_role("reader") && caller.scope == Scope::System
}

/// May look at what concerns the whole deployment.
pub(super) fn deployment_reader(caller: &Caller) -> bool {
    deployment_admin(caller) || system_reader(caller)
}

/// May look at everything, or at this domain.
pub(super) fn reader_of(caller: &Caller, domain: &DomainId) -> bool {
    caller.is_admin() || system_reader(caller) || holds_on(caller, "reader", domain)
}

/// May look at everything, or at some domain: the listing is then cut to it by [`visible_domain`].
pub(super) fn reader_of_some_domain(caller: &Caller) -> bool {
    match &caller.scope {
        Scope::Domain(domain) => reader_of(caller, domain),
        Scope::Unscoped | Scope::Project { .. } | Scope::System => {
            caller.is_admin() || system_reader(caller)
        }
    }
}

/// May change everything, or what is in this domain.
pub(super) fn manager_of(caller: &Caller, domain: &DomainId) -> bool {
    caller.is_admin() || holds_on(caller, "manager", domain)
}

/// The only domain whose things a listing may show to this caller; `None`: all.
pub(super) fn visible_domain(caller: &Caller) -> Option<&DomainId> {
    match &caller.scope {
        Scope::Domain(domain) => Some(domain),
        Scope::Unscoped | Scope::Project { .. } | Scope::System => None,
    }
}

/// The domain of something made without naming one: the caller's own, else the default one.
pub(super) fn domain_for_new(caller: &Caller) -> DomainId {
    visible_domain(caller).cloned().unwrap_or_else(|| DomainId::from("default"))
}

/// Whether the caller's token is for this domain, with this role.
pub(super) fn holds_on(caller: &Caller, role: &str, domain: &DomainId) -> bool {
    caller.has_role(role) && visible_domain(caller) == Some(domain)
}

/// The roles that a domain's manager may give and take.
pub(super) const MANAGED_ROLES: [&str; 3] = ["manager", "member", "reader"];
