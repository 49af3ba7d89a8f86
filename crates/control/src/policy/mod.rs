//! OpenStack's default policy: four roles, each implying the next, and the owner's project.
//!
//! A caller who may not even see a thing gets `NotFound`; one who sees it and may not change it gets `Denied`.

use crate::error::Error;
use hatchery_model::caller::{Caller, Scope};
use hatchery_model::id::ProjectId;

/// `rule:admin_required`: the role `admin`, on whatever scope.
pub fn admin(caller: &Caller, action: &str) -> Result<(), Error> {
    if caller.is_admin() { Ok(()) } else { Err(denied(action)) }
}

/// Whether the caller may see what a project owns: `admin`, or `reader` on that project.
pub fn may_read(caller: &Caller, owner: &ProjectId) -> bool {
    caller.is_admin() || (caller.has_role("reader") && caller.project() == Some(owner))
}

/// Whether the caller may change what a project owns: `admin`, or `member` on that project.
pub fn may_write(caller: &Caller, owner: &ProjectId) -> bool {
    caller.is_admin() || (caller.has_role("member") && caller.project() == Some(owner))
}

/// The project in which the caller may make things: `member` (or `admin`) on a project.
pub fn writer_project<'a>(caller: &'a Caller, action: &str) -> Result<&'a ProjectId, Error> {
    match &caller.scope {
        Scope::Project { id, .. } if caller.is_admin() || caller.has_role("member") => Ok(id),
        Scope::Project { .. } => Err(denied(action)),
        Scope::Unscoped | Scope::Domain(_) | Scope::System => Err(Error::Denied(format!(
            "{action} needs a token for a project; ask for one with a project scope."
        ))),
    }
}

/// The project in which the caller may look: `reader` (or `admin`) on a project.
pub fn reader_project<'a>(caller: &'a Caller, action: &str) -> Result<&'a ProjectId, Error> {
    match &caller.scope {
        Scope::Project { id, .. } if caller.is_admin() || caller.has_role("reader") => Ok(id),
        Scope::Project { .. } => Err(denied(action)),
        Scope::Unscoped | Scope::Domain(_) | Scope::System => Err(Error::Denied(format!(
            "{action} needs a token for a project; ask for one with a project scope."
        ))),
    }
}

/// Refuses unless the caller may change what `owner` owns, when the caller may see it anyway.
pub fn write(caller: &Caller, owner: &ProjectId, action: &str) -> Result<(), Error> {
    if may_write(caller, owner) { Ok(()) } else { Err(denied(action)) }
}

fn denied(action: &str) -> Error {
    Error::Denied(format!("Policy doesn't allow {action} to be performed."))
}

#[cfg(test)]
mod tests {
    use super::{admin, may_read, may_write, writer_project};
    use hatchery_model::caller::{Caller, Scope};
    use hatchery_model::id::{DomainId, ProjectId, RequestId, UserId};

    fn caller(roles: &[&str], project: Option<&str>) -> Caller {
        Caller {
            user: UserId::from("u"),
            user_name: "u".into(),
            user_domain: DomainId::from("default"),
            scope: project.map_or(Scope::Unscoped, |id| Scope::Project {
                id: ProjectId::from(id),
                domain: DomainId::from("default"),
            }),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            request: RequestId::from("req-1"),
        }
    }

    #[test]
    fn a_reader_sees_and_does_not_change() {
        let reader = caller(&["reader"], Some("a"));
        assert!(may_read(&reader, &ProjectId::from("a")));
        assert!(!may_write(&reader, &ProjectId::from("a")));
        assert!(!may_read(&reader, &ProjectId::from("b")));
        assert!(writer_project(&reader, "x").is_err());
    }

    #[test]
    fn a_role_without_a_scope_is_worth_nothing() {
        let member = caller(&["member", "reader"], None);
        assert!(!may_read(&member, &ProjectId::from("a")));
        assert!(writer_project(&member, "x").is_err());
        assert!(admin(&member, "x").is_err());
    }
}
