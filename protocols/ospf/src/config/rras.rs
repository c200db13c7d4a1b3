//! RRAS's own blocks: runs of records, each after a number that says which (rras-blocks 3).
//!
//! A run is the complete configuration, so reading it states every option that its records can express, also against the
//! global defaults: `passive` and such as the records have no field for stay as the defaults have them. Records that delete
//! take away what another one of the run makes. What is given back is in the order of the tables below.
//!
//! | Record | Options |
//! |---|---|
//! | OSPF_GLOBAL_PARAM | `router-id`, `boundary-router`, `logging`, `enabled`; with it goes `listed-areas-only` |
//! | OSPF_AREA_PARAM | an element of `areas` |
//! | OSPF_AREA_RANGE_PARAM | one of its `ranges` |
//! | OSPF_VIRT_INTERFACE_PARAM | an element of `virtual-links` |
//! | OSPF_ROUTE_FILTER_INFO | `redistribute-filter` |
//! | OSPF_PROTO_FILTER_INFO | accept: `redistribute`; drop: `redistribute-unlisted` without those; none: with all |
//! | OSPF_INTERFACE_PARAM | an element of `addresses`, and the options of the interface |
//! | OSPF_NBMA_NEIGHBOR_PARAM | an element of `neighbors` |
//!
//! What is written may leave out what records cannot say: who asks for it reads it back and compares (`block.rs`).

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use waypost_routprot::{InfoBlock, Refusal};
use waypost_types::{Prefix4, ProtocolId};
use waypost_wire::{ReadError, Reader, Secret, Writer};

use super::options::{
    Address, Area, AreaAuthentication, FilterAction, GlobalConfig, InterfaceConfig, Neighbor, Range,
    Redistribution, RouteFilter, VirtualLink,
};
use super::validate::MAX_COUNT;
use super::words::Word;
use crate::area::AreaId;
use crate::authentication::PASSWORD_LENGTH;
use crate::parameters::{AreaKind, NetworkType};

/// StructureVersion of RRAS's layout.
const VERSION: u32 = 1;
/// What ends a run.
const END: u32 = 0;
/// MTU of an INTF record that stands for the interface's own.
const MTU_OF_INTERFACE: u16 = 1;
/// The highest number of a SHORT.
const SHORT: u32 = 32_767;

/// The records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
enum Kind {
    Global = 1,
    Area = 2,
    Range = 3,
    Interface = 4,
    Neighbor = 5,
    VirtualLink = 6,
    RouteFilter = 7,
    ProtocolFilter = 8,
}

/// Which records a global block may have.
const IN_GLOBAL: &[Kind] = &[
    Kind::Global,
    Kind::Area,
    Kind::Range,
    Kind::VirtualLink,
    Kind::RouteFilter,
    Kind::ProtocolFilter,
];
/// Which records an interface block may have.
const IN_INTERFACE: &[Kind] = &[Kind::Interface, Kind::Neighbor];

impl Kind {
    /// The published name.
    const fn name(self) -> &'static str {
        match self {
            Self::Global => "OSPF_GLOBAL_PARAM",
            Self::Area => "OSPF_AREA_PARAM",
            Self::Range => "OSPF_AREA_RANGE_PARAM",
            Self::Interface => "OSPF_INTERFACE_PARAM",
            Self::Neighbor => "OSPF_NBMA_NEIGHBOR_PARAM",
            Self::VirtualLink => "OSPF_VIRT_INTERFACE_PARAM",
            Self::RouteFilter => "OSPF_ROUTE_FILTER_INFO",
            Self::ProtocolFilter => "OSPF_PROTO_FILTER_INFO",
        }
    }

    /// Octets of the record; of the filters, without their list.
    const fn size(self) -> usize {
        match self {
            Self::Global | Self::Range | Self::Neighbor => 24,
            Self::Area => 32,
            Self::Interface => 68,
            Self::VirtualLink => 44,
            Self::RouteFilter | Self::ProtocolFilter => 12,
        }
    }

    /// Octets of an element of the list.
    const fn element(self) -> usize {
        match self {
            Self::RouteFilter => 8,
            Self::ProtocolFilter => 4,
            _ => 0,
        }
    }
}

