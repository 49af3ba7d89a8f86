//! From settings, wherever they stand, to credentials.

use super::{
    Auth, CloudFiles, Credentials, Domain, Environment, Interface, Project, Scope, Trust, User,
};
use crate::error::OpenstackError;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Settings by their names in `clouds.yaml`, flat: `auth_url`, `username`, …
struct Flat(BTreeMap<String, String>);

pub fn find(environment: &Environment, files: &CloudFiles) -> Result<Credentials, OpenstackError> {
    let variable = |name: &str| environment.get(name).filter(|value| !value.is_empty());
    let named = variable("OS_CLOUD").map(String::as_str);
    if named.is_none() && variable("OS_AUTH_URL").is_some() {
        return Flat::of_environment(environment).credentials();
    }
    let Some(entry) = files.entry(named)? else {
        return Err(OpenstackError::Invalid(
            "no cloud is named: set OS_AUTH_URL and the other OS_* variables (`. openrc`), or OS_CLOUD and a clouds.yaml".to_owned(),
        ));
    };
    let mut flat = Flat::of_entry(&entry, variable("OS_REGION_NAME"));
    for (name, key) in [("OS_REGION_NAME", "region_name"), ("OS_INTERFACE", "interface")] {
        if let Some(value) = variable(name) {
            flat.0.insert(key.to_owned(), value.clone());
        }
    }
    flat.credentials()
}

impl Flat {
    fn of_environment(environment: &Environment) -> Self {
        let ours = environment.iter().filter_map(|(name, value)| {
            let name = name.strip_prefix("OS_")?;
            (!value.is_empty()).then(|| (name.to_ascii_lowercase(), value.clone()))
        });
        Self(ours.collect())
    }

    /// What stands in `auth` goes before what stands beside it; a region's values before both.
    fn of_entry(entry: &Map<String, Value>, region: Option<&String>) -> Self {
        let mut flat = Self(BTreeMap::new());
        flat.take(entry);
        if let Some(auth) = entry.get("auth").and_then(Value::as_object) {
            flat.take(auth);
        }
        let regions = entry.get("regions").and_then(Value::as_array);
        let name = |region: &Value| {
            region.as_str().or_else(|| region.get("name")?.as_str()).map(str::to_owned)
        };
        let wanted = region.cloned().or_else(|| flat.get("region_name"));
        let chosen = regions.and_then(|regions| {
            regions.iter().find(|region| wanted.is_none() || name(region) == wanted)
        });
        if let Some(region) = chosen {
            if let Some(name) = name(region) {
                flat.0.insert("region_name".to_owned(), name);
            }
            if let Some(values) = region.get("values").and_then(Value::as_object) {
                flat.take(values);
            }
        }
        flat
    }

