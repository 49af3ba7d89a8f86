//! What an operator can set of the compute service.

use crate::scheduler::SchedulerSettings;

/// Settings shared by the compute use cases, the workflows and the intake.
#[derive(Clone, PartialEq, Debug)]
pub struct ComputeSettings {
    /// How hosts are chosen, and when one counts as down.
    pub scheduler: SchedulerSettings,
    /// `default_availability_zone`: where a host stands that nobody has put elsewhere.
    pub default_availability_zone: String,
    /// Whether a request looks for hosts itself, in its own transaction. Otherwise, and where it finds none, the task runner does.
    pub place_at_once: bool,
    /// A task that waits for a host's answer looks again after so long.
    pub recheck_seconds: i64,
    /// So long may the rows and a host's report differ before the report is believed: news may still be on its way.
    pub report_grace_seconds: i64,
    /// `shutdown_timeout`: so many seconds a guest may take to power off when it is stopped. An image may say otherwise.
    pub shutdown_timeout: u32,
    /// `wait_soft_reboot_seconds`: so long it may take in a soft reboot.
    pub wait_soft_reboot_seconds: u32,
    /// So many servers in one request at the most.
    pub max_servers_per_request: u32,
}

impl Default for ComputeSettings {
    fn default() -> Self {
        Self {
            scheduler: SchedulerSettings::default(),
            default_availability_zone: "nova".into(),
            place_at_once: true,
            recheck_seconds: 30,
            report_grace_seconds: 30,
            shutdown_timeout: 60,
            wait_soft_reboot_seconds: 120,
            max_servers_per_request: 1000,
        }
    }
}
