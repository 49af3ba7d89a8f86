//! The verbs of quality-of-service specs, all for administrators. There are few, so they are filtered and sorted here.

mod associate;
mod change_specs;
mod list_specs;

pub use change_specs::NewQosSpecs;
pub use list_specs::QosQuery;

use crate::error::Error;
use hatchery_model::id::{QosSpecsId, VolumeTypeId};
use hatchery_model::volume::{QosSpecs, VolumeType};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{Store, UnitOfWork};
use std::collections::BTreeMap;
use std::sync::Arc;

/// `/qos-specs`
#[derive(Clone)]
pub struct QosVerbs {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
}

/// The specs, or `NotFound`.
async fn find(uow: &mut dyn UnitOfWork, id: QosSpecsId) -> Result<QosSpecs, Error> {
    let found = uow.qos_specs().find(id).await?;
    found.ok_or_else(|| Error::not_found("QoS specs", id))
}

/// The volume types that name the specs, by name.
async fn types_of(uow: &mut dyn UnitOfWork, id: QosSpecsId) -> Result<Vec<VolumeType>, Error> {
    let mut types = uow.volume_types().list().await?;
    types.retain(|one| one.qos_specs == Some(id));
    Ok(types)
}

/// What the hypervisor is to see to for a volume of this type and size. `None`: nothing.
pub(crate) async fn front_end(
    uow: &mut dyn UnitOfWork,
    volume_type: VolumeTypeId,
    size_gib: u64,
) -> Result<Option<BTreeMap<String, String>>, Error> {
    let found = uow.volume_types().find(volume_type).await?;
    let Some(id) = found.and_then(|found| found.qos_specs) else { return Ok(None) };
    Ok(uow.qos_specs().find(id).await?.and_then(|specs| specs.front_end(size_gib)))
}
