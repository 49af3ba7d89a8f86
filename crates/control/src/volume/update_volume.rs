//! Changes what is written on a volume.

use super::access;
use super::find_volume::{VolumeDetail, detail};
use super::pairs;
use super::send::keep;
use super::verbs::VolumeVerbs;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::id::VolumeId;
use hatchery_model::volume::{Volume, VolumeState};
use std::collections::BTreeMap;

/// Free pairs.
type Pairs = BTreeMap<String, String>;

/// What is to be changed. `None`: it stays.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct VolumeChanges {
    /// The name; `Some(None)`: none.
    pub name: Option<Option<String>>,
    /// The description; `Some(None)`: none.
    pub description: Option<Option<String>>,
    /// All of its free pairs.
    pub metadata: Option<Pairs>,
    /// Whether a server may boot from it (`os-set_bootable`).
    pub bootable: Option<bool>,
}

impl VolumeVerbs {
    /// Changes what is given. Needs `member` on the volume's project. `NotFound`, `Denied`; `Invalid` during maintenance, and for pairs that
    /// Cinder does not take.
    pub async fn update_volume(
        &self,
        caller: &Caller,
        id: VolumeId,
        changes: VolumeChanges,
    ) -> Result<VolumeDetail, Error> {
        if let Some(metadata) = &changes.metadata {
            pairs::check(metadata)?;
        }
        self.change(caller, id, "volume:update", |volume| {
            if volume.state == VolumeState::Maintenance {
                return Err(Error::Invalid(
                    "Invalid volume: The volume cannot be updated during maintenance.".into(),
                ));
            }
            if let Some(name) = changes.name {
                volume.name = name;
            }
            if let Some(description) = changes.description {
                volume.description = description;
            }
            if let Some(metadata) = changes.metadata {
                volume.metadata = metadata;
            }
            if let Some(bootable) = changes.bootable {
                volume.bootable = bootable;
            }
            Ok(())
        })
        .await
    }

    /// Adds free pairs, in the place of those with the same keys, or (`replace`) of all. The pairs afterwards are in the answer. See
    /// [`Self::update_volume`].
    pub async fn set_volume_metadata(
        &self,
        caller: &Caller,
        id: VolumeId,
        new: Pairs,
        replace: bool,
    ) -> Result<VolumeDetail, Error> {
        pairs::check(&new)?;
        self.change(caller, id, "volume:update_volume_metadata", |volume| {
            may_change_pairs(volume, "Updating")?;
            if replace {
                volume.metadata.clear();
            }
            volume.metadata.extend(new);
            Ok(())
        })
        .await
    }

    /// Removes one free pair. `NotFound` when there is none with the key. See [`Self::update_volume`].
    pub async fn delete_volume_metadata(
        &self,
        caller: &Caller,
        id: VolumeId,
        key: &str,
    ) -> Result<(), Error> {
        self.change(caller, id, "volume:delete_volume_metadata", |volume| {
            may_change_pairs(volume, "Deleting")?;
            match volume.metadata.remove(key) {
                Some(_) => Ok(()),
                None => Err(no_such_key(id, key)),
            }
        })
        .await
        .map(drop)
    }

    /// Adds to what is said of the image behind the volume (`os-set_image_metadata`). See [`Self::update_volume`].
    pub async fn set_image_metadata(
        &self,
        caller: &Caller,
        id: VolumeId,
        new: Pairs,
    ) -> Result<VolumeDetail, Error> {
        pairs::check(&new)?;
        self.change(caller, id, "volume_extension:volume_image_metadata:set", |volume| {
            may_change_pairs(volume, "Updating")?;
            volume.image_metadata.extend(new);
            Ok(())
        })
        .await
    }

    /// Removes one pair of what is said of the image (`os-unset_image_metadata`). `NotFound`. See [`Self::update_volume`].
    pub async fn delete_image_metadata(
        &self,
        caller: &Caller,
        id: VolumeId,
        key: &str,
    ) -> Result<(), Error> {
        self.change(caller, id, "volume_extension:volume_image_metadata:remove", |volume| {
            may_change_pairs(volume, "Deleting")?;
            match volume.image_metadata.remove(key) {
                Some(_) => Ok(()),
                None => Err(no_such_key(id, key)),
            }
        })
        .await
        .map(drop)
    }

    /// Has servers use the volume without changing it, or no more (`os-update_readonly_flag`). `Invalid` unless it is available.
    pub async fn set_read_only(
        &self,
        caller: &Caller,
        id: VolumeId,
        on: bool,
    ) -> Result<(), Error> {
        self.change(caller, id, "volume:update_readonly_flag", |volume| {
            if volume.state != VolumeState::Available {
                return Err(Error::Invalid(format!(
                    "Invalid volume: Volume {id} status must be available to update readonly flag, but current status is: {}.",
                    volume.state.status()
                )));
            }
            (volume.read_only, volume.read_only_said) = (on, true);
            Ok(())
        })
        .await
        .map(drop)
    }

    /// Changes a volume's row in a transaction of its own.
    pub(super) async fn change(
        &self,
        caller: &Caller,
        id: VolumeId,
        action: &str,
        edit: impl FnOnce(&mut Volume) -> Result<(), Error> + Send,
    ) -> Result<VolumeDetail, Error> {
        let mut uow = self.ports.store.begin().await?;
        let mut volume = access::changeable(&mut *uow, caller, id, action).await?;
        edit(&mut volume)?;
        keep(&mut *uow, &mut volume, self.ports.clock.now()).await?;
        let shown = detail(&mut *uow, volume).await?;
        uow.commit().await?;
        Ok(shown)
    }
}

fn may_change_pairs(volume: &Volume, doing: &str) -> Result<(), Error> {
    let state = &volume.state;
    if !matches!(state, VolumeState::Maintenance | VolumeState::Uploading { .. }) {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "Invalid volume: {doing} volume metadata is not allowed for volumes in {} status.",
        state.status()
    )))
}

fn no_such_key(id: VolumeId, key: &str) -> Error {
    Error::not_found("Metadata of volume", format!("{id} with key {key}"))
}
