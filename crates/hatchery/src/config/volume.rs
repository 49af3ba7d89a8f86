//! Where volumes live: Cinder's `enabled_backends`, and a group for each.

use super::Config;
use anyhow::{Context, bail};
use figment::Figment;
use figment::value::Value;
use serde::{Deserialize, Deserializer, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The backend of a cloud in which nothing was set.
pub const FIRST: &str = "file";

/// The group of a backend.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Backend {
    /// `file`.
    pub volume_driver: String,
    /// What volume types choose it by; the group's name if empty. Backends may share it.
    pub volume_backend_name: String,
    /// Of `file`: folder of the volumes; `volumes/<group>` in the state folder if empty.
    pub file_folder: PathBuf,
    /// Of `file`: `qcow2` or `raw`, for volumes that are made of nothing.
    pub file_format: String,
}

impl Default for Backend {
    fn default() -> Self {
        Self {
            volume_driver: "file".into(),
            volume_backend_name: String::new(),
            file_folder: PathBuf::new(),
            file_format: "qcow2".into(),
        }
    }
}

impl Backend {
    /// What volume types choose it by.
    pub fn pool(&self, group: &str) -> String {
        match self.volume_backend_name.as_str() {
            "" => group.to_owned(),
            name => name.to_owned(),
        }
    }
}

/// Reads a list of names, or a text with commas between them, as OpenStack's files have it.
pub fn names<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Names {
        List(Vec<String>),
        Text(String),
    }
    Ok(match Names::deserialize(from)? {
        Names::List(names) => names,
        Names::Text(text) => text
            .split(',')
            .map(|name| name.trim().to_owned())
            .filter(|name| !name.is_empty())
            .collect(),
    })
}

/// The names of all groups but the backends'.
pub fn groups() -> anyhow::Result<Vec<String>> {
    let all = Value::serialize(Config::default()).context("the built-in settings have no form")?;
    Ok(all.into_dict().unwrap_or_default().into_keys().collect())
}

/// The groups of the backends.
pub fn backends(
    figment: &Figment,
    enabled: &[String],
) -> anyhow::Result<BTreeMap<String, Backend>> {
    let known = groups()?;
    let mut backends = BTreeMap::new();
    for name in enabled {
        if known.contains(name) {
            bail!(
                "[DEFAULT] enabled_backends has '{name}', which is a group of other settings: choose another name"
            );
        }
        if name.contains(['@', '#', '/']) {
            bail!(
                "[DEFAULT] enabled_backends has '{name}': a volume's host is host@backend#pool, so a name has none of @, # and /"
            );
        }
        let backend = match figment.find_value(name) {
            Ok(_) => figment
                .extract_inner(name)
                .with_context(|| format!("the settings in [{name}] cannot be read"))?,
            Err(_) if name == FIRST => Backend::default(),
            Err(_) => bail!(
                "[DEFAULT] enabled_backends has '{name}', and there is no group [{name}]: write one with its volume_driver"
            ),
        };
        backends.insert(name.clone(), backend);
    }
    Ok(backends)
}

#[cfg(test)]
mod tests {
    use crate::config::read;
    use std::fs;
    use std::path::Path;

    #[test]
    fn each_enabled_backend_has_its_group() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hatchery.toml");
        let none = read(None, &path).unwrap();
        assert_eq!(none.backends.keys().collect::<Vec<_>>(), ["file"]);
        assert_eq!(none.backends["file"].pool("file"), "file");

        let write = |text: &str| fs::write(&path, text).unwrap();
        write(
            "[DEFAULT]\nenabled_backends = \"fast, slow\"\n\
             [fast]\nvolume_driver = \"file\"\nvolume_backend_name = \"ssd\"\n\
             [slow]\nfile_folder = \"/srv/slow\"\nfile_format = \"raw\"\n",
        );
        let two = read(None, &path).unwrap();
        assert_eq!(two.default.enabled_backends, ["fast", "slow"]);
        assert_eq!(two.backends["fast"].pool("fast"), "ssd");
        assert_eq!(two.backends["slow"].file_folder, Path::new("/srv/slow"));

        for (text, why) in [
            ("[DEFAULT]\nenabled_backends = [\"ceph\"]\n", "no group [ceph]"),
            ("[DEFAULT]\nenabled_backends = [\"qemu\"]\n", "group of other settings"),
            ("[DEFAULT]\nenabled_backends = [\"a@b\"]\n", "host@backend#pool"),
            ("[file]\nfolder = \"/x\"\n", "unknown field: found `folder`"),
            ("[DEFAULT]\nenabled_backends = []\n[file]\n", "no group [file]"),
        ] {
            write(text);
            let error = format!("{:#}", read(None, &path).unwrap_err());
            assert!(error.contains(why), "{error}");
        }
    }
}
