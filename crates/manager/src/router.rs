//! The router's own configuration: `[router]` and the `enabled` of an interface.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_infobase::{BlockKey, Tree};
use waypost_routprot::router_blocks::{
    AdminStatus, Block, BlockType, InterfaceStatusInfo, Preference, PriorityInfo, SubProtocol,
    default_preference,
};
use waypost_routprot::{InfoBlock, Layout, Refusal, WaypostHeader};
use waypost_types::{ProtocolId, RouterId};

/// The block of Waypost's own router settings: router identifier and note (extensions start at 0xFFFF5700, P-100).
pub(crate) const ROUTER_SETTINGS: ProtocolId = ProtocolId(0xFFFF_5700);
const LAYOUT: u32 = 2;

/// Preferences of route sources, in their published block.
pub(crate) const PREFERENCES: ProtocolId = ProtocolId(BlockType::IP_PROT_PRIORITY_INFO.0);
/// Whether an interface is administratively up, in its published block.
pub(crate) const INTERFACE_STATUS: ProtocolId = ProtocolId(BlockType::IP_INTERFACE_STATUS_INFO.0);

/// Configuration of the router as a whole: `router`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default)]
pub struct RouterConfig {
    /// The router identifier, a dotted quad. Default: the highest IPv4 address of a loopback interface, or else of any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<RouterId>,
    /// Preferences of route sources by name (`static`, `ospf`, `rip`, ...) or number, 1..=255, lower wins.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub preferences: BTreeMap<String, u8>,
    /// A note of the operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotate: Option<String>,
}

impl RouterConfig {
    /// Reads the blocks of a tree.
    pub(crate) fn from_tree(tree: &Tree) -> Result<Self, Refusal> {
        let mut config = match tree.get(&BlockKey::router(ROUTER_SETTINGS)) {
            Some(block) => decode_settings(block)?,
            None => Self::default(),
        };
        if let Some(block) = tree.get(&BlockKey::router(PREFERENCES)) {
            let info = PriorityInfo::decode(&Block::from_info(BlockType::IP_PROT_PRIORITY_INFO, block)?)?;
            for entry in info.entries {
                config
                    .preferences
                    .insert(entry.protocol.to_string(), entry.metric);
            }
        }
        Ok(config)
    }

    /// The blocks that say this.
    pub(crate) fn to_blocks(&self) -> Result<Vec<(BlockKey, Option<InfoBlock>)>, Refusal> {
        let settings = (self.id.is_some() || self.annotate.is_some()).then(|| encode_settings(self));
        let mut info = PriorityInfo::default();
        for (name, preference) in &self.preferences {
            let path = format!("preferences.{name}");
            let protocol = ProtocolId::from_name(name)
                .or_else(|| parse_number(name))
                .ok_or_else(|| {
                    Refusal::invalid("no such route source").at(&path).with_value(name).with_allowed(
                    "connected, netmgmt, rip, ospf, bgp, autostatic, static, static-non-dod or a number",
                )
                })?;
            if *preference == 0 {
                return Err(Refusal::out_of_range(&path, preference, "1..=255"));
            }
            info.entries.push(Preference {
                protocol,
                kind: SubProtocol::All,
                metric: *preference,
            });
        }
        let priorities = (!self.preferences.is_empty()).then(|| info.encode().to_info());
        Ok(vec![
            (BlockKey::router(ROUTER_SETTINGS), settings),
            (BlockKey::router(PREFERENCES), priorities),
        ])
    }

    /// The preferences that differ from the defaults, by protocol.
    pub(crate) fn preference_of(&self, protocol: ProtocolId) -> u8 {
        let named = self.preferences.get(&protocol.to_string()).copied();
        named.unwrap_or_else(|| default_preference(protocol, SubProtocol::All))
    }
}

fn parse_number(text: &str) -> Option<ProtocolId> {
    let number = match text.strip_prefix("0x") {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => text.parse().ok()?,
    };
    Some(ProtocolId(number))
}

/// Layout 2: header, presence bits (1 id, 2 note), router identifier, note (length, UTF-8).
fn encode_settings(config: &RouterConfig) -> InfoBlock {
    let mut writer = WaypostHeader::start(LAYOUT);
    writer.u32_le(u32::from(config.id.is_some()) | u32::from(config.annotate.is_some()) << 1);
    writer.u32(config.id.map_or(0, |id| id.address().to_bits()));
    let note = config.annotate.as_deref().unwrap_or_default();
    writer
        .u32_le(u32::try_from(note.len()).unwrap_or(u32::MAX))
        .slice(note.as_bytes());
    WaypostHeader::finish(LAYOUT, writer)
}

fn decode_settings(block: &InfoBlock) -> Result<RouterConfig, Refusal> {
    if Layout::of(block)? != Layout::Waypost(LAYOUT) {
        return Err(Refusal::invalid("unknown layout of the router settings"));
    }
    let (_, mut reader) = WaypostHeader::read(block.payload()?)?;
    let cut = |_| Refusal::invalid("the router settings are cut short");
    let present = reader.u32_le().map_err(cut)?;
    let id = reader.ipv4().map_err(cut)?;
    let length = reader.u32_le().map_err(cut)?;
    let note = reader.take(length as usize).map_err(cut)?;
    if present > 3 || !reader.is_empty() {
        return Err(Refusal::invalid("the router settings have unknown parts"));
    }
    let id = if present & 1 != 0 {
        Some(RouterId::new(id).map_err(|error| Refusal::invalid(error.to_string()).at("id"))?)
    } else {
        None
    };
    let note = String::from_utf8(note.to_vec()).map_err(|_| Refusal::invalid("the note is not UTF-8"))?;
    Ok(RouterConfig {
        id,
        preferences: BTreeMap::new(),
        annotate: (present & 2 != 0).then_some(note),
    })
}

/// Whether the tree enables an interface; without a word it does (IP_INTERFACE_STATUS_INFO).
pub(crate) fn is_enabled(tree: &Tree, name: &str) -> bool {
    tree.get(&BlockKey::interface(name, INTERFACE_STATUS))
        .is_none_or(says_enabled)
}

/// Whether the block of an interface's `enabled` enables it.
pub(crate) fn says_enabled(block: &InfoBlock) -> bool {
    let status = block.payload().and_then(InterfaceStatusInfo::decode);
    status.is_ok_and(|status| status.admin == AdminStatus::Up)
}

/// The block for an interface's `enabled`.
pub(crate) fn enabled_block(enabled: bool) -> InfoBlock {
    let admin = if enabled {
        AdminStatus::Up
    } else {
        AdminStatus::Down
    };
    InterfaceStatusInfo { admin }.encode().to_info()
}
