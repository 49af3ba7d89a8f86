//! What a disk is made of: an explicit graph of nodes, in which every format is named and none is probed. The same for a guest that is
//! started and for one that runs.

use super::CannotRun;
use hatchery_model::disk::BlockSource;
use hatchery_model::image::ImageFormat;
use serde_json::{Value, json};

/// The nodes of a disk in the order in which they are made, each as QEMU's `blockdev-add` takes it. The last one is the disk, and has the
/// name `node`; the layers below it are `node-1`, `node-2` and so on, and each one's file has `-file` behind. `files` are the layers'
/// files, the top one first. Layers below the top are read only whatever they say.
pub(crate) fn nodes(
    node: &str,
    source: &BlockSource,
    files: &[String],
) -> Result<Vec<Value>, CannotRun> {
    let mut made = Vec::new();
    layer(&mut made, node, 0, source, files)?;
    Ok(made)
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
        BlockSource::Rbd(_) => {
            return Err(CannotRun("this version runs no guest from Ceph".to_owned()));
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
