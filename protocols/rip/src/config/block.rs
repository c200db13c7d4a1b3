//! Choosing between the layouts, and what every form of the configuration has to pass.

use serde_json::Value;
use waypost_policy::PolicyReference;
use waypost_routprot::{BlockConfig, InfoBlock, Layout, Refusal};

use super::{GlobalConfig, InterfaceConfig, rras, text, validate, waypost};

/// The newest Waypost layout of either block.
pub(super) const LAYOUT: u32 = 4;
/// The oldest one that is read.
const OLDEST: u32 = 2;

fn unknown(layout: u32) -> Refusal {
    Refusal::out_of_range("layout", layout, format!("{OLDEST}..={LAYOUT}"))
}

impl BlockConfig for InterfaceConfig {
    const LAYOUT: u32 = LAYOUT;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        let layout = Layout::of(block)?;
        let config = match layout {
            Layout::Rras => rras::decode_interface(block.payload()?)?,
            Layout::Waypost(layout @ OLDEST..=LAYOUT) => waypost::decode_interface(block.payload()?, layout)?,
            Layout::Waypost(other) => return Err(unknown(other)),
        };
        config.validate()?;
        Ok((config, layout))
    }

    fn encode(&self, layout: Layout) -> InfoBlock {
        match layout {
            Layout::Rras => rras::encode_interface(self),
            Layout::Waypost(layout) => waypost::encode_interface(self, layout),
        }
    }

    fn validate(&self) -> Result<(), Refusal> {
        validate::interface(self)
    }

    fn policies(&self) -> Vec<PolicyReference> {
        self.options.policies().collect()
    }

    fn from_text(text: &Value) -> Result<Self, Refusal> {
        let (options, own) = text::parse::<Self>(text)?;
        Ok(Self { options, ..own })
    }
}

impl BlockConfig for GlobalConfig {
    const LAYOUT: u32 = LAYOUT;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        let layout = Layout::of(block)?;
        let config = match layout {
            Layout::Rras => rras::decode_global(block.payload()?)?,
            Layout::Waypost(layout @ OLDEST..=LAYOUT) => waypost::decode_global(block.payload()?, layout)?,
            Layout::Waypost(other) => return Err(unknown(other)),
        };
        config.validate()?;
        Ok((config, layout))
    }

    fn encode(&self, layout: Layout) -> InfoBlock {
        match layout {
            Layout::Rras => rras::encode_global(self),
            Layout::Waypost(layout) => waypost::encode_global(self, layout),
        }
    }

    fn validate(&self) -> Result<(), Refusal> {
        validate::global(self)
    }

    fn policies(&self) -> Vec<PolicyReference> {
        let entries = self.redistribute.iter().flatten().enumerate();
        let named = entries.filter_map(|(position, entry)| {
            Some(PolicyReference {
                path: format!("redistribute.{position}.policy"),
                name: entry.policy.clone()?,
            })
        });
        self.defaults.policies().chain(named).collect()
    }

    fn from_text(text: &Value) -> Result<Self, Refusal> {
        let (defaults, own) = text::parse::<Self>(text)?;
        Ok(Self { defaults, ..own })
    }
}
