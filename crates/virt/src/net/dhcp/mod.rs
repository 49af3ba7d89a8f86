//! DHCP of a network: dnsmasq, one process a network, in its namespace. It outlives the agent.
//!
//! Each port is a file that the server takes up by itself. Taking one away needs more: the server keeps what it has read
//! until a SIGHUP, and an address stays lent to the hardware address that it was lent to, whatever the files say. So a
//! port that goes is given back in the server too, and one that comes first drives out whatever has its address.

mod config;
mod leases;
mod release;
mod reservations;
mod server;

use super::folder::NetworkFolder;
use super::namespace::{Namespace, on_new_thread};
use super::settings::NetSettings;
use super::spec::ServedSubnet;
use hatchery_model::compute::GuestNic;
use hatchery_model::id::PortId;
use hatchery_model::network::MacAddress;
use nix::unistd::User;
use reservations::{Reservation, Reservations};
use server::Server;
use std::io;
use std::net::IpAddr;

pub(super) use server::kill_all as kill_servers;

/// The DHCP service of a network.
#[derive(Debug)]
pub(super) struct Dhcp {
    folder: NetworkFolder,
    reservations: Reservations,
    server: Server,
    settings: NetSettings,
}

impl Dhcp {
    /// The service as it stands; no process need run.
    pub(super) async fn open(
        settings: &NetSettings,
        folder: &NetworkFolder,
        namespace: &Namespace,
    ) -> io::Result<Self> {
        let (folder, identity) = (folder.clone(), namespace.identity());
        let settings = settings.clone();
        on_new_thread(move || {
            Ok(Self {
                reservations: Reservations::load(&folder)?,
                server: Server::adopt(&folder, identity)?,
                folder,
                settings,
            })
        })
        .await
    }

    /// The ports that it serves: hardware address, and the addresses that are lent to it.
    pub(super) fn ports(&self) -> impl Iterator<Item = (PortId, MacAddress, Vec<IpAddr>)> {
        self.reservations.all().map(|(port, reservation)| {
            let addresses = reservation.addresses.iter().map(|entry| entry.address.into());
            (port, reservation.mac, addresses.collect())
        })
    }

    /// Has the server run, with the configuration that these subnets need. Without a subnet that has DHCP, none runs.
    pub(super) async fn ensure(
        &mut self,
        namespace: &Namespace,
        mtu: u32,
        subnets: &[ServedSubnet],
    ) -> io::Result<()> {
        let wanted = if subnets.iter().any(|subnet| subnet.dhcp) {
            let user = User::from_name(&self.settings.dnsmasq_user)?.map(|user| user.name);
            let lease = self.settings.lease;
            Some(config::text(&self.folder, mtu, subnets, lease, user.as_deref()))
        } else {
            None
        };
        let settled = self.server.settle(wanted.as_deref())?;
        if let Some(text) = wanted
            && !settled
        {
            self.folder.write(&self.folder.config(), text.as_bytes())?;
            self.start(namespace).await?;
        }
        self.finish_removals(namespace).await
    }

    /// Starts the server, which must not run, with the configuration that is written.
    async fn start(&mut self, namespace: &Namespace) -> io::Result<()> {
        // Nobody else writes the file now.
        leases::prune(&self.folder.leases(), |address, mac| {
            self.reservations.allows(address, mac)
        })?;
        self.server.start(&self.settings.dnsmasq, namespace).await
    }

    /// Whether the server that should run does.
    pub(super) fn is_served(&self) -> io::Result<bool> {
        self.server.is_settled()
    }

    /// Has the server lend a port its addresses, and nobody else.
    pub(super) async fn add(
        &mut self,
        namespace: &Namespace,
        nic: &GuestNic,
        subnets: &[ServedSubnet],
    ) -> io::Result<()> {
        let wanted = Reservation::of(nic, subnets);
        for port in self.reservations.in_the_way_of(nic.port, &wanted) {
            self.remove(namespace, port).await?;
        }
        self.release(namespace, &wanted, |lent_to| lent_to != wanted.mac).await?;
        self.reservations.write(nic.port, wanted.clone())
    }

    /// Forgets a port; `Ok` when it is not known.
    pub(super) async fn remove(&mut self, namespace: &Namespace, port: PortId) -> io::Result<()> {
        let Some(reservation) = self.reservations.withdraw(port)? else {
            return Ok(());
        };
        self.server.reload()?;
        self.release(namespace, &reservation, |lent_to| lent_to == reservation.mac).await?;
        self.reservations.forget(port)
    }

    async fn finish_removals(&mut self, namespace: &Namespace) -> io::Result<()> {
        for port in self.reservations.withdrawn() {
            self.remove(namespace, port).await?;
        }
        Ok(())
    }

    /// Gives the addresses of a reservation back, where they are lent to someone for whom `whose` holds. A server that
    /// does not take them is started anew without them.
    async fn release(
        &mut self,
        namespace: &Namespace,
        reservation: &Reservation,
        whose: impl Fn(MacAddress) -> bool,
    ) -> io::Result<()> {
        for entry in &reservation.addresses {
            let lent = leases::lent_to(&self.folder.leases(), entry.address)?;
            let Some(mac) = lent.filter(|mac| whose(*mac)) else {
                continue;
            };
            // One that does not run finds them struck out when it starts.
            if self.server.is_running()? {
                let released =
                    release::release(namespace, &self.folder, entry.address, mac, entry.server);
                if let Err(error) = released.await {
                    tracing::warn!(%error, "the DHCP server is started anew");
                    self.server.kill()?;
                    self.start(namespace).await?;
                }
            }
        }
        Ok(())
    }
}
