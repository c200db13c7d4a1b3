//! The published container of blocks, RTR_INFO_BLOCK_HEADER, as the configuration of the router as a whole or of one
//! interface (routing-protocol-interface 6.4).
//!
//! A container says nothing of what it has no entry for, and an entry without octets removes. Unlike RRAS, which tries block
//! after block, Waypost takes all of a container or none of it: it is an edit like every other.
//!
//! An interface's routes travel in one block, 0xFFFF0005, whoever they are from. Those of an autostatic update are kept apart
//! from the operator's, so the block is taken apart and put together here.

use waypost_infobase::{BlockKey, BlockScope, Tree};
use waypost_routprot::router_blocks::{
    Block, BlockType, INTERFACE_ROUTE_INFO_SIZE, InfoHeader, InterfaceRoute, MIB_IPFORWARDROW_SIZE,
    PreferenceTable, PriorityInfo, decode_interface_routes, decode_routes, encode_routes, route_block,
};
use waypost_routprot::{InfoBlock, Layout, Refusal, Scope, Status, read_info};
use waypost_types::{InterfaceIndex, ProtocolId};

use crate::Manager;
use crate::configuration::{BlockChange, Configuration};
use crate::router::{PREFERENCES, PREFERENCES_EXTENDED};

/// An interface's static routes in their published block.
pub(crate) const ROUTES: ProtocolId = ProtocolId(BlockType::IP_ROUTE_INFO.0);

impl Manager {
    /// The container of what is configured for the router as a whole or, with a name, on an interface: as the running
    /// protocols have it in force and otherwise as it is stored. Without entries when nothing is.
    ///
    /// Static routes come as the published rows if those can say all of them, otherwise as the static protocol's block.
    ///
    /// # Errors
    /// What a protocol answers with when asked; 905 for an interface that is neither there nor configured; and 87 when the
    /// container would be larger than any may be.
    pub fn header(&self, interface: Option<&str>) -> Result<InfoHeader, Refusal> {
        let inside = |key: &BlockKey| match (&key.scope, interface) {
            (BlockScope::Interface(name), Some(wanted)) => name == wanted,
            (BlockScope::Interface(_), None) => false,
            (BlockScope::Router | BlockScope::Protocol, wanted) => wanted.is_none(),
        };
        let mut tree = Tree::new();
        for (key, stored) in self.tree().iter().filter(|(key, _)| inside(key)) {
            let block = self.in_force(key)?.unwrap_or_else(|| stored.clone());
            tree.insert(key.clone(), block);
        }
        let present = interface.and_then(|name| self.table.by_name(name));
        if let (Some(name), None, true) = (interface, present, tree.is_empty()) {
            let reason = "no such interface, and nothing is configured for it";
            return Err(Refusal::new(Status::ERROR_NO_SUCH_INTERFACE, reason).with_value(name));
        }
        self.configuration
            .header_of(tree, present.map(|interface| interface.index))
    }

    /// What a running client has in force, if it was told of the block.
    fn in_force(&self, key: &BlockKey) -> Result<Option<InfoBlock>, Refusal> {
        let Some(client) = self.clients.get(&key.kind).filter(|client| client.is_running()) else {
            return Ok(None);
        };
        let block = match &key.scope {
            BlockScope::Router => return Ok(None),
            BlockScope::Protocol => {
                let mut protocol = client.lock();
                read_info(|buffer| protocol.global_info(buffer))?
            }
            BlockScope::Interface(name) => {
                let index = self.table.by_name(name).map(|interface| interface.index);
                let Some(index) = index.filter(|index| client.interfaces.contains_key(index)) else {
                    return Ok(None);
                };
                let mut protocol = client.lock();
                read_info(|buffer| protocol.interface_info(index, buffer))?
            }
        };
        Ok((!block.is_absent()).then_some(block))
    }
}

impl Configuration {
    /// The container of these blocks, which are all of the router as a whole or all of one interface. The router manager's
    /// own come first: an interface is enabled before anything happens on it.
    fn header_of(&self, mut tree: Tree, index: Option<InterfaceIndex>) -> Result<InfoHeader, Refusal> {
        let routes = self.take_routes(&mut tree, index)?;
        let of_protocol = |(key, _): &(BlockKey, InfoBlock)| BlockType(key.kind.0).protocol().is_some();
        let (protocols, own): (Vec<_>, Vec<_>) = tree.into_iter().partition(of_protocol);
        let entry = |(key, block): (BlockKey, InfoBlock)| Block::from_info(BlockType(key.kind.0), &block);
        let own = own.into_iter().map(entry);
        let protocols = protocols.into_iter().map(entry);
        let mut header = InfoHeader::default();
        for block in own.chain(routes.map(Ok)).chain(protocols) {
            header.add(block?)?;
        }
        Ok(header)
    }

