//! A connection: found to work, or refused with what to do about it.

use super::client::CephSettings;
use super::error::{CephError, Doing};
use super::ffi::{IoCtx, Rados};
use super::pool::RbdPool;
use hatchery_model::units::Bytes;
use nix::errno::Errno;
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// See the head of this file. All calls block.
pub struct CephConnection {
    rados: Arc<Rados>,
    fsid: String,
    pools: Mutex<HashMap<String, RbdPool>>,
}

/// How full a pool is. A total of 0: the cluster has not counted yet.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PoolRoom {
    /// Its quota, or what it holds and could hold besides.
    pub total: Bytes,
    /// Free of that.
    pub free: Bytes,
}

impl PoolRoom {
    /// Whether so many bytes more fit. A cluster that has not counted yet, as in its first seconds, is not taken for a full one.
    pub fn fits(self, needed: Bytes) -> bool {
        self.total.0 == 0 || needed <= self.free
    }
}

#[derive(Deserialize)]
struct Df {
    stats: DfAll,
    pools: Vec<DfPool>,
}

#[derive(Deserialize)]
struct DfAll {
    #[serde(default)]
    total_bytes: u64,
    total_avail_bytes: u64,
}

#[derive(Deserialize)]
struct DfPool {
    name: String,
    stats: DfStats,
}

#[derive(Deserialize)]
struct DfStats {
    #[serde(default)]
    stored: u64,
    #[serde(default)]
    bytes_used: u64,
    max_avail: u64,
}

#[derive(Deserialize)]
struct Quota {
    quota_max_bytes: u64,
}

impl CephConnection {
    pub(super) fn new(settings: &CephSettings) -> Result<Self, CephError> {
        let made = Rados::new(&settings.cluster_name, &settings.user);
        let rados = made
            .map_err(|what| {
                CephError::Unsupported(format!("this host has no library for Ceph: {what}"))
            })?
            .doing(|| "make a handle".to_owned())?;
        configure(&rados, settings)?;
        rados.connect().map_err(|errno| refused(errno, settings, &rados))?;
        let fsid = rados.fsid().doing(|| "tell the cluster's id".to_owned())?;
        Ok(Self { rados: Arc::new(rados), fsid, pools: Mutex::default() })
    }

    /// The cluster's id.
    pub fn fsid(&self) -> &str {
        &self.fsid
    }

    /// The number by which this client's watches are known.
    pub fn client(&self) -> i64 {
        self.rados.instance().cast_signed()
    }