fn cut(error: ReadError) -> Refusal {
    Refusal::invalid(format!("the record leaves the block: {error}"))
}

/// A record of a run; the reader is behind what all of its kind begin with.
struct Record<'a> {
    kind: Kind,
    path: String,
    /// Whether it makes something or takes it away.
    create: bool,
    enabled: bool,
    fields: Reader<'a>,
}

impl Record<'_> {
    fn wrong(&self, field: &str, reason: &str) -> Refusal {
        Refusal::invalid(reason).at(field).under(&self.path)
    }

    fn word(&mut self, field: &str) -> Result<u32, Refusal> {
        self.fields
            .u32_le()
            .map_err(|error| cut(error).at(field).under(&self.path))
    }

    fn address(&mut self, field: &str) -> Result<Ipv4Addr, Refusal> {
        self.fields
            .ipv4()
            .map_err(|error| cut(error).at(field).under(&self.path))
    }

    fn area(&mut self, field: &str) -> Result<AreaId, Refusal> {
        self.address(field).map(AreaId::from)
    }

    /// A number between two others.
    fn number<T: TryFrom<u32>>(&mut self, field: &str, low: u32, high: u32) -> Result<Option<T>, Refusal> {
        let number = self.word(field)?;
        let value = T::try_from(number)
            .ok()
            .filter(|_| (low..=high).contains(&number));
        match value {
            Some(value) => Ok(Some(value)),
            None => Err(Refusal::out_of_range(field, number, format!("{low}..={high}")).under(&self.path)),
        }
    }

    /// A number that stands for something.
    fn choice<T: Word>(&mut self, field: &str) -> Result<T, Refusal> {
        let number = self.word(field)?;
        T::from_word(number)
            .map_err(|allowed| Refusal::out_of_range(field, number, allowed).under(&self.path))
    }

    /// 1 or 2: the first or not.
    fn first_of_two(&mut self, field: &str) -> Result<bool, Refusal> {
        Ok(self.number::<u32>(field, 1, 2)? == Some(1))
    }

    /// A network and its mask, of which the network has no bits outside.
    fn prefix(&mut self, network: &str, mask: &str) -> Result<Prefix4, Refusal> {
        let address = self.address(network)?;
        let mask_address = self.address(mask)?;
        let prefix = Prefix4::from_netmask(address, mask_address)
            .map_err(|error| self.wrong(mask, &error.to_string()))?;
        if prefix.network() != address {
            let refusal = self.wrong(network, "it has bits outside of its mask");
            return Err(refusal
                .with_value(address)
                .with_allowed(prefix.network().to_string()));
        }
        Ok(prefix)
    }

    fn password(&mut self) -> Result<Secret, Refusal> {
        let octets: [u8; PASSWORD_LENGTH] = self
            .fields
            .array()
            .map_err(|error| cut(error).at("password").under(&self.path))?;
        let length = octets
            .iter()
            .rposition(|octet| *octet != 0)
            .map_or(0, |last| last + 1);
        Ok(Secret::from_octets(octets.get(..length).unwrap_or_default()))
    }
}

/// A block that is read record by record.
struct Run<'a> {
    reader: Reader<'a>,
    allowed: &'static [Kind],
    position: usize,
}

impl<'a> Run<'a> {
    fn new(octets: &'a [u8], allowed: &'static [Kind]) -> Self {
        Self {
            reader: Reader::new(octets),
            allowed,
            position: 0,
        }
    }

