//! A pool looked at without a cloud: what lies in its folders, what the pool remembers, and what the disks beside them name as their base.

use crate::clock::SystemClock;
use anyhow::{Context, bail};
use hatchery_api::compute::pool_view;
use hatchery_model::base::{BaseName, BaseStatus, Did, LeaseBook, LeaseHolder};
use hatchery_model::id::{ImageId, ServerId};
use hatchery_model::image::{CatalogImage, CatalogState, DiskFormat, ImageFormat};
use hatchery_model::units::Bytes;
use hatchery_ports::base_leases::BaseLeases;
use hatchery_ports::base_pool::{BasePool, Mark, Pass};
use hatchery_storage::{DiskLeases, FileOwner, FilePool, PoolSettings};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::runtime::Runtime;

/// See the head of this file.
pub struct Files {
    pool: FilePool,
    leases: Option<DiskLeases>,
    runtime: Runtime,
}

impl Files {
    /// Over folders that are there. `owner` is `USER:GROUP`; `None` where nothing is to be made.
    pub fn open(
        cache: &Path,
        images: &Path,
        bases: &[PathBuf],
        owner: Option<&str>,
    ) -> anyhow::Result<Self> {
        for folder in [cache, images].into_iter().chain(bases.iter().map(PathBuf::as_path)) {
            if !folder.is_dir() {
                bail!("there is no folder {}; is it mounted?", folder.display());
            }
        }
        let owner = match owner {
            Some(text) => {
                let (user, group) = text.split_once(':').unwrap_or((text, ""));
                let name = |text| Some(text).filter(|text: &&str| !text.is_empty());
                FileOwner::named(name(user), name(group))
                    .context("--owner names whom bases belong to")?
            }
            None => FileOwner::process(),
        };
        let mut settings = PoolSettings::new(images.to_owned(), cache.to_owned(), owner);
        settings.bases = bases.to_vec();
        // The folders of instances in which the `_base` folders are.
        let instances = bases.iter().filter(|base| base.ends_with("_base"));
        let instances: Vec<PathBuf> =
            instances.filter_map(|base| base.parent()).map(PathBuf::from).collect();
        Ok(Self {
            pool: FilePool::open(settings, Arc::new(SystemClock))?,
            leases: (!instances.is_empty()).then(|| DiskLeases::new(instances)),
            runtime: tokio::runtime::Builder::new_current_thread().enable_all().build()?,
        })
    }

    fn leases(&self) -> anyhow::Result<LeaseBook> {
        match &self.leases {
            Some(leases) => Ok(self.runtime.block_on(leases.list())?),
            None => Ok(LeaseBook::default()),
        }
    }

    fn statuses(&self) -> anyhow::Result<Vec<BaseStatus>> {
        let leases = self.leases()?;
        Ok(self.runtime.block_on(self.pool.list(&leases))?)
    }

    pub fn list(&self) -> anyhow::Result<Value> {
        let bases = self.statuses()?;
        let shown: Vec<Value> = bases.iter().map(|base| pool_view::base(base, None)).collect();
        Ok(json!({"bases": shown}))
    }

    pub fn show(&self, text: &str) -> anyhow::Result<Value> {
        let wanted = named(text)?;
        let found = self.statuses()?.into_iter().find(|base| base.base == wanted);
        let base = found.with_context(|| format!("there is no base {text}"))?;
        Ok(json!({"base": pool_view::base(&base, None)}))
    }

    pub fn verify(&self, text: Option<&str>) -> anyhow::Result<Value> {
        let only = text.map(named).transpose()?;
        let leases = self.leases()?;
        let read = self.pool.scrub(Bytes(u64::MAX), only.as_ref(), &leases);
        let report = self.runtime.block_on(read)?;
        if let (Some(text), 0) = (text, report.looked_at) {
            bail!("there is no base {text}");
        }
        Ok(pool_view::report(report.looked_at, &report.deeds))
    }

    /// Puts right what the pool remembers. Which images there are is not known here, so every image that it remembers counts as there, and
    /// nothing is removed.
    pub fn heal(&self, dry_run: bool) -> anyhow::Result<Value> {
        let leases = self.leases()?;
        let remembered = self.runtime.block_on(self.pool.list(&leases))?;
        let images = remembered.iter().filter_map(image_of).collect();
        let pass = Pass { begun: Mark::default(), images, leases: None, dry_run };
        let mut report = self.runtime.block_on(self.pool.keep(&pass))?;
        for deed in &mut report.deeds {
            // The pool was not told who holds what.
            let concerns = match deed.did {
                Did::Linked | Did::Healed | Did::Failed => deed.servers.is_empty(),
                Did::Quarantined | Did::Removed | Did::LeftAlone => false,
            };
            if concerns {
                deed.servers = servers(&leases, &deed.base);
            }
        }
        Ok(pool_view::report(report.looked_at, &report.deeds))
    }
}

/// The servers whose disks lie on the base.
fn servers(leases: &LeaseBook, base: &BaseName) -> Vec<ServerId> {
    let server = |holder: &LeaseHolder| match holder {
        LeaseHolder::Disk { server, .. } => *server,
        LeaseHolder::Pin { .. } => None,
    };
    let mut servers: Vec<ServerId> =
        leases.of(base).iter().filter_map(|lease| server(&lease.holder)).collect();
    servers.sort();
    servers.dedup();
    servers
}

/// The image of a base as it must have been; `None` where not enough is known of it to judge bytes by.
fn image_of(base: &BaseStatus) -> Option<CatalogImage> {
    Some(CatalogImage {
        id: base.image?,
        state: CatalogState::Active,
        format: base.format.map(|format| match format {
            ImageFormat::Raw => DiskFormat::Raw,
            ImageFormat::Qcow2 => DiskFormat::Qcow2,
        }),
        size: Some(base.size),
        digest: Some(base.digest.clone()?),
        raw: None,
    })
}

fn named(text: &str) -> anyhow::Result<BaseName> {
    if let Some(base) = BaseName::parse(text) {
        return Ok(base);
    }
    let image: Result<ImageId, _> = text.parse();
    let image = image.with_context(|| {
        format!(
            "{text:?} names no base; give an image's id, or the 40 hex digits that a base is called"
        )
    })?;
    Ok(BaseName::of(image))
}
