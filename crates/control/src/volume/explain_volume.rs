//! Says how a volume of an image would be made, on each backend: the planner's very value, without making anything.

use super::image_cache::{Cached, expect};
use super::origin::Origin;
use super::placement::{self, Need};
use super::request::VolumeSource;
use super::services::disabled_backends;
use super::types::usable_type;
use super::verbs::VolumeVerbs;
use crate::compute::find_image;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::id::ImageId;
use hatchery_model::provision::{Plan, Refusal};
use hatchery_model::units::Bytes;
use hatchery_model::volume::{BackendName, VolumeType};

/// How a volume of an image would be made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct VolumeExplanation {
    /// The image.
    pub image: ImageId,
    /// The type.
    pub volume_type: VolumeType,
    /// Its size in GiB.
    pub size_gib: u64,
    /// The backend that would be chosen. `None`: no backend takes it.
    pub chosen: Option<BackendName>,
    /// Backend by backend, by host and name.
    pub backends: Vec<BackendExplanation>,
}

/// How it would be made on one backend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BackendExplanation {
    /// The backend.
    pub backend: BackendName,
    /// What keeps new volumes of this size and type away from it, if something does.
    pub refused_by: Option<String>,
    /// The plan; or why no way is left.
    pub plan: Result<Plan, Vec<Refusal>>,
    /// Whether the image would be brought into the backend's cache for it: the images that would have to leave, or why not. `None`: there is nothing
    /// to be brought in.
    pub fill: Option<Result<Vec<ImageId>, String>>,
}

impl VolumeVerbs {
    /// Explains for an image, by id or name, a type (`None`: the default) and a size in GiB. Administrators only.
    ///
    /// `NotFound`; `Conflict` when several images have the name; `Invalid` when the image has no data or does not fit.
    pub async fn explain_volume(
        &self,
        caller: &Caller,
        image: &str,
        volume_type: Option<&str>,
        size_gib: u64,
    ) -> Result<VolumeExplanation, Error> {
        policy::admin(caller, "hatchery:explain")?;
        let (settings, now) = (&self.ports.settings, self.ports.clock.now());
        let mut uow = self.ports.store.read().await?;
        let id = find_image(&mut *uow, image).await?.id;
        let origin = Origin::find(&mut *uow, caller, VolumeSource::Image(id)).await?;
        let size_gib = origin.size_gib(Some(size_gib))?;
        let volume_type = usable_type(&mut *uow, settings, caller, volume_type).await?;
        let Origin::Image(_, content) = &origin else {
            return Err(Error::not_found("Image", image));
        };
        let (cached, facts) = (
            Cached::find(&mut *uow, &self.ports.settings, (id, content)).await?,
            origin.image_facts(),
        );
        let disabled = disabled_backends(&mut *uow).await?;
        let need = Need {
            size: Bytes::from_gib(size_gib),
            volume_type: &volume_type,
            image: facts.as_ref(),
            cached: &cached,
            used_from: None,
            disabled: &disabled,
        };
        let hosts = uow.hosts().list().await?;
        let chosen = placement::choose(&hosts, &need, settings, now).ok();
        let mut backends = Vec::new();
        for judged in placement::judge_all(&hosts, &need, settings, now) {
            let plan = judged.plan.unwrap_or_else(|| Err(Vec::new()));
            let fill = match (&plan, judged.cache) {
                (Ok(plan), Some(bounds)) => {
                    expect(&mut *uow, (&judged.backend, bounds), plan, (id, content)).await?
                }
                (Ok(_), None) | (Err(_), _) => None,
            };
            let refused_by = judged.refused_by;
            backends.push(BackendExplanation { backend: judged.backend, refused_by, plan, fill });
        }
        backends.sort_by(|one, other| one.backend.cmp(&other.backend));
        let chosen = chosen.map(|placed| placed.backend);
        Ok(VolumeExplanation { image: id, volume_type, size_gib, chosen, backends })
    }
}
