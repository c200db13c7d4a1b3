//! Configuration of the recording protocols: small, with ranges, a table inside a table, and secrets.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_policy::PolicyReference;
use waypost_routprot::{BlockConfig, ConfigurationCodec, InfoBlock, Layout, Refusal, TypedCodec};
use waypost_types::ProtocolId;

/// A protocol whose number has no name of its own: only its codec names it.
pub(crate) const SAMPLE: ProtocolId = ProtocolId(200);
pub(crate) const OSPF: ProtocolId = ProtocolId::OSPF;
/// A protocol without codec, as a C module may be.
pub(crate) const RAW: ProtocolId = ProtocolId(0x4137_000A);

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct Global {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) interval: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
}

/// A password that is refused without an area: a rule between two options.
pub(crate) const NEEDS_AREA: &str = "needs an area";

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub(crate) struct OnInterface {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metric: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) password: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) area: Option<Area>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) keys: Vec<BTreeMap<String, String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) policy: Option<String>,
}

/// A table that cannot be empty.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Area {
    pub(crate) id: u32,
}

macro_rules! block_config {
    ($config:ty, $($check:tt)*) => {
        impl BlockConfig for $config {
            const LAYOUT: u32 = 1;

            fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
                let config: Self = serde_json::from_slice(block.payload()?)
                    .map_err(|error| Refusal::invalid(error.to_string()))?;
                config.validate()?;
                Ok((config, Layout::Waypost(1)))
            }

            fn encode(&self, _layout: Layout) -> InfoBlock {
                InfoBlock::new(1, serde_json::to_vec(self).unwrap())
            }

            fn policies(&self) -> Vec<PolicyReference> {
                let path = "policy".to_owned();
                let named = self.policy.iter().cloned();
                named.map(|name| PolicyReference { path: path.clone(), name }).collect()
            }

            fn validate(&self) -> Result<(), Refusal> {
                let check: fn(&Self) -> Result<(), Refusal> = $($check)*;
                check(self)
            }
        }
    };
}

block_config!(Global, |global| match global.interval {
    Some(interval @ (0 | 3601..)) => Err(Refusal::out_of_range("interval", interval, "1..=3600")),
    _ => Ok(()),
});
block_config!(OnInterface, |config| match config.metric {
    Some(metric @ (0 | 17..)) => Err(Refusal::out_of_range("metric", metric, "1..=16")),
    _ if config.password.as_deref() == Some(NEEDS_AREA) && config.area.is_none() =>
        Err(Refusal::invalid("this password needs an area").at("area")),
    _ => Ok(()),
});

pub(crate) fn codecs() -> Vec<Arc<dyn ConfigurationCodec>> {
    vec![
        Arc::new(TypedCodec::<Global, OnInterface>::new(SAMPLE, "sample", "Sample")),
        Arc::new(TypedCodec::<Global, OnInterface>::new(OSPF, "ospf", "OSPF")),
        waypost_engine::codec_of::<waypost_static::Static>(),
    ]
}

/// A global block.
pub(crate) fn global(interval: u32) -> InfoBlock {
    Global {
        interval: Some(interval),
        ..Global::default()
    }
    .encode(Layout::Waypost(1))
}

/// An interface's block.
pub(crate) fn metric(metric: u32) -> InfoBlock {
    OnInterface {
        metric: Some(metric),
        ..OnInterface::default()
    }
    .encode(Layout::Waypost(1))
}
