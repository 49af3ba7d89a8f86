//! Who asks: the token of a request, checked without a database.

use super::failure::{Envelope, Failure};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use hatchery_control::identity::CheckToken;
use hatchery_model::caller::Caller;
use hatchery_model::id::RequestId;
use hatchery_model::identity::TokenClaims;
use std::marker::PhantomData;
use std::sync::Arc;

/// A checked caller, and the claims behind it. An extension of the request.
#[derive(Clone)]
pub struct Checked {
    /// Who asks.
    pub caller: Caller,
    /// What their token says.
    pub claims: Arc<TokenClaims>,
}

/// Middleware of the routes that need a token: puts [`Checked`] among the request's extensions, or answers 401 in service
/// `S`'s envelope.
pub async fn require<S: Envelope>(
    State(check): State<Arc<dyn CheckToken>>,
    mut request: Request,
    next: Next,
) -> Response {
    match checked(check.as_ref(), &request) {
        Ok(checked) => {
            request.extensions_mut().insert(checked);
            next.run(request).await
        }
        Err(error) => Failure::<S>::from(error).into_response(),
    }
}

fn checked(check: &dyn CheckToken, request: &Request) -> Result<Checked, Error> {
    let wanted = "The request you have made requires authentication: send a token in the X-Auth-Token header.";
    let token = request
        .headers()
        .get("x-auth-token")
        .ok_or_else(|| Error::Unauthenticated(wanted.into()))?
        .to_str()
        .map_err(|_| Error::Unauthenticated("The X-Auth-Token header is not text.".into()))?;
    let claims = check.check(token)?;
    let request_id = request.extensions().get::<RequestId>().cloned();
    let caller = Caller {
        user: claims.user.clone(),
        user_name: claims.user_name.clone(),
        user_domain: claims.user_domain.clone(),
        scope: claims.scope.clone(),
        roles: claims.roles.clone(),
        request: request_id.unwrap_or_else(|| RequestId::from("req-unknown")),
    };
    Ok(Checked { caller, claims: Arc::new(claims) })
}

/// Extractor: the caller of a route behind [`require`].
pub struct By<S>(pub Caller, pub PhantomData<S>);

impl<S: Envelope, T: Send + Sync> FromRequestParts<T> for By<S> {
    type Rejection = Failure<S>;

    async fn from_request_parts(parts: &mut Parts, _: &T) -> Result<Self, Failure<S>> {
        match parts.extensions.get::<Checked>() {
            Some(checked) => Ok(Self(checked.caller.clone(), PhantomData)),
            None => Err(Error::Unauthenticated("This route needs a token.".into()).into()),
        }
    }
}
