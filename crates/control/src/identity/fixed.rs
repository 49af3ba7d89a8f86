//! What this deployment has fixed, the catalog and that there are no groups: only who may look.

use super::policy::{deployment_admin, deployment_reader, reader_of_some_domain, require};
use crate::error::Error;
use hatchery_model::caller::Caller;

/// Whether the caller may look at services and endpoints; `action` is Keystone's (`list_services`).
pub fn may_read_catalog(caller: &Caller, action: &str) -> Result<(), Error> {
    require(deployment_reader(caller), action)
}

/// Always refuses: by policy, or because the catalog follows the settings of the deployment.
pub fn may_change_catalog(caller: &Caller, action: &str) -> Result<(), Error> {
    require(deployment_admin(caller), action)?;
    Err(Error::Denied(
        "The catalog of this deployment is made from its settings and cannot be changed by requests.".into(),
    ))
}

/// Whether the caller may list groups, of which there are none.
pub fn may_list_groups(caller: &Caller) -> Result<(), Error> {
    require(reader_of_some_domain(caller), "list_groups")
}
