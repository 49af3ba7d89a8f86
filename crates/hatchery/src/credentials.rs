//! The administrator's password, and the two files that clients read it from.

use crate::state_dir::{StateDir, write_private};
use anyhow::Context;
use hatchery_ports::entropy::Entropy;
use std::fs;

/// How to reach a cloud as its administrator.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// Keystone's address.
    pub auth_url: String,
    /// The password.
    pub password: String,
}

/// The password of this state folder: made once, before anything uses it.
pub fn password(state: &StateDir, entropy: &dyn Entropy) -> anyhow::Result<String> {
    let path = state.join("admin-password");
    match fs::read_to_string(&path) {
        Ok(text) if !text.trim().is_empty() => return Ok(text.trim().to_owned()),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(|| format!("{} cannot be read", path.display()));
        }
        Ok(_) | Err(_) => {}
    }
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    let password: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    write_private(&path, &format!("{password}\n"))?;
    Ok(password)
}

/// Writes `openrc` and `clouds.yaml`.
pub fn publish(state: &StateDir, credentials: &Credentials) -> anyhow::Result<()> {
    write_private(&state.join("openrc"), &openrc(credentials))?;
    write_private(&state.join("clouds.yaml"), &clouds_yaml(credentials))
}

fn openrc(credentials: &Credentials) -> String {
    format!(
        "export OS_AUTH_URL={url}\n\
         export OS_USERNAME=admin\n\
         export OS_PASSWORD={password}\n\
         export OS_PROJECT_NAME=admin\n\
         export OS_USER_DOMAIN_NAME=Default\n\
         export OS_PROJECT_DOMAIN_NAME=Default\n\
         export OS_REGION_NAME=RegionOne\n\
         export OS_INTERFACE=public\n\
         export OS_IDENTITY_API_VERSION=3\n",
        url = credentials.auth_url,
        password = credentials.password
    )
}

fn clouds_yaml(credentials: &Credentials) -> String {
    format!(
        "clouds:\n\
         \x20 hatchery:\n\
         \x20   region_name: RegionOne\n\
         \x20   interface: public\n\
         \x20   identity_api_version: 3\n\
         \x20   auth:\n\
         \x20     auth_url: {url}\n\
         \x20     username: admin\n\
         \x20     password: {password}\n\
         \x20     project_name: admin\n\
         \x20     user_domain_name: Default\n\
         \x20     project_domain_name: Default\n",
        url = credentials.auth_url,
        password = credentials.password
    )
}

/// Reads how to reach a cloud: the usual `OS_*` variables, else the state folder's `openrc`.
pub fn find(state: &StateDir) -> anyhow::Result<Credentials> {
    if let (Ok(auth_url), Ok(password)) =
        (std::env::var("OS_AUTH_URL"), std::env::var("OS_PASSWORD"))
    {
        return Ok(Credentials { auth_url, password });
    }
    let path = state.join("openrc");
    let text = fs::read_to_string(&path).with_context(|| {
        format!(
            "{} cannot be read: start the cloud with `hatchery up`, give its --state, or set OS_AUTH_URL and OS_PASSWORD",
            path.display()
        )
    })?;
    let value = |name: &str| {
        let prefix = format!("export {name}=");
        let line = text.lines().find_map(|line| line.strip_prefix(&prefix));
        line.map(str::to_owned).with_context(|| format!("{} does not set {name}", path.display()))
    };
    Ok(Credentials { auth_url: value("OS_AUTH_URL")?, password: value("OS_PASSWORD")? })
}

#[cfg(test)]
mod tests {
    use super::{Credentials, find, password, publish};
    use crate::entropy::SystemEntropy;
    use crate::state_dir::StateDir;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_password_is_made_once_and_kept_private() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path()).unwrap();
        let first = password(&state, &SystemEntropy).unwrap();
        assert_eq!(first.len(), 32);
        assert_eq!(password(&state, &SystemEntropy).unwrap(), first);

        let credentials = Credentials {
            auth_url: "http://127.0.0.1:5000/identity".into(),
            password: first.clone(),
        };
        publish(&state, &credentials).unwrap();
        for name in ["openrc", "clouds.yaml", "admin-password"] {
            let mode = std::fs::metadata(state.join(name)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
        assert_eq!(find(&state).unwrap().password, first);
    }
}
