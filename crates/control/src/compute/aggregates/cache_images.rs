//! Has the hosts of an aggregate make bases of images ahead of the first create.

use super::{AggregateVerbs, find, holder};
use crate::error::Error;
use crate::policy;
use crate::workflow::{Order, order};
use hatchery_model::base::{BaseOnHost, BasePin};
use hatchery_model::caller::Caller;
use hatchery_model::id::{HostName, ImageId};
use hatchery_model::image::ImageState;
use hatchery_model::message::Command;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{StoreError, UnitOfWork};

/// An image that is to be there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CacheWish {
    /// The image.
    pub image: ImageId,
    /// Until when its bases must stay, whatever becomes of the image. `None` changes nothing of that.
    pub pin_until: Option<Timestamp>,
}

impl AggregateVerbs {
    /// Orders the bases, and pins those that are to stay, all in one transaction: a silent host has its order waiting. Administrators only.
    ///
    /// `NotFound`; `Invalid` when an image is named twice, is not active, or is to be pinned until a time that is over.
    pub async fn cache_images(
        &self,
        caller: &Caller,
        number: u64,
        wishes: &[CacheWish],
    ) -> Result<(), Error> {
        policy::admin(caller, "compute:aggregates:images")?;
        for (place, wish) in wishes.iter().enumerate() {
            if wishes[..place].iter().any(|other| other.image == wish.image) {
                return Err(Error::Invalid("Duplicate images in request".into()));
            }
        }
        let mut uow = self.store.begin().await?;
        let aggregate = find(&mut *uow, number).await?;
        let mut orders = Vec::new();
        for wish in wishes {
            let image = uow.images().find(wish.image).await?;
            if !image.is_some_and(|image| matches!(image.state, ImageState::Active(_))) {
                return Err(Error::Invalid(format!(
                    "Image {} is not there or not active: it has no base that could be made.",
                    wish.image
                )));
            }
            if let Some(until) = wish.pin_until {
                self.pin(&mut *uow, wish.image, holder(&aggregate), until).await?;
            }
            for host in &aggregate.hosts {
                orders.push(self.order_base(&mut *uow, caller, host, wish.image).await?);
            }
        }
        uow.commit().await?;
        self.outgoing.hand_over(orders);
        Ok(())
    }

    async fn pin(
        &self,
        uow: &mut dyn UnitOfWork,
        image: ImageId,
        by: String,
        until: Timestamp,
    ) -> Result<(), Error> {
        if until <= self.clock.now() {
            return Err(Error::Invalid(format!(
                "pin_until of image {image} is over; give a time that is to come."
            )));
        }
        let pin = BasePin { image, by, until };
        match uow.leases().insert_pin(&pin).await {
            Err(StoreError::Conflict { .. }) => Ok(uow.leases().update_pin(&pin).await?),
            done => Ok(done?),
        }
    }

    /// Writes the order down, and that it is on its way unless the base is there.
    pub(super) async fn order_base(
        &self,
        uow: &mut dyn UnitOfWork,
        caller: &Caller,
        host: &HostName,
        image: ImageId,
    ) -> Result<Order, Error> {
        let now = self.clock.now();
        let known = uow.host_bases().list(Some(image), Some(host)).await?;
        if let Some(row) = BaseOnHost::ordered(known.first(), host, image, now) {
            uow.host_bases().put(&row).await?;
        }
        let (request, command) = (caller.request.clone(), Command::SeedBase { image });
        order::write_down(uow, &*self.entropy, now, host, request, command).await
    }
}
