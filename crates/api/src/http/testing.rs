//! For the tests of all doors: known tokens, and requests without a socket.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use hatchery_control::Error;
use hatchery_control::identity::CheckToken;
use hatchery_model::caller::Scope;
use hatchery_model::id::{DomainId, ProjectId, UserId};
use hatchery_model::identity::TokenClaims;
use hatchery_model::timestamp::Timestamp;
use serde_json::Value;
use std::fmt;
use tower::ServiceExt;

/// Knows the tokens `admin` (project `ops`), `member`, `reader` (both project `one`), `other` (a member of project `two`) and `unscoped`.
pub struct KnownTokens;

impl CheckToken for KnownTokens {
    fn check(&self, token: &str) -> Result<TokenClaims, Error> {
        let (project, roles): (Option<&str>, &[&str]) = match token {
            "admin" => (Some("ops"), &["admin", "manager", "member", "reader"]),
            "member" => (Some("one"), &["member", "reader"]),
            "reader" => (Some("one"), &["reader"]),
            "other" => (Some("two"), &["member", "reader"]),
            "unscoped" => (None, &[]),
            _ => {
                return Err(Error::Unauthenticated("The token is not one of ours.".into()));
            }
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

/// A request in the making.
pub struct Ask {
    builder: axum::http::request::Builder,
    body: Body,
}

/// `GET`, `POST`, …, without a token.
pub fn ask(method: Method, path: &str) -> Ask {
    Ask { builder: Request::builder().method(method).uri(path), body: Body::empty() }
}

impl Ask {
    /// As the one who has this token.
    pub fn by(self, token: &str) -> Self {
        self.header("x-auth-token", token)
    }

    /// With a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    /// With a JSON body, and the wish for JSON.
    pub fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json").body(body.to_string())
    }

    /// With any body.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it. Faults are wanted as JSON unless another `accept` has been given.
    pub async fn of(self, router: &Router) -> Answer {
        let mut request = self.builder.body(self.body).unwrap();
        let accept = axum::http::HeaderValue::from_static("application/json");
        request.headers_mut().entry("accept").or_insert(accept);
        let response = router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body: to_bytes(body, usize::MAX).await.unwrap().to_vec(),
        }
    }
}

/// An answer; printed as status and body.
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A header's text, or nothing.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.status.as_u16())?;
        match serde_json::from_slice::<Value>(&self.body) {
            Ok(json) => write!(f, "\n{json:#}"),
            Err(_) if self.body.is_empty() => Ok(()),
            Err(_) => write!(f, "\n{}", String::from_utf8_lossy(&self.body)),
        }
    }
}
