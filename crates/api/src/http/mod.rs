//! What all services share on the wire: request ids, authentication, bodies, error envelopes, serving.

pub mod body;
pub mod caller;
pub mod exposition;
pub mod failure;
pub mod measured;
pub mod paging;
pub mod request_id;
pub mod root;
pub mod serve;
#[cfg(test)]
pub mod testing;
pub mod time;
