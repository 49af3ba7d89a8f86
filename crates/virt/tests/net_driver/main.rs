//! The network driver on the real kernel: namespaces, a real DHCP client, HTTP over the bridge. Needs root, dnsmasq,
//! nftables, iproute2 and busybox; says so and stops where one is missing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "all of it is test code"
)]

mod contract;
mod crash;
mod drive;
mod frame;
mod guest;
mod life;
mod port_security;
mod serving;
mod spec;
mod world;
