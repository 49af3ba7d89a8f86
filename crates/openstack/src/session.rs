//! A session: requests to the services of one cloud, under a token that is renewed ahead of its end, and once more when a service
//! no longer takes it.

use crate::credentials::Credentials;
use crate::error::OpenstackError;
use crate::http::{Answer, Http, TimeLimits};
use crate::keystone::{self, Service, Token};
use hatchery_ports::clock::Clock;
use serde_json::Value;
use std::sync::{Arc, Mutex, PoisonError};

/// See the head of this file. Its calls block.
pub struct Session {
    credentials: Credentials,
    http: Http,
    clock: Arc<dyn Clock>,
    token: Mutex<Option<Arc<Token>>>,
}

/// A request to a service.
pub(crate) struct Request<'a> {
    pub service: Service,
    /// What a service's address may end with, though the paths begin with it.
    pub version: &'a str,
    pub method: &'a str,
    pub path: &'a str,
    pub body: Option<&'a Value>,
    /// Bytes of the longest answer.
    pub limit: u64,
}

impl Session {
    /// A session that has not logged in yet.
    pub fn new(
        credentials: Credentials,
        limits: TimeLimits,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, OpenstackError> {
        let http = Http::new(&credentials, limits)?;
        Ok(Self { credentials, http, clock, token: Mutex::new(None) })
    }

    /// A token that Keystone takes as far as we know. `refused` is the one that a service did not take.
    pub(crate) fn token(&self, refused: Option<&Token>) -> Result<Arc<Token>, OpenstackError> {
        // Held while logging in, so that many requests at once log in only once.
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        let now = self.clock.now();
        if let Some(token) = &*token
            && refused.is_none_or(|refused| refused.secret != token.secret)
            && now < token.renew_at
        {
            return Ok(Arc::clone(token));
        }
        *token = None;
        let fresh = Arc::new(keystone::log_in(&self.http, &self.credentials, now)?);
        tracing::debug!(user = fresh.user, "logged in");
        *token = Some(Arc::clone(&fresh));
        Ok(fresh)
    }

    /// Asks a service, and once more under a new token if it answers 401.
    pub(crate) fn send(&self, request: &Request<'_>) -> Result<Answer, OpenstackError> {
        let token = self.token(None)?;
        let answer = self.send_with(request, &token)?;
        if answer.status != 401 {
            return Ok(answer);
        }
        let token = self.token(Some(&token))?;
        let answer = self.send_with(request, &token)?;
        if answer.status == 401 {
            return Err(OpenstackError::Denied(format!(
                "the {} service does not take the token that Keystone gave just now; does it use the same Keystone, {}?",
                request.service.kind(),
                self.credentials.auth_url
            )));
        }
        Ok(answer)
    }

    fn send_with(&self, request: &Request<'_>, token: &Token) -> Result<Answer, OpenstackError> {
        let endpoint = token.endpoint(request.service, &self.credentials)?;
        let base = endpoint.strip_suffix(request.version).unwrap_or(&endpoint);
        let url = format!("{base}{}", request.path);
        self.http.send(request.method, &url, Some(&token.secret), request.body, request.limit)
    }
}
