//! Neutron's version 2.0.
//!
//! [`router`] has all routes on a page; handlers parse, ask a use case, and show. Listings are filtered, sorted and cut here, on what is
//! shown. Not here: who may do what, and which addresses there can be (`control::network`).

mod extensions;
mod fault;
mod fields;
mod ip_availability;
mod listing;
mod networks;
mod path;
mod ports;
mod quotas;
mod revision;
mod router;
mod security_groups;
mod service_lists;
mod subnets;
mod versions;
mod view;

pub use router::{NetworkState, router};

#[cfg(test)]
mod tests;