    /// The next record; `None` at the end. What follows the end is nobody's.
    fn next(&mut self) -> Result<Option<Record<'a>>, Refusal> {
        let position = self.position;
        self.position += 1;
        let Ok(number) = self.reader.u32_le() else {
            return Err(
                Refusal::invalid("the records do not end with type 0").at(&format!("{position}.type"))
            );
        };
        if number == END {
            return Ok(None);
        }
        let Some(kind) = self.allowed.iter().find(|kind| **kind as u32 == number) else {
            let known: Vec<String> = self
                .allowed
                .iter()
                .map(|kind| (*kind as u32).to_string())
                .collect();
            let allowed = format!("0, {}", known.join(", "));
            return Err(Refusal::out_of_range(
                &format!("{position}.type"),
                number,
                allowed,
            ));
        };
        let path = format!("{position}.{}", kind.name());
        if position >= MAX_COUNT {
            return Err(Refusal::invalid("there are too many records")
                .at(&path)
                .with_allowed(format!("{MAX_COUNT} records")));
        }
        let octets = self.octets(*kind).map_err(|refusal| refusal.under(&path))?;
        let mut record = Record {
            kind: *kind,
            path,
            create: true,
            enabled: true,
            fields: Reader::new(octets),
        };
        if kind.element() == 0 {
            record.create = record.first_of_two("create")?;
            record.enabled = record.first_of_two("enable")?;
        }
        Ok(Some(record))
    }

    /// The octets of a record behind its type.
    fn octets(&mut self, kind: Kind) -> Result<&'a [u8], Refusal> {
        let fixed = kind.size() - 4;
        let mut size = fixed;
        if kind.element() > 0 {
            let mut ahead = self.reader.clone();
            ahead.skip(4).map_err(cut)?;
            let count = ahead.u32_le().map_err(cut)? as usize;
            let most = (self.reader.left().saturating_sub(fixed) / kind.element()).min(MAX_COUNT);
            if count > most {
                return Err(Refusal::invalid("the list leaves the block")
                    .at("count")
                    .with_value(count)
                    .with_allowed(format!("at most {most}")));
            }
            size += count * kind.element();
        }
        self.reader.take(size).map_err(cut)
    }
}

/// Things that records make and take away again, by a key.
struct Made<K, T> {
    made: Vec<(K, T)>,
    taken: BTreeSet<K>,
}

impl<K: Ord, T> Made<K, T> {
    const fn new() -> Self {
        Self {
            made: Vec::new(),
            taken: BTreeSet::new(),
        }
    }

    fn rest(self) -> impl Iterator<Item = (K, T)> {
        let taken = self.taken;
        self.made.into_iter().filter(move |(key, _)| !taken.contains(key))
    }
}

/// Reads the records of a global block.
pub(super) fn read_global(octets: &[u8]) -> Result<GlobalConfig, Refusal> {
    let mut run = Run::new(octets, IN_GLOBAL);
    let (mut areas, mut ranges, mut links) = (Made::new(), Made::new(), Made::new());
    let mut found: Option<GlobalConfig> = None;
    let mut redistribute_filter = None;
    let mut sources = None;
    let twice = |record: &Record<'_>| record.wrong("type", "there can be only one such record");
    while let Some(mut record) = run.next()? {
        match record.kind {
            Kind::Global if found.is_some() => return Err(twice(&record)),
            Kind::Global => found = Some(global(&mut record)?),
            Kind::Area => area(&mut record, &mut areas)?,
            Kind::Range => range(&mut record, &mut ranges)?,
            Kind::VirtualLink => virtual_link(&mut record, &mut links)?,
            Kind::RouteFilter if redistribute_filter.is_some() => return Err(twice(&record)),
            Kind::RouteFilter => redistribute_filter = Some(route_filter(&mut record)?),
            Kind::ProtocolFilter if sources.is_some() => return Err(twice(&record)),
            Kind::ProtocolFilter => sources = Some(protocol_filter(&mut record)?),
            Kind::Interface | Kind::Neighbor => {}
        }
    }
    let Some(found) = found else {
        return Err(Refusal::invalid("there is no such record").at(Kind::Global.name()));
    };
    let mut areas: Vec<Area> = areas.rest().map(|(_, area)| area).collect();
    for ((id, prefix), (path, range)) in ranges.rest() {
        let Some(area) = areas.iter_mut().find(|area| area.id == id) else {
            return Err(Refusal::invalid("the range is in an area that no record makes")
                .at("areaId")
                .with_value(id)
                .under(&path));
        };
        if area.ranges.iter().any(|other| other.prefix == prefix) {
            return Err(Refusal::invalid("another record makes this range")
                .at("rangeNet")
                .with_value(prefix)
                .under(&path));
        }
        area.ranges.push(range);
    }
    // Without a filter an AS boundary router says whatever there is.
    let (redistribute, redistribute_unlisted) = sources.unwrap_or((Vec::new(), true));
    Ok(GlobalConfig {
        areas: Some(areas),
        virtual_links: Some(links.rest().map(|(_, link)| link).collect()),
        redistribute: Some(redistribute),
        redistribute_unlisted: Some(redistribute_unlisted),
        redistribute_filter,
        listed_areas_only: Some(true),
        ..found
    })
}

