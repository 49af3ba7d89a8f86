//! Cinder's rows.

mod attachment;
mod backup;
mod snapshot;
mod transfer;
mod user_message;
mod volume_record;
mod volume_type;
