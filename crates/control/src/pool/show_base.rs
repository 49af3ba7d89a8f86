//! Shows one base of the pool.

use super::pool_verbs::{NamedBase, PoolVerbs, named};
use crate::error::Error;
use hatchery_model::caller::Caller;

impl PoolVerbs {
    /// The base of that name, or of the image with that id. Administrators only. `Invalid`, `NotFound`.
    pub async fn show(&self, caller: &Caller, text: &str) -> Result<NamedBase, Error> {
        let all = self.list(caller).await?;
        let wanted = named(text)?;
        let found = all.into_iter().find(|base| base.status.base == wanted);
        found.ok_or_else(|| Error::not_found("Base", text))
    }
}