fn global(record: &mut Record<'_>) -> Result<GlobalConfig, Refusal> {
    if !record.create {
        return Err(record
            .wrong("create", "it cannot be deleted")
            .with_value(2)
            .with_allowed("1"));
    }
    Ok(GlobalConfig {
        router_id: Some(record.address("routerId")?),
        boundary_router: Some(record.first_of_two("ASBrdrRtr")?),
        logging: Some(record.choice("logLevel")?),
        enabled: Some(record.enabled),
        ..GlobalConfig::default()
    })
}

fn area(record: &mut Record<'_>, areas: &mut Made<AreaId, Area>) -> Result<(), Refusal> {
    let id = record.area("areaId")?;
    if !record.create {
        if id.is_backbone() {
            let refusal = record.wrong("create", "the backbone cannot be deleted");
            return Err(refusal.with_value(2).with_allowed("1"));
        }
        areas.taken.insert(id);
        return Ok(());
    }
    let authentication: AreaAuthentication = record.choice("authType")?;
    let kind = if record.first_of_two("importASExtern")? {
        AreaKind::Normal
    } else {
        AreaKind::Stub
    };
    let default_cost = record.number("stubMetric", 1, crate::lsa::LS_INFINITY)?;
    let area = Area {
        id,
        kind: Some(kind),
        default_cost,
        summaries: Some(record.first_of_two("importSumAdv")?),
        authentication: Some(authentication),
        enabled: Some(record.enabled),
        ranges: Vec::new(),
        nssa: None,
    };
    areas.made.push((id, area));
    Ok(())
}

type Ranges = Made<(AreaId, Prefix4), (String, Range)>;

fn range(record: &mut Record<'_>, ranges: &mut Ranges) -> Result<(), Refusal> {
    let key = (record.area("areaId")?, record.prefix("rangeNet", "rangeMask")?);
    if !record.create {
        ranges.taken.insert(key);
        return Ok(());
    }
    let range = Range {
        prefix: key.1,
        cost: None,
        advertise: None,
        enabled: Some(record.enabled),
    };
    ranges.made.push((key, (record.path.clone(), range)));
    Ok(())
}

type Links = Made<(AreaId, Ipv4Addr), VirtualLink>;

fn virtual_link(record: &mut Record<'_>, links: &mut Links) -> Result<(), Refusal> {
    let key = (
        record.area("transitAreaId")?,
        record.address("virtNeighborRouterId")?,
    );
    if !record.create {
        links.taken.insert(key);
        return Ok(());
    }
    let link = VirtualLink {
        transit_area: key.0,
        router_id: key.1,
        transmit_delay: record.number("transitDelay", 1, 3600)?,
        retransmit_interval: record.number("retransInterval", 1, 3600)?,
        hello_interval: record.number("helloInterval", 1, SHORT)?,
        dead_interval: record.number("deadInterval", 1, SHORT)?,
        authentication: None,
        password: Some(record.password()?),
        keys: Vec::new(),
        enabled: Some(record.enabled),
    };
    links.made.push((key, link));
    Ok(())
}

