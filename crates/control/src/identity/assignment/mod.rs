//! Who holds which role on what.

mod check_grant;
mod grant;
mod list_assignments;
mod list_grants;
mod target;
mod ungrant;

pub use check_grant::CheckGrant;
pub use grant::Grant;
pub use list_assignments::{AssignmentDetail, AssignmentNames, AssignmentQuery, ListAssignments};
pub use list_grants::ListGrants;
pub use ungrant::Ungrant;

use crate::error::Error;
use hatchery_model::identity::{Assignment, AssignmentTarget};

/// That the user does not hold the role there.
fn no_grant(assignment: &Assignment) -> Error {
    let target = match &assignment.target {
        AssignmentTarget::Project(id) => id.as_str(),
        AssignmentTarget::Domain(id) => id.as_str(),
        AssignmentTarget::System => "system",
    };
    Error::not_found(
        "role assignment with role",
        format_args!(
            "{}, user or group: {}, project, domain, or system: {target}",
            assignment.role, assignment.user
        ),
    )
}
