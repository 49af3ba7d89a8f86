//! `/v3/projects`

use super::envelope::{Asked, Body, Refusal};
use super::fields::Fields;
use super::listing::{Listing, check_no_options, check_same_id};
use super::state::IdentityState;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use hatchery_control::Error;
use hatchery_control::identity::{DomainQuery, NewProject, ProjectChange, ProjectQuery, TagQuery};
use hatchery_model::id::{DomainId, ProjectId};
use hatchery_model::identity::{Domain, Project};
use serde_json::{Value, json};

type Shown = Result<Json<Value>, Refusal>;

/// Tags of a project, at the most.
const MAX_TAGS: usize = 80;

/// Members of a project that are ours to say.
const OURS: [&str; 3] = ["id", "links", "options"];

/// `GET /v3/projects`
pub async fn list(State(state): State<IdentityState>, by: Asked, listing: Listing) -> Shown {
    if listing.flag("is_domain") == Some(true) {
        let query = DomainQuery {
            name: listing.text("name").map(str::to_owned),
            enabled: listing.flag("enabled"),
        };
        let domains = state.verbs.list_domains.run(&by.0, &query).await?;
        let items = domains.iter().map(|domain| domain_view(&state, domain)).collect();
        return listing.answer(&state, "projects", items);
    }
    let query = ProjectQuery {
        domain: listing.text("domain_id").map(DomainId::from),
        name: listing.text("name").map(str::to_owned),
        parent: listing.text("parent_id").map(ProjectId::from),
        enabled: listing.flag("enabled"),
        tags: TagQuery {
            all: listing.texts("tags"),
            any: listing.texts("tags-any"),
            not_all: listing.texts("not-tags"),
            not_any: listing.texts("not-tags-any"),
        },
    };
    let projects = state.verbs.list_projects.run(&by.0, &query).await?;
    let items = projects.iter().map(|project| view(&state, project)).collect();
    listing.answer(&state, "projects", items)
}

/// `GET /v3/projects/{id}`
pub async fn show(State(state): State<IdentityState>, by: Asked, Path(id): Path<String>) -> Shown {
    let project = state.verbs.show_project.run(&by.0, &ProjectId(id)).await?;
    Ok(Json(json!({"project": view(&state, &project)})))
}

/// `POST /v3/projects`
pub async fn create(
    State(state): State<IdentityState>,
    by: Asked,
    body: Body,
) -> Result<(StatusCode, Json<Value>), Refusal> {
    let new = new_project(body.0)?;
    let project = state.verbs.create_project.run(&by.0, new).await?;
    let shown = Json(json!({"project": view(&state, &project)}));
    Ok((StatusCode::CREATED, shown))
}

/// `PATCH /v3/projects/{id}`
pub async fn update(
    State(state): State<IdentityState>,
    by: Asked,
    Path(id): Path<String>,
    body: Body,
) -> Shown {
    let change = change(body.0, &id)?;
    let project = state.verbs.update_project.run(&by.0, &ProjectId(id), change).await?;
    Ok(Json(json!({"project": view(&state, &project)})))
}

/// `DELETE /v3/projects/{id}`
pub async fn delete(
    State(state): State<IdentityState>,
    by: Asked,
    Path(id): Path<String>,
) -> Result<StatusCode, Refusal> {
    state.verbs.delete_project.run(&by.0, &ProjectId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn new_project(body: Value) -> Result<NewProject, Error> {
    let mut fields = Fields::of_body(body, "project")?;
    check_no_options(&mut fields)?;
    if fields.boolean("is_domain")? == Some(true) {
        return Err(Error::Invalid(
            "A project that acts as a domain is made as a domain: POST /v3/domains.".into(),
        ));
    }
    let name = fields.required_name("name", 1..=64)?;
    let domain = fields.nullable_id("domain_id")?.flatten().map(DomainId);
    let parent = fields.nullable_id("parent_id")?.flatten().map(ProjectId);
    let description = fields.nullable_text("description")?.flatten();
    let enabled = fields.boolean("enabled")?;
    let tags = tags(&mut fields)?;
    Ok(NewProject {
        name,
        domain,
        parent,
        description: description.unwrap_or_default(),
        enabled: enabled.unwrap_or(true),
        tags: tags.unwrap_or_default(),
        extra: fields.extra(&OURS),
    })
}

fn change(body: Value, id: &str) -> Result<ProjectChange, Error> {
    let mut fields = Fields::of_body(body, "project")?;
    check_same_id(&mut fields, id)?;
    check_no_options(&mut fields)?;
    if fields.boolean("is_domain")? == Some(true) {
        return Err(Error::Invalid("Update of `is_domain` is not allowed.".into()));
    }
    let name = fields.name("name", 1..=64)?;
    let description = fields.nullable_text("description")?.map(Option::unwrap_or_default);
    let enabled = fields.boolean("enabled")?;
    let tags = tags(&mut fields)?;
    let domain = fields.nullable_id("domain_id")?.flatten().map(DomainId);
    let parent = fields.nullable_id("parent_id")?.flatten().map(ProjectId);
    Ok(ProjectChange {
        name,
        description,
        enabled,
        tags,
        domain,
        parent,
        extra: fields.extra(&OURS),
    })
}

fn tags(fields: &mut Fields) -> Result<Option<Vec<String>>, Error> {
    let Some(mut tags) = fields.texts("tags")? else {
        return Ok(None);
    };
    let formed =
        |tag: &String| (1..=255).contains(&tag.chars().count()) && !tag.contains(['/', ',']);
    if let Some(wrong) = tags.iter().find(|tag| !formed(tag)) {
        return Err(Error::Invalid(format!(
            "Invalid input for field 'project/tags': '{wrong}' must have 1 to 255 characters and neither '/' nor ','."
        )));
    }
    let sent = tags.len();
    tags.sort();
    tags.dedup();
    if sent > MAX_TAGS || tags.len() < sent {
        return Err(Error::Invalid(format!(
            "Invalid input for field 'project/tags': at most {MAX_TAGS} tags, each once."
        )));
    }
    Ok(Some(tags))
}

/// A project as Keystone shows it.
pub fn view(state: &IdentityState, project: &Project) -> Value {
    let parent = project.parent.as_ref().map_or(project.domain.as_str(), |parent| parent.as_str());
    let mut shown = json!(project.extra);
    shown["id"] = json!(project.id);
    shown["name"] = json!(project.name);
    shown["domain_id"] = json!(project.domain);
    shown["parent_id"] = json!(parent);
    shown["is_domain"] = json!(false);
    shown["description"] = json!(project.description);
    shown["enabled"] = json!(project.enabled);
    shown["tags"] = json!(project.tags);
    shown["options"] = json!({});
    shown["links"] = json!({"self": state.url(&format!("/projects/{}", project.id))});
    shown
}

/// A domain among the projects.
fn domain_view(state: &IdentityState, domain: &Domain) -> Value {
    let mut shown = super::domains::view(state, domain);
    shown["is_domain"] = json!(true);
    shown["domain_id"] = Value::Null;
    shown["parent_id"] = Value::Null;
    shown["links"] = json!({"self": state.url(&format!("/projects/{}", domain.id))});
    shown
}
