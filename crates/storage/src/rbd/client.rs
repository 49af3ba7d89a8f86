//! The one connection to a cluster as a user, kept open, and the bounded number of threads that wait for its answers.

use super::connection::CephConnection;
use super::error::CephError;
use super::watched::{NoAnswer, do_watched};
use std::collections::HashMap;
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::task::spawn_blocking;

/// Short calls under way at once: more gain nothing, as was measured.
const SHORT: usize = 8;
/// Copies, flattenings and removals under way at once, so that they never keep short calls waiting.
const LONG: usize = 4;

/// A call consists of some answers of OSDs, each of which has its time-out. After so many of those it is given up.
const SILENT_ANSWERS: u32 = 3;

/// Which cluster, as whom, and how long to wait.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct CephSettings {
    /// `rbd_cluster_name`.
    pub cluster_name: String,
    /// `rbd_user`, without `client.`
    pub user: String,
    /// `rbd_ceph_conf`; `None`: where Ceph looks by itself.
    pub conf: Option<PathBuf>,
    /// How long to wait for a monitor when connecting, in whole seconds.
    pub connect_timeout: Duration,
    /// How long to wait for an answer of a monitor or an OSD, in whole seconds. Librados waits for ever unless told otherwise.
    pub answer_timeout: Duration,
}

impl CephSettings {
    /// As this user, with Ceph's usual names, and with time-outs that a busy cluster keeps.
    pub fn new(user: &str) -> Self {
        Self {
            cluster_name: "ceph".to_owned(),
            user: user.to_owned(),
            conf: None,
            connect_timeout: Duration::from_secs(10),
            answer_timeout: Duration::from_secs(60),
        }
    }
}

/// Whether work ends within a few round trips, or moves bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Span {
    /// A few round trips.
    Short,
    /// As long as its bytes take.
    Long,
}

/// See the head of this file. Cheap to clone; connects when first used.
#[derive(Clone)]
pub struct CephClient(Arc<Shared>);

struct Shared {
    settings: CephSettings,
    short: Semaphore,
    long: Semaphore,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    connection: Option<Arc<CephConnection>>,
    /// When the last attempt to connect ended, and why it failed.
    failed: Option<(Instant, CephError)>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl CephClient {
    /// The client of these settings; all of a process that have the same ones share it, while any of them is there.
    pub fn of(settings: CephSettings) -> Self {
        static CLIENTS: Mutex<Option<HashMap<CephSettings, Weak<Shared>>>> = Mutex::new(None);
        let mut clients = lock(&CLIENTS);
        let clients = clients.get_or_insert_default();
        if let Some(shared) = clients.get(&settings).and_then(Weak::upgrade) {
            return Self(shared);
        }
        clients.retain(|_, shared| shared.strong_count() > 0);
        let shared = Arc::new(Shared {
            settings: settings.clone(),
            short: Semaphore::new(SHORT),
            long: Semaphore::new(LONG),
            state: Mutex::default(),
        });
        clients.insert(settings, Arc::downgrade(&shared));
        Self(shared)
    }

    /// What it was made with.
    pub fn settings(&self) -> &CephSettings {
        &self.0.settings
    }

    /// Runs work on a thread that may block, as soon as it has a turn. The work goes on when the caller lets go.
    pub async fn run<T, E>(
        &self,
        span: Span,
        work: impl FnOnce(&CephConnection) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<CephError> + CutOff + Send + 'static,
    {
        let _turn = self.turn(span).await?;
        let shared = self.0.clone();
        let done = spawn_blocking(move || {
            let connection = shared.connection()?;
            let patience = shared.settings.answer_timeout * SILENT_ANSWERS;
            let theirs = connection.clone();
            let done = match do_watched(patience, move || work(&theirs)) {
                Ok(done) => done,
                Err(NoAnswer::Silent) => {
                    shared.forget(&connection);
                    Err(E::from(silent(patience)))
                }
                Err(NoAnswer::Died(why)) => Err(E::from(died(&why))),
            };
            if done.as_ref().is_err_and(CutOff::is_cut_off) {
                shared.forget(&connection);
            }
            done
        });
        match done.await {
            Ok(done) => done,
            Err(error) => Err(E::from(died(&error))),
        }
    }

    async fn turn(&self, span: Span) -> Result<SemaphorePermit<'_>, CephError> {
        let turns = match span {
            Span::Short => &self.0.short,
            Span::Long => &self.0.long,
        };
        turns.acquire().await.map_err(|error| died(&error))
    }
}

fn died(error: &dyn std::fmt::Display) -> CephError {
    tracing::error!(%error, "work in Ceph has died");
    CephError::Unavailable {
        doing: "go on with work that has died".to_owned(),
        source: nix::errno::Errno::EIO,
    }
}

fn silent(patience: Duration) -> CephError {
    tracing::error!(
        ?patience,
        "a call of Ceph's library does not come back: its thread is given up"
    );
    CephError::Unavailable {
        doing: format!("go on: its library has not answered for {} seconds", patience.as_secs()),
        source: nix::errno::Errno::ETIMEDOUT,
    }
}

/// Tells errors after which the kept connection is of no use.
pub trait CutOff {
    /// Whether this is one.
    fn is_cut_off(&self) -> bool;
}

impl CutOff for CephError {
    fn is_cut_off(&self) -> bool {
        Self::is_cut_off(self)
    }
}

impl From<CephError> for io::Error {
    fn from(error: CephError) -> Self {
        let kind = match &error {
            CephError::NotFound(_) => io::ErrorKind::NotFound,
            CephError::Conflict { .. } => io::ErrorKind::ResourceBusy,
            CephError::Invalid(_) => io::ErrorKind::InvalidInput,
            CephError::Denied(_) => io::ErrorKind::PermissionDenied,
            CephError::Exhausted(_) => io::ErrorKind::StorageFull,
            CephError::Unsupported(_) => io::ErrorKind::Unsupported,
            CephError::Canceled(_) => io::ErrorKind::Interrupted,
            CephError::Unavailable { .. } => io::ErrorKind::Other,
        };
        Self::new(kind, error)
    }
}

impl Shared {
    /// The kept connection, or a new one. Who waited while another one tried in vain is told the same, and does not wait again.
    fn connection(&self) -> Result<Arc<CephConnection>, CephError> {
        let asked = Instant::now();
        let mut state = lock(&self.state);
        if let Some(connection) = &state.connection {
            return Ok(connection.clone());
        }
        if let Some((ended, error)) = &state.failed
            && *ended > asked
        {
            return Err(error.clone());
        }
        match CephConnection::new(&self.settings) {
            Ok(connection) => {
                let connection = Arc::new(connection);
                state.connection = Some(connection.clone());
                state.failed = None;
                Ok(connection)
            }
            Err(error) => {
                state.failed = Some((Instant::now(), error.clone()));
                Err(error)
            }
        }
    }

    fn forget(&self, dead: &Arc<CephConnection>) {
        let mut state = lock(&self.state);
        if state.connection.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, dead)) {
            tracing::warn!("the cluster has cut the connection off: the next call makes another");
            state.connection = None;
        }
    }
}
