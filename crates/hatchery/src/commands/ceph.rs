//! `hatchery ceph`: what guests have open in Ceph, asked of their own admin sockets.

use crate::cli::{Ceph, CephCommand, CephSockets};
use crate::commands::pool::table;
use crate::state_dir::StateDir;
use anyhow::Context;
use hatchery_model::compute::GuestDefinition;
use hatchery_storage::rbd::{CephAdminSocket, admin_sockets};
use hatchery_virt::qemu;
use serde_json::{Value, json};
use std::path::Path;
use std::process::ExitCode;

/// Runs the chosen subcommand.
pub fn run(args: &Ceph) -> anyhow::Result<ExitCode> {
    match &args.command {
        CephCommand::Sockets(args) => sockets(args),
    }
}

/// Needs no running cloud: it looks at the guests' processes.
fn sockets(args: &CephSockets) -> anyhow::Result<ExitCode> {
    let state = StateDir::new(&args.state.dir)?;
    let instances = state.join("instances");
    let running = qemu::running(&instances)
        .with_context(|| format!("the guests in {} cannot be listed", instances.display()))?;
    let mut found = Vec::new();
    for (server, process) in running {
        let folder = instances.join(server.to_string());
        let sockets = admin_sockets(process, &[qemu::MONITOR]).with_context(|| {
            format!("process {process} of server {server} cannot be looked at: run this as root")
        })?;
        let guest = name(&folder);
        let shown = sockets.iter().map(|socket| view(socket, &server.to_string(), &guest, process));
        found.extend(shown);
    }
    if args.json {
        println!("{}", serde_json::to_string_pretty(&found)?);
    } else {
        print!("{}", render(&found));
    }
    Ok(ExitCode::SUCCESS)
}

/// The guest's name; empty if its definition cannot be read.
fn name(folder: &Path) -> String {
    let bytes = std::fs::read(folder.join("definition.json")).unwrap_or_default();
    serde_json::from_slice::<GuestDefinition>(&bytes).map(|guest| guest.name).unwrap_or_default()
}

fn view(socket: &CephAdminSocket, server: &str, guest: &str, process: u32) -> Value {
    json!({
        "server": server,
        "guest": guest,
        "process": process,
        "images": socket.images,
        "rbd_cache": socket.has_cache,
        "version": socket.version,
        "socket": socket.path,
    })
}

fn render(sockets: &[Value]) -> String {
    if sockets.is_empty() {
        return "no guest has an admin socket that answers: set `admin socket` in [client] of the guests' ceph.conf, in a folder \
                that their user may write to, and start them again\n"
            .to_owned();
    }
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let rows: Vec<Vec<String>> = sockets
        .iter()
        .map(|one| {
            let images = one["images"].as_array().map_or(&[][..], Vec::as_slice);
            let cache = match one["rbd_cache"].as_bool() {
                Some(true) => "on",
                Some(false) => "off",
                None => "",
            };
            vec![
                text(&one["guest"]),
                text(&one["server"]),
                images.iter().map(text).collect::<Vec<_>>().join(" "),
                cache.to_owned(),
                text(&one["socket"]),
            ]
        })
        .collect();
    table(&["Guest", "Server", "Images", "Cache", "Socket"], &rows)
}

#[cfg(test)]
mod tests {
    use super::{render, view};
    use hatchery_storage::rbd::CephAdminSocket;

    #[test]
    fn a_socket_is_a_row_and_none_is_a_sentence() {
        let socket = CephAdminSocket {
            path: "/run/g/ceph-client.cinder.7.asok".into(),
            version: "16.2.15".into(),
            images: vec!["vms/a_disk".into(), "volumes/volume-b".into()],
            has_cache: Some(true),
        };
        let row = view(&socket, "s", "instance-1", 7);
        assert_eq!((row["process"].as_u64(), row["rbd_cache"].as_bool()), (Some(7), Some(true)));
        let text = render(&[row]);
        for part in ["| instance-1 |", "vms/a_disk volumes/volume-b", "| on", "cinder.7.asok |"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(render(&[]).contains("`admin socket`"));
    }
}
