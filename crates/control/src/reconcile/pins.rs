//! Pins whose time is over: they hold nothing any more, and their rows go.

use crate::error::Error;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::Store;

/// Forgets them; says how many.
pub(super) async fn forget_over(store: &dyn Store, now: Timestamp) -> Result<usize, Error> {
    let mut uow = store.read().await?;
    let pins = uow.leases().list_pins(None).await?;
    drop(uow);
    if pins.iter().all(|pin| pin.until > now) {
        return Ok(0);
    }
    // Read again: one may have been set to a later time meanwhile.
    let mut uow = store.begin().await?;
    let mut forgotten = 0;
    for pin in uow.leases().list_pins(None).await? {
        if pin.until <= now {
            forgotten += usize::from(uow.leases().delete_pin(pin.image, &pin.by).await?);
        }
    }
    uow.commit().await?;
    Ok(forgotten)
}
