//! Identity's first start and the ones after it, on a real database.

#![allow(clippy::unwrap_used, reason = "a test may")]

use hatchery_control::Error;
use hatchery_control::identity::{
    CheckToken, DEFAULT_LIFETIME_SECONDS, Foundation, IdentityPorts, IdentityVerbs, Login,
    MAX_LIFETIME_SECONDS, Passwords, Proof, TokenAuthority, UserRef, WantedScope, bootstrap,
};
use hatchery_db::Database;
use hatchery_model::identity::{AssignmentTarget, BUILT_IN_ROLES};
use hatchery_ports::clock::Clock;
use hatchery_ports::entropy::Entropy;
use hatchery_ports::store::{AssignmentFilter, ProjectFilter, Store, UserFilter};
use hatchery_testkit::{ManualClock, SeededEntropy};
use std::sync::Arc;
use tempfile::TempDir;

struct Start {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    passwords: Passwords,
}

impl Start {
    async fn new(dir: &TempDir, seed: u64) -> Self {
        let url = format!("sqlite:{}", dir.path().join("cloud.db").display());
        let entropy: Arc<dyn Entropy> = Arc::new(SeededEntropy::new(seed));
        Self {
            store: Arc::new(Database::open(&url).await.unwrap()),
            clock: Arc::new(ManualClock::default()),
            passwords: Passwords::new(entropy.clone(), 2),
            entropy,
        }
    }

    async fn bootstrap(&self, password: &str) -> Result<Foundation, Error> {
        let (store, clock) = (self.store.as_ref(), self.clock.as_ref());
        bootstrap(store, clock, self.entropy.as_ref(), &self.passwords, password).await
    }

    async fn authority(&self, lifetime_seconds: i64) -> Result<TokenAuthority, Error> {
        let (clock, entropy) = (self.clock.clone(), self.entropy.clone());
        TokenAuthority::open(self.store.as_ref(), clock, entropy, lifetime_seconds).await
    }

    /// A token for the system, by password.
    async fn login(
        &self,
        authority: Arc<TokenAuthority>,
        foundation: &Foundation,
        password: &str,
    ) -> Result<String, Error> {
        let verbs = IdentityVerbs::new(&IdentityPorts {
            store: self.store.clone(),
            clock: self.clock.clone(),
            entropy: self.entropy.clone(),
            passwords: self.passwords.clone(),
            authority,
        });
        let proof = Proof::Password {
            user: UserRef::Id(foundation.user.clone()),
            password: password.to_owned(),
        };
        let login = Login { proofs: vec![proof], scope: WantedScope::System };
        verbs.authenticate.run(login).await.map(|(token, _)| token)
    }
}

#[tokio::test]
async fn the_first_start_makes_what_an_administrator_needs() {
    let dir = tempfile::tempdir().unwrap();
    let start = Start::new(&dir, 1).await;
    let foundation = start.bootstrap("secret").await.unwrap();
    let mut unit = start.store.read().await.unwrap();
    let domain = unit.domains().find(&foundation.domain).await.unwrap().unwrap();
    assert_eq!((domain.id.as_str(), domain.name.as_str()), ("default", "Default"));
    let mut roles: Vec<String> = Vec::new();
    for role in unit.roles().list().await.unwrap() {
        roles.push(role.name);
    }
    assert_eq!(roles, BUILT_IN_ROLES);
    assert_eq!(unit.roles().list_implications().await.unwrap().len(), 3);
    let held = unit.assignments().list(&AssignmentFilter::default()).await.unwrap();
    let targets: Vec<AssignmentTarget> = held.into_iter().map(|held| held.target).collect();
    assert_eq!(
        targets,
        [
            AssignmentTarget::Project(foundation.project),
            AssignmentTarget::Domain(foundation.domain),
            AssignmentTarget::System,
        ]
    );
}

#[tokio::test]
async fn later_starts_change_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let start = Start::new(&dir, 1).await;
    let first = start.bootstrap("secret").await.unwrap();
    let again = Start::new(&dir, 2).await;
    assert_eq!(again.bootstrap("another").await.unwrap(), first);
    let authority = Arc::new(again.authority(DEFAULT_LIFETIME_SECONDS).await.unwrap());
    let old = again.login(authority.clone(), &first, "secret").await;
    assert!(old.is_ok(), "the first password stays");
    let new = again.login(authority, &first, "another").await;
    assert!(matches!(new, Err(Error::Unauthenticated(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_first_starts_at_once_make_one_cloud() {
    let dir = tempfile::tempdir().unwrap();
    let start = Start::new(&dir, 1).await;
    let (one, other) = tokio::join!(start.bootstrap("a"), start.bootstrap("b"));
    assert_eq!(one.unwrap(), other.unwrap());
    let mut unit = start.store.read().await.unwrap();
    assert_eq!(unit.users().list(&UserFilter::default()).await.unwrap().len(), 1);
    assert_eq!(unit.projects().list(&ProjectFilter::default()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_first_start_with_a_bad_password_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let start = Start::new(&dir, 1).await;
    let refused = start.bootstrap(&"x".repeat(5000)).await;
    assert!(matches!(refused, Err(Error::Invalid(_))));
    let mut unit = start.store.read().await.unwrap();
    assert!(unit.domains().list().await.unwrap().is_empty());
}

#[tokio::test]
async fn the_key_is_made_once_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let start = Start::new(&dir, 1).await;
    let foundation = start.bootstrap("secret").await.unwrap();
    let first = Arc::new(start.authority(60).await.unwrap());
    let token = start.login(first, &foundation, "secret").await.unwrap();
    let later = Start::new(&dir, 2).await.authority(60).await.unwrap();
    assert_eq!(later.check(&token).unwrap().user, foundation.user);
    let elsewhere = tempfile::tempdir().unwrap();
    let foreign = Start::new(&elsewhere, 3).await.authority(60).await.unwrap();
    assert!(foreign.check(&token).is_err());
}

#[tokio::test]
async fn a_lifetime_must_make_sense() {
    let dir = tempfile::tempdir().unwrap();
    let start = Start::new(&dir, 1).await;
    for lifetime in [0, -1, MAX_LIFETIME_SECONDS + 1] {
        let opened = start.authority(lifetime).await;
        assert!(matches!(opened, Err(Error::Invalid(_))), "{lifetime}");
    }
    for lifetime in [1, MAX_LIFETIME_SECONDS] {
        assert!(start.authority(lifetime).await.is_ok());
    }
}
