//! Network interfaces: virtio on an inherited tap. No boot ROM, which would be read and run at every start.

use super::{Arguments, CannotRun, slot};
use hatchery_model::network::MacAddress;
use std::os::fd::RawFd;

/// What carries the packets of an interface.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct NicDescriptors {
    /// The open tap; `None` is an interface with its cable out.
    pub tap: Option<RawFd>,
    /// The open `/dev/vhost-net`, where the kernel is to carry packets itself.
    pub vhost: Option<RawFd>,
}

/// How many interfaces have a slot.
const MOST: usize = slot::DISK - slot::NIC;

pub(super) fn add_all(
    args: &mut Arguments,
    nics: &[(String, MacAddress, u32)],
    descriptors: &[NicDescriptors],
) -> Result<(), CannotRun> {
    if nics.len() > MOST {
        return Err(CannotRun(format!(
            "a guest has at most {MOST} network interfaces, not {}",
            nics.len()
        )));
    }
    for (index, (_, mac, mtu)) in nics.iter().enumerate() {
        let NicDescriptors { tap, vhost } = descriptors.get(index).copied().unwrap_or_default();
        let mut backend = String::new();
        if let Some(tap) = tap {
            let vhost = vhost.map_or(String::new(), |fd| format!(",vhost=on,vhostfd={fd}"));
            args.option("-netdev", format!("tap,id=net{index},fd={tap}{vhost}"));
            backend = format!("netdev=net{index},");
        }
        args.option(
            "-device",
            format!(
                "virtio-net-pci,{backend}mac={mac},host_mtu={mtu},romfile=,addr={:#x}",
                slot::NIC + index
            ),
        );
    }
    Ok(())
}
