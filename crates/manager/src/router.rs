//! The router's own configuration: `[router]` and the `enabled` of an interface.

use std::collections::BTreeMap;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use waypost_infobase::{BlockKey, Tree};
use waypost_routprot::router_blocks::{
    AdminStatus, Block, BlockType, GlobalInfo, InterfaceStatusInfo, Preference, PriorityInfo, SubProtocol,
    default_preference,
};
use waypost_routprot::{InfoBlock, Layout, Refusal, WaypostHeader};
use waypost_types::{ProtocolId, RouterId};
use waypost_wire::hex;

use crate::environment::RouteTerms;
use crate::policy::{self, POLICY};

/// The block of Waypost's own router settings: router identifier and note (extensions start at 0xFFFF5700, P-100).
pub(crate) const ROUTER_SETTINGS: ProtocolId = ProtocolId(0xFFFF_5700);
/// Identifier and note; and those with what each source of routes may do.
const LAYOUT: u32 = 2;
const LAYOUT_WITH_TERMS: u32 = 3;
/// The same with what the routing table may hold.
const LAYOUT_WITH_BUDGET: u32 = 4;
/// A tebibyte: more is a mistake.
const LARGEST_BUDGET: u32 = 1 << 20;
/// A hold-down of more than an hour is a mistake.
const LONGEST_HOLD_DOWN: u32 = 3600;
/// Octets of the operator's note.
const MAX_ANNOTATION: usize = 4096;

/// Preferences of route sources, in their published block.
pub(crate) const PREFERENCES: ProtocolId = ProtocolId(BlockType::IP_PROT_PRIORITY_INFO.0);
/// The same with the kinds of BGP's routes told apart.
pub(crate) const PREFERENCES_EXTENDED: ProtocolId = ProtocolId(BlockType::IP_PROT_PRIORITY_INFO_EX.0);
/// The IPv4 and the IPv6 router manager as a whole, in their published blocks.
const GLOBAL: ProtocolId = ProtocolId(BlockType::IP_GLOBAL_INFO.0);
const GLOBAL_V6: ProtocolId = ProtocolId(BlockType::IPV6_GLOBAL_INFO.0);
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
    /// The most routes each source may have in the routing table, by name or number, 1..=4294967295. What is beyond is refused
    /// and not kept: it comes when the source sets it again and there is room.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub route_limits: BTreeMap<String, u32>,
    /// The most mebibytes that the routing table may hold, 1..=1048576. What is beyond is refused and not kept, as with
    /// `route-limits`; routes of interfaces are always taken. Default: as many as there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_048_576))]
    pub memory_budget: Option<u32>,
    /// Seconds for which a destination is held down when the last route to it goes, by the source of that route, 1..=3600:
    /// packets follow another route as soon as there is one, but no protocol is told of it before the time is over. Default:
    /// not at all.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub hold_down: BTreeMap<String, u32>,
    /// A note of the operator's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub annotate: Option<String>,
    /// What the published extended block says, which stays among the `blocks`; the options above win over it.
    #[serde(skip)]
    pub(crate) extended: BTreeMap<ProtocolId, u8>,
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
    #[serde(default = "one")]
    pub version: u32,
    /// StructureCount: how many items of the same size the octets are. Default 1.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    #[schemars(range(min = 1))]
    pub count: u32,
    /// The octets, two hexadecimal digits each; blanks between them do not count.
    pub hex: String,
}

const fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
const fn is_one(count: &u32) -> bool {
    *count == 1
}

impl RawBlock {
    /// A block's text.
    pub(crate) fn of(block: &InfoBlock) -> Self {
        Self {
            version: block.version,
            count: block.structure_count,
            hex: hex::write(&block.bytes),
        }
    }

    /// The block it stands for.
    pub(crate) fn block(&self) -> Result<InfoBlock, Refusal> {
        let digits: String = self.hex.chars().filter(|c| !c.is_ascii_whitespace()).collect();
        let octets = hex::read(&digits)
            .filter(|octets| !octets.is_empty())
            .ok_or_else(|| {
                Refusal::invalid("not a block")
                    .at("hex")
                    .with_allowed("an even number of hexadecimal digits, at least two")
            })?;
        let mut block = InfoBlock::new(self.version, octets);
        if self.count == 0 || !block.structure_size.is_multiple_of(self.count) {
            return Err(Refusal::invalid("the octets are not so many items of one size")
                .at("count")
                .with_value(self.count)
                .with_allowed(format!("what {} octets can be divided by", block.structure_size)));
        }
        block.structure_size /= self.count;
        block.structure_count = self.count;
        Ok(block)
    }
}

