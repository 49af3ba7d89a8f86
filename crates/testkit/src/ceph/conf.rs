//! The configuration of a one-node cluster: small, quick, and with no path outside of its folder.

use super::{CephSettings, ObjectStore};
use std::path::Path;

/// Each is a Python interpreter: without them the manager takes 60 MiB and not 300. What is left serves `rbd task`.
const MODULES_OFF: &str = "alerts balancer crash devicehealth diskprediction_local influx insights iostat k8sevents \
    localpool mirroring nfs orchestrator osd_perf_query osd_support pg_autoscaler progress prometheus restful selftest \
    snap_schedule stats telegraf telemetry test_orchestrator volumes zabbix";

/// The text of `ceph.conf`. The file holds no key.
pub(super) fn text(folder: &Path, fsid: &str, settings: &CephSettings) -> String {
    let global = for_all(folder, fsid, settings);
    let (mon, mgr) = (daemon(folder, "mon"), daemon(folder, "mgr"));
    let dir = folder.display();
    format!(
        "{global}{mon}mon cluster log file = {dir}/log/cluster.log
mon allow pool size one = true
mon allow pool delete = true
mon warn on pool no redundancy = false
auth allow insecure global id reclaim = false
# A developer's disk may be nearly full: warn late, and stop later.
mon data avail warn = 2
mon data avail crit = 1
# One monitor has nobody to wait for; the defaults gather changes for up to a second.
paxos propose interval = 0.05
paxos min wait = 0.01
mon osd min down reporters = 1

{mgr}mgr initial modules =
mgr disabled modules = {MODULES_OFF}
# Figures of pools, and with them quotas, are a second old and not five.
mgr stats period = 1
mgr tick period = 1

{}",
        for_osds(folder, settings)
    )
}

fn daemon(folder: &Path, kind: &str) -> String {
    let dir = folder.display();
    format!(
        "[{kind}]\n{kind} data = {dir}/$name\nkeyring = {dir}/$name/keyring\nlog file = {dir}/log/$name.log\n\
         pid file = {dir}/run/$name.pid\nadmin socket = {dir}/run/$name.asok\n"
    )
}

fn for_all(folder: &Path, fsid: &str, settings: &CephSettings) -> String {
    let (dir, address) = (folder.display(), settings.address);
    format!(
        "[global]
fsid = {fsid}
mon host = [v2:{address}:3300,v1:{address}:6789]
mon initial members = a
auth cluster required = cephx
auth service required = cephx
auth client required = cephx
public addr = {address}
cluster addr = {address}
run dir = {dir}/run
crash dir = {dir}/crash
# One host: what replicas there are go to OSDs and not to hosts.
osd crush chooseleaf type = 0
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 8
osd pool default pgp num = 8
osd pool default pg autoscale mode = off

[client]
# A watch shows that it is alive at each tick. Tests that shorten how long the cluster waits for one would else cut off clients that live.
objecter tick interval = 0.3
keyring = {dir}/keys/$name.keyring
admin socket =

"
    )
}

fn for_osds(folder: &Path, settings: &CephSettings) -> String {
    let osd = daemon(folder, "osd");
    let bytes = u64::from(settings.size_gib) << 30;
    let (store, quick_end) = match settings.store {
        ObjectStore::Bluestore => ("bluestore", true),
        // It is saved to disk only by an orderly end.
        ObjectStore::Memstore => ("memstore", false),
    };
    format!(
        "{osd}osd objectstore = {store}
osd fast shutdown = {quick_end}
bluestore block create = true
bluestore block size = {bytes}
memstore device bytes = {bytes}
# A fixed cache of 64 MiB, not gigabytes that tune themselves.
osd memory target = 939524096
bluestore cache autotune = false
bluestore cache size = 67108864
osd min pg log entries = 100
osd max pg log entries = 300
osd op num shards = 2
osd op num threads per shard = 1
# Nothing of its own accord while tests run.
osd mclock skip benchmark = true
osd scrub begin hour = 3
osd scrub end hour = 4
osd scrub during recovery = false
"
    )
}