    /// Takes the routes of an interface out of its blocks as the published block, each row naming the interface. What that
    /// cannot say stays.
    fn take_routes(&self, tree: &mut Tree, index: Option<InterfaceIndex>) -> Result<Option<Block>, Refusal> {
        let mut rows = Vec::new();
        for protocol in [ProtocolId::STATIC, ProtocolId::AUTOSTATIC] {
            let of_interface =
                |key: &&BlockKey| key.kind == protocol && matches!(key.scope, BlockScope::Interface(_));
            let Some(key) = tree.keys().find(of_interface).cloned() else {
                continue;
            };
            let published = tree
                .get(&key)
                .and_then(|block| self.published_rows(protocol, block));
            if let Some(published) = published {
                rows.extend(published);
                tree.remove(&key);
            }
        }
        if rows.is_empty() {
            return Ok(None);
        }
        for row in &mut rows {
            row.interface = index.unwrap_or(InterfaceIndex(0));
        }
        route_block(&InfoBlock::new(1, encode_routes(&rows))).map(Some)
    }

    /// The rows that a block of static or autostatic routes is, if it can be said in rows.
    fn published_rows(&self, protocol: ProtocolId, block: &InfoBlock) -> Option<Vec<InterfaceRoute>> {
        let published = match self.codec(protocol) {
            Some(codec) => codec.published(Scope::Interface, block)?,
            None if Layout::of(block).ok()? == Layout::Rras => block.clone(),
            None => return None,
        };
        let rows = decode_interface_routes(published.payload().ok()?).ok()?;
        (!rows.is_empty()).then_some(rows)
    }

    /// The block changes that a container asks for, in its order.
    ///
    /// `before`: what is there. The directory has no version (P-12): octets that name their layout are of that version, and
    /// those that are there already keep theirs.
    ///
    /// # Errors
    /// 87 for a type that belongs elsewhere, for routes that are given twice, and for what cannot be read; with the path.
    pub(crate) fn header_changes<'t>(
        &self,
        interface: Option<&str>,
        header: &InfoHeader,
        before: impl Fn(&BlockKey) -> Option<&'t InfoBlock>,
    ) -> Result<Vec<BlockChange>, Vec<Refusal>> {
        let scope = interface.map_or(Scope::Global, |_| Scope::Interface);
        let mut changes: Vec<BlockChange> = Vec::with_capacity(header.blocks().len());
        let mut refusals = Vec::new();
        for block in header.blocks() {
            let key = key_of(interface, block.kind());
            if block.kind().scope().is_some_and(|published| published != scope) {
                refusals.push(misplaced(&self.path_of(&key), block.kind()));
                continue;
            }
            let taken = match key.kind {
                PREFERENCES | PREFERENCES_EXTENDED => merged_preferences(&key, header, block.kind()),
                ROUTES => self.route_changes(interface.unwrap_or_default(), block, &before),
                _ => Ok(vec![(key.clone(), info_of(block, before(&key)))]),
            };
            match taken {
                Ok(taken) => taken.into_iter().for_each(|change| put(&mut changes, change)),
                Err(refusal) => refusals.push(refusal.under(&self.path_of(&key))),
            }
        }
        if let (Some(name), true) = (interface, header.exists(BlockType::IP_ROUTE_INFO)) {
            refusals.extend(self.routes_twice(name, header));
        }
        if refusals.is_empty() {
            Ok(changes)
        } else {
            Err(refusals)
        }
    }

    /// A block of routes as the blocks of the static protocol and of autostatic routes. It is the complete list of both
    /// (P-127); one of them that says what is there already in another form stays.
    pub(crate) fn route_changes<'t>(
        &self,
        interface: &str,
        block: &Block,
        before: impl Fn(&BlockKey) -> Option<&'t InfoBlock>,
    ) -> Result<Vec<BlockChange>, Refusal> {
        let autostatic = |row: &InterfaceRoute| row.protocol == ProtocolId::AUTOSTATIC;
        let (updated, set): (Vec<_>, Vec<_>) = decode_routes(block)?.into_iter().partition(autostatic);
        let mut changes = Vec::new();
        for (protocol, mut rows) in [(ProtocolId::STATIC, set), (ProtocolId::AUTOSTATIC, updated)] {
            let key = BlockKey::interface(interface, protocol);
            // The number of the interface is ignored on Set (rras-blocks P-104).
            for row in &mut rows {
                row.interface = InterfaceIndex(0);
            }
            let there = before(&key);
            let block = (!rows.is_empty()).then(|| InfoBlock::new(1, encode_routes(&rows)));
            let same = match (&block, there) {
                (Some(block), Some(there)) => self.says_the_same(protocol, block, there),
                (block, there) => block.is_none() && there.is_none(),
            };
            changes.push((key, if same { there.cloned() } else { block }));
        }
        Ok(changes)
    }

    fn says_the_same(&self, protocol: ProtocolId, block: &InfoBlock, there: &InfoBlock) -> bool {
        self.decode(protocol, Scope::Interface, block) == self.decode(protocol, Scope::Interface, there)
    }

    /// Routes that a container has both in the published block and in a protocol's own.
    fn routes_twice(&self, interface: &str, header: &InfoHeader) -> Vec<Refusal> {
        let rows = header
            .find(BlockType::IP_ROUTE_INFO)
            .and_then(decode_routes)
            .unwrap_or_default();
        let twice = |protocol: &ProtocolId| {
            let autostatic = *protocol == ProtocolId::AUTOSTATIC;
            let given = rows
                .iter()
                .any(|row| (row.protocol == ProtocolId::AUTOSTATIC) == autostatic);
            given && header.exists(BlockType::from(*protocol))
        };
        [ProtocolId::STATIC, ProtocolId::AUTOSTATIC]
            .into_iter()
            .filter(twice)
            .map(|protocol| {
                Refusal::invalid("these routes are given twice: here and in IP_ROUTE_INFO")
                    .at(&self.interface_path(interface, protocol))
            })
            .collect()
    }
}

