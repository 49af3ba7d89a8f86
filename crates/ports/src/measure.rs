//! Measurements that several crates make, each in one place, so that a name has one meaning. They go to whatever recorder the process has
//! installed; without one they cost next to nothing. What each name means stands in `docs/observability.md`.

use hatchery_model::base::Deed;
use hatchery_model::live::PoolFigures;

/// Counts what was done to a base.
pub fn record_deed(deed: &Deed) {
    metrics::counter!("hatchery_base_deeds_total", "deed" => deed.did.name()).increment(1);
}

/// Notes what the pool has. Called after each pass over it.
pub fn record_pool(pool: PoolFigures) {
    metrics::gauge!("hatchery_pool_bytes").set(pool.bytes as f64);
    metrics::gauge!("hatchery_pool_names").set(pool.names as f64);
    metrics::gauge!("hatchery_pool_leases").set(pool.leases as f64);
}

/// Notes how many deleted images wait for the clones that need their bytes.
pub fn record_waiting_removals(images: usize) {
    metrics::gauge!("hatchery_image_removals_waiting").set(images as f64);
}

/// An image has left a backend's image-volume cache: nothing is left of the volume that held it.
pub fn record_cache_eviction() {
    metrics::counter!("hatchery_image_volume_cache_evictions_total").increment(1);
}
