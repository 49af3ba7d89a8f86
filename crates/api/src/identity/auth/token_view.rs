//! A token as Keystone shows it.

use crate::http::time::micros_z;
use crate::identity::catalog::CatalogSettings;
use hatchery_control::identity::{FoundScope, TokenDetail};
use hatchery_model::identity::{Domain, Project, Role};
use serde_json::{Value, json};

/// The body that shows a token; with a catalog if it has a scope and one is given.
pub fn view(detail: &TokenDetail, catalog: Option<&CatalogSettings>) -> Value {
    let claims = &detail.claims;
    let audit_ids: Vec<&String> =
        [&claims.audit_id].into_iter().chain(&claims.parent_audit_id).collect();
    let mut token = json!({
        "methods": claims.methods,
        "user": {
            "domain": domain(&detail.user_domain),
            "id": claims.user,
            "name": claims.user_name,
            "password_expires_at": null,
        },
        "audit_ids": audit_ids,
        "issued_at": micros_z(claims.issued_at),
        "expires_at": micros_z(claims.expires_at),
    });
    match &detail.scope {
        FoundScope::Unscoped => return json!({"token": token}),
        FoundScope::Project(found, its_domain) => {
            token["project"] = project(found, its_domain);
            token["is_domain"] = json!(false);
        }
        FoundScope::Domain(found) => token["domain"] = domain(found),
        FoundScope::System => token["system"] = json!({"all": true}),
    }
    token["roles"] = detail.roles.iter().map(role).collect();
    if let Some(catalog) = catalog {
        token["catalog"] = catalog.view();
    }
    json!({"token": token})
}

fn domain(domain: &Domain) -> Value {
    json!({"id": domain.id, "name": domain.name})
}

fn project(project: &Project, its_domain: &Domain) -> Value {
    json!({"id": project.id, "name": project.name, "domain": domain(its_domain)})
}

fn role(role: &Role) -> Value {
    json!({"id": role.id, "name": role.name})
}
