//! Rows of several nouns by one statement: a `UNION ALL` whose arms say what kind of row each is.

use crate::compute::{aggregate_from_row, host_from_row, server_from_row};
use crate::error::corrupt;
use crate::network::address;
use crate::rows::{column, parse};
use crate::unit_of_work::Transaction;
use crate::value::{Value, text};
use async_trait::async_trait;
use hatchery_model::compute::{Action, Flavor, Host, HostFacts, Keypair, Server};
use hatchery_model::id::{HostName, NetworkId, RequestId, ServerId, SubnetId};
use hatchery_model::image::Image;
use hatchery_model::network::{Network, Port, Subnet};
use hatchery_ports::store::{
    BuildRows, Bundles, GuestRows, HostRows, NetworkNames, NetworkRows, RequestNames, RequestRows,
    StoreError, TakenRun,
};
use sqlx::AssertSqlSafe;
use sqlx::any::AnyRow;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write;

/// What a row is. Its number stands in the first column.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Image = 1,
    Flavor,
    Keypair,
    Network,
    Subnet,
    DhcpPort,
    Host,
    Server,
    Action,
    Port,
    FirstRun,
    Aggregate,
    BaseHost,
}

const KINDS: [Kind; 13] = [
    Kind::Image,
    Kind::Flavor,
    Kind::Keypair,
    Kind::Network,
    Kind::Subnet,
    Kind::DhcpPort,
    Kind::Host,
    Kind::Server,
    Kind::Action,
    Kind::Port,
    Kind::FirstRun,
    Kind::Aggregate,
    Kind::BaseHost,
];

const NOTHING: &str = "0, 0, 0, 0, 0, 0";
/// The id of a subnet, and the lowest address taken there with the end of the run that begins with it: in words, of which the last is missing
/// where no address comes after, and the last two where none is taken.
const FIRST_RUN: &str = "SELECT id || COALESCE( \
    ' ' || (SELECT address FROM addresses WHERE subnet = subnets.id ORDER BY address LIMIT 1) || ' ' || \
    (SELECT next FROM addresses WHERE subnet = subnets.id AND run_end = 1 ORDER BY address LIMIT 1), '') AS body, network \
    FROM subnets";
/// The hosts that have an image's base.
const BASE_HOSTS: &str = "SELECT host AS body, image FROM host_bases WHERE state = 'cached'";
const NUMBER: &str = "number, 0, 0, 0, 0, 0";
const HOST: &str =
    "generation, heard_at, claimed_vcpus, claimed_memory_mib, claimed_disk_gib, claimed_servers";
/// Where the columns of a noun begin, and where its body stands.
const FIRST: usize = 1;
const BODY: usize = 7;

/// A statement in the making. Every text that becomes part of it is a constant of this crate.
#[derive(Default)]
struct Union {
    sql: String,
    values: Vec<Value>,
}

impl Union {
    /// Adds an arm: `from` goes on after `FROM`, and each `?` in it is one of the values.
    fn arm(&mut self, kind: Kind, columns: &str, from: &str, values: Vec<Value>) {
        let union = if self.sql.is_empty() { "" } else { " UNION ALL " };
        // Writing to a String cannot fail.
        let _ = write!(self.sql, "{union}SELECT {}, {columns}, body FROM ", kind as u8);
        let mut place = self.values.len();
        for c in from.chars() {
            if c == '?' {
                place += 1;
                let _ = write!(self.sql, "${place}");
            } else {
                self.sql.push(c);
            }
        }
        self.values.extend(values);
    }

    /// Adds networks, their subnets and their DHCP ports. `ids` names the networks' ids as `IN` takes them.
    fn networks(&mut self, ids: &str, values: impl Fn() -> Vec<Value>) {
        for (kind, from) in [
            (Kind::Network, "networks WHERE id"),
            (Kind::Subnet, "subnets WHERE network"),
            (Kind::DhcpPort, "ports WHERE device_owner = 'network:dhcp' AND network"),
        ] {
            self.arm(kind, NOTHING, &format!("{from} IN ({ids})"), values());
        }
        let runs = format!("({FIRST_RUN}) AS runs WHERE network IN ({ids})");
        self.arm(Kind::FirstRun, NOTHING, &runs, values());
    }

