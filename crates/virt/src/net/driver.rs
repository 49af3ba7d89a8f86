//! The network driver: puts namespace, bridge, DHCP, port security, host access and metadata together.

use super::dhcp::{self, Dhcp};
use super::error::cannot;
use super::folder::{self, NetworkFolder};
use super::link::Links;
use super::metadata::Door;
use super::namespace::{self, Namespace, on_new_thread};
use super::port_security::{PortSecurity, Rights};
use super::process;
use super::settings::NetSettings;
use super::sim::not_ready;
use super::spec::{self, ServedSubnet};
use super::{bridge, host_access, names, tap};
use async_trait::async_trait;
use hatchery_model::compute::GuestNic;
use hatchery_model::id::{NetworkId, PortId};
use hatchery_model::network::NetworkSpec;
use hatchery_ports::hypervisor::Tap;
use hatchery_ports::metadata::MetadataSource;
use hatchery_ports::network_driver::{NetworkDriver, NetworkError};
use std::collections::{BTreeSet, HashMap};
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::Mutex as AsyncMutex;

/// Networks as namespaces of this host. One for each prefix and machine.
pub struct NetNsDriver {
    settings: NetSettings,
    source: Arc<dyn MetadataSource>,
    networks: Mutex<HashMap<NetworkId, Slot>>,
}

/// One network's place. Whoever works on the network holds its lock; `None` is a network not looked at since this
/// process began, or whose last change was broken off.
type Slot = Arc<AsyncMutex<Option<Network>>>;

/// A network that is on this host.
struct Network {
    namespace: Namespace,
    links: Links,
    dhcp: Dhcp,
    security: PortSecurity,
    /// What it is like, once it is ready.
    ready: Option<Ready>,
}

struct Ready {
    spec: NetworkSpec,
    subnets: Vec<ServedSubnet>,
    door: Door,
}

impl NetNsDriver {
    /// A driver that answers guests' questions from `source`. Looks at nothing yet. `Unsupported` if the path of the
    /// networks' folder cannot be written into the DHCP server's configuration.
    pub fn new(
        mut settings: NetSettings,
        source: Arc<dyn MetadataSource>,
    ) -> Result<Self, NetworkError> {
        let absolute = std::path::absolute(&settings.state);
        settings.state = absolute.map_err(cannot("use the folder of networks"))?;
        let state = settings.state.to_str();
        let plain = |c: char| c.is_alphanumeric() || "/._-+@=~".contains(c);
        if !state.is_some_and(|path| path.chars().all(plain)) {
            return Err(NetworkError::Unsupported(format!(
                "the DHCP server cannot read the path {}: choose a folder whose path has only letters, digits and /._-+@=~",
                settings.state.display()
            )));
        }
        Ok(Self { settings, source, networks: Mutex::default() })
    }

    fn slot(&self, network: NetworkId) -> Slot {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        networks.entry(network).or_default().clone()
    }

    /// Drops a network's place, unless someone else is about to use it.
    fn forget(&self, network: NetworkId, slot: Slot) {
        let mut networks = self.networks.lock().unwrap_or_else(PoisonError::into_inner);
        if Arc::strong_count(&slot) == 2 {
            networks.remove(&network);
        }
    }

    fn name(&self, network: NetworkId) -> String {
        names::namespace(&self.settings.prefix, network)
    }

    fn folder(&self, network: NetworkId) -> NetworkFolder {
        NetworkFolder::of(&self.settings.state, network)
    }

    fn find_namespace(&self, network: NetworkId) -> Result<Option<Namespace>, NetworkError> {
        Namespace::find(&self.settings.namespaces, &self.name(network))
            .map_err(cannot("look for the network's namespace"))
    }

