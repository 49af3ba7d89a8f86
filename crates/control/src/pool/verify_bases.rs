//! Compares the bytes of bases with what they were when they were taken in.

use super::pool_verbs::{PoolVerbs, named, of_pool};
use crate::error::Error;
use crate::policy;
use hatchery_model::caller::Caller;
use hatchery_model::units::Bytes;
use hatchery_ports::base_pool::PassReport;

impl PoolVerbs {
    /// Reads one base, or all, to the last byte. The report names those that are not as they should be, and puts nothing right. Administrators only.
    /// `Invalid`; `NotFound` where there is nothing to read under the name.
    pub async fn verify(&self, caller: &Caller, base: Option<&str>) -> Result<PassReport, Error> {
        policy::admin(caller, "hatchery:pool:verify")?;
        let only = base.map(named).transpose()?;
        let leases = self.leases().await?;
        let everything = Bytes(u64::MAX);
        let report = self.pool.scrub(everything, only.as_ref(), &leases).await.map_err(of_pool)?;
        match base {
            Some(text) if report.looked_at == 0 => Err(Error::not_found("Base", text)),
            Some(_) | None => Ok(report),
        }
    }
}
