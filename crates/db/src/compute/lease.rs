//! Who uses which base: the claims' own columns, disks left behind, and pins.

use crate::error::corrupt;
use crate::rows::{column, number};
use crate::select::Select;
use crate::unit_of_work::Transaction;
use crate::value::{Value, int, maybe_text, text};
use async_trait::async_trait;
use hatchery_model::base::{BaseLease, BasePin, DiskUse, LeftDisk};
use hatchery_model::generation::Generation;
use hatchery_model::id::{DiskId, HostName, ImageId, ServerId};
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{Leases, StoreError};
use sqlx::any::AnyRow;
use std::fmt::Display;
use std::str::FromStr;

const NOUN: &str = "lease of disk";
const PIN: &str = "pin of image";
const LIST: &str = "SELECT host, disk, server, image, base_format FROM claims \
    WHERE disk IS NOT NULL AND ($1 = '' OR image = $1) \
    UNION SELECT host, disk, server, image, base_format FROM left_disks WHERE $1 = '' OR image = $1 \
    ORDER BY host, disk";
const COUNT: &str = "SELECT count(*) FROM (SELECT host, disk FROM claims WHERE disk IS NOT NULL \
    UNION SELECT host, disk FROM left_disks) leases";
const LIST_LEFT: &str = "SELECT host, disk, server, image, base_format, generation, since FROM left_disks \
    ORDER BY host, disk";
const DELETE_LEFT: &str =
    "DELETE FROM left_disks WHERE host = $1 AND server = $2 AND generation <= $3";
const INSERT_PIN: &str = "INSERT INTO base_pins (image, holder, pinned_until) VALUES ($1, $2, $3) \
    ON CONFLICT DO NOTHING";
const UPDATE_PIN: &str = "UPDATE base_pins SET pinned_until = $3 WHERE image = $1 AND holder = $2";
const DELETE_PIN: &str = "DELETE FROM base_pins WHERE image = $1 AND holder = $2";

/// Values of a claim's columns `image`, `disk`, `base_format`.
pub(super) fn values(on: Option<&DiskUse>) -> [Value; 3] {
    [
        maybe_text(on.map(|on| on.image)),
        maybe_text(on.map(|on| &on.disk)),
        maybe_text(on.and_then(|on| on.format)),
    ]
}

fn parsed<T: FromStr>(row: &AnyRow, index: usize) -> Result<T, StoreError> {
    let text: String = column(NOUN, row, index)?;
    text.parse().map_err(|_| unknown(&text))
}

fn unknown(text: impl Display) -> StoreError {
    corrupt(NOUN, &text, "it is not what the column holds")
}

/// From `host`, `disk`, `server`, `image`, `base_format`.
fn from_row(row: &AnyRow) -> Result<(HostName, ServerId, DiskUse), StoreError> {
    let format: Option<String> = column(NOUN, row, 4)?;
    let format = format.map(|text| text.parse().map_err(|()| unknown(&text))).transpose()?;
    let on = DiskUse { disk: DiskId(column(NOUN, row, 1)?), image: parsed(row, 3)?, format };
    Ok((HostName(column(NOUN, row, 0)?), parsed(row, 2)?, on))
}

fn lease(row: &AnyRow) -> Result<BaseLease, StoreError> {
    let (host, server, on) = from_row(row)?;
    Ok(on.lease(&host, server))
}

fn left(row: &AnyRow) -> Result<LeftDisk, StoreError> {
    let (host, server, on) = from_row(row)?;
    let generation = Generation(number(NOUN, row, 5)?);
    Ok(LeftDisk { host, server, on, generation, since: Timestamp(column(NOUN, row, 6)?) })
}

fn pin(row: &AnyRow) -> Result<BasePin, StoreError> {
    Ok(BasePin {
        image: parsed(row, 0)?,
        by: column(PIN, row, 1)?,
        until: Timestamp(column(PIN, row, 2)?),
    })
}

fn pin_values(pin: &BasePin) -> Vec<Value> {
    vec![text(pin.image), text(&pin.by), int(pin.until.0)]
}

#[async_trait]
impl Leases for Transaction {
    async fn list(&mut self, image: Option<ImageId>) -> Result<Vec<BaseLease>, StoreError> {
        let image = image.map_or_else(String::new, |image| image.to_string());
        let rows = self.rows("read", NOUN, LIST, vec![text(image)]).await?;
        rows.iter().map(lease).collect()
    }

    async fn count(&mut self) -> Result<u64, StoreError> {
        self.count_rows(NOUN, COUNT).await
    }

    async fn list_left(&mut self) -> Result<Vec<LeftDisk>, StoreError> {
        let rows = self.rows("read", NOUN, LIST_LEFT, vec![]).await?;
        rows.iter().map(left).collect()
    }

    async fn delete_left(
        &mut self,
        host: &HostName,
        server: ServerId,
        generation: Generation,
    ) -> Result<bool, StoreError> {
        let values = vec![text(host), text(server), int(generation.0)];
        self.remove(NOUN, DELETE_LEFT, values).await
    }

    async fn list_pins(&mut self, image: Option<ImageId>) -> Result<Vec<BasePin>, StoreError> {
        let mut select = Select::new("SELECT image, holder, pinned_until FROM base_pins");
        select.and_maybe("image = ?", image.map(text));
        select.end(" ORDER BY image, holder");
        let (sql, values) = select.finish();
        let rows = self.rows("read", PIN, sql, values).await?;
        rows.iter().map(pin).collect()
    }

    async fn insert_pin(&mut self, pin: &BasePin) -> Result<(), StoreError> {
        self.change_one(PIN, pin.image, INSERT_PIN, pin_values(pin)).await
    }

    async fn update_pin(&mut self, pin: &BasePin) -> Result<(), StoreError> {
        self.change_one(PIN, pin.image, UPDATE_PIN, pin_values(pin)).await
    }

    async fn delete_pin(&mut self, image: ImageId, by: &str) -> Result<bool, StoreError> {
        self.remove(PIN, DELETE_PIN, vec![text(image), text(by)]).await
    }
}
