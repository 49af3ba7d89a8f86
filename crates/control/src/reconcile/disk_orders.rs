//! Orders to make images of servers' disks that have not been answered: sent again as long as the server's host is heard, and given up where it is not for
//! longer than `give_up_after_seconds`. They are found by the images that wait for their bytes.

use super::volume_orders::{Verdict, VolumeOrders};
use crate::compute::imaging;
use crate::error::Error;
use crate::volume::placement::is_heard;
use hatchery_model::id::ServerId;
use hatchery_model::image::{Image, ImageState};
use hatchery_model::page::Page;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{ImageFilter, UnitOfWork};

/// The servers of whose disks images are being made.
pub(super) async fn servers(uow: &mut dyn UnitOfWork) -> Result<Vec<ServerId>, Error> {
    let filter = ImageFilter { statuses: vec!["saving"], ..ImageFilter::default() };
    let images = uow.images().list(&filter, &Page::default()).await?;
    let server = |image: &Image| match image.state {
        ImageState::Arriving { content: None, .. } => {
            image.properties.get("instance_uuid")?.parse().ok()
        }
        _ => None,
    };
    Ok(images.iter().filter_map(server).collect())
}

impl VolumeOrders {
    pub(super) async fn disk(&self, id: ServerId, before: Timestamp) -> Result<Verdict, Error> {
        let mut uow = self.store.begin().await?;
        let Some(mut server) = uow.servers().find(id).await? else { return Ok(Verdict::Wait) };
        let due = server.imaging.as_mut().filter(|imaging| imaging.order.sent_at < before);
        let Some(imaging) = due else { return Ok(Verdict::Wait) };
        let host = match &server.host {
            Some(name) => uow.hosts().find(name).await?,
            None => None,
        };
        let request = self.request();
        let writing = self.ground(&request).writing;
        if host.is_some_and(|host| is_heard(&host, &self.settings, writing.now)) {
            imaging.order.sent_at = writing.now;
            let order = imaging.order.clone();
            server.updated_at = writing.now;
            uow.servers().update(&server).await?;
            let order = imaging::send(&mut *uow, writing, &server, &order).await?;
            self.leave(uow, vec![order]).await?;
            return Ok(Verdict::SendAgain);
        }
        if imaging.order.sent_at.plus_seconds(self.settings.give_up_after_seconds) >= writing.now {
            return Ok(Verdict::Wait);
        }
        let why = "The instance's host has not answered: look after the host, then try again.";
        imaging::ended(&mut *uow, writing, server, Some(why)).await?;
        self.leave(uow, Vec::new()).await?;
        Ok(Verdict::GiveUp)
    }
}
