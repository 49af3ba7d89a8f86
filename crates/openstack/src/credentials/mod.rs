//! How to reach a cloud and who is asking, as every OpenStack client reads it: the `OS_*` variables, or `clouds.yaml`.

mod clouds_yaml;
mod read;

pub use clouds_yaml::CloudFiles;

use crate::error::OpenstackError;
use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

/// The environment's variables, or a test's.
pub type Environment = BTreeMap<String, String>;

/// Everything that is needed to log in and to choose endpoints.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// Keystone's address as it was given, without `/v3`.
    pub auth_url: String,
    /// Who.
    pub auth: Auth,
    /// For what. An application credential has its own.
    pub scope: Scope,
    /// The region whose endpoints are taken; any where none is named.
    pub region: Option<String>,
    /// Which of an endpoint's addresses is taken.
    pub interface: Interface,
    /// Certificates that are trusted instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Trust every certificate.
    pub insecure: bool,
    /// Addresses that stand for the catalogue's, by service type.
    pub endpoint_overrides: BTreeMap<String, String>,
}

impl Credentials {
    /// Reads them: `OS_CLOUD` names an entry of `clouds.yaml`; else the `OS_*` variables say all; else `clouds.yaml` has only one
    /// entry. With an entry of `clouds.yaml` only `OS_REGION_NAME` and `OS_INTERFACE` of the other variables count.
    pub fn find(environment: &Environment, files: &CloudFiles) -> Result<Self, OpenstackError> {
        read::find(environment, files)
    }
}

/// Who is asking.
#[derive(Clone, PartialEq, Eq)]
pub enum Auth {
    /// A user with a password.
    Password {
        /// The user.
        user: User,
        /// The password.
        password: String,
    },
    /// An application credential: rights of a user in one project, without the user's password.
    ApplicationCredential {
        /// Its id, or its name together with its owner.
        id: Option<String>,
        /// Its name.
        name: Option<String>,
        /// Its owner, where it is given by name.
        user: Option<User>,
        /// Its secret.
        secret: String,
    },
    /// A token, which ends some day and cannot be renewed.
    Token(String),
}

impl fmt::Debug for Auth {
    /// Without the secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Password { user, .. } => f.debug_tuple("Password").field(user).finish(),
            Self::ApplicationCredential { id, name, user, .. } => {
                f.debug_tuple("ApplicationCredential").field(id).field(name).field(user).finish()
            }
            Self::Token(_) => f.write_str("Token"),
        }
    }
}

/// A user by id, or by name and domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum User {
    /// By id.
    Id(String),
    /// By name.
    Named(String, Domain),
}

/// A project by id, or by name and domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Project {
    /// By id.
    Id(String),
    /// By name.
    Named(String, Domain),
}

/// A domain.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Domain {
    /// By id.
    Id(String),
    /// By name.
    Named(String),
}

/// What the token is for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Whatever Keystone gives without being asked.
    Unnamed,
    /// A project.
    Project(Project),
    /// A domain.
    Domain(Domain),
    /// The whole cloud.
    System,
    /// What another user lent.
    Trust(Trust),
}

/// Id of a trust.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Trust(pub String);

/// `public`, `internal` or `admin`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[allow(missing_docs)]
pub enum Interface {
    Public,
    Internal,
    Admin,
}

impl Interface {
    /// By OpenStack's word, the older ones (`publicURL`) too.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim_end_matches("URL") {
            "public" => Some(Self::Public),
            "internal" => Some(Self::Internal),
            "admin" => Some(Self::Admin),
            _ => None,
        }
    }

    /// OpenStack's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Internal => "internal",
            Self::Admin => "admin",
        }
    }
}
