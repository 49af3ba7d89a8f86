//! Cinder's rows.

mod attachment;
mod backup;
mod group;
mod group_snapshot;
mod group_type;
mod image_cache_entry;
mod qos_specs;
mod snapshot;
mod transfer;
mod user_message;
mod volume_record;
mod volume_type;
