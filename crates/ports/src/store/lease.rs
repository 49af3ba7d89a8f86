//! Who uses which base.
//!
//! Contract. A disk's lease comes and goes with its server's claim (`Claims`), but for a disk that may still stand on a host which the server has
//! left: its lease stays until that host has said that nothing of the guest is there. Neither time nor silence ends it. A pin is a row that an
//! administrator makes; one whose time is over is still a row, and holds nothing.

use super::StoreError;
use async_trait::async_trait;
use hatchery_model::base::{BaseLease, BasePin, LeftDisk};
use hatchery_model::generation::Generation;
use hatchery_model::id::{HostName, ImageId, ServerId};

/// See the head of this file.
#[async_trait]
pub trait Leases: Send {
    /// Every disk's lease, those of disks left behind too, or those on the base of one image: by host and disk.
    async fn list(&mut self, image: Option<ImageId>) -> Result<Vec<BaseLease>, StoreError>;
    /// How many disks' leases there are.
    async fn count(&mut self) -> Result<u64, StoreError>;
    /// Disks left behind, by host and disk.
    async fn list_left(&mut self) -> Result<Vec<LeftDisk>, StoreError>;
    /// Nothing of the guest is on the host any more, as an order of this generation was answered. Says whether a disk was thought to be left there.
    async fn delete_left(
        &mut self,
        host: &HostName,
        server: ServerId,
        generation: Generation,
    ) -> Result<bool, StoreError>;
    /// Every pin, or those of one image: by image and what they are for.
    async fn list_pins(&mut self, image: Option<ImageId>) -> Result<Vec<BasePin>, StoreError>;
    /// A new one; `Conflict` when the image is pinned for the same.
    async fn insert_pin(&mut self, pin: &BasePin) -> Result<(), StoreError>;
    /// Replaces its time; `Conflict` when there is none.
    async fn update_pin(&mut self, pin: &BasePin) -> Result<(), StoreError>;
    /// Ends it.
    async fn delete_pin(&mut self, image: ImageId, by: &str) -> Result<bool, StoreError>;
}
