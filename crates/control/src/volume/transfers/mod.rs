//! The verbs of offers: a volume goes from one project to another when somebody there knows the offer's key. One verb a file.

mod accept_transfer;
mod create_transfer;
mod delete_transfer;
mod list_transfers;

pub use create_transfer::{NewTransfer, TransferRequest};
pub use list_transfers::TransferQuery;

use super::verbs::VolumePorts;
use crate::error::Error;
use crate::identity::Passwords;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::TransferId;
use hatchery_model::volume::Transfer;
use hatchery_ports::store::UnitOfWork;

/// What Cinder calls it in its sentences.
const KIND: &str = "Transfer";

/// `/volume-transfers`, `/os-volume-transfer`
#[derive(Clone)]
pub struct TransferVerbs {
    ports: VolumePorts,
    keys: Passwords,
}

impl TransferVerbs {
    /// Joins verbs and ports. `keys` hashes what whoever accepts has to know.
    pub fn new(ports: VolumePorts, keys: Passwords) -> Self {
        Self { ports, keys }
    }
}

/// The offer, if the caller's project has made it (or for administrators); `NotFound` otherwise.
async fn seen(
    uow: &mut dyn UnitOfWork,
    caller: &Caller,
    id: TransferId,
) -> Result<Transfer, Error> {
    let found = uow.volume_transfers().find(id).await?;
    found
        .filter(|transfer| policy::may_read(caller, &transfer.project))
        .ok_or_else(|| Error::not_found(KIND, id))
}

fn invalid_volume(text: &str) -> Error {
    Error::Invalid(format!("Invalid volume: {text}"))
}
