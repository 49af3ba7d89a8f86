//! `clouds.yaml`: where it is looked for, and what `secure.yaml` and a profile add to an entry.

use super::Environment;
use crate::error::OpenstackError;
use serde_json::{Map, Value};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Bytes of such a file.
const LONGEST: u64 = 1 << 20;

/// Where the files may be.
#[derive(Clone, Debug)]
pub struct CloudFiles {
    clouds: Vec<PathBuf>,
    secure: Vec<PathBuf>,
    profiles: Vec<PathBuf>,
}

impl CloudFiles {
    /// The usual places: the file that a variable names, the working folder, `~/.config/openstack`, `/etc/openstack`.
    pub fn usual(environment: &Environment, working_folder: &Path) -> Self {
        let mut folders = vec![working_folder.to_owned()];
        let home = environment.get("HOME").map(|home| Path::new(home).join(".config"));
        let config = environment.get("XDG_CONFIG_HOME").filter(|path| !path.is_empty());
        folders.extend(config.map(PathBuf::from).or(home).map(|path| path.join("openstack")));
        folders.push(PathBuf::from("/etc/xdg/openstack"));
        folders.push(PathBuf::from("/etc/openstack"));
        let places = |variable: &str, stem: &str| {
            let named = environment.get(variable).filter(|path| !path.is_empty());
            let mut paths: Vec<PathBuf> = named.map(PathBuf::from).into_iter().collect();
            for folder in &folders {
                paths.extend(
                    ["yaml", "yml", "json"].map(|end| folder.join(format!("{stem}.{end}"))),
                );
            }
            paths
        };
        Self {
            clouds: places("OS_CLIENT_CONFIG_FILE", "clouds"),
            secure: places("OS_CLIENT_SECURE_FILE", "secure"),
            profiles: places("OS_CLIENT_VENDOR_FILE", "clouds-public"),
        }
    }

    /// The entry of that name; without a name, the only entry. `None`: there is no file, and no name was given.
    pub fn entry(&self, name: Option<&str>) -> Result<Option<Map<String, Value>>, OpenstackError> {
        let Some((path, file)) = first(&self.clouds)? else {
            return name.map_or(Ok(None), |name| {
                Err(OpenstackError::Invalid(format!(
                    "OS_CLOUD names {name}, and there is no clouds.yaml in any of the usual places; \
                     set OS_CLIENT_CONFIG_FILE to its path"
                )))
            });
        };
        let clouds = file.get("clouds").and_then(Value::as_object).ok_or_else(|| {
            OpenstackError::Invalid(format!("{} has no section \"clouds\"", path.display()))
        })?;
        let names: Vec<&str> = clouds.keys().map(String::as_str).collect();
        let name = match (name, &names[..]) {
            (Some(name), _) => name,
            (None, [only]) => only,
            (None, _) => {
                return Err(OpenstackError::Invalid(format!(
                    "{} has several clouds; set OS_CLOUD to one of: {}",
                    path.display(),
                    names.join(", ")
                )));
            }
        };
        let entry = clouds.get(name).and_then(Value::as_object).cloned().ok_or_else(|| {
            OpenstackError::Invalid(format!(
                "{} has no cloud {name}; it has: {}",
                path.display(),
                names.join(", ")
            ))
        })?;
        let mut whole = self.profile(&entry)?;
        merge(&mut whole, &entry);
        if let Some((_, secure)) = first(&self.secure)?
            && let Some(more) = secure.get("clouds").and_then(|clouds| clouds.get(name))
            && let Some(more) = more.as_object()
        {
            merge(&mut whole, more);
        }
        Ok(Some(whole))
    }

    /// What the profile that an entry names says, for what the entry leaves open.
    fn profile(&self, entry: &Map<String, Value>) -> Result<Map<String, Value>, OpenstackError> {
        let name = entry.get("profile").or_else(|| entry.get("cloud")).and_then(Value::as_str);
        let Some(name) = name else {
            return Ok(Map::new());
        };
        let found = first(&self.profiles)?;
        let profile = found.as_ref().and_then(|(_, file)| file.get("public-clouds")?.get(name));
        profile.and_then(Value::as_object).cloned().ok_or_else(|| {
            OpenstackError::Invalid(format!(
                "the profile {name} is in no clouds-public.yaml; write its auth_url into clouds.yaml instead"
            ))
        })
    }
}

/// The first of the files that is there.
fn first(paths: &[PathBuf]) -> Result<Option<(&PathBuf, Value)>, OpenstackError> {
    for path in paths {
        let refused = |why: String| {
            OpenstackError::Invalid(format!("{} cannot be read: {why}", path.display()))
        };
        let text = match fs::metadata(path) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(refused(error.to_string())),
            Ok(found) if found.len() > LONGEST => return Err(refused("too long".to_owned())),
            Ok(_) => fs::read_to_string(path).map_err(|error| refused(error.to_string()))?,
        };
        // The parser's message quotes lines of the file, which may be a password.
        let value = serde_saphyr::from_str(&text).map_err(|error| {
            let place =
                error.location().map_or(String::new(), |at| format!(", line {}", at.line()));
            refused(format!("not YAML{place}"))
        })?;
        return Ok(Some((path, value)));
    }
    Ok(None)
}

/// Lays `over` over `under`: objects are merged, everything else is replaced.
fn merge(under: &mut Map<String, Value>, over: &Map<String, Value>) {
    for (key, value) in over {
        match (under.get_mut(key), value) {
            (Some(Value::Object(under)), Value::Object(over)) => merge(under, over),
            _ => {
                under.insert(key.clone(), value.clone());
            }
        }
    }
}