/// A block of routes as a caller has it, in one piece or as so many rows, as the published one.
pub(crate) fn published_routes(info: &InfoBlock) -> Result<Block, Refusal> {
    if info.is_absent() {
        return Block::new(BlockType::IP_ROUTE_INFO, 0, 0, Vec::new());
    }
    let size = [INTERFACE_ROUTE_INFO_SIZE, MIB_IPFORWARDROW_SIZE]
        .into_iter()
        .find(|size| info.structure_size as usize == *size || info.bytes.len().is_multiple_of(*size))
        .ok_or_else(|| {
            Refusal::invalid("not a block of static routes")
                .with_value(format!("{} octets", info.bytes.len()))
                .with_allowed("rows of 72 (INTERFACE_ROUTE_INFO) or 56 octets (MIB_IPFORWARDROW)")
        })?;
    // INVARIANT: both are far below 2^32.
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Block::new(
        BlockType::IP_ROUTE_INFO,
        number(size),
        number(info.bytes.len() / size),
        info.bytes.clone(),
    )
}

/// Where the block of an entry is kept.
fn key_of(interface: Option<&str>, kind: BlockType) -> BlockKey {
    match (interface, kind.protocol()) {
        (Some(name), _) => BlockKey::interface(name, ProtocolId(kind.0)),
        (None, Some(protocol)) => BlockKey::protocol(protocol),
        (None, None) => BlockKey::router(ProtocolId(kind.0)),
    }
}

fn misplaced(path: &str, kind: BlockType) -> Refusal {
    let (here, there) = match kind.scope() {
        Some(Scope::Global) => ("an interface", "the router as a whole"),
        _ => ("the router as a whole", "an interface"),
    };
    Refusal::invalid(format!("a block for {there} in the container of {here}"))
        .at(path)
        .with_value(kind)
}

/// Adds a change. What the published block of routes leaves out gives way to the protocol's own block, in either order.
fn put(changes: &mut Vec<BlockChange>, (key, block): BlockChange) {
    match changes.iter_mut().find(|(known, _)| *known == key) {
        Some((_, known)) if known.is_none() => *known = block,
        Some(_) => {}
        None => changes.push((key, block)),
    }
}

/// The block of an entry; `None` when it asks for removal.
fn info_of(block: &Block, before: Option<&InfoBlock>) -> Option<InfoBlock> {
    if block.is_empty() {
        return None;
    }
    let mut info = block.to_info();
    if let Some(before) = before {
        info.version = before.version;
        if info == *before {
            return Some(info);
        }
        info.version = 1;
    }
    if let Ok(Layout::Waypost(layout)) = Layout::of(&info) {
        info.version = layout;
    }
    Some(info)
}

/// All preference blocks of a type as one: of two entries for the same routes the later one counts (rras-blocks 9.3).
fn merged_preferences(
    key: &BlockKey,
    header: &InfoHeader,
    kind: BlockType,
) -> Result<Vec<BlockChange>, Refusal> {
    let blocks: Vec<&Block> = header
        .blocks()
        .iter()
        .filter(|block| block.kind() == kind && !block.is_empty())
        .collect();
    let merged = match blocks.as_slice() {
        [] => None,
        [only] => {
            PriorityInfo::decode(only)?;
            Some(only.to_info())
        }
        several => {
            let entries = PreferenceTable::from_blocks(several.iter().copied())?.entries();
            let merged = if kind == BlockType::IP_PROT_PRIORITY_INFO {
                PriorityInfo { entries }.encode()
            } else {
                PriorityInfo { entries }.encode_extended()
            };
            Some(merged.to_info())
        }
    };
    Ok(vec![(key.clone(), merged)])
}
