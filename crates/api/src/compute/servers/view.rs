//! A server as Nova shows it, by microversion.

use super::status;
use crate::compute::links;
use crate::compute::microversion::Microversion;
use crate::compute::versions::Root;
use crate::http::time;
use hatchery_control::compute::{HostStatus, ServerAddress, ServerDetail, ZoneChoice};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{Fault, Flavor, Rest, Server, ServerState};
use hatchery_model::id::{HostName, ProjectId};
use hatchery_model::volume::Attachment;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha224};

/// In what way servers are shown to a caller.
pub struct Viewer<'a> {
    /// The service's root.
    pub root: &'a Root,
    /// What the request speaks.
    pub version: Microversion,
    /// Who asks.
    pub caller: &'a Caller,
}

/// A server in the making.
struct Shown(Map<String, Value>);

impl Shown {
    fn put(&mut self, name: &str, value: Value) {
        self.0.insert(name.to_owned(), value);
    }
}

impl Viewer<'_> {
    /// `{id, name, links}`
    pub fn brief(&self, server: &Server) -> Value {
        json!({
            "id": server.id,
            "name": server.name,
            "links": links::both(self.root, &format!("servers/{}", server.id)),
        })
    }

    /// The whole server, as it is shown alone.
    pub fn whole(&self, detail: &ServerDetail) -> Value {
        let mut shown = self.common(detail);
        self.extensions(&mut shown, detail);
        self.groups(&mut shown);
        Value::Object(shown.0)
    }

    /// One of a listing.
    pub fn listed(&self, detail: &ServerDetail) -> Value {
        let mut shown = self.common(detail);
        self.extensions(&mut shown, detail);
        Value::Object(shown.0)
    }

    /// The answer to a change: the whole server since 2.75, before that without what once were extensions.
    pub fn changed(&self, detail: &ServerDetail) -> Value {
        if self.version.0 >= 75 {
            return self.whole(detail);
        }
        let mut shown = self.common(detail);
        if !is_building(&detail.server.state) {
            shown.put("addresses", brief_addresses(&detail.addresses));
        }
        self.groups(&mut shown);
        Value::Object(shown.0)
    }

    fn common(&self, detail: &ServerDetail) -> Shown {
        let server = &detail.server;
        let status = status::of(&server.state).status;
        let mut shown = Shown(match self.brief(server) {
            Value::Object(map) => map,
            _ => Map::new(),
        });
        shown.put("status", json!(status));
        shown.put("tenant_id", json!(server.project));
        shown.put("user_id", json!(server.user));
        shown.put("metadata", json!(server.metadata));
        shown.put("hostId", json!(host_id(&server.project, server.host.as_ref())));
        shown.put("image", self.image(server));
        shown.put("flavor", self.flavor(&server.flavor));
        shown.put("created", json!(time::seconds(server.created_at)));
        shown.put("updated", json!(time::seconds(server.updated_at)));
        // Nova hides the addresses of a server that is not there yet.
        let addresses =
            if is_building(&server.state) { json!({}) } else { addresses(&detail.addresses) };
        shown.put("addresses", addresses);
        let text = |address: Option<String>| json!(address.unwrap_or_default());
        shown.put("accessIPv4", text(server.access_ipv4.map(|ip| ip.to_string())));
        shown.put("accessIPv6", text(server.access_ipv6.map(|ip| ip.to_string())));
        shown.put("OS-DCF:diskConfig", json!("MANUAL"));
        if matches!(status, "ACTIVE" | "BUILD") {
            shown.put("progress", json!(0));
        }
        if let Some(fault) = fault_of(&server.state) {
            shown.put("fault", self.fault(fault));
        }
        self.later(&mut shown, server);
        shown
    }

    /// What once were extensions.
    fn extensions(&self, shown: &mut Shown, detail: &ServerDetail) {
        let server = &detail.server;
        let status = status::of(&server.state);
        let zone = server.availability_zone.as_deref().unwrap_or_default();
        shown.put("OS-EXT-AZ:availability_zone", json!(zone));
        shown.put("config_drive", json!(if server.config_drive { "True" } else { "" }));
        shown.put("key_name", json!(server.keypair.as_ref().map(|key| &key.name)));
        shown.put("OS-SRV-USG:launched_at", json!(server.launched_at.map(time::micros)));
        shown.put("OS-SRV-USG:terminated_at", json!(terminated_at(server)));
        shown.put("os-extended-volumes:volumes_attached", self.volumes(detail));
        let imaging = server.imaging.as_ref().map(|imaging| imaging.step.task_state());
        shown.put("OS-EXT-STS:task_state", json!(status.task_state.or(imaging)));
        shown.put("OS-EXT-STS:vm_state", json!(status.vm_state));
        shown.put("OS-EXT-STS:power_state", json!(status.power_state));
        if !server.nics.is_empty() {
            shown.put("security_groups", json!([{"name": "default"}]));
        }
        if self.version.0 >= 96 {
            shown.put("pinned_availability_zone", json!(pinned_zone(server)));
        }
        if self.caller.is_admin() {
            self.for_administrators(shown, detail);
        } else if self.version.0 >= 90 {
            shown.put("OS-EXT-SRV-ATTR:hostname", json!(server.hostname));
        }
    }

    fn volumes(&self, detail: &ServerDetail) -> Value {
        let one = |attachment: &Attachment| {
            let mut shown = json!({"id": attachment.volume});
            if self.version.0 >= 3 {
                shown["delete_on_termination"] = json!(attachment.guest.delete_on_termination);
            }
            shown
        };
        let mut volumes: Vec<&Attachment> = detail.volumes.iter().collect();
        volumes.sort_by_key(|attachment| super::volumes::place(attachment));
        volumes.into_iter().map(one).collect()
    }

    fn for_administrators(&self, shown: &mut Shown, detail: &ServerDetail) {
        let server = &detail.server;
        let mut put = |name: &str, value: Value| {
            shown.put(&format!("OS-EXT-SRV-ATTR:{name}"), value);
        };
        put("host", json!(server.host));
        put("hypervisor_hostname", json!(server.host));
        put("instance_name", json!(format!("instance-{:08x}", server.number)));
        if self.version.0 >= 3 {
            put("reservation_id", json!(server.reservation_id));
            put("launch_index", json!(server.launch_index));
            put("hostname", json!(server.hostname));
            put("kernel_id", json!(""));
            put("ramdisk_id", json!(""));
            put("root_device_name", json!("/dev/vda"));
            put("user_data", json!(server.user_data));
        }
        if self.version.0 >= 16 {
            shown.put("host_status", json!(host_status(detail.host.as_ref())));
        }
    }

    /// What later microversions added.
    fn later(&self, shown: &mut Shown, server: &Server) {
        let mut put = |first: u32, name: &str, value: Value| {
            if self.version.0 >= first {
                shown.put(name, value);
            }
        };
        put(9, "locked", json!(server.locked));
        put(19, "description", json!(server.description));
        put(26, "tags", json!(server.tags));
        put(63, "trusted_image_certificates", Value::Null);
        put(73, "locked_reason", Value::Null);
    }

    /// Listings do not have them.
    fn groups(&self, shown: &mut Shown) {
        if self.version.0 >= 71 {
            shown.put("server_groups", json!([]));
        }
    }

    fn image(&self, server: &Server) -> Value {
        server.image.map_or(json!(""), |image| {
            json!({"id": image, "links": [links::bookmark(self.root, &format!("images/{image}"))]})
        })
    }

    fn flavor(&self, flavor: &Flavor) -> Value {
        if self.version.0 < 47 {
            let path = format!("flavors/{}", flavor.id);
            return json!({"id": flavor.id, "links": [links::bookmark(self.root, &path)]});
        }
        json!({
            "vcpus": flavor.vcpus,
            "ram": flavor.memory_mib,
            "disk": flavor.root_gib,
            "ephemeral": flavor.ephemeral_gib,
            "swap": flavor.swap_mib,
            "original_name": flavor.name,
            "extra_specs": flavor.extra_specs,
        })
    }

    fn fault(&self, fault: &Fault) -> Value {
        let mut shown = json!({
            "code": fault.code,
            "message": fault.message,
            "created": time::seconds(fault.at),
        });
        // Nova shows the details to administrators, and with client errors to everyone.
        if self.caller.is_admin() || fault.code != 500 {
            shown["details"] = json!(fault.details);
        }
        shown
    }
}

