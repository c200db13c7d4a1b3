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
/// Octets of the operator's note.
const MAX_ANNOTATION: usize = 4096;

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
    #[schemars(schema_with = "preferences_schema")]
    pub preferences: BTreeMap<String, u8>,
    /// A note of the operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotate: Option<String>,
    /// Router-wide blocks that the options above do not express, by type: those of others, and unreadable ones.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub blocks: BTreeMap<String, RawBlock>,
}

fn preferences_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
    schemars::json_schema!({
        "type": "object",
        "additionalProperties": { "type": "integer", "minimum": 1, "maximum": 255 },
    })
}

/// A block as it is, for blocks without text form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RawBlock {
    /// StructureVersion. Default 1.
    #[serde(default = "first_version")]
    pub version: u32,
    /// The octets, two hexadecimal digits each; blanks between them do not count.
    pub hex: String,
}

const fn first_version() -> u32 {
    1
}

impl RawBlock {
    /// A block's text.
    pub(crate) fn of(block: &InfoBlock) -> Self {
        let digits = b"0123456789abcdef";
        let pair = |octet: &u8| [digits[usize::from(octet >> 4)], digits[usize::from(octet & 15)]];
        Self {
            version: block.version,
            hex: block.bytes.iter().flat_map(pair).map(char::from).collect(),
        }
    }

    /// The block it stands for.
    pub(crate) fn block(&self) -> Result<InfoBlock, Refusal> {
        let digits: Option<Vec<u8>> = self
            .hex
            .chars()
            .filter(|c| !c.is_ascii_whitespace())
            .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
            .collect();
        let (pairs, rest) = digits.as_deref().unwrap_or(&[0]).as_chunks::<2>();
        if !rest.is_empty() || pairs.is_empty() {
            return Err(Refusal::invalid("not a block")
                .at("hex")
                .with_allowed("an even number of hexadecimal digits, at least two"));
        }
        let octets = pairs.iter().map(|[high, low]| high << 4 | low).collect();
        Ok(InfoBlock::new(self.version, octets))
    }
}

impl RouterConfig {
    /// Reads the router's blocks of a tree. What cannot be read is kept in `blocks` and has no effect.
    pub(crate) fn from_tree(tree: &Tree) -> Self {
        let mut config = Self::default();
        for (kind, block) in router_blocks(tree) {
            if config.take(kind, block).is_err() || !matches!(kind, ROUTER_SETTINGS | PREFERENCES) {
                config.blocks.insert(kind.to_string(), RawBlock::of(block));
            }
        }
        config
    }

    /// What is wrong with the router's blocks of a tree.
    pub(crate) fn unreadable(tree: &Tree) -> Vec<Refusal> {
        let check = |(kind, block)| Self::check(kind, block).err();
        router_blocks(tree).filter_map(check).collect()
    }

    /// Whether a router-wide block can be read, if it is one that is read; the refusal has the whole path.
    pub(crate) fn check(kind: ProtocolId, block: &InfoBlock) -> Result<(), Refusal> {
        let path = crate::Path::new(["router", "blocks", &kind.to_string()]).to_string();
        let checked = block.payload().and_then(|_| Self::default().take(kind, block));
        checked.map_err(|refusal| refusal.under(&path))
    }

    /// Takes over what a block says. A block that is refused has changed nothing.
    fn take(&mut self, kind: ProtocolId, block: &InfoBlock) -> Result<(), Refusal> {
        match kind {
            ROUTER_SETTINGS => {
                let settings = decode_settings(block)?;
                (self.id, self.annotate) = (settings.id, settings.annotate);
            }
            PREFERENCES => {
                let info = PriorityInfo::decode(&Block::from_info(BlockType::IP_PROT_PRIORITY_INFO, block)?)?;
                let given = |entry: Preference| (entry.protocol.to_string(), entry.metric);
                self.preferences = info.entries.into_iter().map(given).collect();
            }
            _ => {}
        }
        Ok(())
    }

    /// The blocks that say this.
    pub(crate) fn to_blocks(&self) -> Result<Vec<(BlockKey, Option<InfoBlock>)>, Refusal> {
        if let Some(note) = self.annotate.as_ref().filter(|note| note.len() > MAX_ANNOTATION) {
            return Err(Refusal::invalid("the note is too long")
                .at("annotate")
                .with_value(format!("{} octets", note.len()))
                .with_allowed(format!("up to {MAX_ANNOTATION} octets")));
        }
        let settings = (self.id.is_some() || self.annotate.is_some()).then(|| encode_settings(self));
        let mut info = PriorityInfo::default();
        for (name, preference) in &self.preferences {
            let path = format!("preferences.{name}");
            let protocol =
                source(name).ok_or_else(|| {
                    Refusal::invalid("no such route source").at(&path).with_value(name).with_allowed(
                    "connected, netmgmt, rip, ospf, bgp, autostatic, static, static-non-dod or a number",
                )
                })?;
            if *preference == 0 {
                return Err(Refusal::out_of_range(&path, preference, "1..=255"));
            }
            if info.entries.iter().any(|entry| entry.protocol == protocol) {
                return Err(Refusal::invalid("the route source is named twice").at(&path));
            }
            info.entries.push(Preference {
                protocol,
                kind: SubProtocol::All,
                metric: *preference,
            });
        }
        let priorities = (!self.preferences.is_empty()).then(|| info.encode().to_info());
        let mut blocks = BTreeMap::from([(ROUTER_SETTINGS, settings), (PREFERENCES, priorities)]);
        for (name, raw) in &self.blocks {
            let path = format!("blocks.{name}");
            let kind = source(name).ok_or_else(|| {
                Refusal::invalid("not a block type")
                    .at(&path)
                    .with_allowed("a number such as 0xffff0005")
            })?;
            let block = raw.block().map_err(|refusal| refusal.under(&path))?;
            if blocks.insert(kind, Some(block)).flatten().is_some() {
                return Err(Refusal::invalid(
                    "the block is given twice: unset it, or the options that it holds",
                )
                .at(&path));
            }
        }
        let keyed = |(kind, block)| (BlockKey::router(kind), block);
        Ok(blocks.into_iter().map(keyed).collect())
    }

    /// The route sources that are given a preference.
    pub(crate) fn ranked(&self) -> impl Iterator<Item = ProtocolId> {
        self.preferences.keys().filter_map(|name| source(name))
    }

    /// The preferences that differ from the defaults, by protocol.
    pub(crate) fn preference_of(&self, protocol: ProtocolId) -> u8 {
        let named = self.preferences.get(&protocol.to_string()).copied();
        named.unwrap_or_else(|| default_preference(protocol, SubProtocol::All))
    }
}

/// The router-wide blocks of a tree.
fn router_blocks(tree: &Tree) -> impl Iterator<Item = (ProtocolId, &InfoBlock)> {
    // Router keys come first.
    tree.range(..BlockKey::protocol(ProtocolId(0)))
        .map(|(key, block)| (key.kind, block))
}

/// A route source, or block type, by name or number.
fn source(name: &str) -> Option<ProtocolId> {
    ProtocolId::from_name(name).or_else(|| parse_number(name))
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
        annotate: (present & 2 != 0).then_some(note),
        ..RouterConfig::default()
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
