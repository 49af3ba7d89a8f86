//! The verbs of types of groups. There are few, so they are sorted here.

mod change_type;
mod list_types;
mod specs;

pub use change_type::{GroupTypeChanges, NewGroupType};

use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::id::GroupTypeId;
use hatchery_model::volume::GroupType;
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{Store, UnitOfWork};
use std::sync::Arc;

/// What Cinder calls it in its sentences.
const KIND: &str = "Group type";

/// `/group_types`
#[derive(Clone)]
pub struct GroupTypeVerbs {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
}

/// The type, for whoever may use it; `NotFound` otherwise.
async fn visible(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: GroupTypeId,
) -> Result<GroupType, Error> {
    let found = uow.group_types().find(id).await?;
    found
        .filter(|found| found.is_public || caller.is_admin())
        .ok_or_else(|| Error::not_found(KIND, id))
}

/// The type that a user names, by id or name. `NotFound`.
pub(super) async fn usable_group_type(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    named: &str,
) -> Result<GroupType, Error> {
    let by_id = named.parse::<GroupTypeId>().ok();
    let all = uow.group_types().list().await?;
    let found = all
        .iter()
        .find(|one| by_id == Some(one.id))
        .or_else(|| all.iter().find(|one| one.name == named));
    found
        .filter(|one| one.is_public || caller.is_admin())
        .cloned()
        .ok_or_else(|| Error::not_found(KIND, named))
}
