//! Projects.

use crate::rows::body;
use crate::select::Select;
use crate::unit_of_work::Transaction;
use crate::value::{Value, maybe_text, text};
use async_trait::async_trait;
use hatchery_model::id::{DomainId, ProjectId};
use hatchery_model::identity::Project;
use hatchery_ports::store::{ProjectFilter, Projects, StoreError};

const NOUN: &str = "project";
const FIND: &str = "SELECT body FROM projects WHERE id = $1";
const FIND_BY_NAME: &str = "SELECT body FROM projects WHERE domain = $1 AND name = $2";
const INSERT: &str = "INSERT INTO projects (id, domain, name, parent, body) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE projects SET domain = $2, name = $3, parent = $4, body = $5 WHERE id = $1 \
    AND NOT EXISTS (SELECT 1 FROM projects other WHERE other.domain = $2 AND other.name = $3 AND other.id <> $1)";
const DELETE: &str = "DELETE FROM projects WHERE id = $1";

fn values(project: &Project) -> Result<Vec<Value>, StoreError> {
    Ok(vec![
        text(&project.id),
        text(&project.domain),
        text(&project.name),
        maybe_text(project.parent.as_ref()),
        body(NOUN, project)?,
    ])
}

#[async_trait]
impl Projects for Transaction {
    async fn find(&mut self, id: &ProjectId) -> Result<Option<Project>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn find_by_name(
        &mut self,
        domain: &DomainId,
        name: &str,
    ) -> Result<Option<Project>, StoreError> {
        let values = vec![text(domain), text(name)];
        self.find_body(NOUN, FIND_BY_NAME, values).await
    }

    async fn list(&mut self, filter: &ProjectFilter) -> Result<Vec<Project>, StoreError> {
        let mut select = Select::new("SELECT body FROM projects");
        select.and_maybe("domain = ?", filter.domain.as_ref().map(text));
        select.and_maybe("name = ?", filter.name.as_ref().map(text));
        select.and_maybe("parent = ?", filter.parent.as_ref().map(text));
        select.end(" ORDER BY name, id");
        let (sql, values) = select.finish();
        self.list_bodies(NOUN, sql, values).await
    }

    async fn insert(&mut self, project: &Project) -> Result<(), StoreError> {
        self.change_one(NOUN, &project.id, INSERT, values(project)?).await
    }

    async fn update(&mut self, project: &Project) -> Result<(), StoreError> {
        self.change_one(NOUN, &project.id, UPDATE, values(project)?).await
    }

    async fn delete(&mut self, id: &ProjectId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
