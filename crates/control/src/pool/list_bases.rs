//! Lists the bases of the pool.

use super::pool_verbs::{NamedBase, PoolVerbs, of_pool};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::ImageId;
use hatchery_model::page::Page;
use hatchery_ports::store::ImageFilter;
use std::collections::HashMap;

impl PoolVerbs {
    /// Every base as it is now, by name. Administrators only. `Conflict` where what is found cannot be judged.
    pub async fn list(&self, caller: &Caller) -> Result<Vec<NamedBase>, Error> {
        policy::admin(caller, "hatchery:pool")?;
        let leases = self.leases().await?;
        let bases = self.pool.list(&leases).await.map_err(of_pool)?;
        let mut uow = self.store.read().await?;
        let images = uow.images().list(&ImageFilter::default(), &Page::default()).await?;
        drop(uow);
        let names: HashMap<ImageId, Option<String>> =
            images.into_iter().map(|image| (image.id, image.name)).collect();
        let named = |image: Option<ImageId>| names.get(&image?).cloned().flatten();
        Ok(bases
            .into_iter()
            .map(|status| NamedBase { name: named(status.image), status })
            .collect())
    }
}