    fn take(&mut self, values: &Map<String, Value>) {
        for (key, value) in values {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Bool(yes) => yes.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => continue,
            };
            self.0.insert(key.replace('-', "_"), text);
        }
    }

    fn get(&self, key: &str) -> Option<String> {
        self.0.get(key).filter(|value| !value.is_empty()).cloned()
    }

    fn either(&self, key: &str, older: &str) -> Option<String> {
        self.get(key).or_else(|| self.get(older))
    }

    fn credentials(&self) -> Result<Credentials, OpenstackError> {
        let auth_url = self.need("auth_url")?;
        let address = auth_url.trim_end_matches('/');
        let address =
            ["/v3", "/v2.0"].iter().find_map(|end| address.strip_suffix(end)).unwrap_or(address);
        let interface = self.either("interface", "endpoint_type");
        let interface = interface.map_or(Ok(Interface::Public), |text| {
            Interface::parse(&text).ok_or_else(|| {
                OpenstackError::Invalid(format!(
                    "the interface {text:?} is none: set OS_INTERFACE to public, internal or admin"
                ))
            })
        })?;
        let auth = self.auth()?;
        let scope = match auth {
            // It has a project of its own, and Keystone refuses a further one.
            Auth::ApplicationCredential { .. } => Scope::Unnamed,
            Auth::Password { .. } | Auth::Token(_) => self.scope(),
        };
        Ok(Credentials {
            auth_url: address.to_owned(),
            auth,
            scope,
            region: self.get("region_name"),
            interface,
            ca_file: self.get("cacert").map(PathBuf::from),
            insecure: self.says("insecure", true) || self.says("verify", false),
            endpoint_overrides: ["image", "compute"]
                .iter()
                .filter_map(|kind| {
                    Some(((*kind).to_owned(), self.get(&format!("{kind}_endpoint_override"))?))
                })
                .collect(),
        })
    }

    fn auth(&self) -> Result<Auth, OpenstackError> {
        let kind = self.get("auth_type").unwrap_or_else(|| {
            let found = if self.get("application_credential_secret").is_some() {
                "v3applicationcredential"
            } else if self.get("token").is_some() && self.get("password").is_none() {
                "token"
            } else {
                "password"
            };
            found.to_owned()
        });
        match kind.as_str() {
            "password" | "v3password" => {
                Ok(Auth::Password { user: self.user()?, password: self.need("password")? })
            }
            "v3applicationcredential" => {
                let id = self.get("application_credential_id");
                let user = if id.is_none() { Some(self.user()?) } else { None };
                let name = if id.is_none() {
                    Some(self.need("application_credential_name")?)
                } else {
                    None
                };
                let secret = self.need("application_credential_secret")?;
                Ok(Auth::ApplicationCredential { id, name, user, secret })
            }
            "token" | "v3token" => Ok(Auth::Token(self.need("token")?)),
            other => Err(OpenstackError::Invalid(format!(
                "the auth_type {other:?} is not known here: use password or v3applicationcredential"
            ))),
        }
    }

    fn user(&self) -> Result<User, OpenstackError> {
        match self.get("user_id") {
            Some(id) => Ok(User::Id(id)),
            None => Ok(User::Named(self.need("username")?, self.domain("user_domain"))),
        }
    }

    fn scope(&self) -> Scope {
        if let Some(trust) = self.get("trust_id") {
            return Scope::Trust(Trust(trust));
        }
        if self.get("system_scope").is_some() {
            return Scope::System;
        }
        if let Some(id) = self.either("project_id", "tenant_id") {
            return Scope::Project(Project::Id(id));
        }
        if let Some(name) = self.either("project_name", "tenant_name") {
            return Scope::Project(Project::Named(name, self.domain("project_domain")));
        }
        match (self.get("domain_id"), self.get("domain_name")) {
            (Some(id), _) => Scope::Domain(Domain::Id(id)),
            (None, Some(name)) => Scope::Domain(Domain::Named(name)),
            (None, None) => Scope::Unnamed,
        }
    }

    /// A domain by its two settings; Keystone's first where nothing is said.
    fn domain(&self, key: &str) -> Domain {
        let id = self.get(&format!("{key}_id"));
        let name = self.get(&format!("{key}_name"));
        match (id, name, self.either("default_domain_id", "default_domain")) {
            (Some(id), _, _) => Domain::Id(id),
            (None, Some(name), _) => Domain::Named(name),
            (None, None, Some(id)) => Domain::Id(id),
            (None, None, None) => Domain::Id("default".to_owned()),
        }
    }

    fn says(&self, key: &str, what: bool) -> bool {
        let yes = self.get(key).map(|text| {
            !matches!(text.to_ascii_lowercase().as_str(), "false" | "no" | "off" | "0" | "n" | "f")
        });
        yes == Some(what)
    }

    fn need(&self, key: &str) -> Result<String, OpenstackError> {
        self.get(key).ok_or_else(|| {
            OpenstackError::Invalid(format!(
                "{key} is missing: set OS_{}, or {key} in clouds.yaml",
                key.to_ascii_uppercase()
            ))
        })
    }
}
