//! Orders about volumes that have not been answered: sent again, or given up.
//!
//! An order is sent again as long as an agent is there that serves the backend, however long its work takes: the agent knows it again. While the
//! host is silent, or does not serve the backend any more, nothing is sent; the first report after that finds the order due. Where that lasts for
//! longer than `give_up_after_seconds`, the order has failed, its user is told, and the thing leaves its passing state. What the host may have
//! made of it until then stays in its row's reach: a volume in error keeps its backend, and deleting it orders the removal there.

use super::{disk_orders, plug_orders};
use crate::error::Error;
use crate::volume::placement::is_heard;
use crate::volume::send::{Writing, keep, keep_snapshot};
use crate::volume::{
    Ground, VolumeSettings, backups, failed, failed_snapshot, image_cache, moving, waiting,
};
use crate::workflow::{Order, Outgoing};
use hatchery_model::compute::Host;
use hatchery_model::id::{BackupId, RequestId, SnapshotId, VolumeId};
use hatchery_model::timestamp::Timestamp;
use hatchery_model::volume::{BackendName, Ordered, VolumeState};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::{Entropy, random_uuid};
use hatchery_ports::store::{Store, UnitOfWork};
use std::sync::Arc;
use std::time::Duration;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(10);
/// Rows looked at in one look.
const MOST: u32 = 1000;

/// See the head of this file.
pub struct VolumeOrders {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// Ids.
    pub entropy: Arc<dyn Entropy>,
    /// To the outbox relay.
    pub outgoing: Outgoing,
    /// What the operator has set.
    pub settings: Arc<VolumeSettings>,
}

/// What a look has come to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Chased {
    /// Orders sent again.
    pub sent_again: usize,
    /// Orders given up.
    pub given_up: usize,
}

/// What is to be done about an order.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    SendAgain,
    GiveUp,
    Wait,
}

