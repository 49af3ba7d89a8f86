//! Turning what the kernel says into what the port promises.

use hatchery_ports::network_driver::NetworkError;
use std::io;

/// The conversion of an IO error met while `doing` something: a verb and its object, as in "make the bridge".
pub(super) fn cannot(doing: impl Into<String>) -> impl FnOnce(io::Error) -> NetworkError {
    move |source| NetworkError::Unavailable { doing: doing.into(), source }
}

/// A netlink error as an IO error, with the kernel's own number where it gave one.
pub(super) fn from_netlink(error: rtnetlink::Error) -> io::Error {
    match error {
        rtnetlink::Error::NetlinkError(message) => message.to_io(),
        other => io::Error::other(other.to_string()),
    }
}
