//! What the agent counts of orders about volumes, and of the backends. `docs/observability.md` says what each name means.

use hatchery_model::provision::Rung;
use hatchery_model::units::Bytes;
use hatchery_model::volume::{BackendReport, VolumeContent, VolumeOutcome, VolumeWork};
use tokio::time::Instant;

/// An order, for as long as this lives: it waits for its turn at first, and then is under way. Dropped before it has ended, it has been given up,
/// or is done later.
pub(crate) struct Measured {
    order: &'static str,
    /// `None`: it waits.
    began: Option<Instant>,
}

impl Measured {
    /// One of this label that waits from now on.
    pub(crate) fn waits(order: &'static str) -> Self {
        metrics::gauge!("hatchery_volume_orders_waiting", "order" => order).increment(1.0);
        Self { order, began: None }
    }

    /// Its turn has come.
    pub(crate) fn begins(&mut self) {
        if self.began.is_none() {
            self.leave();
            metrics::gauge!("hatchery_volume_orders_active", "order" => self.order).increment(1.0);
            self.began = Some(Instant::now());
        }
    }

    /// It has been done, or has failed.
    pub(crate) fn ends(mut self, is_done: bool) {
        self.begins();
        let ending = if is_done { "done" } else { "failed" };
        metrics::counter!("hatchery_volume_orders_total", "order" => self.order, "ending" => ending)
            .increment(1);
        if let Some(began) = self.began.filter(|_| is_done) {
            metrics::histogram!("hatchery_volume_order_duration_seconds", "order" => self.order)
                .record(began.elapsed());
        }
    }

    fn leave(&self) {
        match self.began {
            None => metrics::gauge!("hatchery_volume_orders_waiting", "order" => self.order),
            Some(_) => metrics::gauge!("hatchery_volume_orders_active", "order" => self.order),
        }
        .decrement(1.0);
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        self.leave();
    }
}

/// What work that went well has copied, and which way a volume of an image has come.
pub(super) fn done(work: &VolumeWork, outcome: &VolumeOutcome) {
    let VolumeOutcome::Done { rung, bytes_copied, .. } = outcome else { return };
    if bytes_copied.0 > 0 {
        metrics::counter!("hatchery_volume_bytes_copied_total", "order" => work.label())
            .increment(bytes_copied.0);
    }
    let VolumeWork::Create(new) = work else { return };
    // One that holds an image is made for the sake of others, which are counted.
    let VolumeContent::Image { plan, .. } = &new.content else { return };
    let Some(rung) = rung.filter(|_| !new.holds_image) else { return };
    metrics::counter!("hatchery_volume_ways_total", "rung" => rung.label()).increment(1);
    if plan.cloned_volume().is_none() {
        return;
    }
    match rung {
        Rung::CloneFromCache => {
            metrics::counter!("hatchery_image_volume_cache_hits_total").increment(1);
        }
        // Its plan says what its image costs, which was copied into the cache for it.
        Rung::DownloadAndConvert => {
            metrics::counter!("hatchery_image_volume_cache_misses_total").increment(1);
        }
        Rung::HardLink
        | Rung::Reflink
        | Rung::CloneInPlace
        | Rung::CloneOfImageVolume
        | Rung::Stream => {}
    }
}

/// How a backend is. `None`: it has never answered.
pub(super) fn backend(section: &str, report: Option<&BackendReport>) {
    let is_up = report.is_some_and(|report| report.down.is_none());
    metrics::gauge!("hatchery_volume_backend_up", "backend" => section.to_owned()).set(if is_up {
        1.0
    } else {
        0.0
    });
    let (total, free) = match report {
        Some(BackendReport { total: Bytes(total), free: Bytes(free), .. }) if *total > 0 => {
            (*total, *free)
        }
        Some(_) | None => (0, 0),
    };
    metrics::gauge!("hatchery_volume_backend_capacity_bytes", "backend" => section.to_owned())
        .set(total as f64);
    metrics::gauge!("hatchery_volume_backend_free_bytes", "backend" => section.to_owned())
        .set(free as f64);
}

#[cfg(test)]
mod tests {
    use super::{Measured, backend, done};
    use hatchery_model::id::{ImageId, VolumeId};
    use hatchery_model::provision::{FileAbilities, Plan, PlanStep, Rung, VolumeTargetFacts};
    use hatchery_model::units::Bytes;
    use hatchery_model::volume::{
        BackendReport, NewVolume, Reach, VolumeContent, VolumeOutcome, VolumeWork,
    };
    use hatchery_testkit::Counts;
    use uuid::Uuid;

