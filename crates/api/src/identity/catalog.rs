//! The catalog: which services there are, and where. It is fixed by settings; nothing of it is kept.

use serde_json::{Value, json};
use uuid::Uuid;

/// Where the services are.
#[derive(Clone, Debug)]
pub struct CatalogSettings {
    /// What users put before `/identity`, without a slash at the end: `http://127.0.0.1:5000`.
    pub public_url: String,
    /// The region's name.
    pub region: String,
}

/// OpenStack's usual name of the only region.
pub const DEFAULT_REGION: &str = "RegionOne";

/// Type, name and path of each service.
const SERVICES: [(&str, &str, &str); 5] = [
    ("identity", "keystone", "/identity"),
    ("image", "glance", "/image"),
    ("compute", "nova", "/compute/v2.1"),
    ("network", "neutron", "/network"),
    ("block-storage", "cinder", "/volume/v3"),
];

const INTERFACES: [&str; 3] = ["public", "internal", "admin"];

/// One service.
pub struct Service {
    /// Made from its type, so that it is the same after each start.
    pub id: String,
    /// What clients look for.
    pub kind: &'static str,
    /// What people call it.
    pub name: &'static str,
}

/// One address of a service.
pub struct Endpoint {
    /// Made from service and interface, so that it is the same after each start.
    pub id: String,
    /// The service's id.
    pub service: String,
    /// `public`, `internal` or `admin`.
    pub interface: &'static str,
    /// Where.
    pub url: String,
}

impl CatalogSettings {
    /// Where identity itself is, without a slash at the end.
    pub fn identity(&self) -> String {
        format!("{}/identity", self.base())
    }

    /// Where identity's own version 3 is, without a slash at the end.
    pub fn identity_v3(&self) -> String {
        format!("{}/v3", self.identity())
    }

    fn base(&self) -> &str {
        self.public_url.trim_end_matches('/')
    }

    /// All services.
    pub fn services(&self) -> Vec<Service> {
        SERVICES.iter().map(|(kind, name, _)| Service { id: id_of(&[kind]), kind, name }).collect()
    }

    /// All endpoints.
    pub fn endpoints(&self) -> Vec<Endpoint> {
        SERVICES
            .iter()
            .flat_map(|(kind, _, path)| {
                INTERFACES.iter().map(move |interface| Endpoint {
                    id: id_of(&[kind, interface, &self.region]),
                    service: id_of(&[kind]),
                    interface,
                    url: format!("{}{path}", self.base()),
                })
            })
            .collect()
    }

    /// The catalog as a token has it.
    pub fn view(&self) -> Value {
        let endpoints = self.endpoints();
        self.services()
            .iter()
            .map(|service| {
                let own: Vec<Value> = endpoints
                    .iter()
                    .filter(|endpoint| endpoint.service == service.id)
                    .map(|endpoint| {
                        json!({
                            "id": endpoint.id,
                            "interface": endpoint.interface,
                            "region": self.region,
                            "region_id": self.region,
                            "url": endpoint.url,
                        })
                    })
                    .collect();
                json!({
                    "id": service.id,
                    "type": service.kind,
                    "name": service.name,
                    "endpoints": own,
                })
            })
            .collect()
    }
}

fn id_of(parts: &[&str]) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, parts.join("\n").as_bytes()).as_simple().to_string()
}
