//! Lists images. What the store can filter by, it filters; the rest is left out here, page by page.

use crate::error::Error;
use crate::policy;
use hatchery_model::caller::{Caller, Scope};
use hatchery_model::id::{ImageId, ProjectId};
use hatchery_model::image::{ContainerFormat, DiskFormat, Image, Visibility};
use hatchery_model::page::Page;
use hatchery_model::timestamp::Timestamp;
use hatchery_ports::store::{ImageFilter, Store};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// Rows read at once when some of them will be left out.
const BATCH: u32 = 200;
/// States that a listing shows: an image that is going is gone for the user.
const LISTED: [&str; 4] = ["queued", "saving", "active", "deactivated"];

/// Which images. Everything that is given has to hold.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct ImageQuery {
    pub owner: Option<ProjectId>,
    pub visibility: VisibilityWanted,
    pub hidden: bool,
    /// With one of these names.
    pub names: Option<Vec<String>>,
    pub ids: Option<Vec<ImageId>>,
    /// With one of these states, in Glance's words.
    pub statuses: Option<Vec<String>>,
    pub disk_formats: Option<Vec<Option<DiskFormat>>>,
    pub container_formats: Option<Vec<Option<ContainerFormat>>>,
    pub protected: Option<bool>,
    pub checksum: Option<String>,
    pub hash: Option<String>,
    pub tags: Vec<String>,
    pub properties: BTreeMap<String, String>,
    pub size_min: Option<u64>,
    pub size_max: Option<u64>,
    pub min_disk_gib: Option<u64>,
    pub min_ram_mib: Option<u64>,
    pub created: Option<Moment>,
    pub updated: Option<Moment>,
}

/// Which visibilities a listing shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum VisibilityWanted {
    /// All that the caller sees, others' community images excepted.
    #[default]
    Usual,
    /// All that the caller sees.
    All,
    /// This one.
    Only(Visibility),
}

/// A point in time, and where an image's has to be: `Less` before, `Greater` after, both with or without equality.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// The orders (of the image's time to `at`) that fit.
    pub fitting: [Option<Ordering>; 2],
    /// The point.
    pub at: Timestamp,
}

impl Moment {
    fn fits(self, time: Timestamp) -> bool {
        // Users see whole seconds, and compare with what they see.
        let order = time.seconds().cmp(&self.at.seconds());
        self.fitting.contains(&Some(order))
    }
}

/// A page of the images that the caller sees and the query wants. `Invalid` when the page's marker is none of the caller's images.
pub(super) async fn list_images(
    store: &dyn Store,
    caller: &Caller,
    query: &ImageQuery,
    page: &Page,
) -> Result<Vec<Image>, Error> {
    if !caller.is_admin() {
        match caller.scope {
            Scope::Project { .. } => {}
            Scope::Unscoped | Scope::Domain(_) | Scope::System => return Ok(Vec::new()),
        }
        policy::reader_project(caller, "get_images")?;
    }
    let Some(filter) = filter(caller, query) else {
        return Ok(Vec::new());
    };
    let mut uow = store.read().await?;
    if let Some(marker) = &page.marker {
        let id = marker.parse().ok();
        let found = match id {
            Some(id) => uow.images().find(id).await?,
            None => None,
        };
        if !found.is_some_and(|image| super::access::may_see(caller, &image)) {
            return Err(Error::Invalid(format!(
                "The marker {marker} is not an image; give the id of the last one of the page before."
            )));
        }
    }
    let wanted = page.limit.map_or(usize::MAX, |limit| limit as usize);
    let mut found = Vec::new();
    let mut next = Page { limit: Some(page.limit.unwrap_or(BATCH).max(BATCH)), ..page.clone() };
    while found.len() < wanted {
        let batch = uow.images().list(&filter, &next).await?;
        let Some(last) = batch.last() else { break };
        next.marker = Some(last.id.to_string());
        let is_last = next.limit.is_some_and(|limit| batch.len() < limit as usize);
        found.extend(
            batch.into_iter().filter(|image| fits(caller, query, image)).take(wanted - found.len()),
        );
        if is_last {
            break;
        }
    }
    Ok(found)
}

/// What the store can tell apart; `None` when nothing can fit.
fn filter(caller: &Caller, query: &ImageQuery) -> Option<ImageFilter> {
    let statuses = match &query.statuses {
        None => LISTED.to_vec(),
        Some(wanted) => {
            let known = |status: &&str| wanted.iter().any(|one| one == status);
            let known: Vec<_> = LISTED.iter().copied().filter(known).collect();
            if known.is_empty() {
                return None;
            }
            known
        }
    };
    let own_and_public = match query.visibility {
        VisibilityWanted::Usual => true,
        VisibilityWanted::All => false,
        VisibilityWanted::Only(visibility) => visibility != Visibility::Community,
    };
    Some(ImageFilter {
        seen_by: match caller.project() {
            Some(project) if own_and_public && !caller.is_admin() => Some(project.clone()),
            _ => None,
        },
        owner: query.owner.clone(),
        name: match query.names.as_deref() {
            Some([name]) => Some(name.clone()),
            _ => None,
        },
        ids: query.ids.clone(),
        visibility: match query.visibility {
            VisibilityWanted::Only(visibility) => Some(visibility),
            VisibilityWanted::Usual | VisibilityWanted::All => None,
        },
        statuses,
        size: None,
        raw_sha512: None,
        tags: query.tags.clone(),
        properties: query.properties.clone(),
        hidden: Some(query.hidden),
    })
}

/// What the store did not look at.
fn fits(caller: &Caller, query: &ImageQuery, image: &Image) -> bool {
    let content = image.content();
    let others_community = image.visibility == Visibility::Community
        && caller.project() != Some(&image.owner)
        && query.visibility == VisibilityWanted::Usual;
    super::access::may_see(caller, image)
        && !others_community
        && one_of(&query.names, |name| Some(name) == image.name.as_ref())
        && one_of(&query.disk_formats, |format| *format == image.disk_format)
        && one_of(&query.container_formats, |format| *format == image.container_format)
        && query.protected.is_none_or(|wanted| wanted == image.protected)
        && equal(&query.checksum, content.map(|content| &content.md5))
        && equal(&query.hash, content.map(|content| &content.sha512))
        && query.size_min.is_none_or(|min| content.is_some_and(|content| content.size.0 >= min))
        && query.size_max.is_none_or(|max| content.is_some_and(|content| content.size.0 <= max))
        && query.min_disk_gib.is_none_or(|gib| gib == image.min_disk_gib)
        && query.min_ram_mib.is_none_or(|mib| mib == image.min_ram_mib)
        && query.created.is_none_or(|moment| moment.fits(image.created_at))
        && query.updated.is_none_or(|moment| moment.fits(image.updated_at))
}

fn one_of<T>(wanted: &Option<Vec<T>>, is_it: impl Fn(&T) -> bool) -> bool {
    wanted.as_ref().is_none_or(|wanted| wanted.iter().any(is_it))
}

fn equal(wanted: &Option<String>, value: Option<&String>) -> bool {
    wanted.as_ref().is_none_or(|wanted| Some(wanted) == value)
}
