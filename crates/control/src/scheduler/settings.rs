//! What an operator can set of the scheduler, by Nova's names and defaults.

/// Nova's options for placing.
#[derive(Clone, PartialEq, Debug)]
pub struct SchedulerSettings {
    /// `initial_cpu_allocation_ratio`
    pub cpu_allocation_ratio: f64,
    /// `initial_ram_allocation_ratio`
    pub ram_allocation_ratio: f64,
    /// `initial_disk_allocation_ratio`
    pub disk_allocation_ratio: f64,
    /// `reserved_host_cpus`
    pub reserved_host_cpus: u32,
    /// `reserved_host_memory_mb`
    pub reserved_host_memory_mib: u64,
    /// `reserved_host_disk_mb`
    pub reserved_host_disk_mib: u64,
    /// `service_down_time`: a host that has been silent for longer is down.
    pub service_down_seconds: i64,
    /// `max_attempts`: on so many hosts a server is tried at the most.
    pub max_attempts: u32,
    /// `max_instances_per_host`
    pub max_servers_per_host: u32,
    /// `image_base_weight_multiplier`: what it weighs that a host has the image's base, where the most free memory weighs 1.
    pub image_base_weight_multiplier: f64,
}

impl Default for SchedulerSettings {
    fn default() -> Self {
        Self {
            cpu_allocation_ratio: 4.0,
            ram_allocation_ratio: 1.0,
            disk_allocation_ratio: 1.0,
            reserved_host_cpus: 0,
            reserved_host_memory_mib: 512,
            reserved_host_disk_mib: 0,
            service_down_seconds: 60,
            max_attempts: 3,
            max_servers_per_host: u32::MAX,
            image_base_weight_multiplier: 1.0,
        }
    }
}