fn route_filter(record: &mut Record<'_>) -> Result<RouteFilter, Refusal> {
    let action = record.choice("ofaActionOnMatch")?;
    let count = record.word("dwNumFilters")?;
    let prefixes = (0..count).map(|number| {
        let field = |name: &str| format!("{name}.{number}");
        record.prefix(&field("addr"), &field("mask"))
    });
    Ok(RouteFilter {
        action,
        prefixes: prefixes.collect::<Result<_, _>>()?,
    })
}

/// Whose routes are said, and whether those of all others are.
fn protocol_filter(record: &mut Record<'_>) -> Result<(Vec<Redistribution>, bool), Refusal> {
    let action: FilterAction = record.choice("ofaActionOnMatch")?;
    let accepts = action == FilterAction::Accept;
    let count: Option<u32> = record.number("dwNumProtoIds", 1, MAX_COUNT as u32)?;
    let mut sources: Vec<Redistribution> = Vec::new();
    for number in 0..count.unwrap_or_default() {
        let source = ProtocolId(record.word(&format!("dwProtoId.{number}"))?);
        sources.push(Redistribution {
            source,
            metric: None,
            metric_type: None,
            tag: None,
            enabled: Some(accepts),
            policy: None,
        });
    }
    Ok((sources, !accepts))
}

/// The words of an INTF record that all addresses of an interface must have in common: those behind the mask.
const IN_COMMON: [&str; 12] = [
    "areaId",
    "intfType",
    "routerPriority",
    "transitDelay",
    "retransInterval",
    "helloInterval",
    "deadInterval",
    "pollInterval",
    "metricCost",
    "password",
    "password",
    "mtuSize",
];

