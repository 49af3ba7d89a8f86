//! What an administrator sends about specs.

use crate::volume::fields;
use hatchery_control::Error;
use hatchery_control::volume::NewQosSpecs;
use hatchery_model::volume::QosConsumer;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `{"qos_specs": {…}}`: the specs themselves, and among them `consumer` and, of new ones, `name`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpecsBody {
    qos_specs: BTreeMap<String, String>,
}

/// `{"keys": […]}`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeysBody {
    /// Names of single specs.
    pub keys: Vec<String>,
}

fn consumer(specs: &mut BTreeMap<String, String>) -> Result<Option<QosConsumer>, Error> {
    let Some(word) = specs.remove("consumer") else { return Ok(None) };
    match QosConsumer::parse(&word) {
        Some(consumer) => Ok(Some(consumer)),
        None => Err(Error::Invalid(
            "Invalid qos specs: Valid consumer of QoS specs are: ['front-end', 'back-end', 'both']"
                .into(),
        )),
    }
}

impl SpecsBody {
    /// New specs. `Invalid` without a name, for an unknown consumer, and for pairs that Cinder does not take.
    pub fn new_specs(self) -> Result<NewQosSpecs, Error> {
        let mut specs = self.qos_specs;
        let name = specs.remove("name").unwrap_or_default();
        fields::name("name", name.trim())?;
        let consumer = consumer(&mut specs)?.unwrap_or(QosConsumer::BackEnd);
        fields::pairs("qos_specs", &specs)?;
        Ok(NewQosSpecs { name: name.trim().to_owned(), consumer, specs })
    }

    /// What is to be changed. `Invalid` where there is nothing, and as above.
    pub fn changes(&self) -> Result<(Option<QosConsumer>, BTreeMap<String, String>), Error> {
        let mut specs = self.qos_specs.clone();
        let consumer = consumer(&mut specs)?;
        fields::pairs("qos_specs", &specs)?;
        if consumer.is_none() && specs.is_empty() {
            return Err(Error::Invalid(
                "Invalid input for field/attribute qos_specs: it does not have enough properties."
                    .into(),
            ));
        }
        Ok((consumer, specs))
    }

    /// What the answer says again.
    pub fn given(&self) -> &BTreeMap<String, String> {
        &self.qos_specs
    }
}
