//! How bases are on hosts.

use crate::error::corrupt;
use crate::rows::column;
use crate::select::Select;
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, maybe_text, text};
use async_trait::async_trait;
use hatchery_model::base::{BaseOnHost, KnownBaseState};
use hatchery_model::id::{HostName, ImageId};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{HostBases, StoreError};
use sqlx::any::AnyRow;

const NOUN: &str = "base of image";
const PUT: &str = "INSERT INTO host_bases (image, host, state, detail, since, heard_at) \
    VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (image, host) DO UPDATE SET state = excluded.state, \
    detail = excluded.detail, since = excluded.since, heard_at = excluded.heard_at";
const DELETE: &str = "DELETE FROM host_bases WHERE image = $1 AND host = $2";

fn from_row(row: &AnyRow) -> Result<BaseOnHost, StoreError> {
    let image: String = column(NOUN, row, 0)?;
    let state: String = column(NOUN, row, 2)?;
    let unknown = || corrupt(NOUN, &image, "it is in a state that is not known");
    let heard_at: Option<i64> = column(NOUN, row, 5)?;
    Ok(BaseOnHost {
        host: HostName(column(NOUN, row, 1)?),
        state: KnownBaseState::parse(&state, column(NOUN, row, 3)?).ok_or_else(unknown)?,
        since: Timestamp(column(NOUN, row, 4)?),
        heard_at: heard_at.map(Timestamp),
        image: image.parse().map_err(|error| corrupt(NOUN, &image, error))?,
    })
}

#[async_trait]
impl HostBases for Transaction {
    async fn list(
        &mut self,
        image: Option<ImageId>,
        host: Option<&HostName>,
    ) -> Result<Vec<BaseOnHost>, StoreError> {
        let mut select =
            Select::new("SELECT image, host, state, detail, since, heard_at FROM host_bases");
        select.and_maybe("image = ?", image.map(text));
        select.and_maybe("host = ?", host.map(text));
        select.end(" ORDER BY image, host");
        let (sql, values) = select.finish();
        let rows = self.rows("read", NOUN, sql, values).await?;
        rows.iter().map(from_row).collect()
    }

    async fn put(&mut self, base: &BaseOnHost) -> Result<(), StoreError> {
        let values = vec![
            text(base.image),
            text(&base.host),
            text(base.state.name()),
            maybe_text(base.state.detail()),
            int(base.since.0),
            base.heard_at.map_or(Value::NoInt, |at| int(at.0)),
        ];
        self.change_one(NOUN, base.image, PUT, values).await
    }

    async fn delete(&mut self, image: ImageId, host: &HostName) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(image), text(host)]).await
    }
}
