//! Role assignments.

use crate::error::corrupt;
use crate::rows::column;
use crate::select::Select;
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, text};
use async_trait::async_trait;
use hatchery_model::id::{DomainId, ProjectId, RoleId, UserId};
use hatchery_model::identity::{Assignment, AssignmentTarget};
use hatchery_ports::store::{AssignmentFilter, Assignments, StoreError};
use sqlx::any::AnyRow;

const NOUN: &str = "assignment";
const INSERT: &str = "INSERT INTO assignments (user_id, role, target_kind, target) \
    VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING";

/// Kind and id of a target; the kinds in the order of the enum, so that rows sort as the nouns do.
fn target_columns(target: &AssignmentTarget) -> [Value; 2] {
    match target {
        AssignmentTarget::Project(id) => [int(0), text(id)],
        AssignmentTarget::Domain(id) => [int(1), text(id)],
        AssignmentTarget::System => [int(2), text("")],
    }
}

fn from_row(row: &AnyRow) -> Result<Assignment, StoreError> {
    let id: String = column(NOUN, row, 3)?;
    let target = match column::<i64>(NOUN, row, 2)? {
        0 => AssignmentTarget::Project(ProjectId(id)),
        1 => AssignmentTarget::Domain(DomainId(id)),
        2 => AssignmentTarget::System,
        kind => {
            let reason = format!("{kind} is no kind of target");
            return Err(corrupt(NOUN, format_args!("on {id}"), reason));
        }
    };
    Ok(Assignment {
        user: UserId(column(NOUN, row, 0)?),
        role: RoleId(column(NOUN, row, 1)?),
        target,
    })
}

fn restrict(select: &mut Select, filter: &AssignmentFilter) {
    select.and_maybe("user_id = ?", filter.user.as_ref().map(text));
    select.and_maybe("role = ?", filter.role.as_ref().map(text));
    if let Some(target) = &filter.target {
        select.and("target_kind = ? AND target = ?", target_columns(target));
    }
}

#[async_trait]
impl Assignments for Transaction {
    async fn list(&mut self, filter: &AssignmentFilter) -> Result<Vec<Assignment>, StoreError> {
        let mut select = Select::new("SELECT user_id, role, target_kind, target FROM assignments");
        restrict(&mut select, filter);
        select.end(" ORDER BY user_id, role, target_kind, target");
        let (sql, values) = select.finish();
        let rows = self.rows("read", NOUN, sql, values).await?;
        rows.iter().map(from_row).collect()
    }

    async fn insert(&mut self, assignment: &Assignment) -> Result<(), StoreError> {
        let [kind, target] = target_columns(&assignment.target);
        let values = vec![text(&assignment.user), text(&assignment.role), kind, target];
        self.change("write", NOUN, INSERT, values).await?;
        Ok(())
    }

    async fn delete(&mut self, filter: &AssignmentFilter) -> Result<u64, StoreError> {
        let mut select = Select::new("DELETE FROM assignments");
        restrict(&mut select, filter);
        let (sql, values) = select.finish();
        self.change("remove", NOUN, sql, values).await
    }
}