/// Tells apart hosts for an owner who may not know their names.
pub fn host_id(project: &ProjectId, host: Option<&HostName>) -> String {
    host.map_or_else(String::new, |host| {
        let digest = Sha224::digest(format!("{project}{host}"));
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    })
}

/// Whether it is being made, or was when it was deleted.
fn is_building(state: &ServerState) -> bool {
    match state {
        ServerState::Building(_) => true,
        ServerState::Deleting { was } => is_building(was),
        ServerState::Active
        | ServerState::Stopped
        | ServerState::Stopping { .. }
        | ServerState::Starting { .. }
        | ServerState::Rebooting { .. }
        | ServerState::Failed(_)
        | ServerState::Deleted { .. } => false,
    }
}

fn fault_of(state: &ServerState) -> Option<&Fault> {
    match state {
        ServerState::Failed(fault) => Some(fault),
        ServerState::Deleting { was } => fault_of(was),
        ServerState::Stopping { was: Rest::Failed(fault) }
        | ServerState::Starting { was: Rest::Failed(fault) }
        | ServerState::Rebooting { was: Rest::Failed(fault), .. } => Some(fault),
        ServerState::Stopping { was: Rest::Active | Rest::Stopped }
        | ServerState::Starting { was: Rest::Active | Rest::Stopped }
        | ServerState::Rebooting { was: Rest::Active | Rest::Stopped, .. }
        | ServerState::Building(_)
        | ServerState::Active
        | ServerState::Stopped
        | ServerState::Deleted { .. } => None,
    }
}

/// The zone that the user has named.
fn pinned_zone(server: &Server) -> Option<String> {
    ZoneChoice::parse(server.wanted_zone.as_deref()?).zone
}

fn host_status(host: Option<&HostStatus>) -> &'static str {
    match host {
        None => "",
        Some(status) if status.host.disabled.is_some() => "MAINTENANCE",
        Some(status) if status.up => "UP",
        Some(_) => "UNKNOWN",
    }
}

fn terminated_at(server: &Server) -> Option<String> {
    match server.state {
        ServerState::Deleted { at } => Some(time::micros(at)),
        _ => None,
    }
}

fn addresses(all: &[ServerAddress]) -> Value {
    by_network(all, |one| {
        let mut shown = brief_address(one);
        shown["OS-EXT-IPS:type"] = json!("fixed");
        shown["OS-EXT-IPS-MAC:mac_addr"] = json!(one.mac);
        shown
    })
}

/// As `/servers/{id}/ips` shows them.
pub fn brief_addresses(all: &[ServerAddress]) -> Value {
    by_network(all, brief_address)
}

fn brief_address(one: &ServerAddress) -> Value {
    json!({"version": if one.address.is_ipv4() { 4 } else { 6 }, "addr": one.address})
}

fn by_network(all: &[ServerAddress], view: fn(&ServerAddress) -> Value) -> Value {
    let mut shown: Map<String, Value> = Map::new();
    for one in all {
        let list = shown.entry(one.network.clone()).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(view(one));
        }
    }
    Value::Object(shown)
}
