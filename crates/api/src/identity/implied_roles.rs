//! `/v3/roles/{prior}/implies` and `/v3/role_inferences`

use super::envelope::{Asked, Refusal};
use super::state::IdentityState;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use hatchery_model::id::RoleId;
use hatchery_model::identity::Role;
use serde_json::{Value, json};

type Shown = Result<Json<Value>, Refusal>;
type Pair = Path<(String, String)>;

/// `GET /v3/role_inferences`
pub async fn list_all(State(state): State<IdentityState>, by: Asked) -> Shown {
    let found = state.verbs.list_implications.all(&by.0).await?;
    let rules: Vec<Value> = found
        .iter()
        .map(|rule| {
            let implied: Vec<Value> = rule.implied.iter().map(|role| view(&state, role)).collect();
            json!({"prior_role": view(&state, &rule.prior), "implies": implied})
        })
        .collect();
    let links = json!({"self": state.url("/role_inferences")});
    Ok(Json(json!({"role_inferences": rules, "links": links})))
}

/// `GET /v3/roles/{prior}/implies`
pub async fn list(
    State(state): State<IdentityState>,
    by: Asked,
    Path(prior): Path<String>,
) -> Shown {
    let prior = RoleId(prior);
    let rule = state.verbs.list_implications.of(&by.0, &prior).await?;
    let implied: Vec<Value> = rule.implied.iter().map(|role| view(&state, role)).collect();
    let inference = json!({"prior_role": view(&state, &rule.prior), "implies": implied});
    let links = json!({"self": state.url(&format!("/roles/{prior}/implies"))});
    Ok(Json(json!({"role_inference": inference, "links": links})))
}

/// `GET /v3/roles/{prior}/implies/{implied}`
pub async fn show(State(state): State<IdentityState>, by: Asked, Path(pair): Pair) -> Shown {
    let (prior, implied) = (RoleId(pair.0), RoleId(pair.1));
    let roles = state.verbs.show_implication.run(&by.0, &prior, &implied).await?;
    Ok(Json(inference(&state, &roles)))
}

/// `HEAD /v3/roles/{prior}/implies/{implied}`
pub async fn check(
    State(state): State<IdentityState>,
    by: Asked,
    Path(pair): Pair,
) -> Result<StatusCode, Refusal> {
    let (prior, implied) = (RoleId(pair.0), RoleId(pair.1));
    state.verbs.show_implication.run(&by.0, &prior, &implied).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `PUT /v3/roles/{prior}/implies/{implied}`
pub async fn create(
    State(state): State<IdentityState>,
    by: Asked,
    Path(pair): Pair,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let (prior, implied) = (RoleId(pair.0), RoleId(pair.1));
    let roles = state.verbs.imply_role.run(&by.0, &prior, &implied).await?;
    Ok((StatusCode::CREATED, Json(inference(&state, &roles))))
}

/// `DELETE /v3/roles/{prior}/implies/{implied}`
pub async fn delete(
    State(state): State<IdentityState>,
    by: Asked,
    Path(pair): Pair,
) -> Result<StatusCode, Refusal> {
    let (prior, implied) = (RoleId(pair.0), RoleId(pair.1));
    state.verbs.stop_implying_role.run(&by.0, &prior, &implied).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn inference(state: &IdentityState, (prior, implied): &(Role, Role)) -> Value {
    let path = format!("/roles/{}/implies/{}", prior.id, implied.id);
    json!({
        "role_inference": {"prior_role": view(state, prior), "implies": view(state, implied)},
        "links": {"self": state.url(&path)},
    })
}

fn view(state: &IdentityState, role: &Role) -> Value {
    json!({
        "id": role.id,
        "name": role.name,
        "links": {"self": state.url(&format!("/roles/{}", role.id))},
    })
}