impl VolumeOrders {
    /// Looks for ever.
    pub async fn run(&self) {
        loop {
            if let Err(error) = self.look().await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "looking for orders about volumes without an answer broke off; it is done again"
                );
            }
            tokio::time::sleep(INTERVAL).await;
        }
    }

    /// Looks once. May be repeated.
    pub async fn look(&self) -> Result<Chased, Error> {
        let before = self.clock.now().plus_seconds(-self.settings.resend_after_seconds);
        let mut uow = self.store.read().await?;
        let volumes = uow.volumes().list_unanswered(before, MOST).await?;
        let snapshots = uow.snapshots().list_unanswered(before, MOST).await?;
        let all = uow.attachments().list(None, None, None).await?;
        let attachments: Vec<_> = plug_orders::due(&all, before).collect();
        let backups = uow.backups().list_unanswered(before, MOST).await?;
        let disks = disk_orders::servers(&mut *uow).await?;
        drop(uow);
        let mut chased = Chased::default();
        for volume in volumes {
            chased.count(self.volume(volume.id, before).await?);
        }
        for snapshot in snapshots {
            chased.count(self.snapshot(snapshot.id, before).await?);
        }
        for attachment in attachments {
            chased.count(self.attachment(attachment, before).await?);
        }
        for backup in backups {
            chased.count(self.backup(backup.id, before).await?);
        }
        for server in disks {
            chased.count(self.disk(server, before).await?);
        }
        self.tend_caches(before).await?;
        self.keep_images().await?;
        Ok(chased)
    }

    async fn keep_images(&self) -> Result<(), Error> {
        if self.settings.keeps_images_as.is_none() {
            return Ok(());
        }
        let mut uow = self.store.begin().await?;
        let request = self.request();
        let writing = self.ground(&request).writing;
        let orders = image_cache::keep_images(&mut *uow, writing, &self.settings).await?;
        self.leave(uow, orders).await
    }

    async fn tend_caches(&self, before: Timestamp) -> Result<(), Error> {
        if self.store.read().await?.image_cache().list(None).await?.is_empty() {
            return Ok(());
        }
        let mut uow = self.store.begin().await?;
        let request = self.request();
        let orders = image_cache::tend(&mut *uow, self.ground(&request).writing, before).await?;
        self.leave(uow, orders).await
    }

    async fn volume(&self, id: VolumeId, before: Timestamp) -> Result<Verdict, Error> {
        let mut uow = self.store.begin().await?;
        let found = uow.volumes().find(id).await?;
        let due = |order: &Ordered| order.sent_at < before;
        let Some(mut volume) = found.filter(|found| found.state.ordered().is_some_and(due)) else {
            return Ok(Verdict::Wait);
        };
        let hosts = uow.hosts().list().await?;
        let verdict = self.judge(&hosts, volume.ordered_from(), volume.state.ordered());
        let request = self.request();
        let ground = self.ground(&request);
        let orders = match verdict {
            Verdict::Wait => return Ok(verdict),
            Verdict::SendAgain => {
                volume.state = volume.state.sent_again(ground.writing.now);
                keep(&mut *uow, &mut volume, ground.writing.now).await?;
                let sent = waiting::send_volume(&mut *uow, ground.writing, &volume).await?;
                sent.into_iter().collect()
            }
            Verdict::GiveUp => {
                let message = gone(volume.ordered_from());
                tracing::warn!(volume.id = %id, message, "an order about a volume is given up");
                match volume.state {
                    VolumeState::Moving(_) => {
                        moving::given_up(&mut *uow, ground, volume, &message).await?
                    }
                    _ => failed(&mut *uow, ground, volume, &message).await?,
                }
            }
        };
        self.leave(uow, orders).await?;
        Ok(verdict)
    }

    async fn snapshot(&self, id: SnapshotId, before: Timestamp) -> Result<Verdict, Error> {
        let mut uow = self.store.begin().await?;
        let found = uow.snapshots().find(id).await?;
        let due = |order: &Ordered| order.sent_at < before;
        let Some(mut snapshot) = found.filter(|found| found.state.ordered().is_some_and(due))
        else {
            return Ok(Verdict::Wait);
        };
        let volume = uow.volumes().find(snapshot.volume).await?;
        let hosts = uow.hosts().list().await?;
        let backend = volume.as_ref().and_then(|volume| volume.backend.as_ref());
        let verdict = self.judge(&hosts, backend, snapshot.state.ordered());
        let request = self.request();
        let ground = self.ground(&request);
        let orders = match (verdict, &volume) {
            (Verdict::Wait, _) => return Ok(verdict),
            (Verdict::SendAgain, Some(volume)) => {
                snapshot.state = snapshot.state.sent_again(ground.writing.now);
                keep_snapshot(&mut *uow, &mut snapshot, ground.writing.now).await?;
                let of = (&snapshot, volume);
                let sent = waiting::send_snapshot(&mut *uow, ground.writing, of).await?;
                sent.into_iter().collect()
            }
            (Verdict::GiveUp, _) | (Verdict::SendAgain, None) => {
                let message = gone(backend);
                tracing::warn!(snapshot.id = %id, message, "an order about a snapshot is given up");
                failed_snapshot(&mut *uow, ground, snapshot, &message).await?
            }
        };
        self.leave(uow, orders).await?;
        Ok(verdict)
    }

    async fn backup(&self, id: BackupId, before: Timestamp) -> Result<Verdict, Error> {
        let mut uow = self.store.begin().await?;
        let found = uow.backups().find(id).await?;
        let due = |order: &Ordered| order.sent_at < before;
        let Some(mut backup) = found.filter(|found| found.state.ordered().is_some_and(due)) else {
            return Ok(Verdict::Wait);
        };
        let backend = backups::backend_of(&mut *uow, &backup).await?;
        let hosts = uow.hosts().list().await?;
        let verdict = self.judge(&hosts, backend.as_ref(), backup.state.ordered());
        let request = self.request();
        let ground = self.ground(&request);
        let order = match verdict {
            Verdict::Wait => return Ok(verdict),
            Verdict::SendAgain => {
                backup.state = backup.state.sent_again(ground.writing.now);
                backups::keep(&mut *uow, &mut backup, ground.writing.now).await?;
                backups::send_backup(&mut *uow, ground.writing, &backup).await?
            }
            Verdict::GiveUp => {
                let message = gone(backend.as_ref());
                tracing::warn!(backup.id = %id, message, "an order about a backup is given up");
                backups::failed_backup(&mut *uow, ground, backup, &message).await?;
                None
            }
        };
        self.leave(uow, order.into_iter().collect()).await?;
        Ok(verdict)
    }

    pub(super) async fn leave(
        &self,
        uow: Box<dyn UnitOfWork>,
        orders: Vec<Order>,
    ) -> Result<(), Error> {
        uow.commit().await?;
        self.outgoing.hand_over(orders);
        Ok(())
    }

    fn judge(
        &self,
        hosts: &[Host],
        backend: Option<&BackendName>,
        order: Option<&Ordered>,
    ) -> Verdict {
        let (Some(backend), Some(order)) = (backend, order) else {
            return Verdict::GiveUp;
        };
        let now = self.clock.now();
        let served = hosts.iter().any(|host| {
            host.name == backend.host
                && is_heard(host, &self.settings, now)
                && host.backends.iter().any(|report| report.backend == backend.backend)
        });
        if served {
            Verdict::SendAgain
        } else if order.sent_at.plus_seconds(self.settings.give_up_after_seconds) < now {
            Verdict::GiveUp
        } else {
            Verdict::Wait
        }
    }

    pub(super) fn request(&self) -> RequestId {
        RequestId(format!("req-{}", random_uuid(&*self.entropy)))
    }

    pub(super) fn ground<'a>(&'a self, request: &'a RequestId) -> Ground<'a> {
        let writing = Writing { entropy: &*self.entropy, now: self.clock.now(), request };
        Ground { writing, settings: &self.settings }
    }
}

impl Chased {
    fn count(&mut self, verdict: Verdict) {
        match verdict {
            Verdict::SendAgain => self.sent_again += 1,
            Verdict::GiveUp => self.given_up += 1,
            Verdict::Wait => {}
        }
    }
}

fn gone(backend: Option<&BackendName>) -> String {
    match backend {
        Some(backend) => format!(
            "Host {} has not answered, and does not serve the backend {} now: look after the host, then try again.",
            backend.host, backend.backend
        ),
        None => "No backend serves it.".to_owned(),
    }
}
