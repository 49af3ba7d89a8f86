//! Where this host's volumes live.

use crate::config::{Backend, Config};
use crate::state_dir::StateDir;
use anyhow::{Context, bail};
use hatchery_model::image::ImageFormat;
use hatchery_ports::volume_backend::VolumeBackend;
use hatchery_storage::{FileOwner, FileVolumeBackend, FileVolumeSettings};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The backends that `enabled_backends` names. Files lie in the pool's image store already.
pub fn all(
    state: &StateDir,
    config: &Config,
    owner: FileOwner,
) -> anyhow::Result<BTreeMap<String, Arc<dyn VolumeBackend>>> {
    let mut backends: BTreeMap<String, Arc<dyn VolumeBackend>> = BTreeMap::new();
    for (section, set) in &config.backends {
        let backend: Arc<dyn VolumeBackend> = match set.volume_driver.as_str() {
            "file" => Arc::new(file(state, section, set, owner)?),
            other => bail!("[{section}] volume_driver is '{other}': choose file"),
        };
        backends.insert(section.clone(), backend);
    }
    Ok(backends)
}

fn file(
    state: &StateDir,
    section: &str,
    set: &Backend,
    owner: FileOwner,
) -> anyhow::Result<FileVolumeBackend> {
    let format = match set.file_format.as_str() {
        "qcow2" => ImageFormat::Qcow2,
        "raw" => ImageFormat::Raw,
        other => bail!("[{section}] file_format is '{other}': choose qcow2 or raw"),
    };
    let folder = if set.file_folder.as_os_str().is_empty() {
        let all = state.join("volumes");
        std::fs::create_dir_all(&all)
            .with_context(|| format!("the folder {} cannot be made", all.display()))?;
        all.join(section)
    } else {
        set.file_folder.clone()
    };
    let settings = FileVolumeSettings {
        backend: section.to_owned(),
        pool: set.pool(section),
        images: state.join("pool"),
        folder: folder.clone(),
        owner,
        format,
    };
    FileVolumeBackend::new(settings).with_context(|| {
        format!("the backend [{section}] does not start with the folder {}", folder.display())
    })
}
