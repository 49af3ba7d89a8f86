//! The wires of `hatchery warm`: an existing cloud's images, a pool on files, the leases of its disks.

use crate::clock::SystemClock;
use crate::commands::warm::{Convert, Elsewhere, Parts, Resets, WarmArgs};
use anyhow::{Context, bail};
use futures_util::stream::{BoxStream, SelectAll};
use hatchery_bus::{GlanceNews, GlanceNewsSettings, TransportUrl};
use hatchery_model::units::Bytes;
use hatchery_openstack::{
    CloudFiles, Credentials, Environment, GlanceCatalog, NovaServers, Session, TimeLimits,
};
use hatchery_ports::base_leases::BaseLeases;
use hatchery_ports::image_catalog::{ImageHint, ImageNews};
use hatchery_storage::{DiskLeases, FileOwner, FilePool, OtherFilesystem, PoolSettings, PoolWatch};
use std::sync::Arc;
use std::time::Duration;

/// Everything that keeps a pool, and whoever tells of images. Must be called in a runtime.
pub fn parts(args: &WarmArgs) -> anyhow::Result<(Parts, SelectAll<BoxStream<'static, ImageHint>>)> {
    let session = Arc::new(session()?);
    let settings = pool_settings(args)?;
    let names = std::iter::once(settings.cache.clone()).chain(settings.bases.clone()).collect();
    let watch = PoolWatch::new(settings.images.clone(), names);
    let pool = FilePool::open(settings, Arc::new(SystemClock))?;
    let resets = args.reset_state.then(|| Resets::new(NovaServers::new(Arc::clone(&session))));
    let catalog = Arc::new(GlanceCatalog::new(session));
    let parts = Parts::new(catalog, leases(args)?, Arc::new(pool), resets, args.dry_run);
    let mut news = SelectAll::new();
    if !args.once {
        news.push(watch.hints());
    }
    if let Some(url) = args.notifications.as_ref().filter(|_| !args.once) {
        let url: TransportUrl = url.parse()?;
        news.push(GlanceNews::new(GlanceNewsSettings::new(url)).hints());
    }
    Ok((parts, news))
}

fn session() -> anyhow::Result<Session> {
    let environment: Environment = std::env::vars().collect();
    let here = std::env::current_dir().unwrap_or_default();
    let files = CloudFiles::usual(&environment, &here);
    let credentials = Credentials::find(&environment, &files)?;
    Ok(Session::new(credentials, TimeLimits::default(), Arc::new(SystemClock))?)
}

fn pool_settings(args: &WarmArgs) -> anyhow::Result<PoolSettings> {
    if args.dry_run {
        for folder in std::iter::once(&args.cache).chain(&args.bases) {
            if !folder.is_dir() {
                bail!("there is no folder {}, and a dry run makes none", folder.display());
            }
        }
    }
    let (user, group) = match args.owner.split_once(':') {
        Some((user, group)) => (user, Some(group).filter(|group| !group.is_empty())),
        None => (args.owner.as_str(), None),
    };
    let owner = FileOwner::named(Some(user).filter(|user| !user.is_empty()), group)
        .context("--owner names whom bases belong to")?;
    let mut settings = PoolSettings::new(args.images.clone(), args.cache.clone(), owner);
    settings.bases.clone_from(&args.bases);
    settings.mode = args.mode;
    settings.other_filesystem = match args.other_filesystem {
        Elsewhere::Refuse => OtherFilesystem::Refuse,
        Elsewhere::Reflink => OtherFilesystem::Reflink,
        Elsewhere::Copy => OtherFilesystem::Copy,
    };
    settings.force_raw = args.convert == Some(Convert::Raw);
    settings.remove_unused = args.remove_unused_base_images;
    settings.minimum_age = Duration::from_secs(args.remove_unused_original_minimum_age_seconds);
    settings.max_bytes = (args.max_size_gb > 0).then(|| Bytes::from_gib(args.max_size_gb));
    settings.max_count = (args.max_count > 0).then_some(args.max_count);
    settings.remember_servers = args.reset_state;
    settings.read_only = args.dry_run;
    if let Some(state) = &args.state {
        settings.state.clone_from(state);
    }
    Ok(settings)
}

/// The disks within sight, and what others who keep this cache have written down of theirs.
fn leases(args: &WarmArgs) -> anyhow::Result<Option<Arc<dyn BaseLeases>>> {
    let instances = args.instances();
    if instances.is_empty() {
        tracing::warn!(
            "no --instances and no --base is given, so nobody knows which bases are in use: nothing is removed"
        );
        return Ok(None);
    }
    let host = nix::unistd::gethostname().context("this host's name cannot be read")?;
    let leases = DiskLeases::new(instances).shared(&args.cache, &host.to_string_lossy());
    let leases = if args.dry_run { leases.read_only() } else { leases };
    Ok(Some(Arc::new(leases)))
}