    /// All hosts, and what is to be known of them beside their rows. `image` names the image's id.
    fn hosts(&mut self, image: &str, value: Value) {
        self.arm(Kind::Host, HOST, "hosts", vec![]);
        self.arm(Kind::Aggregate, NUMBER, "aggregates", vec![]);
        let cached = format!("({BASE_HOSTS}) AS cached WHERE image = {image}");
        self.arm(Kind::BaseHost, NOTHING, &cached, vec![value]);
    }

    /// A server, an action of it, and its ports.
    fn guest(&mut self, server: ServerId, request: &RequestId) {
        self.arm(Kind::Server, NUMBER, "servers WHERE id = ?", vec![text(server)]);
        let action = vec![text(server), text(request)];
        self.arm(Kind::Action, NOTHING, "actions WHERE server = ? AND request = ?", action);
        // That it is not empty is said so that the index, which leaves those out, is seen to apply.
        let ports = "ports WHERE device_id = ? AND device_id <> ''";
        self.arm(Kind::Port, NOTHING, ports, vec![text(server)]);
    }
}

/// All that an answer may hold.
#[derive(Default)]
struct Found {
    image: Option<Image>,
    flavor: Option<Flavor>,
    keypair: Option<Keypair>,
    networks: Vec<Network>,
    subnets: Vec<Subnet>,
    dhcp_ports: Vec<Port>,
    hosts: Vec<Host>,
    facts: HostFacts,
    servers: Vec<Server>,
    action: Option<Action>,
    ports: Vec<Port>,
    first_runs: BTreeMap<SubnetId, Option<TakenRun>>,
}

impl Found {
    fn take(&mut self, row: &AnyRow) -> Result<(), StoreError> {
        const NOUN: &str = "bundle";
        let kind: i64 = column(NOUN, row, 0)?;
        let body = || column::<String>(NOUN, row, BODY);
        let found = KINDS.iter().find(|one| **one as i64 == kind);
        let unknown = || corrupt(NOUN, kind, "it has a row of a kind that nobody asked for");
        match found.ok_or_else(unknown)? {
            Kind::Image => self.image = Some(parse("image", &body()?)?),
            Kind::Flavor => self.flavor = Some(parse("flavor", &body()?)?),
            Kind::Keypair => self.keypair = Some(parse("key pair", &body()?)?),
            Kind::Network => self.networks.push(parse("network", &body()?)?),
            Kind::Subnet => self.subnets.push(parse("subnet", &body()?)?),
            Kind::DhcpPort => self.dhcp_ports.push(parse("port", &body()?)?),
            Kind::Host => self.hosts.push(host_from_row(row, FIRST)?),
            Kind::Server => self.servers.push(server_from_row(row, FIRST, BODY)?),
            Kind::Action => self.action = Some(parse("action", &body()?)?),
            Kind::Port => self.ports.push(parse("port", &body()?)?),
            Kind::Aggregate => {
                self.facts.aggregates.push(aggregate_from_row(row, FIRST, BODY)?);
            }
            Kind::BaseHost => {
                self.facts.with_base.insert(HostName(body()?));
            }
            Kind::FirstRun => self.first_runs.extend([first_run(&body()?)?]),
        }
        Ok(())
    }

    /// Brings what are lists into the order of their listings, which a union does not keep.
    fn sort(&mut self) {
        self.networks.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        self.subnets.sort_by(|a, b| (&a.name, a.id).cmp(&(&b.name, b.id)));
        self.hosts.sort_by(|a, b| a.name.cmp(&b.name));
        self.facts.aggregates.sort_by_key(|aggregate| aggregate.number);
        self.servers.sort_by_key(|server| (Reverse(server.created_at), server.id));
        for ports in [&mut self.dhcp_ports, &mut self.ports] {
            ports.sort_by_key(|port| (port.created_at, port.id));
        }
    }

    /// Each network with what is on it.
    fn network_rows(&mut self) -> Vec<NetworkRows> {
        let networks = std::mem::take(&mut self.networks).into_iter();
        networks
            .map(|network| NetworkRows {
                first_runs: self
                    .subnets
                    .iter()
                    .filter(|one| one.network == network.id)
                    .filter_map(|one| Some((one.id, *self.first_runs.get(&one.id)?)))
                    .collect(),
                subnets: self.subnets.extract_if(.., |one| one.network == network.id).collect(),
                dhcp_ports: self
                    .dhcp_ports
                    .extract_if(.., |one| one.network == network.id)
                    .collect(),
                network,
            })
            .collect()
    }
}

