//! Cinder's rows.

mod attachment;
mod backup;
mod qos_specs;
mod snapshot;
mod transfer;
mod user_message;
mod volume_record;
mod volume_type;
