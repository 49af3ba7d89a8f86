//! Says how the disk of a server would be made, on each host: the planner's very value, without making anything.

use crate::error::Error;
use crate::policy;
use crate::scheduler::{PlaceRequest, SchedulerSettings, candidates, image_facts};
use hatchery_model::base::KnownBaseState;
use hatchery_model::caller::Caller;
use hatchery_model::compute::{Flavor, HostFacts};
use hatchery_model::id::{FlavorId, HostName};
use hatchery_model::image::Image;
use hatchery_model::page::Page;
use hatchery_model::provision::{Backing, Plan, Refusal, plan};
use hatchery_model::units::Bytes;
use hatchery_ports::clock::Clock;
use hatchery_ports::store::{ImageFilter, Store, UnitOfWork};
use std::sync::Arc;

/// `hatchery explain`
pub struct Explain {
    /// The database.
    pub store: Arc<dyn Store>,
    /// Time of day.
    pub clock: Arc<dyn Clock>,
    /// What the operator has set.
    pub settings: SchedulerSettings,
}

/// How a server's disk would be made.
#[derive(Clone, PartialEq, Debug)]
pub struct Explanation {
    /// The image.
    pub image: Image,
    /// The flavor.
    pub flavor: Flavor,
    /// Size of the disk that the guest would see.
    pub disk: Bytes,
    /// Host by host, by name.
    pub hosts: Vec<HostExplanation>,
}

/// How it would be made on one host.
#[derive(Clone, PartialEq, Debug)]
pub struct HostExplanation {
    /// The host.
    pub host: HostName,
    /// The scheduler's filter that keeps the server away from it, if one does.
    pub refused_by: Option<&'static str>,
    /// Where the host keeps disks.
    pub backing: Backing,
    /// The plan that an agent would execute; or why no way is left.
    pub plan: Result<Plan, Vec<Refusal>>,
}

impl Explain {
    /// Explains for an image and a flavor, each by id or name. Administrators only.
    ///
    /// `NotFound`; `Conflict` when several images have the name; `Invalid` when the image has no data.
    pub async fn run(
        &self,
        caller: &Caller,
        image: &str,
        flavor: &str,
    ) -> Result<Explanation, Error> {
        policy::admin(caller, "hatchery:explain")?;
        let mut uow = self.store.read().await?;
        let image = find_image(&mut *uow, image).await?;
        let flavor = find_flavor(&mut *uow, flavor).await?;
        let hosts = uow.hosts().list().await?;
        let bases = uow.host_bases().list(Some(image.id), None).await?;
        let cached = bases.into_iter().filter(|base| base.state == KnownBaseState::Cached);
        let facts = HostFacts {
            aggregates: uow.aggregates().list().await?,
            with_base: cached.map(|base| base.host).collect(),
        };
        drop(uow);
        let request = PlaceRequest::new(&flavor, &image)
            .ok_or_else(|| Error::Invalid(format!("Image {} has no data yet.", image.id)))?;
        let facts_of_image = image.content().map(image_facts);
        let planned = |target| match &facts_of_image {
            Some(facts) => plan(facts, target, None, request.disk),
            None => Err(Vec::new()),
        };
        let judged = candidates(&hosts, &facts, &request, &self.settings, self.clock.now());
        let hosts = judged
            .into_iter()
            .map(|candidate| HostExplanation {
                host: candidate.host.name.clone(),
                refused_by: candidate.refused_by,
                backing: candidate.host.target.backing.clone(),
                plan: planned(&candidate.host.target),
            })
            .collect();
        Ok(Explanation { image, flavor, disk: request.disk, hosts })
    }
}

/// An image by id or name. `NotFound`; `Conflict` when several have the name.
pub(crate) async fn find_image(uow: &mut dyn UnitOfWork, text: &str) -> Result<Image, Error> {
    if let Ok(id) = text.parse()
        && let Some(image) = uow.images().find(id).await?
    {
        return Ok(image);
    }
    let filter = ImageFilter { name: Some(text.to_owned()), ..ImageFilter::default() };
    let mut named = uow.images().list(&filter, &Page::default()).await?;
    match (named.pop(), named.is_empty()) {
        (Some(image), true) => Ok(image),
        (Some(_), false) => {
            Err(Error::Conflict(format!("Several images are named {text}; give the id of one.")))
        }
        (None, _) => Err(Error::not_found("Image", text)),
    }
}

async fn find_flavor(uow: &mut dyn UnitOfWork, text: &str) -> Result<Flavor, Error> {
    if let Some(flavor) = uow.flavors().find(&FlavorId::from(text)).await? {
        return Ok(flavor);
    }
    let all = uow.flavors().list().await?;
    all.into_iter()
        .find(|flavor| flavor.name == text)
        .ok_or_else(|| Error::not_found("Flavor", text))
}
