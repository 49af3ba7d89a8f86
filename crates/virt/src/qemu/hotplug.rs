//! Volumes of a guest that runs: plugged in, taken out, made larger, over its monitor. QEMU opens no file by itself: each is opened here and
//! handed over.
//!
//! Every step is looked at before it is done, so that whatever an earlier call has left half done is finished or taken back.

use super::command_line::{CannotRun, SLOTS, node_of_volume, nodes, own_file, secret_of};
use super::inherit::open_layers;
use super::qmp::{Client, Event, QmpError};
use super::settings::QemuSettings;
use super::throttle::Throttle;
use hatchery_model::compute::DiskAttachment;
use hatchery_model::disk::BlockSource;
use hatchery_model::id::VolumeId;
use hatchery_model::units::Bytes;
use hatchery_ports::hypervisor::HypervisorError;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsFd;
use std::time::Duration;
use tokio::sync::broadcast;
use tokio::time::Instant;

/// After so long a guest is asked again to let go of a volume: one that was still booting did not hear it.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// So often it is looked whether a device has gone whose event did not come.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Plugs a volume in, and limits what the guest takes of it.
pub(crate) async fn attach(
    monitor: &Client,
    disk: &DiskAttachment,
    volume: VolumeId,
    settings: &QemuSettings,
) -> Result<(), HypervisorError> {
    let (node, throttle) = (node_of_volume(volume), Throttle::of(&disk.qos)?);
    if let Some(device) = device_with(monitor, &node).await? {
        // Whoever plugged it in may have died over this.
        return throttle.set(monitor, &device).await;
    }
    let bus = Bus::look(monitor).await?;
    let device = bus.free_name(&node);
    let slot = bus.free_slot().ok_or_else(|| {
        HypervisorError::Invalid(format!(
            "the guest has {} disks, and no room for another: detach a volume first",
            SLOTS.len()
        ))
    })?;
    clear(monitor, &node).await?;
    let plugged = plug(monitor, disk, (&node, &device, slot), settings).await;
    if plugged.is_err()
        && let Err(error) = clear(monitor, &node).await
    {
        tracing::warn!(volume.id = %volume, %error, "what was opened for a volume is still open");
    }
    plugged?;
    if throttle.is_none() { Ok(()) } else { throttle.set(monitor, &device).await }
}

async fn plug(
    monitor: &Client,
    disk: &DiskAttachment,
    (node, device, slot): (&str, &str, usize),
    settings: &QemuSettings,
) -> Result<(), HypervisorError> {
    let flushes = open(monitor, node, &disk.source, settings).await?;
    let device = json!({
        "driver": "virtio-blk-pci", "id": device, "drive": node, "serial": disk.serial, "bus": "pci.0",
        "addr": format!("{slot:#x}"), "write-cache": if flushes { "off" } else { "auto" },
    });
    let plugged = monitor.execute_with("device_add", &device).await;
    plugged.map(drop).map_err(|error| unavailable("plug the volume in", error))
}

/// Opens what a disk is made of, without a device. Says whether whoever writes to it sees a disk that flushes by itself.
pub(super) async fn open(
    monitor: &Client,
    node: &str,
    source: &BlockSource,
    settings: &QemuSettings,
) -> Result<bool, HypervisorError> {
    let (from, logins, cache) = (source.clone(), settings.ceph.clone(), settings.cache);
    let opened = tokio::task::spawn_blocking(move || open_layers(&from, logins.as_ref(), cache));
    let opened = opened.await;
    let opened = opened.map_err(|error| unavailable("open the volume", error))??;
    let mut files = Vec::with_capacity(opened.files.len());
    for file in opened.files {
        let set = monitor.hand_over("add-fd", &json!({ "opaque": node }), file.as_fd()).await;
        let set = set.map_err(|error| unavailable("hand the volume's files over", error))?;
        files.push(match opened.login {
            Some(_) => own_file(&set["fd"]),
            None => format!("/dev/fdset/{}", set["fdset-id"]),
        });
    }
    if let Some(login) = opened.login {
        // The monitor's socket is private, and nobody writes down what goes over it.
        let secret = json!({
            "qom-type": "secret", "id": secret_of(node), "format": "base64", "data": login.text,
        });
        let added = monitor.execute_with("object-add", &secret).await;
        added.map_err(|error| unavailable("hand the key for Ceph over", error))?;
    }
    let graph = nodes(node, source, &files, opened.cache);
    for made in graph.map_err(|CannotRun(text)| HypervisorError::Invalid(text))? {
        let added = monitor.execute_with("blockdev-add", &made).await;
        added.map_err(|error| unavailable("open the volume", error))?;
    }
    Ok(opened.cache.flushes())
}