impl RouterConfig {
    /// Reads the router's blocks of a tree. What cannot be read is kept in `blocks` and has no effect.
    pub(crate) fn from_tree(tree: &Tree) -> Self {
        let mut config = Self::default();
        for (kind, block) in router_blocks(tree) {
            if config.take(kind, block).is_err() || !matches!(kind, ROUTER_SETTINGS | PREFERENCES | POLICY) {
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
        let checked = Block::from_info(BlockType(kind.0), block);
        let checked = checked.and_then(|_| Self::default().take(kind, block));
        checked.map_err(|refusal| refusal.under(&path))
    }

    /// Takes over what a block says. A block that is refused has changed nothing.
    fn take(&mut self, kind: ProtocolId, block: &InfoBlock) -> Result<(), Refusal> {
        match kind {
            ROUTER_SETTINGS => {
                let settings = decode_settings(block)?;
                (self.id, self.annotate) = (settings.id, settings.annotate);
                (self.route_limits, self.hold_down) = (settings.route_limits, settings.hold_down);
                self.memory_budget = settings.memory_budget;
            }
            PREFERENCES => {
                let info = PriorityInfo::decode(&Block::from_info(BlockType::IP_PROT_PRIORITY_INFO, block)?)?;
                let given = |entry: Preference| (entry.protocol.to_string(), entry.metric);
                self.preferences = info.entries.into_iter().map(given).collect();
            }
            PREFERENCES_EXTENDED => {
                let block = Block::from_info(BlockType::IP_PROT_PRIORITY_INFO_EX, block)?;
                // Routes from inside an autonomous system are given their preference one by one.
                let whole = |entry: &Preference| entry.kind != SubProtocol::Interior;
                let entries = PriorityInfo::decode(&block)?.entries;
                let given = |entry: Preference| (entry.protocol, entry.metric);
                self.extended = entries.into_iter().filter(whole).map(given).collect();
            }
            POLICY => drop(policy::of_block(block)?),
            // Neither has an effect (P-123), and what is read back is to be what a reader can read.
            GLOBAL | GLOBAL_V6 => drop(GlobalInfo::decode(&block.bytes)?),
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
        if let Some(budget) = self
            .memory_budget
            .filter(|budget| !(1..=LARGEST_BUDGET).contains(budget))
        {
            let allowed = format!("1..={LARGEST_BUDGET}");
            return Err(Refusal::out_of_range("memory-budget", budget, allowed));
        }
        let terms = Terms::of(self)?;
        let given =
            self.id.is_some() || self.annotate.is_some() || self.memory_budget.is_some() || !terms.is_empty();
        let settings = given.then(|| encode_settings(self, &terms));
        let mut info = PriorityInfo::default();
        for (name, preference) in &self.preferences {
            let path = format!("preferences.{name}");
            let protocol = known_source(name, &path)?;
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

    /// The route sources that are given a preference, a limit or a hold-down.
    pub(crate) fn ranked(&self) -> impl Iterator<Item = ProtocolId> {
        let named = self.preferences.keys().chain(self.route_limits.keys());
        named
            .chain(self.hold_down.keys())
            .filter_map(|name| source(name))
            .chain(self.extended.keys().copied())
    }

    /// What a route source may do in the routing table.
    pub(crate) fn terms_of(&self, protocol: ProtocolId) -> RouteTerms {
        let of = |table: &BTreeMap<String, u32>| table.get(&protocol.to_string()).copied();
        RouteTerms {
            limit: of(&self.route_limits),
            hold_down: of(&self.hold_down).map(|seconds| Duration::from_secs(seconds.into())),
        }
    }

    /// The preferences that differ from the defaults, by protocol.
    pub(crate) fn preference_of(&self, protocol: ProtocolId) -> u8 {
        let named = self.preferences.get(&protocol.to_string()).copied();
        let extended = self.extended.get(&protocol).copied();
        named
            .or(extended)
            .unwrap_or_else(|| default_preference(protocol, SubProtocol::All))
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

/// A route source by name or number; `path` is where it is named.
fn known_source(name: &str, path: &str) -> Result<ProtocolId, Refusal> {
    source(name).ok_or_else(|| {
        Refusal::invalid("no such route source")
            .at(path)
            .with_value(name)
            .with_allowed(
                "connected, netmgmt, rip, ospf, bgp, autostatic, static, static-non-dod or a number",
            )
    })
}

/// Limits and hold-downs by the numbers of their sources.
#[derive(Default)]
struct Terms {
    limits: BTreeMap<ProtocolId, u32>,
    hold_downs: BTreeMap<ProtocolId, u32>,
}

impl Terms {
    fn of(config: &RouterConfig) -> Result<Self, Refusal> {
        Ok(Self {
            limits: numbers("route-limits", &config.route_limits, u32::MAX)?,
            hold_downs: numbers("hold-down", &config.hold_down, LONGEST_HOLD_DOWN)?,
        })
    }

    fn is_empty(&self) -> bool {
        self.limits.is_empty() && self.hold_downs.is_empty()
    }
}

fn numbers(
    option: &str,
    named: &BTreeMap<String, u32>,
    most: u32,
) -> Result<BTreeMap<ProtocolId, u32>, Refusal> {
    let mut numbers = BTreeMap::new();
    for (name, number) in named {
        let path = format!("{option}.{name}");
        if !(1..=most).contains(number) {
            return Err(Refusal::out_of_range(&path, number, format!("1..={most}")));
        }
        if numbers.insert(known_source(name, &path)?, *number).is_some() {
            return Err(Refusal::invalid("the route source is named twice").at(&path));
        }
    }
    Ok(numbers)
}

/// Layout 2: header, presence bits (1 id, 2 note), router identifier, note (length, UTF-8). Layout 3 goes on with limits and
/// hold-downs: for each how many, and as many pairs of protocol and number. Layout 4 ends with the memory budget.
fn encode_settings(config: &RouterConfig, terms: &Terms) -> InfoBlock {
    let layout = if config.memory_budget.is_some() {
        LAYOUT_WITH_BUDGET
    } else if terms.is_empty() {
        LAYOUT
    } else {
        LAYOUT_WITH_TERMS
    };
    let mut writer = WaypostHeader::start(layout);
    writer.u32_le(u32::from(config.id.is_some()) | u32::from(config.annotate.is_some()) << 1);
    writer.u32(config.id.map_or(0, |id| id.address().to_bits()));
    let note = config.annotate.as_deref().unwrap_or_default();
    writer
        .u32_le(u32::try_from(note.len()).unwrap_or(u32::MAX))
        .slice(note.as_bytes());
    if layout >= LAYOUT_WITH_TERMS {
        for numbers in [&terms.limits, &terms.hold_downs] {
            writer.u32_le(u32::try_from(numbers.len()).unwrap_or(u32::MAX));
            for (protocol, number) in numbers {
                writer.u32_le(protocol.0).u32_le(*number);
            }
        }
    }
    if let Some(budget) = config.memory_budget {
        writer.u32_le(budget);
    }
    WaypostHeader::finish(layout, writer)
}

fn decode_settings(block: &InfoBlock) -> Result<RouterConfig, Refusal> {
    let Layout::Waypost(layout @ LAYOUT..=LAYOUT_WITH_BUDGET) = Layout::of(block)? else {
        return Err(Refusal::invalid("unknown layout of the router settings"));
    };
    let (_, mut reader) = WaypostHeader::read(block.payload()?)?;
    let cut = |_| Refusal::invalid("the router settings are cut short");
    let present = reader.u32_le().map_err(cut)?;
    let id = reader.ipv4().map_err(cut)?;
    let length = reader.u32_le().map_err(cut)?;
    let note = reader.take(length as usize).map_err(cut)?;
    let mut tables = [BTreeMap::new(), BTreeMap::new()];
    if layout >= LAYOUT_WITH_TERMS {
        for table in &mut tables {
            // What is not there ends this soon, whatever the count says.
            for _ in 0..reader.u32_le().map_err(cut)? {
                let protocol = ProtocolId(reader.u32_le().map_err(cut)?);
                table.insert(protocol.to_string(), reader.u32_le().map_err(cut)?);
            }
        }
    }
    let [route_limits, hold_down] = tables;
    let memory_budget = match layout {
        LAYOUT_WITH_BUDGET => Some(reader.u32_le().map_err(cut)?),
        _ => None,
    };
    if let Some(budget) = memory_budget.filter(|budget| !(1..=LARGEST_BUDGET).contains(budget)) {
        let allowed = format!("1..={LARGEST_BUDGET}");
        return Err(Refusal::out_of_range("memory-budget", budget, allowed));
    }
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
        route_limits,
        memory_budget,
        hold_down,
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