    /// Whether nothing has happened to a network since it was made ready just so.
    fn is_as_wanted(&self, network: &Network, spec: &NetworkSpec) -> Result<bool, NetworkError> {
        let Some(ready) = &network.ready else {
            return Ok(false);
        };
        let served = network.dhcp.is_served();
        let same = self
            .find_namespace(spec.id)?
            .is_some_and(|found| found.identity() == network.namespace.identity());
        Ok(same
            && ready.spec == *spec
            && ready.door.is_open()
            && served.map_err(cannot("look at the DHCP server"))?
            && network.security.is_whole().map_err(cannot("look at the rules of port security"))?)
    }

    async fn make(
        &self,
        place: &mut Option<Network>,
        spec: &NetworkSpec,
    ) -> Result<(), NetworkError> {
        let subnets = spec::served(spec)?;
        let name = self.name(spec.id);
        let namespace = Namespace::ensure(&self.settings.namespaces, &name)
            .await
            .map_err(cannot(format!("make the namespace {name}")))?;
        let network = self.attached(place, spec.id, &namespace).await?;
        let links = &network.links;
        bridge::settle_namespace(&namespace)
            .await
            .map_err(cannot(format!("set up the namespace {name}")))?;
        bridge::ensure(links, spec, &subnets)
            .await
            .map_err(cannot(format!("make the bridge in {name}")))?;
        let host = Links::here().map_err(cannot("speak netlink"))?;
        host_access::ensure(&host, links, &namespace, spec, &subnets)
            .await
            .map_err(cannot("make the host's own interface to the network"))?;
        let (dhcp, security) = tokio::join!(
            network.dhcp.ensure(&namespace, spec.mtu, &subnets),
            network.security.ensure(&namespace)
        );
        dhcp.map_err(cannot("serve DHCP"))?;
        security.map_err(cannot("put the rules of port security in place"))?;
        let door = match network.ready.take() {
            Some(Ready { door, .. }) if door.is_open() => door,
            _ => Door::open(spec.id, &namespace, self.source.clone(), &self.settings)
                .await
                .map_err(cannot("open the metadata service"))?,
        };
        network.ready = Some(Ready { spec: spec.clone(), subnets, door });
        tracing::debug!(network.id = %spec.id, namespace = name, "the network is ready");
        Ok(())
    }

    /// The network in its place, looked at anew if it is not known in that namespace.
    async fn attached<'a>(
        &self,
        place: &'a mut Option<Network>,
        network: NetworkId,
        namespace: &Namespace,
    ) -> Result<&'a mut Network, NetworkError> {
        let known = place.take().filter(|known| known.namespace.identity() == namespace.identity());
        let network = match known {
            Some(known) => known,
            None => self.attach(network, namespace.clone()).await?,
        };
        Ok(place.insert(network))
    }

    /// Removes a network, whatever there is of it.
    async fn take_down(
        &self,
        place: &mut Option<Network>,
        network: NetworkId,
    ) -> Result<(), NetworkError> {
        if let Some(Network { ready: Some(Ready { door, .. }), .. }) = place.take() {
            door.close().await;
        }
        let host = Links::here().map_err(cannot("speak netlink"))?;
        host_access::remove(&host, network)
            .await
            .map_err(cannot("remove the host's own interface to the network"))?;
        let (namespaces, name) = (self.settings.namespaces.clone(), self.name(network));
        let folder = self.folder(network);
        on_new_thread(move || remove(&namespaces, &name, &folder))
            .await
            .map_err(cannot("remove the network"))
    }

    /// A network as an earlier process left it.
    async fn attach(
        &self,
        network: NetworkId,
        namespace: Namespace,
    ) -> Result<Network, NetworkError> {
        let links = Links::inside(&namespace)
            .await
            .map_err(cannot("speak netlink in the network's namespace"))?;
        let dhcp = Dhcp::open(&self.settings, &self.folder(network), &namespace)
            .await
            .map_err(cannot("find the DHCP server"))?;
        // What a version without port security left: each port has what DHCP lends it.
        let lent =
            dhcp.ports().map(|(port, mac, addresses)| (port, Rights::Own { mac, addresses }));
        let security =
            PortSecurity::open(&self.settings, &self.folder(network), &namespace, lent.collect())
                .await
                .map_err(cannot("find the rules of port security"))?;
        Ok(Network { namespace, links, dhcp, security, ready: None })
    }
}