    /// A pool; its handle is kept.
    pub fn pool(&self, name: &str) -> Result<RbdPool, CephError> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(pool) = pools.get(name) {
            return Ok(pool.clone());
        }
        let context = IoCtx::new(self.rados.clone(), name);
        let context = context.doing(|| format!("use the pool {name}"))?;
        let pool = RbdPool::new(Arc::new(context), name);
        pools.insert(name.to_owned(), pool.clone());
        Ok(pool)
    }

    /// How full a pool is, by its quota if it has one. As of the last report of the OSDs, a few seconds ago.
    pub fn room(&self, pool: &str) -> Result<PoolRoom, CephError> {
        self.pool(pool)?;
        let df: Df = self.ask(r#"{"prefix":"df","format":"json"}"#)?;
        let found = df.pools.into_iter().find(|one| one.name == pool);
        // A new pool is counted a moment later.
        let new = DfStats { stored: 0, bytes_used: 0, max_avail: df.stats.total_avail_bytes };
        let mut stats = found.map_or(new, |one| one.stats);
        // Of an empty pool whose placement groups have not been counted, in a cluster that is far from full.
        let is_uncounted = stats.stored == 0 && stats.max_avail == 0;
        if is_uncounted && df.stats.total_avail_bytes > df.stats.total_bytes / 10 {
            stats.max_avail = df.stats.total_avail_bytes;
        }
        let name = serde_json::Value::from(pool);
        let asked = format!(r#"{{"prefix":"osd pool get-quota","pool":{name},"format":"json"}}"#);
        let quota = match self.ask(&asked) {
            // The same of a new pool.
            Err(error) if error.is_not_found() => Quota { quota_max_bytes: 0 },
            quota => quota?,
        };
        Ok(match quota.quota_max_bytes {
            0 => PoolRoom {
                total: Bytes(stats.stored + stats.max_avail),
                free: Bytes(stats.max_avail),
            },
            quota => PoolRoom {
                total: Bytes(quota),
                free: Bytes(quota.saturating_sub(stats.bytes_used).min(stats.max_avail)),
            },
        })
    }

    fn ask<T: for<'de> Deserialize<'de>>(&self, command: &str) -> Result<T, CephError> {
        let answer = self.rados.command(command).doing(|| "ask the monitors".to_owned())?;
        serde_json::from_slice(&answer).map_err(|error| {
            tracing::warn!(%error, command, "the monitors' answer is not understood");
            CephError::Unavailable { doing: "ask the monitors".to_owned(), source: Errno::EPROTO }
        })
    }
}

fn configure(rados: &Rados, settings: &CephSettings) -> Result<(), CephError> {
    let conf = settings.conf.as_ref().map(|path| path.to_string_lossy().into_owned());
    match rados.read_conf(conf.as_deref()) {
        Ok(()) => {}
        Err(Errno::ENOENT) => {
            let place = conf.unwrap_or_else(|| "/etc/ceph".to_owned());
            return Err(CephError::Denied(format!(
                "Ceph's configuration is not there or cannot be read ({place}): set rbd_ceph_conf to a file that names the \
                 monitors and a keyring"
            )));
        }
        read => {
            read.doing(|| "read its configuration: see whether rbd_ceph_conf is one".to_owned())?
        }
    }
    let seconds = |time: std::time::Duration| time.as_secs().max(1).to_string();
    for (option, value) in [
        ("client_mount_timeout", seconds(settings.connect_timeout)),
        ("rados_mon_op_timeout", seconds(settings.answer_timeout)),
        ("rados_osd_op_timeout", seconds(settings.answer_timeout)),
        // Two by default. What runs on them may wait for what others of them bring.
        ("librados_thread_count", "8".to_owned()),
        // What it has to say comes as an error.
        ("log_to_stderr", "false".to_owned()),
        ("err_to_stderr", "false".to_owned()),
    ] {
        rados.set(option, &value).doing(|| format!("take the option {option}"))?;
    }
    Ok(())
}

/// Tells whether the monitors, the key or the user is to blame.
fn refused(errno: Errno, settings: &CephSettings, rados: &Rados) -> CephError {
    let (user, wait) = (&settings.user, settings.connect_timeout.as_secs().max(1));
    let monitors = rados.get("mon_host").unwrap_or_default();
    match errno {
        Errno::EACCES | Errno::EPERM => CephError::Denied(format!(
            "Ceph does not take the key of client.{user}, or its keyring has none: put the one that `ceph auth get client.{user}` shows into its keyring"
        )),
        Errno::ENOENT => CephError::Denied(format!(
            "there is no keyring for client.{user}: have the configuration name one that this process can read"
        )),
        Errno::ETIMEDOUT => CephError::Unavailable {
            doing: format!(
                "be reached: no monitor of {monitors:?} has answered within {wait} seconds. See whether they run, and whether \
                 the key of client.{user} is right (on other ports than 3300 and 6789 they do not answer a wrong one)"
            ),
            source: errno,
        },
        errno => CephError::new(
            format!("be reached as client.{user}, with the monitors {monitors:?}"),
            errno,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::PoolRoom;
    use hatchery_model::units::Bytes;

    #[test]
    fn what_was_not_counted_is_not_full() {
        let room = |total, free| PoolRoom { total: Bytes(total), free: Bytes(free) };
        assert!(room(0, 0).fits(Bytes(1)));
        assert!(!room(9, 0).fits(Bytes(1)));
        assert!(room(9, 1).fits(Bytes(1)));
    }
}
