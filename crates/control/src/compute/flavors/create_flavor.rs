//! Makes a flavor.

use super::FlavorVerbs;
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::compute::Flavor;
use hatchery_model::id::FlavorId;
use hatchery_ports::entropy::random_uuid;
use std::collections::BTreeMap;

/// Largest value that Nova's columns hold.
const MAX: u64 = 0x7FFF_FFFF;

/// A flavor that is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewFlavor {
    /// `None` (`auto`): a random one.
    pub id: Option<FlavorId>,
    /// Unique.
    pub name: String,
    /// At least 1.
    pub vcpus: u32,
    /// At least 1.
    pub memory_mib: u64,
    /// 0: as large as the image.
    pub root_gib: u64,
    /// 0: none.
    pub ephemeral_gib: u64,
    /// 0: none.
    pub swap_mib: u64,
    /// 100 for a factor of 1.0.
    pub rxtx_factor_percent: u32,
    /// Whether everyone sees it.
    pub is_public: bool,
    /// Free text (2.55).
    pub description: Option<String>,
}

impl FlavorVerbs {
    /// Makes a flavor. Administrators only. `Conflict` when id or name is taken.
    pub async fn create(&self, caller: &Caller, new: NewFlavor) -> Result<Flavor, Error> {
        policy::admin(caller, "os_compute_api:os-flavor-manage:create")?;
        check(&new)?;
        let id = new.id.unwrap_or_else(|| FlavorId(random_uuid(&*self.entropy).to_string()));
        let flavor = Flavor {
            id,
            name: new.name.trim().to_owned(),
            vcpus: new.vcpus,
            memory_mib: new.memory_mib,
            root_gib: new.root_gib,
            ephemeral_gib: new.ephemeral_gib,
            swap_mib: new.swap_mib,
            rxtx_factor_percent: new.rxtx_factor_percent,
            is_public: new.is_public,
            disabled: false,
            description: new.description,
            extra_specs: BTreeMap::new(),
        };
        let mut uow = self.store.begin().await?;
        let known = uow.flavors().list().await?;
        if known.iter().any(|other| other.name == flavor.name) {
            return Err(Error::Conflict(format!(
                "Flavor with name {} already exists.",
                flavor.name
            )));
        }
        if known.iter().any(|other| other.id == flavor.id) {
            return Err(Error::Conflict(format!("Flavor with ID {} already exists.", flavor.id)));
        }
        uow.flavors().insert(&flavor).await?;
        uow.commit().await?;
        Ok(flavor)
    }
}

fn check(new: &NewFlavor) -> Result<(), Error> {
    let wrong = |field: &str, range: &str| {
        Err(Error::Invalid(format!("Invalid input received: {field} must be {range}")))
    };
    let name = new.name.trim();
    if name.is_empty() || name.chars().count() > 255 {
        return wrong("name", "1 to 255 characters long");
    }
    let id_fits = |id: &FlavorId| {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ' ');
        (1..=255).contains(&id.0.len()) && id.0.chars().all(allowed) && id.0.trim() == id.0
    };
    if new.id.as_ref().is_some_and(|id| !id_fits(id)) {
        return wrong(
            "flavorid",
            "1 to 255 letters, digits, dots, dashes, underscores or inner spaces",
        );
    }
    for (field, value, least) in [
        ("vcpus", u64::from(new.vcpus), 1),
        ("ram", new.memory_mib, 1),
        ("disk", new.root_gib, 0),
        ("ephemeral", new.ephemeral_gib, 0),
        ("swap", new.swap_mib, 0),
    ] {
        if value < least || value > MAX {
            return wrong(field, &format!("an integer from {least} to {MAX}"));
        }
    }
    Ok(())
}