    #[test]
    fn an_order_waits_is_active_and_ends_once() {
        let counts = Counts::default();
        let _heard = metrics::set_default_local_recorder(&counts);
        let state = || {
            ["waiting", "active"].map(|state| {
                counts.gauge(&format!("hatchery_volume_orders_{state}{{order=\"extend\"}}"))
            })
        };
        let ended = || {
            ["done", "failed"].map(|ending| {
                let labels = format!("{{order=\"extend\",ending=\"{ending}\"}}");
                counts.count(&format!("hatchery_volume_orders_total{labels}"))
            })
        };
        let mut order = Measured::waits("extend");
        assert_eq!(state(), [1.0, 0.0]);
        order.begins();
        order.begins();
        assert_eq!(state(), [0.0, 1.0]);
        order.ends(true);
        assert_eq!((state(), ended()), ([0.0, 0.0], [1, 0]));
        // One that needs no turn, one that is given up before it has one, and one that is done later.
        Measured::waits("extend").ends(false);
        drop(Measured::waits("extend"));
        let mut later = Measured::waits("extend");
        later.begins();
        drop(later);
        assert_eq!((state(), ended()), ([0.0, 0.0], [1, 1]));
        let timed = "hatchery_volume_order_duration_seconds{order=\"extend\"}";
        assert_eq!(counts.count(timed), 1, "only what was done is timed");
    }

    fn made(rung: Rung, step: PlanStep, holds_image: bool, copied: u64) {
        let plan = Plan { rung, steps: vec![step], copies: Bytes(0), refused: Vec::new() };
        let content = VolumeContent::Image {
            image: ImageId(Uuid::from_u128(1)),
            image_sha512: String::new(),
            raw: None,
            plan,
        };
        let volume = VolumeId(Uuid::from_u128(2));
        let new = NewVolume { volume, size: Bytes(512), content, holds_image };
        let bytes_copied = Bytes(copied);
        let outcome = VolumeOutcome::Done { source: None, rung: Some(rung), bytes_copied };
        done(&VolumeWork::Create(Box::new(new)), &outcome);
    }

    #[test]
    fn ways_are_those_of_volumes_that_were_wanted_and_the_cache_is_hit_or_missed() {
        let counts = Counts::default();
        let _heard = metrics::set_default_local_recorder(&counts);
        let entry = || PlanStep::CloneVolume(VolumeId(Uuid::from_u128(3)));
        made(Rung::HardLink, PlanStep::LinkBase, false, 0);
        // The cache's own volume, the one for which it is made, and one that comes later.
        made(Rung::DownloadAndConvert, PlanStep::CopyImage, true, 100);
        made(Rung::DownloadAndConvert, entry(), false, 0);
        made(Rung::CloneFromCache, entry(), false, 0);
        // Without the cache; and of an image that is kept as a volume.
        made(Rung::DownloadAndConvert, PlanStep::CopyImage, false, 11);
        made(Rung::CloneOfImageVolume, entry(), false, 0);
        let ways = ["hard_link", "copy", "clone_from_cache", "clone_of_image_volume", "reflink"]
            .map(|rung| counts.count(&format!("hatchery_volume_ways_total{{rung=\"{rung}\"}}")));
        assert_eq!(ways, [1, 2, 1, 1, 0]);
        let cache = ["hits", "misses"]
            .map(|which| counts.count(&format!("hatchery_image_volume_cache_{which}_total")));
        assert_eq!(cache, [1, 1]);
        let copied = |order: &str| {
            counts.count(&format!("hatchery_volume_bytes_copied_total{{order=\"{order}\"}}"))
        };
        assert_eq!(copied("create"), 111);
        let restore = VolumeWork::CopyFrom(VolumeId(Uuid::from_u128(2)), Bytes(512), "b".into());
        let outcome = VolumeOutcome::Done { source: None, rung: None, bytes_copied: Bytes(7) };
        done(&restore, &outcome);
        assert_eq!((copied("copy_from"), copied("create")), (7, 111));
    }

    #[test]
    fn a_backend_that_does_not_answer_is_down_and_what_is_not_known_is_0() {
        let counts = Counts::default();
        let _heard = metrics::set_default_local_recorder(&counts);
        let told = || {
            ["up", "capacity_bytes", "free_bytes"].map(|what| {
                counts.gauge(&format!("hatchery_volume_backend_{what}{{backend=\"b\"}}"))
            })
        };
        let mut report = BackendReport {
            backend: "b".into(),
            pool: "p".into(),
            protocol: "file".into(),
            reach: Reach::ServingHosts,
            total: Bytes(100),
            free: Bytes(40),
            target: VolumeTargetFacts {
                file: Some(FileAbilities { hard_link: Ok(()), reflink: Ok(()), free: Bytes(40) }),
                cluster: None,
                clones: Ok(()),
                free: Bytes(40),
                conversion_free: Bytes(40),
            },
            image_cache: None,
            image_volumes: false,
            down: None,
        };
        backend("b", Some(&report));
        assert_eq!(told(), [1.0, 100.0, 40.0]);
        report.down = Some("its folder is gone".into());
        report.free = Bytes(0);
        backend("b", Some(&report));
        assert_eq!(told(), [0.0, 100.0, 0.0]);
        backend("b", None);
        assert_eq!(told(), [0.0, 0.0, 0.0]);
        // A cluster that has not counted yet.
        backend(
            "b",
            Some(&BackendReport { total: Bytes(0), free: Bytes(9), down: None, ..report }),
        );
        assert_eq!(told(), [1.0, 0.0, 0.0]);
    }
}
