//! What a disk is made of: an explicit graph of nodes, in which every format is named and none is probed. The same for a guest that is
//! started and for one that runs.

use super::CannotRun;
use crate::qemu::CacheMode;
use hatchery_model::disk::{BlockSource, RbdImage};
use hatchery_model::image::ImageFormat;
use serde_json::{Value, json};

/// The nodes of a disk in the order in which they are made, each as QEMU's `blockdev-add` takes it. The last one is the disk, and has the
/// name `node`; the layers below it are `node-1`, `node-2` and so on, and each one's file has `-file` behind. `files` are the layers'
/// files, the top one first. Layers below the top are read only whatever they say, and go through the host's page cache whatever `cache` says: many
/// guests lie on them, and nothing of them is ever flushed.
pub(crate) fn nodes(
    node: &str,
    source: &BlockSource,
    files: &[String],
    cache: CacheMode,
) -> Result<Vec<Value>, CannotRun> {
    let mut made = Vec::new();
    layer(&mut made, node, 0, source, files)?;
    let top = [node.to_owned(), format!("{node}-file")];
    for one in made.iter_mut().filter(|one| top.iter().any(|name| one["node-name"] == *name)) {
        cached(one, cache);
    }
    Ok(made)
}

/// Says how a node is cached, unless QEMU does that by itself.
fn cached(node: &mut Value, cache: CacheMode) {
    if cache.is_direct() || cache.is_unsafe() {
        node["cache"] = json!({"direct": cache.is_direct(), "no-flush": cache.is_unsafe()});
    }
}

/// Adds a layer after those that it lies on; gives its name.
fn layer(
    made: &mut Vec<Value>,
    disk: &str,
    depth: usize,
    source: &BlockSource,
    files: &[String],
) -> Result<String, CannotRun> {
    let node = if depth == 0 { disk.to_owned() } else { format!("{disk}-{depth}") };
    let (format, read_only, backing) = match source {
        BlockSource::File { format, read_only, backing, .. } => (format, read_only, backing),
        BlockSource::Rbd(image) => {
            made.push(rbd(&node, image, depth == 0, files.get(depth))?);
            return Ok(node);
        }
    };
    let file =
        files.get(depth).ok_or_else(|| CannotRun(format!("no file was opened for {node}")))?;
    let below = match (backing, format) {
        (Some(base), ImageFormat::Qcow2) => Value::from(layer(made, disk, depth + 1, base, files)?),
        (Some(_), ImageFormat::Raw) => {
            return Err(CannotRun(
                "a raw disk cannot lie on another: make it a qcow2 overlay".to_owned(),
            ));
        }
        (None, _) => Value::Null,
    };
    let writable = depth == 0 && !read_only;
    let name_of_file = format!("{node}-file");
    let mut bytes = json!({
        "driver": "file", "node-name": name_of_file, "filename": file, "locking": "on", "aio": "threads",
        "read-only": !writable, "auto-read-only": false,
    });
    let mut content = json!({
        "driver": format.to_string(), "node-name": node, "file": name_of_file,
        "read-only": !writable, "auto-read-only": false,
    });
    if writable {
        bytes["discard"] = "unmap".into();
        content["discard"] = "unmap".into();
    }
    if *format == ImageFormat::Qcow2 {
        // Also that it lies on nothing is said outright, or QEMU would open whatever the file's header names.
        content["backing"] = below;
    }
    made.extend([bytes, content]);
    Ok(node)
}

/// An image of Ceph is one node, and raw. The configuration is a file in memory; the key is the secret that goes with the node.
fn rbd(
    node: &str,
    image: &RbdImage,
    is_top: bool,
    conf: Option<&String>,
) -> Result<Value, CannotRun> {
    let conf = conf.ok_or_else(|| CannotRun(format!("no configuration was opened for {node}")))?;
    let writable = is_top && image.snapshot.is_none();
    let mut made = json!({
        "driver": "rbd", "node-name": node, "pool": image.pool, "image": image.image, "user": image.user, "conf": conf,
        "key-secret": secret_of(node), "auth-client-required": ["cephx"], "read-only": !writable, "auto-read-only": false,
    });
    if let Some(snapshot) = &image.snapshot {
        made["snapshot"] = snapshot.as_str().into();
    }
    if writable {
        made["discard"] = "unmap".into();
    }
    let mut servers = Vec::new();
    for monitor in &image.monitors {
        let (host, port) = monitor
            .rsplit_once(':')
            .ok_or_else(|| CannotRun(format!("the monitor {monitor} has no port")))?;
        servers.push(json!({"host": host.trim_matches(['[', ']']), "port": port}));
    }
    if !servers.is_empty() {
        made["server"] = servers.into();
    }
    Ok(made)
}

/// The object that holds the key of a node's user.
pub(crate) fn secret_of(node: &str) -> String {
    format!("{node}-key")
}

/// QEMU's own name for a file that it has open by this number.
pub(crate) fn own_file(number: impl std::fmt::Display) -> String {
    format!("/proc/self/fd/{number}")
}
