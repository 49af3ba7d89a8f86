//! `/extensions`: those of Cinder that are served.

use super::envelope::{Answer, Volume};
use crate::http::caller::By;
use axum::Json;
use axum::extract::Path;
use axum::response::IntoResponse;
use hatchery_control::Error;
use serde_json::{Value, json};

/// Name, alias and date of each.
const EXTENSIONS: [(&str, &str, &str); 18] = [
    ("AdminActions", "os-admin-actions", "2012-08-25T00:00:00+00:00"),
    ("AvailabilityZones", "os-availability-zone", "2013-06-27T00:00:00+00:00"),
    ("Capabilities", "capabilities", "2015-08-31T00:00:00+00:00"),
    ("ExtendedServices", "os-extended-services", "2014-01-10T00:00:00-00:00"),
    ("ExtendedSnapshotAttributes", "os-extended-snapshot-attributes", "2012-06-19T00:00:00+00:00"),
    ("Hosts", "os-hosts", "2011-06-29T00:00:00+00:00"),
    ("Qos_specs_manage", "qos-specs", "2013-08-02T00:00:00+00:00"),
    ("QuotaClasses", "os-quota-class-sets", "2012-03-12T00:00:00+00:00"),
    ("Quotas", "os-quota-sets", "2011-08-08T00:00:00+00:00"),
    ("Scheduler_stats", "scheduler-stats", "2014-09-07T00:00:00+00:00"),
    ("Services", "os-services", "2012-10-28T00:00:00-00:00"),
    ("TypesExtraSpecs", "os-types-extra-specs", "2011-08-24T00:00:00+00:00"),
    ("TypesManage", "os-types-manage", "2011-08-24T00:00:00+00:00"),
    ("UsedLimits", "os-used-limits", "2013-10-03T00:00:00+00:00"),
    ("VolumeActions", "os-volume-actions", "2012-05-31T00:00:00+00:00"),
    ("VolumeHostAttribute", "os-vol-host-attr", "2011-11-03T00:00:00+00:00"),
    ("VolumeTransfer", "os-volume-transfer", "2013-05-29T00:00:00+00:00"),
    ("VolumeTypeAccess", "os-volume-type-access", "2014-06-26T00:00:00Z"),
];

fn view((name, alias, updated): &(&str, &str, &str)) -> Value {
    json!({"name": name, "alias": alias, "description": "", "updated": updated, "links": []})
}

/// All.
pub async fn list(By(_, _): By<Volume>) -> Answer {
    let shown: Vec<Value> = EXTENSIONS.iter().map(view).collect();
    Ok(Json(json!({"extensions": shown})).into_response())
}

/// One.
pub async fn show(By(_, _): By<Volume>, Path(alias): Path<String>) -> Answer {
    let found = EXTENSIONS.iter().find(|one| one.1 == alias);
    let found = found.ok_or_else(|| Error::not_found("Extension", alias))?;
    Ok(Json(json!({"extension": view(found)})).into_response())
}