#[async_trait]
impl NetworkDriver for NetNsDriver {
    async fn ensure_network(&self, network: &NetworkSpec) -> Result<(), NetworkError> {
        let slot = self.slot(network.id);
        let mut place = slot.lock().await;
        if let Some(known) = &*place
            && self.is_as_wanted(known, network)?
        {
            return Ok(());
        }
        let is_new = place.is_none() && self.find_namespace(network.id)?.is_none();
        let made = self.make(&mut place, network).await;
        if made.is_err() && is_new {
            // What went wrong first is what counts; what is left is listed, and removed as idle.
            let _ = self.take_down(&mut place, network.id).await;
        }
        made
    }

    async fn plug(&self, nic: &GuestNic) -> Result<Tap, NetworkError> {
        let id = nic.network.id;
        let slot = self.slot(id);
        let mut place = slot.lock().await;
        let network = place.as_mut().ok_or_else(|| not_ready(id))?;
        let ready = network.ready.as_ref().ok_or_else(|| not_ready(id))?;
        // Before there is a tap that could carry anything. Without one, rights are good for nothing.
        network
            .security
            .admit(&network.namespace, nic)
            .await
            .map_err(cannot("say what the port may send"))?;
        // Before DHCP: it goes by itself if the next step fails.
        let tap = tap::plug(&network.namespace, &network.links, nic.port, ready.spec.mtu)
            .await
            .map_err(cannot(format!("make the tap {}", names::tap(nic.port))))?;
        network
            .dhcp
            .add(&network.namespace, nic, &ready.subnets)
            .await
            .map_err(cannot("have DHCP know the port"))?;
        Ok(tap)
    }

    async fn unplug(&self, network: NetworkId, port: PortId) -> Result<(), NetworkError> {
        let slot = self.slot(network);
        let mut place = slot.lock().await;
        let Some(namespace) = self.find_namespace(network)? else {
            return Ok(());
        };
        let known = self.attached(&mut place, network, &namespace).await?;
        let name = names::tap(port);
        let removed = known.links.remove(&name).await;
        removed.map_err(cannot(format!("remove the tap {name}")))?;
        let removed = known.security.remove(port);
        removed.map_err(cannot("forget what the port may send"))?;
        let forgotten = known.dhcp.remove(&known.namespace, port).await;
        forgotten.map_err(cannot("have DHCP forget the port"))
    }

    async fn remove_network(&self, network: NetworkId) -> Result<(), NetworkError> {
        let slot = self.slot(network);
        let mut place = slot.lock().await;
        self.take_down(&mut place, network).await?;
        drop(place);
        self.forget(network, slot);
        Ok(())
    }

    async fn list_networks(&self) -> Result<Vec<NetworkId>, NetworkError> {
        let named = namespace::list(&self.settings.namespaces);
        let named = named.map_err(cannot("list namespaces"))?;
        let stored = folder::list(&self.settings.state);
        let mut networks: BTreeSet<_> =
            stored.map_err(cannot("list the folders of networks"))?.into_iter().collect();
        let of_ours = |name: &String| names::network_of(&self.settings.prefix, name);
        networks.extend(named.iter().filter_map(of_ours));
        Ok(networks.into_iter().collect())
    }
}

/// Ends what runs in a network and takes it away. The folder goes last, so that what is left of a removal that was broken
/// off is still listed.
fn remove(namespaces: &Path, name: &str, folder: &NetworkFolder) -> io::Result<()> {
    dhcp::kill_servers(folder)?;
    if let Some(namespace) = Namespace::find(namespaces, name)? {
        let identity = namespace.identity();
        process::kill_all(|process| process.is_in(identity))?;
    }
    Namespace::remove(namespaces, name)?;
    folder.remove()
}
