//! What a guest may take of a disk: from the words of QoS specs, which are libvirt's and so Nova's, to QEMU's.
//!
//! Set by the device and not in the graph below it, so that a limit holds for whichever volume takes that one's place.

use super::command_line::node_of_volume;
use super::hotplug::unavailable;
use super::qmp::Client;
use hatchery_model::compute::DiskAttachment;
use hatchery_ports::hypervisor::HypervisorError;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The limits, and which may be a burst (`…_max`) of one: Nova's word and QEMU's.
const LIMITS: [(&str, &str); 6] = [
    ("total_bytes_sec", "bps"),
    ("read_bytes_sec", "bps_rd"),
    ("write_bytes_sec", "bps_wr"),
    ("total_iops_sec", "iops"),
    ("read_iops_sec", "iops_rd"),
    ("write_iops_sec", "iops_wr"),
];
/// Bytes that count as one request.
const REQUEST: (&str, &str) = ("size_iops_sec", "iops_size");

/// See the head of this file. Words that are no limit are left to whoever knows them, as Nova does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Throttle {
    limits: BTreeMap<&'static str, Limit>,
    request: u64,
}

/// 0: there is none.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Limit {
    limit: u64,
    burst: u64,
}

/// QEMU takes no more (`THROTTLE_VALUE_MAX`).
const MOST: u64 = 1_000_000_000_000_000;

impl Limit {
    /// What QEMU would refuse.
    fn check(self, word: &str) -> Result<(), HypervisorError> {
        let why = if self.limit.max(self.burst) > MOST {
            format!("{word} or {word}_max is above {MOST}: choose less")
        } else if self.burst > 0 && self.burst < self.limit {
            format!("{word}_max is below {word}: choose at least that")
        } else if self.burst > 0 && self.limit == 0 {
            format!("{word}_max has no {word} that it would be the burst of: set that, too")
        } else {
            return Ok(());
        };
        Err(HypervisorError::Invalid(format!("in the QoS specs of the volume's type {why}")))
    }
}

/// The number of a word; 0 where it is not said.
fn number(qos: &BTreeMap<String, String>, word: &str) -> Result<u64, HypervisorError> {
    let Some(value) = qos.get(word) else { return Ok(0) };
    value.parse().map_err(|_| {
        HypervisorError::Invalid(format!(
            "the QoS specs of the volume's type say {word}={value}, which is no number: set it to one"
        ))
    })
}

impl Throttle {
    /// Of QoS specs. `Invalid` says which of them cannot be.
    pub(super) fn of(qos: &BTreeMap<String, String>) -> Result<Self, HypervisorError> {
        let number = |word: &str| number(qos, word);
        let mut limits = BTreeMap::new();
        for (word, ours) in LIMITS {
            let burst = number(&format!("{word}_max"))?;
            let limit = Limit { limit: number(word)?, burst };
            limit.check(word)?;
            limits.insert(ours, limit);
        }
        for what in ["bps", "iops"] {
            let has = |ours: &str| limits.get(ours).is_some_and(|limit| limit.limit > 0);
            if has(what) && (has(&format!("{what}_rd")) || has(&format!("{what}_wr"))) {
                return Err(HypervisorError::Invalid(format!(
                    "the QoS specs of the volume's type limit reads or writes and the sum of both ({what}): choose one"
                )));
            }
        }
        Ok(Self { limits, request: number(REQUEST.0)? })
    }

    /// Those of a guest's disks of which it may not take what it likes, with their devices as they are called at its start.
    pub(super) fn of_all(disks: &[DiskAttachment]) -> Result<Vec<(String, Self)>, HypervisorError> {
        let mut limited = Vec::new();
        for disk in disks {
            let throttle = Self::of(&disk.qos)?;
            if let (Some(volume), false) = (disk.volume, throttle.is_none()) {
                limited.push((node_of_volume(volume), throttle));
            }
        }
        Ok(limited)
    }

    /// Whether nothing is limited.
    pub(super) fn is_none(&self) -> bool {
        self.limits.values().all(|limit| limit.limit == 0)
    }

    /// Has a guest's device keep to it, whatever held before.
    pub(super) async fn set(&self, monitor: &Client, device: &str) -> Result<(), HypervisorError> {
        let set = monitor.execute_with("block_set_io_throttle", &self.arguments(device)).await;
        set.map(drop)
            .map_err(|error| unavailable("limit what the guest takes of the volume", error))
    }

    fn counts_requests(&self) -> bool {
        self.limits.iter().any(|(word, limit)| word.starts_with("iops") && limit.limit > 0)
    }

    fn arguments(&self, device: &str) -> Value {
        let mut all = Map::new();
        // What has the disk is behind the device on the bus.
        all.insert("id".to_owned(), format!("/machine/peripheral/{device}/virtio-backend").into());
        for (word, Limit { limit, burst }) in &self.limits {
            all.insert((*word).to_owned(), (*limit).into());
            if *burst > 0 {
                all.insert(format!("{word}_max"), (*burst).into());
            }
        }
        // Which is refused where nothing counts requests.
        if self.request > 0 && self.counts_requests() {
            all.insert(REQUEST.1.to_owned(), self.request.into());
        }
        Value::Object(all)
    }
}

#[cfg(test)]
mod tests {
    use super::Throttle;
    use serde_json::json;

    fn of(qos: &[(&str, &str)]) -> Result<Throttle, String> {
        let owned = |(word, value): &(&str, &str)| ((*word).to_owned(), (*value).to_owned());
        Throttle::of(&qos.iter().map(owned).collect()).map_err(|error| error.to_string())
    }

    #[test]
    fn every_limit_is_said_and_of_bursts_those_that_are_wanted() {
        let some = of(&[
            ("total_iops_sec", "100"),
            ("total_iops_sec_max", "200"),
            ("size_iops_sec", "4096"),
            ("vendor:colour", "blue"),
        ]);
        let some = some.unwrap();
        assert!(!some.is_none());
        assert_eq!(
            some.arguments("va"),
            json!({
                "id": "/machine/peripheral/va/virtio-backend", "bps": 0, "bps_rd": 0, "bps_wr": 0, "iops": 100, "iops_rd": 0, "iops_wr": 0,
                "iops_max": 200, "iops_size": 4096,
            })
        );
        assert!(of(&[("size_iops_sec", "4096"), ("read_bytes_sec", "0")]).unwrap().is_none());
    }

    #[test]
    fn what_is_no_number_is_named() {
        let error = of(&[("write_bytes_sec", "much")]).unwrap_err();
        assert!(error.contains("write_bytes_sec=much"), "{error}");
        assert!(of(&[("write_bytes_sec_max", "-1")]).is_err());
    }

    #[test]
    fn what_qemu_would_refuse_is_refused() {
        let refused = |qos: &[(&str, &str)]| of(qos).unwrap_err();
        let both = refused(&[("total_bytes_sec", "9"), ("write_bytes_sec", "1")]);
        assert!(both.contains("the sum of both (bps)"), "{both}");
        let (limit, burst) = (("read_iops_sec", "9"), ("read_iops_sec_max", "8"));
        assert!(refused(&[limit, burst]).contains("read_iops_sec_max is below"));
        assert!(refused(&[burst]).contains("no read_iops_sec that"));
        assert!(refused(&[("read_iops_sec", "1000000000000001")]).contains("above"));
        assert!(of(&[limit, ("read_iops_sec_max", "9"), ("total_bytes_sec", "1")]).is_ok());
    }
}