/// Reads the records of an interface block.
pub(super) fn read_interface(octets: &[u8]) -> Result<InterfaceConfig, Refusal> {
    let mut run = Run::new(octets, IN_INTERFACE);
    let mut addresses: Made<Ipv4Addr, (Record<'_>, Address)> = Made::new();
    let mut neighbors: Made<Ipv4Addr, (String, Ipv4Addr, Neighbor)> = Made::new();
    while let Some(mut record) = run.next()? {
        match record.kind {
            Kind::Interface => interface_address(record, &mut addresses)?,
            _ => neighbor(&mut record, &mut neighbors)?,
        }
    }
    let mut rest = addresses.rest().map(|(_, made)| made);
    let Some((mut first, address)) = rest.next() else {
        // OSPF runs on an interface where a record says so.
        return match neighbors.rest().next() {
            None => Ok(stated(InterfaceConfig::default(), Vec::new(), Vec::new())),
            Some((_, (path, ..))) => Err(Refusal::invalid("no record makes this interface")
                .at("intfIpAddr")
                .under(&path)),
        };
    };
    let mut used = vec![address];
    for (other, address) in rest {
        agree(&first.fields, &other)?;
        used.push(address);
    }
    let mut asked: Vec<Neighbor> = Vec::new();
    for (_, (path, through, neighbor)) in neighbors.rest() {
        if through != address.address {
            return Err(Refusal::invalid(
                "neighbours are spoken to from the address of the first OSPF_INTERFACE_PARAM",
            )
            .at("intfIpAddr")
            .with_value(through)
            .with_allowed(address.address.to_string())
            .under(&path));
        }
        asked.push(neighbor);
    }
    Ok(stated(interface(&mut first)?, used, asked))
}

/// What the presence of a block says besides.
fn stated(config: InterfaceConfig, addresses: Vec<Address>, neighbors: Vec<Neighbor>) -> InterfaceConfig {
    InterfaceConfig {
        enabled: Some(true),
        passive: Some(false),
        addresses: Some(addresses),
        neighbors: Some(neighbors),
        ..config
    }
}

fn interface_address<'a>(
    mut record: Record<'a>,
    addresses: &mut Made<Ipv4Addr, (Record<'a>, Address)>,
) -> Result<(), Refusal> {
    let address = record.address("intfIpAddr")?;
    if !record.create {
        addresses.taken.insert(address);
        return Ok(());
    }
    let mask = record.address("intfSubnetMask")?;
    let prefix = Prefix4::from_netmask(address, mask)
        .map_err(|error| record.wrong("intfSubnetMask", &error.to_string()))?;
    let used = Address {
        address,
        length: Some(prefix.length()),
        enabled: Some(record.enabled),
    };
    addresses.made.push((address, (record, used)));
    Ok(())
}

/// OSPF has one configuration for all addresses of an interface.
fn agree(first: &Reader<'_>, other: &Record<'_>) -> Result<(), Refusal> {
    let (mut first, mut fields) = (first.clone(), other.fields.clone());
    for field in IN_COMMON {
        let wanted = first.u32_le().map_err(cut)?;
        if fields.u32_le().map_err(cut)? != wanted {
            let reason = "OSPF here has one configuration for all addresses of an interface, and the first record differs";
            return Err(other.wrong(field, reason));
        }
    }
    Ok(())
}

fn interface(record: &mut Record<'_>) -> Result<InterfaceConfig, Refusal> {
    let area = record.area("areaId")?;
    let network_type = match record.number::<u32>("intfType", 1, 3)? {
        Some(1) => NetworkType::Broadcast,
        Some(2) => NetworkType::NonBroadcast,
        _ => NetworkType::PointToPoint,
    };
    Ok(InterfaceConfig {
        area: Some(area),
        network_type: Some(network_type),
        priority: record.number("routerPriority", 0, 255)?,
        transmit_delay: record.number("transitDelay", 1, 3600)?,
        retransmit_interval: record.number("retransInterval", 1, 3600)?,
        hello_interval: record.number("helloInterval", 1, 65_535)?,
        dead_interval: record.number("deadInterval", 1, SHORT)?,
        poll_interval: record.number("pollInterval", 1, SHORT)?,
        cost: record.number("metricCost", 1, 65_535)?,
        password: Some(record.password()?),
        mtu: record
            .number("mtuSize", 1, 10_000)?
            .filter(|mtu| *mtu != MTU_OF_INTERFACE),
        ..InterfaceConfig::default()
    })
}

fn neighbor(
    record: &mut Record<'_>,
    neighbors: &mut Made<Ipv4Addr, (String, Ipv4Addr, Neighbor)>,
) -> Result<(), Refusal> {
    let address = record.address("neighborIpAddr")?;
    if !record.create {
        neighbors.taken.insert(address);
        return Ok(());
    }
    let through = record.address("intfIpAddr")?;
    let neighbor = Neighbor {
        address,
        priority: record.number("neighborPriority", 0, 255)?,
        cost: None,
        enabled: Some(record.enabled),
    };
    neighbors
        .made
        .push((address, (record.path.clone(), through, neighbor)));
    Ok(())
}

/// Begins a record that makes something.
fn begin(writer: &mut Writer, kind: Kind, enabled: Option<bool>) -> &mut Writer {
    writer
        .u32_le(kind as u32)
        .u32_le(1)
        .u32_le(one_or_two(enabled.unwrap_or(true)))
}

fn one_or_two(first: bool) -> u32 {
    if first { 1 } else { 2 }
}

fn end(mut writer: Writer) -> InfoBlock {
    writer.u32_le(END);
    InfoBlock::new(VERSION, writer.finish())
}

fn write_password(password: Option<&Secret>, writer: &mut Writer) {
    let octets = password
        .and_then(|password| password.octets().ok())
        .unwrap_or_default();
    let octets = octets.get(..PASSWORD_LENGTH).unwrap_or(&octets);
    writer.slice(octets).zeros(PASSWORD_LENGTH - octets.len());
}

/// Writes the records of a global block.
pub(super) fn write_global(config: &GlobalConfig) -> InfoBlock {
    let mut writer = Writer::new();
    begin(&mut writer, Kind::Global, config.enabled)
        .ipv4(config.router_id.unwrap_or(Ipv4Addr::UNSPECIFIED))
        .u32_le(one_or_two(config.boundary_router.unwrap_or_default()))
        .u32_le(config.logging.unwrap_or_default().word());
    for area in config.areas.iter().flatten() {
        begin(&mut writer, Kind::Area, area.enabled)
            .ipv4(area.id.address())
            .u32_le(area.authentication.unwrap_or_default().word())
            .u32_le(one_or_two(area.kind.unwrap_or_default() == AreaKind::Normal))
            .u32_le(area.default_cost.unwrap_or(1))
            .u32_le(one_or_two(area.summaries.unwrap_or(true)));
    }
    for area in config.areas.iter().flatten() {
        for range in &area.ranges {
            begin(&mut writer, Kind::Range, range.enabled)
                .ipv4(area.id.address())
                .ipv4(range.prefix.network())
                .ipv4(range.prefix.netmask());
        }
    }
    for link in config.virtual_links.iter().flatten() {
        begin(&mut writer, Kind::VirtualLink, link.enabled)
            .ipv4(link.transit_area.address())
            .ipv4(link.router_id);
        for value in [
            link.transmit_delay,
            link.retransmit_interval,
            link.hello_interval,
            link.dead_interval,
        ] {
            writer.u32_le(value.unwrap_or_default().into());
        }
        write_password(link.password.as_ref(), &mut writer);
    }
    if let Some(filter) = &config.redistribute_filter {
        writer
            .u32_le(Kind::RouteFilter as u32)
            .u32_le(filter.action.word())
            .u32_le(filter.prefixes.len() as u32);
        for prefix in &filter.prefixes {
            writer.ipv4(prefix.network()).ipv4(prefix.netmask());
        }
    }
    let sources = config.redistribute.as_deref().unwrap_or_default();
    if !sources.is_empty() {
        let action = if config.redistribute_unlisted == Some(true) {
            FilterAction::Ignore
        } else {
            FilterAction::Accept
        };
        writer
            .u32_le(Kind::ProtocolFilter as u32)
            .u32_le(action.word())
            .u32_le(sources.len() as u32);
        for source in sources {
            writer.u32_le(source.source.0);
        }
    }
    end(writer)
}

/// Writes the records of an interface block.
pub(super) fn write_interface(config: &InterfaceConfig) -> InfoBlock {
    let mut writer = Writer::new();
    let addresses = config.addresses.as_deref().unwrap_or_default();
    for address in addresses {
        let length = address.length.unwrap_or(Prefix4::MAX_LENGTH);
        let mask = Prefix4::containing(address.address, length).map_or(Ipv4Addr::BROADCAST, Prefix4::netmask);
        begin(&mut writer, Kind::Interface, address.enabled)
            .ipv4(address.address)
            .ipv4(mask)
            .ipv4(config.area.unwrap_or_default().address())
            .u32_le(config.network_type.unwrap_or_default().word())
            .u32_le(config.priority.unwrap_or(1).into());
        for value in [
            config.transmit_delay,
            config.retransmit_interval,
            config.hello_interval,
            config.dead_interval,
            config.poll_interval,
            config.cost,
        ] {
            writer.u32_le(value.unwrap_or_default().into());
        }
        write_password(config.password.as_ref(), &mut writer);
        writer.u32_le(config.mtu.unwrap_or(MTU_OF_INTERFACE).into());
    }
    let through = addresses
        .first()
        .map_or(Ipv4Addr::UNSPECIFIED, |address| address.address);
    for neighbor in config.neighbors.iter().flatten() {
        begin(&mut writer, Kind::Neighbor, neighbor.enabled)
            .ipv4(neighbor.address)
            .ipv4(through)
            .u32_le(neighbor.priority.unwrap_or(1).into());
    }
    end(writer)
}

#[cfg(test)]
mod tests;