/// The device that has a node: by its node's name, or by another one's whose place it took. `None`: none has it.
pub(super) async fn device_with(
    monitor: &Client,
    node: &str,
) -> Result<Option<String>, HypervisorError> {
    let drives = monitor.execute("query-block").await;
    let drives = drives.map_err(|error| unavailable("tell which disks the guest has", error))?;
    Ok(device_in(&drives, node))
}

fn device_in(drives: &Value, node: &str) -> Option<String> {
    let has = |drive: &&Value| {
        let on_top = drive["inserted"]["node-name"].as_str();
        on_top.is_some_and(|top| top == node || top == filter_of(node) || top == narrow_of(node))
    };
    let drive = drives.as_array().into_iter().flatten().find(has)?;
    let path = drive["qdev"].as_str()?;
    let name = path.strip_prefix("/machine/peripheral/")?.split('/').next()?;
    Some(name.to_owned())
}

/// The name of what lies on a node while a job reads it.
pub(super) fn filter_of(node: &str) -> String {
    format!("f{node}")
}

/// The name of what lies on a node and shows a part of it.
pub(super) fn narrow_of(node: &str) -> String {
    format!("n{node}")
}

/// Takes a volume out, within the deadline.
pub(crate) async fn detach(
    monitor: &Client,
    volume: VolumeId,
    deadline: Duration,
) -> Result<(), HypervisorError> {
    let node = node_of_volume(volume);
    let give_up = Instant::now() + deadline;
    let found = device_with(monitor, &node).await?;
    let Some(device) = found else { return clear(monitor, &node).await };
    while Bus::look(monitor).await?.devices.contains(&device) {
        if Instant::now() >= give_up {
            return Err(HypervisorError::Failed(format!(
                "the guest has not let go of volume {volume} within {} s: unmount it there, see that the guest is not still booting, \
                 and try again",
                deadline.as_secs_f32()
            )));
        }
        let events = monitor.events();
        let asked = monitor.execute_with("device_del", &json!({ "id": device })).await;
        match asked {
            // It has gone meanwhile, or has been asked and takes its time.
            Ok(_) | Err(QmpError::Refused { .. }) => {}
            Err(error) => return Err(unavailable("take the volume out", error)),
        }
        let ask_again = give_up.min(Instant::now() + ASK_AGAIN);
        gone(monitor, events, &device, ask_again).await?;
    }
    clear(monitor, &node).await
}

/// Returns when the device has gone, or at the deadline.
async fn gone(
    monitor: &Client,
    events: Option<broadcast::Receiver<Event>>,
    node: &str,
    deadline: Instant,
) -> Result<(), HypervisorError> {
    let mut events = events.ok_or_else(|| unavailable("hear the guest", QmpError::Closed))?;
    let is_it = |event: &Event| event.name == "DEVICE_DELETED" && event.data["device"] == *node;
    while Instant::now() < deadline {
        let look_again = deadline.min(Instant::now() + LOOK_AGAIN);
        let heard = async {
            loop {
                match events.recv().await {
                    Ok(event) if is_it(&event) => return,
                    // Those that were missed are made good by the next look.
                    Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => {}
                    Err(broadcast::error::RecvError::Closed) => std::future::pending().await,
                }
            }
        };
        if tokio::time::timeout_at(look_again, heard).await.is_ok()
            || !Bus::look(monitor).await?.devices.contains(node)
        {
            return Ok(());
        }
    }
    Ok(())
}

/// Lets the guest see that a volume is larger.
pub(crate) async fn resize(
    monitor: &Client,
    volume: VolumeId,
    size: Bytes,
) -> Result<(), HypervisorError> {
    required(monitor, volume).await?;
    set_size(monitor, &node_of_volume(volume), size).await
}

