//! Images.

use super::row::{NOUN, fits, values, visibility};
use crate::select::{Select, Sorting};
use crate::unit_of_work::Transaction;
use crate::value::{int, quantity, text};
use async_trait::async_trait;
use hatchery_model::id::ImageId;
use hatchery_model::image::Image;
use hatchery_model::page::{Direction, Page};
use hatchery_ports::store::{ImageFilter, Images, StoreError};

const FIND: &str = "SELECT body FROM images WHERE id = $1";
const INSERT: &str = "INSERT INTO images (id, generation, owner, name, status, visibility, hidden, size, \
    created_at, updated_at, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
    ON CONFLICT DO NOTHING";
const UPDATE: &str = "UPDATE images SET generation = $2, owner = $3, name = $4, status = $5, visibility = $6, \
    hidden = $7, size = $8, created_at = $9, updated_at = $10, body = $11 \
    WHERE id = $1 AND generation = $2 - 1";
const DELETE: &str = "DELETE FROM images WHERE id = $1";

const SORTING: Sorting = Sorting {
    table: "images",
    keys: &[
        ("name", "COALESCE(name, '')"),
        ("created_at", "created_at"),
        ("updated_at", "updated_at"),
        ("id", "id"),
        ("size", "COALESCE(size, -1)"),
        ("status", "status"),
    ],
    default: ("created_at", Direction::Descending),
    id: "id",
    scope: "",
};

/// Rows read at once when some of them will be left out by what no column holds.
const BATCH: u32 = 200;

fn select(filter: &ImageFilter, page: &Page) -> Select {
    let mut select = Select::new("SELECT body FROM images");
    select.and_maybe("owner = ? OR visibility = 'public'", filter.seen_by.as_ref().map(text));
    select.and_maybe("owner = ?", filter.owner.as_ref().map(text));
    select.and_maybe("name = ?", filter.name.as_ref().map(text));
    if let Some(ids) = &filter.ids {
        select.and_one_of("id", ids.iter().map(text).collect());
    }
    select.and_maybe("size = ?", filter.size.map(|size| quantity(size.0)));
    select.and_maybe("visibility = ?", filter.visibility.map(|v| text(visibility(v))));
    if !filter.statuses.is_empty() {
        select.and_one_of("status", filter.statuses.iter().map(text).collect());
    }
    select.and_maybe("hidden = ?", filter.hidden.map(int));
    select.page(&SORTING, page);
    select
}

#[async_trait]
impl Images for Transaction {
    async fn find(&mut self, id: ImageId) -> Result<Option<Image>, StoreError> {
        self.find_body(NOUN, FIND, vec![text(id)]).await
    }

    async fn list(&mut self, filter: &ImageFilter, page: &Page) -> Result<Vec<Image>, StoreError> {
        let is_in_columns =
            filter.tags.is_empty() && filter.properties.is_empty() && filter.raw_sha512.is_none();
        if is_in_columns {
            let (sql, values) = select(filter, page).finish();
            return self.list_bodies(NOUN, sql, values).await;
        }
        let wanted = page.limit.map_or(usize::MAX, |limit| limit as usize);
        let mut fitting = Vec::new();
        let mut next = Page { limit: Some(BATCH), ..page.clone() };
        loop {
            let (sql, values) = select(filter, &next).finish();
            let batch: Vec<Image> = self.list_bodies(NOUN, sql, values).await?;
            let last = batch.last().map(|image| image.id);
            let is_last = batch.len() < BATCH as usize;
            fitting.extend(batch.into_iter().filter(|image| fits(filter, image)));
            match last {
                Some(id) if fitting.len() < wanted && !is_last => {
                    next.marker = Some(id.to_string());
                }
                Some(_) | None => {
                    fitting.truncate(wanted);
                    return Ok(fitting);
                }
            }
        }
    }

    async fn insert(&mut self, image: &Image) -> Result<(), StoreError> {
        self.change_one(NOUN, image.id, INSERT, values(image)?).await
    }

    async fn update(&mut self, image: &Image) -> Result<(), StoreError> {
        let next = Image { generation: image.generation.next(), ..image.clone() };
        self.change_one(NOUN, image.id, UPDATE, values(&next)?).await
    }

    async fn delete(&mut self, id: ImageId) -> Result<bool, StoreError> {
        self.remove(NOUN, DELETE, vec![text(id)]).await
    }
}
