//! The way of a volume to another backend: copied there, then removed where it was. Its id stays, and with it its name on both.

use super::{BackendName, Ordered};
use crate::id::VolumeTypeId;
use serde::{Deserialize, Serialize};

/// A volume that is being brought to another backend.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct VolumeMove {
    /// Where its bytes are to be.
    pub to: BackendName,
    /// Where they were. `None`: they are still there, and the order is to copy them; else they are where they are to be, and the order is to
    /// remove what is left here.
    pub left: Option<BackendName>,
    /// The type that it gets with it, where its type is why it moves.
    pub new_type: Option<VolumeTypeId>,
    /// Whether its users are kept from it meanwhile, and told so.
    pub locked: bool,
    /// The order.
    pub order: Ordered,
}

impl VolumeMove {
    /// Cinder's word for the volume's state meanwhile.
    pub const fn status(&self) -> &'static str {
        match (self.new_type, self.locked) {
            (Some(_), _) => "retyping",
            (None, true) => "maintenance",
            (None, false) => "available",
        }
    }

    /// How far it is.
    pub const fn migration(&self) -> MigrationStatus {
        match self.left {
            None => MigrationStatus::Migrating,
            Some(_) => MigrationStatus::Completing,
        }
    }

    /// The backend whose agent has the order.
    pub fn ordered_from(&self) -> &BackendName {
        self.left.as_ref().unwrap_or(&self.to)
    }
}

/// What `migration_status` says of a volume.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum MigrationStatus {
    /// It is going to move.
    Starting,
    /// It is being copied.
    Migrating,
    /// It is being removed where it was.
    Completing,
    /// It was brought to another backend.
    Success,
    /// It could not be.
    Error,
}

impl MigrationStatus {
    /// Cinder's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Migrating => "migrating",
            Self::Completing => "completing",
            Self::Success => "success",
            Self::Error => "error",
        }
    }

    /// The one of a word. `None`: it is none of those.
    pub fn read(word: &str) -> Option<Self> {
        let all = [Self::Starting, Self::Migrating, Self::Completing, Self::Success, Self::Error];
        all.into_iter().find(|one| one.as_str() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::MigrationStatus;

    #[test]
    fn words_are_read_as_they_are_written() {
        assert_eq!(MigrationStatus::read("success"), Some(MigrationStatus::Success));
        assert_eq!(MigrationStatus::read("none"), None);
    }
}