/// Limits what the guest takes of a volume, whatever held before.
pub(crate) async fn limit(
    monitor: &Client,
    volume: VolumeId,
    throttle: &Throttle,
) -> Result<(), HypervisorError> {
    let device = required(monitor, volume).await?;
    throttle.set(monitor, &device).await
}

/// The device that has a volume. `NotFound`.
async fn required(monitor: &Client, volume: VolumeId) -> Result<String, HypervisorError> {
    let found = device_with(monitor, &node_of_volume(volume)).await?;
    found.ok_or_else(|| HypervisorError::NotFound(format!("the guest has no volume {volume}")))
}

/// Has a node be that large, and tells a guest that has it.
pub(super) async fn set_size(
    monitor: &Client,
    node: &str,
    size: Bytes,
) -> Result<(), HypervisorError> {
    let wanted = json!({"node-name": node, "size": size.0});
    let resized = monitor.execute_with("block_resize", &wanted).await;
    resized.map(drop).map_err(|error| unavailable("make the volume larger", error))
}

/// How large a node is. `None`: there is no such node.
pub(super) async fn size_of(
    monitor: &Client,
    node: &str,
) -> Result<Option<Bytes>, HypervisorError> {
    let nodes = all_nodes(monitor, "tell how large a volume is").await?;
    let mut nodes = nodes.as_array().into_iter().flatten();
    let found = nodes.find(|one| one["node-name"] == *node);
    Ok(found.and_then(|found| found["image"]["virtual-size"].as_u64()).map(Bytes))
}

async fn all_nodes(monitor: &Client, doing: &str) -> Result<Value, HypervisorError> {
    let nodes = monitor.execute_with("query-named-block-nodes", &json!({"flat": true})).await;
    nodes.map_err(|error| unavailable(doing, error))
}

/// Closes a node.
pub(super) async fn close(monitor: &Client, node: &str) -> Result<(), HypervisorError> {
    let closed = monitor.execute_with("blockdev-del", &json!({"node-name": node})).await;
    closed.map(drop).map_err(|error| unavailable("close the volume", error))
}

/// Closes all that is open of a disk without a device.
pub(super) async fn clear(monitor: &Client, node: &str) -> Result<(), HypervisorError> {
    let cannot = |error| unavailable("close the volume", error);
    let open = all_nodes(monitor, "close the volume").await?;
    let names = open.as_array().into_iter().flatten().filter_map(|one| one["node-name"].as_str());
    let mut nodes: Vec<_> = names.filter_map(|name| Some((place(node, name)?, name))).collect();
    // From the top: a node below is in use by that one.
    nodes.sort_unstable();
    for (_, name) in nodes {
        close(monitor, name).await?;
    }
    let keys = monitor.execute_with("qom-list", &json!({"path": "/objects"})).await;
    let secret = secret_of(node);
    if keys.map_err(cannot)?.as_array().into_iter().flatten().any(|one| one["name"] == *secret) {
        let gone = monitor.execute_with("object-del", &json!({ "id": secret })).await;
        gone.map_err(cannot)?;
    }
    let sets = monitor.execute("query-fdsets").await.map_err(cannot)?;
    for set in sets.as_array().into_iter().flatten() {
        let files = set["fds"].as_array().into_iter().flatten();
        for file in files.filter(|file| file["opaque"] == *node) {
            let closed = json!({"fdset-id": set["fdset-id"], "fd": file["fd"]});
            monitor.execute_with("remove-fd", &closed).await.map_err(cannot)?;
        }
    }
    Ok(())
}

/// Where in the graph of the disk `node` the node `name` is, the top one first; `None` when it is not of it.
fn place(node: &str, name: &str) -> Option<(usize, bool)> {
    if name == narrow_of(node) {
        return Some((0, false));
    }
    let rest = name.strip_prefix(node)?;
    let (layer, is_file) = match rest.strip_suffix("-file") {
        Some(layer) => (layer, true),
        None => (rest, false),
    };
    match layer {
        "" => Some((1, is_file)),
        below => {
            let depth: usize = below.strip_prefix('-')?.parse().ok()?;
            Some((depth + 1, is_file))
        }
    }
}

