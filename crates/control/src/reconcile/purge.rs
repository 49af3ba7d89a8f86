//! Forgets the rows of servers that were deleted long ago, where the operator wants that.

use crate::error::Error;
use hatchery_model::compute::ServerState;
use hatchery_model::page::{Direction, Page};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{ServerFilter, Store};

/// Rows in one transaction.
const BATCH: u32 = 200;

/// Forgets servers that were deleted before `before`; says how many.
pub(super) async fn forget(store: &dyn Store, before: Timestamp) -> Result<usize, Error> {
    let filter = ServerFilter { deleted: true, ..ServerFilter::default() };
    let page = Page {
        limit: Some(BATCH),
        marker: None,
        sort: vec![("updated_at".into(), Direction::Ascending)],
    };
    let mut forgotten = 0;
    loop {
        let mut uow = store.begin().await?;
        let oldest = uow.servers().list(&filter, &page).await?;
        let mut now_forgotten = 0;
        for server in &oldest {
            if matches!(server.state, ServerState::Deleted { at } if at < before) {
                now_forgotten += usize::from(uow.servers().delete(server.id).await?);
            }
        }
        if now_forgotten == 0 {
            return Ok(forgotten);
        }
        uow.commit().await?;
        forgotten += now_forgotten;
    }
}
