//! Changes the tags of a server (2.26).

use super::{ChangeServer, is_settled};
use crate::compute::labels;
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::id::ServerId;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

/// Free labels.
type Tags = BTreeSet<String>;

impl ChangeServer {
    /// Puts these tags in the place of all others. Needs `member` on the server's project.
    ///
    /// `Invalid`; `NotFound`, `Denied`; `Conflict` unless the server is active or stopped.
    pub async fn replace_tags(
        &self,
        caller: &Caller,
        id: ServerId,
        new: &Tags,
    ) -> Result<Tags, Error> {
        labels::check_tags(new)?;
        self.edit_tags(caller, id, "update", &|tags| {
            tags.clone_from(new);
            Ok(())
        })
        .await
    }

    /// Adds a tag; says whether it is new. See [`Self::replace_tags`].
    pub async fn add_tag(&self, caller: &Caller, id: ServerId, tag: &str) -> Result<bool, Error> {
        labels::check_tags(&Tags::from([tag.to_owned()]))?;
        let is_new = AtomicBool::new(false);
        self.edit_tags(caller, id, "update", &|tags| {
            is_new.store(tags.insert(tag.to_owned()), Ordering::Relaxed);
            labels::check_tags(tags)
        })
        .await?;
        Ok(is_new.into_inner())
    }

    /// Removes a tag; `NotFound` also when the server does not have it. See [`Self::replace_tags`].
    pub async fn delete_tag(&self, caller: &Caller, id: ServerId, tag: &str) -> Result<(), Error> {
        self.edit_tags(caller, id, "delete", &|tags| {
            if tags.remove(tag) { Ok(()) } else { Err(Error::not_found("Tag", tag)) }
        })
        .await
        .map(drop)
    }

    async fn edit_tags(
        &self,
        caller: &Caller,
        id: ServerId,
        verb: &str,
        edit: &(dyn Fn(&mut Tags) -> Result<(), Error> + Send + Sync),
    ) -> Result<Tags, Error> {
        let action = format!("os_compute_api:os-server-tags:{verb}");
        let changed = self.change(caller, id, &action, |server| {
            is_settled(server, &format!("{verb} tags"))?;
            edit(&mut server.tags)
        });
        Ok(changed.await?.tags)
    }
}