fn first_run(words: &str) -> Result<(SubnetId, Option<TakenRun>), StoreError> {
    const NOUN: &str = "subnet";
    let mut split = words.split(' ');
    let id = split.next().unwrap_or_default();
    let id = id.parse().map_err(|error| corrupt(NOUN, id, error))?;
    let Some(first) = split.next() else {
        return Ok((id, None));
    };
    let next = split.next().filter(|next| !next.is_empty()).map(address::read).transpose()?;
    Ok((id, Some(TakenRun { first: address::read(first)?, next })))
}

impl Transaction {
    async fn bundle(&mut self, union: Union) -> Result<Found, StoreError> {
        let rows = self.rows("read", "bundle", AssertSqlSafe(union.sql), union.values).await?;
        let mut found = Found::default();
        for row in &rows {
            found.take(row)?;
        }
        found.sort();
        Ok(found)
    }
}

#[async_trait]
impl Bundles for Transaction {
    async fn find_request(&mut self, names: &RequestNames) -> Result<RequestRows, StoreError> {
        let mut union = Union::default();
        union.arm(Kind::Image, NOTHING, "images WHERE id = ?", vec![text(names.image)]);
        union.arm(Kind::Flavor, NOTHING, "flavors WHERE id = ?", vec![text(&names.flavor)]);
        if let Some((user, name)) = &names.keypair {
            let keypair = "keypairs WHERE user_id = ? AND name = ?";
            union.arm(Kind::Keypair, NOTHING, keypair, vec![text(user), text(name)]);
        }
        match &names.networks {
            NetworkNames::UsableBy(project) => {
                let ids = "SELECT id FROM networks WHERE project = ? OR shared = 1";
                union.networks(ids, || vec![text(project)]);
            }
            NetworkNames::These(ids) => {
                if !ids.is_empty() {
                    let marks = vec!["?"; ids.len()].join(", ");
                    union.networks(&marks, || ids.iter().map(text).collect());
                }
            }
        }
        union.hosts("?", text(names.image));
        let mut found = self.bundle(union).await?;
        Ok(RequestRows {
            networks: found.network_rows(),
            image: found.image,
            flavor: found.flavor,
            keypair: found.keypair,
            hosts: found.hosts,
            facts: found.facts,
        })
    }

    async fn find_build(
        &mut self,
        server: ServerId,
        request: &RequestId,
    ) -> Result<BuildRows, StoreError> {
        let mut union = Union::default();
        union.guest(server, request);
        let image = "images WHERE id = (SELECT image FROM servers WHERE id = ?)";
        union.arm(Kind::Image, NOTHING, image, vec![text(server)]);
        let networks = "SELECT network FROM ports WHERE device_id = ? AND device_id <> ''";
        union.networks(networks, || vec![text(server)]);
        union.hosts("(SELECT image FROM servers WHERE id = ?)", text(server));
        let mut found = self.bundle(union).await?;
        Ok(BuildRows {
            networks: found.network_rows(),
            server: found.servers.pop(),
            action: found.action,
            image: found.image,
            ports: found.ports,
            hosts: found.hosts,
            facts: found.facts,
        })
    }

    async fn find_guest(
        &mut self,
        server: ServerId,
        request: &RequestId,
    ) -> Result<GuestRows, StoreError> {
        let mut union = Union::default();
        union.guest(server, request);
        let mut found = self.bundle(union).await?;
        Ok(GuestRows { server: found.servers.pop(), action: found.action, ports: found.ports })
    }

    async fn find_host(&mut self, name: &HostName) -> Result<HostRows, StoreError> {
        let mut union = Union::default();
        union.arm(Kind::Host, HOST, "hosts WHERE name = ?", vec![text(name)]);
        let servers = "servers WHERE host = ? AND deleted = 0";
        union.arm(Kind::Server, NUMBER, servers, vec![text(name)]);
        let mut found = self.bundle(union).await?;
        Ok(HostRows { host: found.hosts.pop(), servers: found.servers })
    }

    async fn find_network(&mut self, id: NetworkId) -> Result<Option<NetworkRows>, StoreError> {
        let mut union = Union::default();
        union.networks("?", || vec![text(id)]);
        let mut found = self.bundle(union).await?;
        Ok(found.network_rows().pop())
    }
}
