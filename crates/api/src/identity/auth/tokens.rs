//! `/v3/auth/tokens`: made, shown, taken back.

use super::{login, token_view};
use crate::identity::envelope::{Asked, Body, Refusal};
use crate::identity::fields::truth;
use crate::identity::state::IdentityState;
use axum::Json;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, HeaderName, StatusCode};
use axum::response::{IntoResponse, Response};
use hatchery_control::Error;
use hatchery_control::identity::TokenDetail;

const SUBJECT: HeaderName = HeaderName::from_static("x-subject-token");

type Pairs = Query<Vec<(String, String)>>;

/// `POST /v3/auth/tokens`
pub async fn create(
    State(state): State<IdentityState>,
    Query(query): Pairs,
    body: Body,
) -> Result<Response, Refusal> {
    let login = login::parse(body.0)?;
    let (token, detail) = state.verbs.authenticate.run(login).await?;
    Ok(answer(StatusCode::CREATED, &state, &query, &token, &detail))
}

/// `GET` and `HEAD /v3/auth/tokens`
pub async fn show(
    State(state): State<IdentityState>,
    by: Asked,
    Query(query): Pairs,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let token = subject(&headers)?;
    let detail = state.verbs.show_token.run(&by.0, token).await?;
    Ok(answer(StatusCode::OK, &state, &query, token, &detail))
}

/// `DELETE /v3/auth/tokens`
pub async fn delete(
    State(state): State<IdentityState>,
    by: Asked,
    Query(query): Pairs,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let token = subject(&headers)?;
    let cascade = query.iter().find(|(key, _)| key == "cascade");
    let descendants = cascade.and_then(|(_, value)| truth(value)).unwrap_or(true);
    state.verbs.revoke_token.run(&by.0, token, descendants).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn subject(headers: &HeaderMap) -> Result<&str, Error> {
    headers
        .get(SUBJECT)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| Error::not_found("token", "the request has no X-Subject-Token header"))
}

fn answer(
    status: StatusCode,
    state: &IdentityState,
    query: &[(String, String)],
    token: &str,
    detail: &TokenDetail,
) -> Response {
    let with_catalog = !query.iter().any(|(key, _)| key == "nocatalog");
    let catalog = with_catalog.then_some(state.catalog.as_ref());
    let body = Json(token_view::view(detail, catalog));
    (status, [(SUBJECT, token.to_owned())], body).into_response()
}
