//! Users.

mod change_password;
mod create_user;
mod delete_user;
mod list_users;
mod show_user;
mod update_user;

pub use change_password::ChangePassword;
pub use create_user::{CreateUser, NewUser};
pub use delete_user::DeleteUser;
pub use list_users::{ListUsers, UserQuery};
pub use show_user::ShowUser;
pub use update_user::{UpdateUser, UserChange};

use crate::identity::policy::manager_of;
use hatchery_model::caller::Caller;
use hatchery_model::identity::User;

/// What a name that is taken is answered with.
fn name_taken(user: &User) -> String {
    format!(
        "Conflict occurred attempting to store user - Duplicate entry found with name {} at domain ID {}.",
        user.name, user.domain
    )
}

/// Whether the caller may change the user, or could if it were there.
fn manager_of_found(caller: &Caller, found: Option<&User>) -> bool {
    caller.is_admin() || found.is_some_and(|user| manager_of(caller, &user.domain))
}
