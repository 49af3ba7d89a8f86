//! Quality of service: what the volumes of a type may take.

use crate::id::QosSpecsId;
use crate::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The row of a set of specs. A volume type names the set that holds for its volumes.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct QosSpecs {
    /// Its id.
    pub id: QosSpecsId,
    /// Unique.
    pub name: String,
    /// Who is to see to it.
    pub consumer: QosConsumer,
    /// What is wanted: `total_iops_sec` and the like.
    pub specs: BTreeMap<String, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
}

/// Who is to see to it that volumes take no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub enum QosConsumer {
    /// The hypervisor.
    FrontEnd,
    /// The storage.
    BackEnd,
    /// Both of them.
    Both,
}

impl QosConsumer {
    /// Cinder's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FrontEnd => "front-end",
            Self::BackEnd => "back-end",
            Self::Both => "both",
        }
    }

    /// The consumer of a word.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::FrontEnd, Self::BackEnd, Self::Both].into_iter().find(|one| one.as_str() == word)
    }
}

/// What may be limited, each as a number a second.
const LIMITS: [&str; 6] = [
    "read_iops_sec",
    "write_iops_sec",
    "total_iops_sec",
    "read_bytes_sec",
    "write_bytes_sec",
    "total_bytes_sec",
];

impl QosSpecs {
    /// What the hypervisor is to see to for a volume so large. A limit a GiB (`…_per_gb`) has become one of the volume: not below `…_per_gb_min`,
    /// not above `…_max`. `None`: nothing, since it is the storage's.
    pub fn front_end(&self, size_gib: u64) -> Option<BTreeMap<String, String>> {
        if self.consumer == QosConsumer::BackEnd {
            return None;
        }
        let mut specs = self.specs.clone();
        for limit in LIMITS {
            let number = |key: String| -> Option<u64> { self.specs.get(&key)?.parse().ok() };
            let Some(each) = number(format!("{limit}_per_gb")) else { continue };
            let least = number(format!("{limit}_per_gb_min")).unwrap_or_default();
            let most = number(format!("{limit}_max")).unwrap_or(u64::MAX);
            let value = each.saturating_mul(size_gib).max(least).min(most);
            specs.insert(limit.to_owned(), value.to_string());
            for used in ["_per_gb", "_per_gb_min", "_max"] {
                specs.remove(&format!("{limit}{used}"));
            }
        }
        Some(specs)
    }
}

#[cfg(test)]
mod tests {
    use super::{QosConsumer, QosSpecs};
    use crate::id::QosSpecsId;
    use crate::timestamp::Timestamp;
    use uuid::Uuid;

    fn front_end(consumer: QosConsumer, pairs: &[(&str, &str)]) -> Option<Vec<(String, String)>> {
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        let qos = QosSpecs {
            id: QosSpecsId(Uuid::from_u128(1)),
            name: "q".into(),
            consumer,
            specs: pairs.iter().map(pair).collect(),
            created_at: Timestamp(1),
            updated_at: None,
        };
        Some(qos.front_end(10)?.into_iter().collect())
    }

    #[test]
    fn what_counts_by_size_has_bounds() {
        let both = |pairs: &[(&str, &str)]| front_end(QosConsumer::Both, pairs).unwrap();
        let limit = |value: &str| vec![("total_iops_sec".to_owned(), value.to_owned())];
        assert_eq!(both(&[("total_iops_sec", "7")]), limit("7"));
        assert_eq!(both(&[("total_iops_sec_per_gb", "3")]), limit("30"));
        let least = [("total_iops_sec_per_gb", "3"), ("total_iops_sec_per_gb_min", "50")];
        assert_eq!(both(&least), limit("50"));
        let most = [("total_iops_sec_per_gb", "3"), ("total_iops_sec_max", "20")];
        assert_eq!(both(&most), limit("20"));
        assert_eq!(both(&[("total_iops_sec_max", "20")]).len(), 1, "a burst stays a burst");
        assert_eq!(front_end(QosConsumer::BackEnd, &least), None);
    }
}
