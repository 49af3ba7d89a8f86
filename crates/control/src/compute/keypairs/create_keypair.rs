//! Takes a public key, or makes a pair of keys and gives the private one away, once.

use super::generate::generate;
use super::public_key;
use super::{KeypairVerbs, owner};
use crate::error::Error;
use hatchery_model::caller::Caller;
use hatchery_model::compute::{KeyType, Keypair};
use hatchery_model::id::UserId;
use hatchery_ports::store::StoreError;

/// A key pair that is wanted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewKeypair {
    /// Unique for its owner.
    pub name: String,
    /// What it is for.
    pub key_type: KeyType,
    /// The key to be imported; `None`: a pair is made (up to 2.91).
    pub public_key: Option<String>,
}

/// A key pair with its private half, which is kept nowhere.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CreatedKeypair {
    /// What is kept.
    pub keypair: Keypair,
    /// In OpenSSH's form, if the pair was made here.
    pub private_key: Option<String>,
}

impl KeypairVerbs {
    /// Imports or makes a key pair for the caller, or for an administrator for `user`. `Invalid`; `Conflict` when the name is taken.
    pub async fn create(
        &self,
        caller: &Caller,
        user: Option<UserId>,
        new: NewKeypair,
    ) -> Result<CreatedKeypair, Error> {
        let user = owner(caller, user, "os_compute_api:os-keypairs:create")?;
        check_name(&new.name)?;
        let (public_key, private_key) = match (new.public_key, new.key_type) {
            (Some(public_key), _) => (public_key, None),
            (None, KeyType::Ssh) => {
                let made = generate(&*self.entropy);
                (made.public_key, Some(made.private_key))
            }
            (None, KeyType::X509) => {
                return Err(Error::Invalid(
                    "Keypair data is invalid: a certificate is not made here; import one.".into(),
                ));
            }
        };
        let fingerprint = match new.key_type {
            KeyType::Ssh => public_key::ssh_fingerprint(&public_key)?,
            KeyType::X509 => public_key::x509_fingerprint(&public_key)?,
        };
        let keypair = Keypair {
            user,
            name: new.name,
            public_key: public_key.trim_end().to_owned(),
            fingerprint,
            key_type: new.key_type,
            created_at: self.clock.now(),
        };
        let mut uow = self.store.begin().await?;
        match uow.keypairs().insert(&keypair).await {
            Ok(()) => {}
            Err(StoreError::Conflict { .. }) => {
                return Err(Error::Conflict(format!(
                    "Key pair '{}' already exists.",
                    keypair.name
                )));
            }
            Err(error) => return Err(error.into()),
        }
        uow.commit().await?;
        Ok(CreatedKeypair { keypair, private_key })
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, ' ' | '_' | '-' | '@' | '.');
    if name.is_empty() || name.len() > 255 {
        return Err(Error::Invalid(
            "Keypair data is invalid: Keypair name must be string and between 1 and 255 characters long"
                .into(),
        ));
    }
    if name.chars().all(allowed) {
        Ok(())
    } else {
        Err(Error::Invalid(
            "Keypair data is invalid: Keypair name contains unsafe characters".into(),
        ))
    }
}