/// What is plugged into the guest's bus.
struct Bus {
    devices: BTreeSet<String>,
    slots: BTreeSet<usize>,
}

impl Bus {
    async fn look(monitor: &Client) -> Result<Self, HypervisorError> {
        let buses = monitor.execute("query-pci").await;
        Ok(Self::of(&buses.map_err(|error| unavailable("tell what the guest has", error))?))
    }

    fn of(buses: &Value) -> Self {
        let devices = || {
            let first = buses.as_array().and_then(|buses| buses.first());
            first.and_then(|bus| bus["devices"].as_array()).into_iter().flatten()
        };
        Self {
            devices: devices()
                .filter_map(|one| one["qdev_id"].as_str().map(str::to_owned))
                .collect(),
            slots: devices()
                .filter_map(|one| one["slot"].as_u64().and_then(|slot| slot.try_into().ok()))
                .collect(),
        }
    }

    /// The node's name, unless a device has it whose own volume was replaced.
    fn free_name(&self, node: &str) -> String {
        let names = (0..).map(|number| match number {
            0 => node.to_owned(),
            number => format!("{node}-again-{number}"),
        });
        names.into_iter().find(|name| !self.devices.contains(name)).unwrap_or_default()
    }

    fn free_slot(&self) -> Option<usize> {
        SLOTS.clone().find(|slot| !self.slots.contains(slot))
    }
}

pub(super) fn unavailable(
    doing: &str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> HypervisorError {
    HypervisorError::Unavailable { doing: doing.to_owned(), source: io::Error::other(error) }
}

#[cfg(test)]
mod tests {
    use super::{Bus, device_in, place};
    use serde_json::json;

    #[test]
    fn nodes_are_closed_from_the_top() {
        let mut names =
            ["v1-10", "v1-2-file", "v1", "disk0", "v1-file", "nv1", "v12", "v1-2", "v1-x"];
        names.sort_by_key(|name| place("v1", name));
        assert_eq!(names[3..], ["nv1", "v1", "v1-file", "v1-2", "v1-2-file", "v1-10"]);
        assert!(names[..3].iter().all(|name| place("v1", name).is_none()));
    }

    #[test]
    fn a_device_is_found_by_what_it_holds_now() {
        let drives = json!([
            {"qdev": "/machine/peripheral/disk0/virtio-backend", "inserted": {"node-name": "disk0"}},
            {"qdev": "/machine/peripheral/va/virtio-backend", "inserted": {"node-name": "vb"}},
            {"qdev": "/machine/peripheral/va-again-1/virtio-backend", "inserted": {"node-name": "fva"}},
            {"qdev": "/machine/peripheral/vc/virtio-backend", "inserted": {"node-name": "nvd"}},
            {"qdev": "/machine/peripheral-anon/device[1]", "inserted": {"node-name": "config"}},
            {"qdev": ""},
        ]);
        assert_eq!(device_in(&drives, "vb").as_deref(), Some("va"));
        assert_eq!(device_in(&drives, "va").as_deref(), Some("va-again-1"));
        assert_eq!(device_in(&drives, "vd").as_deref(), Some("vc"));
        assert_eq!(device_in(&drives, "config"), None);
        let devices = json!([{"slot": 16, "qdev_id": "va"}, {"slot": 17, "qdev_id": "va-again-1"}]);
        let bus = Bus::of(&json!([{ "bus": 0, "devices": devices }]));
        assert_eq!((bus.free_name("va"), bus.free_name("vb")), ("va-again-2".into(), "vb".into()));
    }

    #[test]
    fn a_free_slot_is_one_that_no_device_has() {
        let bus = |slots: &[usize]| {
            let devices: Vec<_> =
                slots.iter().map(|slot| json!({"slot": slot, "qdev_id": ""})).collect();
            Bus::of(&json!([{ "bus": 0, "devices": devices }]))
        };
        assert_eq!(bus(&[0, 3, 0x10, 0x12]).free_slot(), Some(0x11));
        assert_eq!(bus(&(0x10..0x1d).collect::<Vec<_>>()).free_slot(), None);
        assert_eq!(Bus::of(&json!([])).free_slot(), Some(0x10));
    }
}
