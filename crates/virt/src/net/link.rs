//! Interfaces and their addresses, over one netlink socket that stays in its namespace.

use super::error::from_netlink;
use super::namespace::Namespace;
use futures_util::TryStreamExt;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkMessage};
use rtnetlink::{Handle, LinkUnspec};
use std::io;
use std::net::{IpAddr, Ipv4Addr};

/// The interfaces of one namespace.
#[derive(Clone, Debug)]
pub(super) struct Links(Handle);

/// An interface as it is now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Link {
    pub(super) index: u32,
    pub(super) up: bool,
    pub(super) mtu: u32,
    /// The bridge that it is on.
    pub(super) controller: Option<u32>,
    /// The other end's index, for a pair.
    pub(super) peer: Option<u32>,
    pub(super) is_bridge: bool,
    pub(super) is_pair: bool,
    pub(super) alias: Option<String>,
}

impl Links {
    /// Those of a namespace.
    pub(super) async fn inside(namespace: &Namespace) -> io::Result<Self> {
        let runtime = tokio::runtime::Handle::current();
        namespace.run(move || Self::open(&runtime)).await
    }

    /// Those of the namespace in which this process runs.
    pub(super) fn here() -> io::Result<Self> {
        Self::open(&tokio::runtime::Handle::current())
    }

    fn open(runtime: &tokio::runtime::Handle) -> io::Result<Self> {
        let _the_socket_belongs_to = runtime.enter();
        let (connection, handle, _) = rtnetlink::new_connection()?;
        // Ends by itself when the last handle is dropped.
        runtime.spawn(connection);
        Ok(Self(handle))
    }

    /// The interface of that name.
    pub(super) async fn find(&self, name: &str) -> io::Result<Option<Link>> {
        let request = self.0.link().get().match_name(name).execute();
        match request.map_err(from_netlink).try_collect::<Vec<_>>().await {
            Ok(found) => Ok(found.into_iter().next().map(read)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The interface of that name, which must be there.
    pub(super) async fn get(&self, name: &str) -> io::Result<Link> {
        self.find(name).await?.ok_or_else(|| {
            io::Error::new(io::ErrorKind::NotFound, format!("the interface {name} is not there"))
        })
    }

    /// Makes an interface. `AlreadyExists` if the name is taken.
    pub(super) async fn add(&self, link: LinkMessage) -> io::Result<()> {
        self.0.link().add(link).execute().await.map_err(from_netlink)
    }

    /// Changes an interface.
    pub(super) async fn set(&self, link: LinkMessage) -> io::Result<()> {
        self.0.link().set(link).execute().await.map_err(from_netlink)
    }

    /// Changes what only interfaces of that kind have.
    pub(super) async fn set_kind(&self, link: LinkMessage) -> io::Result<()> {
        self.0.link().change(link).execute().await.map_err(from_netlink)
    }

    /// Sets the largest packet and turns the interface on, unless it is so.
    pub(super) async fn ensure_up(&self, link: &Link, mtu: u32) -> io::Result<()> {
        if link.up && link.mtu == mtu {
            return Ok(());
        }
        self.set(LinkUnspec::new_with_index(link.index).mtu(mtu).up().build()).await
    }

    /// Removes an interface; `Ok` when it is not there.
    pub(super) async fn remove(&self, name: &str) -> io::Result<()> {
        let Some(link) = self.find(name).await? else {
            return Ok(());
        };
        match self.0.link().del(link.index).execute().await {
            Ok(()) => Ok(()),
            Err(error) => match from_netlink(error) {
                error if is_absent(&error) => Ok(()),
                error => Err(error),
            },
        }
    }

    /// Gives an interface just these IPv4 addresses.
    pub(super) async fn set_addresses(
        &self,
        link: &Link,
        wanted: &[(Ipv4Addr, u8)],
    ) -> io::Result<()> {
        let present = self.addresses(link).await?;
        for (address, message) in &present {
            if !wanted.contains(address) {
                match self.0.address().del(message.clone()).execute().await {
                    Ok(()) => {}
                    Err(error) => match from_netlink(error) {
                        // An address goes with the first of its subnet.
                        error if error.raw_os_error() == Some(nix::libc::EADDRNOTAVAIL) => {}
                        error => return Err(error),
                    },
                }
            }
        }
        for (address, prefix) in wanted {
            if present.iter().any(|(known, _)| known == &(*address, *prefix)) {
                continue;
            }
            let addresses = self.0.address();
            let request = addresses.add(link.index, IpAddr::V4(*address), *prefix);
            match request.execute().await.map_err(from_netlink) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    async fn addresses(&self, link: &Link) -> io::Result<Vec<((Ipv4Addr, u8), AddressMessage)>> {
        let request = self.0.address().get().set_link_index_filter(link.index);
        let all: Vec<AddressMessage> =
            request.execute().map_err(from_netlink).try_collect().await?;
        let local = |message: &AddressMessage| {
            message.attributes.iter().find_map(|attribute| match attribute {
                AddressAttribute::Local(IpAddr::V4(address)) => Some(*address),
                _ => None,
            })
        };
        Ok(all
            .into_iter()
            .filter(|message| message.header.family == AddressFamily::Inet)
            .filter_map(|message| Some(((local(&message)?, message.header.prefix_len), message)))
            .collect())
    }
}

fn read(message: LinkMessage) -> Link {
    let mut link = Link {
        index: message.header.index,
        up: message.header.flags.contains(LinkFlags::Up),
        ..Link::default()
    };
    for attribute in message.attributes {
        match attribute {
            LinkAttribute::Mtu(mtu) => link.mtu = mtu,
            LinkAttribute::Controller(index) => link.controller = Some(index),
            LinkAttribute::Link(index) => link.peer = Some(index),
            LinkAttribute::IfAlias(alias) => link.alias = Some(alias),
            LinkAttribute::LinkInfo(infos) => {
                for info in infos {
                    link.is_bridge |= info == LinkInfo::Kind(InfoKind::Bridge);
                    link.is_pair |= info == LinkInfo::Kind(InfoKind::Veth);
                }
            }
            _ => {}
        }
    }
    link
}

fn is_absent(error: &io::Error) -> bool {
    error.raw_os_error() == Some(nix::libc::ENODEV)
}
