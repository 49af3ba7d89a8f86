//! A guest's interface: a tap that lives as long as its descriptor.

use super::ffi;
use super::link::Links;
use super::names;
use super::namespace::Namespace;
use hatchery_model::id::PortId;
use hatchery_ports::hypervisor::Tap;
use rtnetlink::LinkUnspec;
use std::fs::OpenOptions;
use std::io;

/// Makes the tap of a port and puts it on the bridge, up. One that is there already is removed first: whoever holds it
/// has an interface without a network from then on.
pub(super) async fn plug(
    namespace: &Namespace,
    links: &Links,
    port: PortId,
    mtu: u32,
) -> io::Result<Tap> {
    let name = names::tap(port);
    let bridge = links.get(names::BRIDGE).await?;
    links.remove(&name).await?;
    let wanted = name.clone();
    let device = namespace
        .run(move || {
            // Which namespace the tap belongs to is decided by the thread that opens the device. The standard library
            // opens with CLOEXEC.
            let device = OpenOptions::new().read(true).write(true).open("/dev/net/tun")?;
            ffi::make_tap(&device, &wanted)?;
            Ok(device)
        })
        .await?;
    let tap = links.get(&name).await?;
    let message = LinkUnspec::new_with_index(tap.index).mtu(mtu).controller(bridge.index).up();
    links.set(message.build()).await?;
    Ok(Tap { name, device: Some(device.into()) })
}
