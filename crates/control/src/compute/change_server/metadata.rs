//! Changes the metadata of a server.

use super::{ChangeServer, is_settled, is_unlocked};
use crate::compute::labels;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::id::ServerId;
use std::collections::BTreeMap;

/// Labels with values.
type Metadata = BTreeMap<String, String>;

impl ChangeServer {
    /// Adds labels and replaces those of the same name; all labels afterwards. Needs `member` on the server's project.
    ///
    /// `Invalid`; `NotFound`, `Denied`; `Conflict` unless the server is active or stopped, and when it is locked.
    pub async fn add_metadata(
        &self,
        caller: &Caller,
        id: ServerId,
        new: &Metadata,
    ) -> Result<Metadata, Error> {
        labels::check_metadata(new)?;
        self.edit(caller, id, "update", &|metadata| {
            metadata.extend(new.clone());
            Ok(())
        })
        .await
    }

    /// Puts these labels in the place of all others. See [`Self::add_metadata`].
    pub async fn replace_metadata(
        &self,
        caller: &Caller,
        id: ServerId,
        new: &Metadata,
    ) -> Result<Metadata, Error> {
        labels::check_metadata(new)?;
        self.edit(caller, id, "update", &|metadata| {
            metadata.clone_from(new);
            Ok(())
        })
        .await
    }

    /// Removes a label; `NotFound` also when the server does not have it. See [`Self::add_metadata`].
    pub async fn delete_metadata(
        &self,
        caller: &Caller,
        id: ServerId,
        key: &str,
    ) -> Result<(), Error> {
        self.edit(caller, id, "delete", &|metadata| match metadata.remove(key) {
            Some(_) => Ok(()),
            None => Err(Error::not_found("Metadata item", key)),
        })
        .await
        .map(drop)
    }

    async fn edit(
        &self,
        caller: &Caller,
        id: ServerId,
        verb: &str,
        edit: &(dyn Fn(&mut Metadata) -> Result<(), Error> + Send + Sync),
    ) -> Result<Metadata, Error> {
        let action = format!("os_compute_api:server-metadata:{verb}");
        let changed = self.change(caller, id, &action, |server| {
            is_unlocked(server, caller)?;
            is_settled(server, &format!("{verb} metadata"))?;
            edit(&mut server.metadata)
        });
        Ok(changed.await?.metadata)
    }
}
