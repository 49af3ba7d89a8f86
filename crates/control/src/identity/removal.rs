//! What goes along when a user, a project or an assignment goes.

use super::token::Revoking;
use crate::error::Error;
use hatchery_model::id::{ProjectId, UserId};
use hatchery_model::identity::{Assignment, AssignmentTarget, RevocationSubject};
use hatchery_ports::store::{AssignmentFilter, UnitOfWork, UserFilter};

/// Takes back the tokens that an assignment was needed for. Tokens for a domain or the system are taken back with all others of
/// the user.
pub(super) fn revoke_assignment(revoking: &mut Revoking<'_>, assignment: &Assignment) {
    let user = assignment.user.clone();
    revoking.revoke(match &assignment.target {
        AssignmentTarget::Project(project) => {
            RevocationSubject::UserOnProject(user, project.clone())
        }
        AssignmentTarget::Domain(_) | AssignmentTarget::System => RevocationSubject::User(user),
    });
}

/// Removes the assignments that fit, and takes back their tokens; says how many there were.
pub(super) async fn remove_assignments(
    unit: &mut dyn UnitOfWork,
    revoking: &mut Revoking<'_>,
    filter: &AssignmentFilter,
) -> Result<usize, Error> {
    let assignments = unit.assignments().list(filter).await?;
    for assignment in &assignments {
        revoke_assignment(revoking, assignment);
    }
    unit.assignments().delete(filter).await?;
    Ok(assignments.len())
}

/// Removes a user with its assignments and tokens; says whether it was there.
pub(super) async fn remove_user(
    unit: &mut dyn UnitOfWork,
    revoking: &mut Revoking<'_>,
    id: &UserId,
) -> Result<bool, Error> {
    let filter = AssignmentFilter { user: Some(id.clone()), ..AssignmentFilter::default() };
    unit.assignments().delete(&filter).await?;
    revoking.revoke(RevocationSubject::User(id.clone()));
    Ok(unit.users().delete(id).await?)
}

/// Removes a project with its assignments and tokens; users whose default project it was have none afterwards. Says whether it was
/// there.
pub(super) async fn remove_project(
    unit: &mut dyn UnitOfWork,
    revoking: &mut Revoking<'_>,
    id: &ProjectId,
) -> Result<bool, Error> {
    let filter = AssignmentFilter {
        target: Some(AssignmentTarget::Project(id.clone())),
        ..AssignmentFilter::default()
    };
    unit.assignments().delete(&filter).await?;
    revoking.revoke(RevocationSubject::Project(id.clone()));
    for mut user in unit.users().list(&UserFilter::default()).await? {
        if user.default_project.as_ref() == Some(id) {
            user.default_project = None;
            unit.users().update(&user).await?;
        }
    }
    Ok(unit.projects().delete(id).await?)
}
