//! The only unsafe code of the network driver: naming a tap.

#![allow(unsafe_code)]

use nix::libc;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;

nix::ioctl_write_ptr_bad!(
    tun_set_iff,
    nix::request_code_write!(b'T', 202, size_of::<libc::c_int>()),
    libc::ifreq
);

/// Makes `device`, a fresh `/dev/net/tun`, the tap of that name: whole frames with virtio's header, no packet
/// information. `InvalidInput` if the name is longer than the kernel's.
pub(super) fn make_tap(device: &File, name: &str) -> io::Result<()> {
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru {
            ifru_flags: (libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as libc::c_short,
        },
    };
    if name.len() >= libc::IFNAMSIZ {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    // SAFETY: TUNSETIFF reads and writes one `ifreq`, which lives on this stack frame for the whole call; the
    // descriptor is open as long as `device` is borrowed.
    unsafe { tun_set_iff(device.as_raw_fd(), (&raw mut request).cast_const()) }?;
    Ok(())
}
