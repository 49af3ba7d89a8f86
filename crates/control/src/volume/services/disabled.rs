//! Which backends an administrator keeps new volumes away from: one value among the settings.

use crate::error::Error;
use hatchery_ports::store::UnitOfWork;
use std::collections::BTreeMap;

const SETTING: &str = "volume.disabled_backends";

/// `host@backend`, with the reason, which may be empty.
pub async fn disabled_backends(
    uow: &mut dyn UnitOfWork,
) -> Result<BTreeMap<String, String>, Error> {
    match uow.settings().find(SETTING).await? {
        None => Ok(BTreeMap::new()),
        Some(text) => serde_json::from_str(&text).map_err(|error| Error::Internal {
            source: format!("the setting {SETTING} cannot be read: {error}").into(),
        }),
    }
}

pub(super) async fn put(
    uow: &mut dyn UnitOfWork,
    disabled: &BTreeMap<String, String>,
) -> Result<(), Error> {
    let text = serde_json::to_string(disabled)
        .map_err(|error| Error::Internal { source: Box::new(error) })?;
    Ok(uow.settings().put(SETTING, &text).await?)
}
