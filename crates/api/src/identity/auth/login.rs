//! From the body of `POST /v3/auth/tokens` to a login.

use crate::identity::fields::Fields;
use hatchery_control::Error;
use hatchery_control::identity::{DomainRef, Login, ProjectRef, Proof, UserRef, WantedScope};
use hatchery_model::id::{DomainId, ProjectId, UserId};
use serde_json::Value;

/// The login that a body asks for. `Invalid` for a body that is none; `Unauthenticated` for methods that are not offered.
pub fn parse(body: Value) -> Result<Login, Error> {
    let mut auth = Fields::of("", body)?.required_object("auth")?;
    let mut identity = auth.required_object("identity")?;
    let methods = identity.texts("methods")?.ok_or_else(|| identity.missing("methods"))?;
    if methods.is_empty() {
        return Err(Error::Invalid(
            "Invalid input for field 'auth/identity/methods': name at least one method.".into(),
        ));
    }
    let mut proofs = Vec::new();
    let mut read: Vec<&str> = Vec::new();
    for method in &methods {
        if read.contains(&method.as_str()) {
            continue;
        }
        read.push(method);
        proofs.push(match method.as_str() {
            "password" => password(identity.required_object("password")?)?,
            "token" => Proof::Token(identity.required_object("token")?.required_text("id")?),
            _ => {
                return Err(Error::Unauthenticated(
                    "Attempted to authenticate with an unsupported method; this service takes password and token."
                        .into(),
                ));
            }
        });
    }
    let scope = scope(auth.take("scope"))?;
    Ok(Login { proofs, scope })
}

fn password(mut proof: Fields) -> Result<Proof, Error> {
    let mut user = proof.required_object("user")?;
    let password = user.required_text("password")?;
    let name = user.text("name")?.filter(|name| !name.is_empty());
    let id = user.text("id")?.filter(|id| !id.is_empty());
    let domain = user.object("domain")?.map(domain).transpose()?;
    let user = match (name, id, domain) {
        (Some(name), _, Some(domain)) => UserRef::Name(name, domain),
        (Some(_), _, None) => return Err(user.missing("domain")),
        (None, Some(id), _) => UserRef::Id(UserId(id)),
        (None, None, _) => return Err(user.missing("id or name")),
    };
    Ok(Proof::Password { user, password })
}

fn domain(mut fields: Fields) -> Result<DomainRef, Error> {
    let name = fields.text("name")?.filter(|name| !name.is_empty());
    let id = fields.text("id")?.filter(|id| !id.is_empty());
    match (name, id) {
        (Some(name), _) => Ok(DomainRef::Name(name)),
        (None, Some(id)) => Ok(DomainRef::Id(DomainId(id))),
        (None, None) => Err(fields.missing("id or name")),
    }
}

fn project(mut fields: Fields) -> Result<ProjectRef, Error> {
    let name = fields.text("name")?.filter(|name| !name.is_empty());
    let id = fields.text("id")?.filter(|id| !id.is_empty());
    let domain = fields.object("domain")?.map(domain).transpose()?;
    match (name, id, domain) {
        (Some(name), _, Some(domain)) => Ok(ProjectRef::Name(name, domain)),
        (Some(_), _, None) => Err(fields.missing("domain")),
        (None, Some(id), _) => Ok(ProjectRef::Id(ProjectId(id))),
        (None, None, _) => Err(fields.missing("id or name")),
    }
}

/// `"unscoped"` in text is what clients send for an explicitly unscoped token; older ones send an object.
fn scope(value: Option<Value>) -> Result<WantedScope, Error> {
    let value = match value {
        None => return Ok(WantedScope::Default),
        Some(Value::String(text)) if text == "unscoped" => return Ok(WantedScope::Unscoped),
        Some(value) => value,
    };
    let mut scope = Fields::of("auth/scope", value)?;
    let kinds = ["project", "domain", "system", "unscoped"];
    let named: Vec<&str> = kinds.into_iter().filter(|kind| scope.has(kind)).collect();
    match named.as_slice() {
        ["project"] => Ok(WantedScope::Project(project(
            scope.required_object("project")?,
        )?)),
        ["domain"] => Ok(WantedScope::Domain(domain(
            scope.required_object("domain")?,
        )?)),
        ["system"] => match scope.required_object("system")?.boolean("all")? {
            Some(true) => Ok(WantedScope::System),
            _ => Err(Error::Invalid(
                "Invalid input for field 'auth/scope/system': only {\"all\": true} can be asked for.".into(),
            )),
        },
        ["unscoped"] => Ok(WantedScope::Unscoped),
        _ => Err(Error::Invalid(
            "Expecting to find exactly one of system, project, domain or unscoped in scope.".into(),
        )),
    }
}
