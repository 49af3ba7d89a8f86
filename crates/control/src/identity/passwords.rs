//! Passwords: Argon2id, with bounded memory however many log in at once.
//!
//! One hash takes 19 MiB for its moment (OWASP's second recommendation: m = 19 MiB, t = 2, p = 1). Only `places` run at
//! once, on the blocking pool; the others wait as small futures.

use crate::error::Error;
use argon2::password_hash::phc::{Output, ParamsString, Salt};
use argon2::{ARGON2ID_IDENT, Algorithm, Argon2, Block, Params, PasswordHash, Version};
use hatchery_ports::entropy::Entropy;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Memory of one hash, in KiB.
const MEMORY_KIB: u32 = 19 * 1024;
/// Passes over it.
const PASSES: u32 = 2;
/// Bytes of a hash, and of the salt below.
const HASH_BYTES: usize = 32;
const SALT_BYTES: usize = 16;

/// Longest password, in bytes: Keystone's `max_password_length`.
pub const MAX_PASSWORD_BYTES: usize = 4096;

/// Room that is asked of the allocator for one hash, in blocks of 1 KiB. More than 32 MiB, up to which glibc may come to keep freed
/// memory for itself: above, it maps the room afresh and gives it back at once. Pages that are not used cost nothing.
const ROOM_BLOCKS: usize = 33 * 1024;

/// Hashes and verifies passwords.
#[derive(Clone)]
pub struct Passwords {
    places: Arc<Semaphore>,
    entropy: Arc<dyn Entropy>,
}

impl Passwords {
    /// At most `places` hashes at once (at least 1): that many times 19 MiB at the peak.
    pub fn new(entropy: Arc<dyn Entropy>, places: usize) -> Self {
        Self { places: Arc::new(Semaphore::new(places.max(1))), entropy }
    }

    /// The PHC string to store. `Invalid` for one that is longer than [`MAX_PASSWORD_BYTES`].
    pub async fn hash(&self, password: String) -> Result<String, Error> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(Error::Invalid(format!(
                "The password must have at most {MAX_PASSWORD_BYTES} bytes."
            )));
        }
        let mut salt = [0; SALT_BYTES];
        self.entropy.fill(&mut salt);
        self.in_a_place(move || {
            let params = Params::new(MEMORY_KIB, PASSES, 1, Some(HASH_BYTES))?;
            let hash = PasswordHash {
                algorithm: ARGON2ID_IDENT,
                version: Some(Version::V0x13.into()),
                params: ParamsString::try_from(&params)
                    .map_err(|_| argon2::Error::OutputTooLong)?,
                salt: Some(Salt::new(&salt).map_err(|_| argon2::Error::SaltTooShort)?),
                hash: Some(digest(password.as_bytes(), &salt, params)?),
            };
            Ok(hash.to_string())
        })
        .await
    }

    /// Whether the password is the one hashed. Without a hash the same work is done and the answer is no, so that the time does
    /// not tell which users exist.
    pub async fn verify(&self, password: String, hash: Option<String>) -> Result<bool, Error> {
        self.in_a_place(move || {
            let stored = hash.as_deref().and_then(|text| PasswordHash::new(text).ok());
            let parts = stored.and_then(|stored| {
                let params = Params::try_from(&stored).ok()?;
                Some((params, stored.salt?, stored.hash?))
            });
            if let Some((params, salt, expected)) = parts {
                return Ok(digest(password.as_bytes(), &salt, params)? == expected);
            }
            if hash.is_some() {
                tracing::error!("a stored password hash cannot be read; the login is refused");
            }
            let params = Params::new(MEMORY_KIB, PASSES, 1, Some(HASH_BYTES))?;
            digest(password.as_bytes(), &[0; SALT_BYTES], params)?;
            Ok(false)
        })
        .await
    }

    async fn in_a_place<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, argon2::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let place = self
            .places
            .clone()
            .acquire_owned()
            .await
            .map_err(|error| Error::Internal { source: Box::new(error) })?;
        // The place goes along: a request that is given up keeps it until its hash is done.
        let done = tokio::task::spawn_blocking(move || {
            let result = work();
            drop(place);
            result
        });
        match done.await {
            Ok(Ok(value)) => Ok(value),
            Ok(Err(error)) => Err(Error::Internal { source: error.to_string().into() }),
            Err(error) => Err(Error::Internal { source: Box::new(error) }),
        }
    }
}

fn digest(password: &[u8], salt: &[u8], params: Params) -> Result<Output, argon2::Error> {
    let blocks = params.block_count();
    let length = params.output_len().unwrap_or(HASH_BYTES).min(Output::MAX_LENGTH);
    let mut memory = Vec::with_capacity(blocks.max(ROOM_BLOCKS));
    memory.resize(blocks, Block::new());
    let mut buffer = [0; Output::MAX_LENGTH];
    let out = &mut buffer[..length];
    Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password_into_with_memory(
        password,
        salt,
        out,
        &mut memory[..],
    )?;
    Output::new(out).map_err(|_| argon2::Error::OutputTooShort)
}

#[cfg(test)]
mod tests {
    use super::{MAX_PASSWORD_BYTES, Passwords};
    use crate::error::Error;
    use hatchery_testkit::SeededEntropy;
    use std::sync::Arc;

    fn passwords() -> Passwords {
        Passwords::new(Arc::new(SeededEntropy::new(1)), 2)
    }

    #[tokio::test]
    async fn only_the_password_itself_verifies() {
        let passwords = passwords();
        let hash = passwords.hash("secret".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        let other = passwords.hash("secret".into()).await.unwrap();
        assert_ne!(hash, other, "a salt is never used twice");
        for (password, expected) in [("secret", true), ("Secret", false), ("", false)] {
            let verified = passwords.verify(password.into(), Some(hash.clone())).await;
            assert_eq!(verified.unwrap(), expected, "{password}");
        }
        for hash in [None, Some("rubbish".into()), Some("$argon2id$v=19$m=8".into())] {
            assert!(!passwords.verify("secret".into(), hash).await.unwrap());
        }
    }

    #[tokio::test]
    async fn a_password_too_long_is_refused() {
        let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
        let refused = passwords().hash(long).await;
        assert!(matches!(refused, Err(Error::Invalid(_))));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn many_logins_leave_no_memory_behind() {
        fn resident_kib() -> u64 {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
            line.split_whitespace().nth(1).unwrap().parse().unwrap()
        }
        let passwords = passwords();
        passwords.verify("x".into(), None).await.unwrap();
        let before = resident_kib();
        let logins = (0..16).map(|_| passwords.verify("x".into(), None));
        futures_util::future::try_join_all(logins).await.unwrap();
        let grown = resident_kib().saturating_sub(before);
        assert!(grown < 16 * 1024, "grown by {grown} KiB");
    }
}
