//! Logging in: what Keystone v3 is told, and what it gives.

use crate::credentials::{Auth, Credentials, Domain, Interface, Project, Scope, User};
use crate::error::OpenstackError;
use crate::http::Http;
use hatchery_model::timestamp::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

/// Bytes of Keystone's answer: catalogues of large clouds are some 100 KiB.
const LONGEST: u64 = 8 << 20;

/// A service that is asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    Image,
    Compute,
}

impl Service {
    /// Its type in the catalogue.
    pub const fn kind(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Compute => "compute",
        }
    }
}

/// A token, and what came with it.
pub struct Token {
    /// What is sent along.
    pub secret: String,
    /// When to have another one, by our own clock.
    pub renew_at: Timestamp,
    /// Names of the roles that it carries.
    pub roles: Vec<String>,
    /// Who it speaks for, for messages.
    pub user: String,
    catalog: Vec<Entry>,
}

#[derive(Deserialize)]
struct Body {
    token: Told,
}

#[derive(Deserialize)]
struct Told {
    expires_at: Option<String>,
    issued_at: Option<String>,
    #[serde(default)]
    roles: Vec<Role>,
    user: Named,
    #[serde(default)]
    catalog: Vec<Entry>,
}

#[derive(Deserialize)]
struct Role {
    name: String,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Deserialize)]
struct Endpoint {
    interface: String,
    url: String,
    region: Option<String>,
    region_id: Option<String>,
}

/// Gets a token. `now` is when it was asked for.
pub fn log_in(
    http: &Http,
    credentials: &Credentials,
    now: Timestamp,
) -> Result<Token, OpenstackError> {
    let url = format!("{}/v3/auth/tokens", credentials.auth_url);
    let answer = http.send("POST", &url, None, Some(&request(credentials)), LONGEST)?;
    if answer.status == 401 {
        return Err(OpenstackError::Denied(format!(
            "Keystone at {} does not know these credentials ({:?}): check user, password, project and domains",
            credentials.auth_url, credentials.auth
        )));
    }
    let told: Body = answer.json()?;
    let secret = answer.headers.get("x-subject-token").and_then(|value| value.to_str().ok());
    let secret = secret.ok_or_else(|| {
        OpenstackError::Unavailable(format!("{url} gave no token; is that Keystone's address?"))
    })?;
    Ok(Token {
        secret: secret.to_owned(),
        renew_at: renewal(now, told.token.issued_at.as_deref(), told.token.expires_at.as_deref()),
        roles: told.token.roles.into_iter().map(|role| role.name).collect(),
        user: told.token.user.name,
        catalog: told.token.catalog,
    })
}

/// When three quarters of its life are over, or two minutes ahead of its end, whichever is later. The life is the difference of two
/// of Keystone's own times, so that a clock of ours that goes wrong does not matter.
fn renewal(now: Timestamp, issued: Option<&str>, expires: Option<&str>) -> Timestamp {
    let point = |text: Option<&str>| text?.parse::<jiff::Timestamp>().ok();
    let (Some(issued), Some(expires)) = (point(issued), point(expires)) else {
        return Timestamp(i64::MAX);
    };
    let life = expires.as_microsecond().saturating_sub(issued.as_microsecond()).max(0);
    Timestamp(now.0.saturating_add((life / 4 * 3).max(life - 120_000_000)))
}

/// What Keystone is told.
fn request(credentials: &Credentials) -> Value {
    let identity = match &credentials.auth {
        Auth::Password { user, password } => {
            let mut user = user_of(user);
            user["password"] = json!(password);
            json!({"methods": ["password"], "password": {"user": user}})
        }
        Auth::ApplicationCredential { id, name, user, secret } => {
            let mut credential = json!({"secret": secret});
            if let Some(id) = id {
                credential["id"] = json!(id);
            }
            if let Some(name) = name {
                credential["name"] = json!(name);
            }
            if let Some(user) = user {
                credential["user"] = user_of(user);
            }
            json!({"methods": ["application_credential"], "application_credential": credential})
        }
        Auth::Token(token) => json!({"methods": ["token"], "token": {"id": token}}),
    };
    let scope = match &credentials.scope {
        Scope::Unnamed => None,
        Scope::Project(Project::Id(id)) => Some(json!({"project": {"id": id}})),
        Scope::Project(Project::Named(name, domain)) => {
            Some(json!({"project": {"name": name, "domain": domain_of(domain)}}))
        }
        Scope::Domain(domain) => Some(json!({"domain": domain_of(domain)})),
        Scope::System => Some(json!({"system": {"all": true}})),
        Scope::Trust(trust) => Some(json!({"OS-TRUST:trust": {"id": trust.0}})),
    };
    let mut auth = json!({"identity": identity});
    if let Some(scope) = scope {
        auth["scope"] = scope;
    }
    json!({"auth": auth})
}

fn user_of(user: &User) -> Value {
    match user {
        User::Id(id) => json!({"id": id}),
        User::Named(name, domain) => json!({"name": name, "domain": domain_of(domain)}),
    }
}

fn domain_of(domain: &Domain) -> Value {
    match domain {
        Domain::Id(id) => json!({"id": id}),
        Domain::Named(name) => json!({"name": name}),
    }
}

impl Token {
    /// Where a service is, without a slash at the end.
    pub fn endpoint(
        &self,
        service: Service,
        credentials: &Credentials,
    ) -> Result<String, OpenstackError> {
        if let Some(url) = credentials.endpoint_overrides.get(service.kind()) {
            return Ok(url.trim_end_matches('/').to_owned());
        }
        let fits = |endpoint: &&Endpoint| {
            let region = credentials.region.as_ref();
            Interface::parse(&endpoint.interface) == Some(credentials.interface)
                && (region.is_none()
                    || region == endpoint.region.as_ref()
                    || region == endpoint.region_id.as_ref())
        };
        let mut endpoints = self
            .catalog
            .iter()
            .filter(|entry| entry.kind == service.kind())
            .flat_map(|e| &e.endpoints);
        let found = endpoints.find(fits);
        found.map(|endpoint| endpoint.url.trim_end_matches('/').to_owned()).ok_or_else(|| {
            let region = credentials.region.as_ref();
            let region = region.map_or(String::new(), |region| format!(" in region {region}"));
            OpenstackError::Invalid(format!(
                "the catalogue has no {} endpoint of the service {}{region}; check OS_REGION_NAME and OS_INTERFACE, \
                 or set OS_{}_ENDPOINT_OVERRIDE",
                credentials.interface.as_str(),
                service.kind(),
                service.kind().to_ascii_uppercase()
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::renewal;
    use hatchery_model::timestamp::Timestamp;

    #[test]
    fn a_token_is_renewed_ahead_of_its_end_whatever_our_clock_says() {
        let renewed = |issued: &str, expires: &str| {
            renewal(Timestamp(0), Some(issued), Some(expires)).seconds()
        };
        assert_eq!(renewed("2026-01-01T10:00:00.000000Z", "2026-01-01T11:00:00.000000Z"), 3480);
        assert_eq!(renewed("2026-01-01T10:00:00Z", "2026-01-01T10:04:00Z"), 180);
        assert_eq!(renewed("2031-01-01T10:00:00Z", "2031-01-01T10:00:20Z"), 15);
        assert_eq!(renewed("2026-01-01T10:00:00Z", "2026-01-01T09:00:00Z"), 0);
        assert_eq!(renewal(Timestamp(5), None, None), Timestamp(i64::MAX));
    }
}
