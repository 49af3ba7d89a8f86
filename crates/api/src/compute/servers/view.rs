//! A server as Nova shows it, by microversion.

use super::status;
use crate::compute::links;
use crate::compute::microversion::Microversion;
use crate::compute::versions::Root;
use crate::http::time;
use hatchery_control::compute::{ServerAddress, ServerDetail};
use hatchery_model::caller::Caller;
use hatchery_model::compute::{Flavor, Server, ServerState};
use hatchery_model::id::{HostName, ProjectId};
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

impl Viewer<'_> {
    /// `{id, name, links}`
    pub fn brief(&self, server: &Server) -> Value {
        json!({
            "id": server.id,
            "name": server.name,
            "links": links::both(self.root, &format!("servers/{}", server.id)),
        })
    }

    /// The whole server.
    pub fn whole(&self, detail: &ServerDetail) -> Value {
        let server = &detail.server;
        let mut shown = match self.brief(server) {
            Value::Object(map) => map,
            _ => Map::new(),
        };
        self.core(&mut shown, server, &detail.addresses);
        self.extended(&mut shown, server);
        self.later(&mut shown, server);
        Value::Object(shown)
    }

    fn core(&self, shown: &mut Map<String, Value>, server: &Server, nics: &[ServerAddress]) {
        let status = status::of(&server.state);
        let mut put = |name: &str, value: Value| shown.insert(name.to_owned(), value);
        put("status", json!(status.status));
        put("tenant_id", json!(server.project));
        put("user_id", json!(server.user));
        put("metadata", json!(server.metadata));
        put("hostId", json!(host_id(&server.project, server.host.as_ref())));
        put("image", self.image(server));
        put("flavor", self.flavor(&server.flavor));
        put("created", json!(time::seconds(server.created_at)));
        put("updated", json!(time::seconds(server.updated_at)));
        put("addresses", addresses(nics));
        put("accessIPv4", json!(""));
        put("accessIPv6", json!(""));
        put("OS-DCF:diskConfig", json!("MANUAL"));
        put("OS-EXT-AZ:availability_zone", json!(zone(server)));
        put("config_drive", json!(if server.config_drive { "True" } else { "" }));
        put("key_name", json!(server.keypair.as_ref().map(|key| &key.name)));
        put("OS-SRV-USG:launched_at", json!(server.launched_at.map(time::micros)));
        put("OS-SRV-USG:terminated_at", json!(terminated_at(server)));
        put("os-extended-volumes:volumes_attached", json!([]));
        put("OS-EXT-STS:task_state", json!(status.task_state));
        put("OS-EXT-STS:vm_state", json!(status.vm_state));
        put("OS-EXT-STS:power_state", json!(status.power_state));
        if !nics.is_empty() {
            put("security_groups", json!([{"name": "default"}]));
        }
        match status.status {
            "ACTIVE" => put("progress", json!(100)),
            "BUILD" => put("progress", json!(0)),
            _ => None,
        };
        if let Some(fault) = self.fault(server) {
            put("fault", fault);
        }
    }

    /// What only administrators see.
    fn extended(&self, shown: &mut Map<String, Value>, server: &Server) {
        let hostname =
            (self.version.0 >= 90 && !self.caller.is_admin()).then(|| json!(server.hostname));
        if let Some(hostname) = hostname {
            shown.insert("OS-EXT-SRV-ATTR:hostname".into(), hostname);
        }
        if !self.caller.is_admin() {
            return;
        }
        let mut put = |name: &str, value: Value| {
            shown.insert(format!("OS-EXT-SRV-ATTR:{name}"), value);
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
    }

    /// What later microversions added.
    fn later(&self, shown: &mut Map<String, Value>, server: &Server) {
        let version = self.version.0;
        let mut put = |first: u32, name: &str, value: Value| {
            if version >= first {
                shown.insert(name.to_owned(), value);
            }
        };
        put(9, "locked", json!(server.locked));
        put(19, "description", json!(server.description));
        put(26, "tags", json!(server.tags));
        put(63, "trusted_image_certificates", Value::Null);
        put(71, "server_groups", json!([]));
        put(73, "locked_reason", Value::Null);
        put(96, "pinned_availability_zone", json!(server.availability_zone));
        if self.caller.is_admin() {
            let up = if server.host.is_some() { "UP" } else { "" };
            put(16, "host_status", json!(up));
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

    fn fault(&self, server: &Server) -> Option<Value> {
        let ServerState::Failed(fault) = &server.state else {
            return None;
        };
        let mut shown = json!({
            "code": fault.code,
            "message": fault.message,
            "created": time::seconds(fault.at),
        });
        // Nova shows the details to administrators, and with client errors to everyone.
        if self.caller.is_admin() || fault.code != 500 {
            shown["details"] = json!(fault.details);
        }
        Some(shown)
    }
}

/// Tells apart hosts for an owner who may not know their names.
pub fn host_id(project: &ProjectId, host: Option<&HostName>) -> String {
    host.map_or_else(String::new, |host| {
        let digest = Sha224::digest(format!("{project}{host}"));
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    })
}

fn zone(server: &Server) -> &str {
    match (&server.host, &server.availability_zone) {
        (_, Some(zone)) => zone,
        (Some(_), None) => "nova",
        (None, None) => "",
    }
}

fn terminated_at(server: &Server) -> Option<String> {
    match server.state {
        ServerState::Deleted { at } => Some(time::micros(at)),
        _ => None,
    }
}

fn addresses(all: &[ServerAddress]) -> Value {
    let mut shown = Map::new();
    for one in all {
        let list = shown.entry(one.network.clone()).or_insert_with(|| json!([]));
        if let Some(list) = list.as_array_mut() {
            list.push(json!({
                "version": if one.address.is_ipv4() { 4 } else { 6 },
                "addr": one.address,
                "OS-EXT-IPS:type": "fixed",
                "OS-EXT-IPS-MAC:mac_addr": one.mac,
            }));
        }
    }
    Value::Object(shown)
}
