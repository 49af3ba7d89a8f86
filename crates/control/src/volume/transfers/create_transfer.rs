//! Offers a volume to whoever knows a key.

use super::{TransferVerbs, invalid_volume};
use crate::error::Error;
use crate::volume::access;
use crate::volume::send::keep;
use crate::volume::waiting::snapshots_of;
use hatchery_model::caller::Caller;
use hatchery_model::id::{TransferId, VolumeId};
use hatchery_model::volume::{SnapshotState, Transfer};
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::UnitOfWork;
use std::fmt::Write;

/// Bytes of a key: Cinder's 16 hexadecimal digits (`volume_transfer_key_length`).
const KEY_BYTES: usize = 8;

/// What is to be offered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TransferRequest {
    /// Which volume.
    pub volume: VolumeId,
    /// Need not be unique.
    pub name: Option<String>,
    /// Whether its snapshots stay.
    pub no_snapshots: bool,
}

/// An offer that has just been made. Nobody is told the key again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewTransfer {
    /// The offer.
    pub transfer: Transfer,
    /// What whoever accepts has to know.
    pub auth_key: String,
}

impl TransferVerbs {
    /// Offers a volume: it is `awaiting-transfer` until the offer is accepted or taken back. Needs `member` on its project.
    ///
    /// `NotFound`, `Denied`; `Invalid` unless the volume, and each of its snapshots that is to go with it, is available.
    pub async fn create(
        &self,
        caller: &Caller,
        request: TransferRequest,
    ) -> Result<NewTransfer, Error> {
        let ports = &self.ports;
        let action = "volume:create_transfer";
        // Whoever may not is told so before anything is hashed.
        access::changeable(&mut *ports.store.read().await?, caller, request.volume, action).await?;
        let auth_key = random_key(&*ports.entropy);
        let key_hash = self.keys.hash(auth_key.clone()).await?;
        let mut uow = ports.store.begin().await?;
        let mut volume = access::changeable(&mut *uow, caller, request.volume, action).await?;
        if let Some(group) = volume.group {
            return Err(invalid_volume(&format!(
                "Volume {} must not be part of a group; it is in {group}.",
                volume.id
            )));
        }
        volume.state =
            volume.state.offered().map_err(|_| invalid_volume("status must be available"))?;
        if !request.no_snapshots {
            check_snapshots(&mut *uow, volume.id).await?;
        }
        let now = ports.clock.now();
        let transfer = Transfer {
            id: TransferId(random_uuid(&*ports.entropy)),
            project: volume.project.clone(),
            volume: volume.id,
            name: request.name,
            key_hash,
            no_snapshots: request.no_snapshots,
            created_at: now,
        };
        // An offer whose volume was taken out of its state by hand must not be worth anything any more.
        uow.volume_transfers().delete_of(volume.id).await?;
        uow.volume_transfers().insert(&transfer).await?;
        keep(&mut *uow, &mut volume, now).await?;
        uow.commit().await?;
        Ok(NewTransfer { transfer, auth_key })
    }
}

async fn check_snapshots(uow: &mut dyn UnitOfWork, volume: VolumeId) -> Result<(), Error> {
    let snapshots = snapshots_of(uow, volume).await?;
    if let Some(kept) = snapshots.iter().find(|one| one.group_snapshot.is_some()) {
        return Err(Error::Invalid(format!(
            "Invalid snapshot: snapshot: {} must not be part of a group snapshot",
            kept.id
        )));
    }
    match snapshots.iter().find(|one| one.state != SnapshotState::Available) {
        None => Ok(()),
        Some(busy) => Err(Error::Invalid(format!(
            "Invalid snapshot: snapshot: {} status must be available",
            busy.id
        ))),
    }
}

fn random_key(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; KEY_BYTES];
    entropy.fill(&mut bytes);
    bytes.iter().fold(String::new(), |mut text, byte| {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}
