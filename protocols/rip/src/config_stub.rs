//! Temporary until the configuration's own implementation is merged.
use waypost_routprot::{BlockConfig, InfoBlock, Layout, Refusal, Impact, Scope};
use crate::config::{Effective, GlobalConfig, InterfaceConfig};
macro_rules! stub { ($t:ty) => { impl BlockConfig for $t {
    const LAYOUT: u32 = 2;
    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> { serde_json::from_slice(&block.bytes).map(|c| (c, Layout::Waypost(2))).map_err(|e| Refusal::invalid(e.to_string())) }
    fn encode(&self, _: Layout) -> InfoBlock { InfoBlock::new(2, serde_json::to_vec(self).unwrap_or_default()) }
    fn validate(&self) -> Result<(), Refusal> { Ok(()) }
} } }
stub!(GlobalConfig);
stub!(InterfaceConfig);
pub fn check_effective(_: &Effective) -> Result<(), Refusal> { Ok(()) }
pub fn impact_of(_: Scope, _: &str) -> (Impact, &'static str) { (Impact::Live, "stub") }
pub fn inherit_secrets(_: &InterfaceConfig, _: &mut InterfaceConfig) {}
pub fn blank_secrets(_: &mut [u8]) {}
