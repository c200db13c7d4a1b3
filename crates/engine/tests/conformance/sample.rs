//! A small engine: it announces nothing, but it has every kind of configuration, deadline and port that an engine has.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use waypost_engine::{
    Engine, Input, MibOperation, MibReply, Now, Outbox, PortId, PortSpec, Target, Transport,
};
use waypost_routprot::{
    BlockConfig, Event, Functionality, Impact, InfoBlock, InterfaceStatus, Layout, Refusal, Status, Topic,
    UpdateComplete, UpdateKind, WaypostHeader,
};
use waypost_types::{InterfaceIndex, ProtocolId, Seed, Time};
use waypost_wire::Reader;

fn cut_short(error: impl std::fmt::Display) -> Refusal {
    Refusal::invalid(format!("the block is cut short: {error}")).at("StructureSize")
}

fn words(reader: &mut Reader<'_>) -> Result<Vec<u32>, Refusal> {
    let mut words = Vec::new();
    while !reader.is_empty() {
        words.push(reader.u32_le().map_err(cut_short)?);
    }
    Ok(words)
}

fn body(block: &InfoBlock) -> Result<(Layout, Vec<u32>), Refusal> {
    let layout = Layout::of(block)?;
    let octets = block.payload()?;
    let words = match layout {
        Layout::Rras => words(&mut Reader::new(octets))?,
        Layout::Waypost(2) => words(&mut WaypostHeader::read(octets)?.1)?,
        Layout::Waypost(other) => return Err(Refusal::out_of_range("layout", other, "2")),
    };
    Ok((layout, words))
}

fn encode(layout: Layout, words: &[u32]) -> InfoBlock {
    match layout {
        Layout::Rras => InfoBlock::new(1, words.iter().flat_map(|word| word.to_le_bytes()).collect()),
        Layout::Waypost(_) => {
            let mut writer = WaypostHeader::start(2);
            for word in words {
                writer.u32_le(*word);
            }
            WaypostHeader::finish(2, writer)
        }
    }
}

/// Global configuration: two words in either layout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Global {
    /// Seconds, 1..=3600.
    pub(crate) interval: u32,
    /// UDP port of queries, 1..=65535.
    pub(crate) query_port: u16,
}

impl BlockConfig for Global {
    const LAYOUT: u32 = 2;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        let (layout, words) = body(block)?;
        let [interval, query_port] = words.as_slice() else {
            return Err(Refusal::out_of_range(
                "StructureSize",
                block.structure_size,
                "two words",
            ));
        };
        let config = Self {
            interval: *interval,
            query_port: u16::try_from(*query_port)
                .map_err(|_| Refusal::out_of_range("query-port", query_port, "1..=65535"))?,
        };
        config.validate()?;
        Ok((config, layout))
    }

    fn encode(&self, layout: Layout) -> InfoBlock {
        encode(layout, &[self.interval, self.query_port.into()])
    }

    fn validate(&self) -> Result<(), Refusal> {
        if self.query_port == 0 {
            return Err(Refusal::out_of_range("query-port", 0, "1..=65535"));
        }
        if (1..=3600).contains(&self.interval) {
            return Ok(());
        }
        Err(Refusal::out_of_range("interval", self.interval, "1..=3600"))
    }
}

/// Interface configuration: metric and port in either layout, neighbours as a tail of the Waypost layout.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Interface {
    /// 1..=16.
    pub(crate) metric: u32,
    /// UDP port, 1..=65535.
    pub(crate) port: u32,
    /// Addresses as numbers.
    #[serde(default)]
    pub(crate) neighbours: Vec<u32>,
}

impl BlockConfig for Interface {
    const LAYOUT: u32 = 2;

    fn decode(block: &InfoBlock) -> Result<(Self, Layout), Refusal> {
        let (layout, words) = body(block)?;
        let (metric, port, neighbours) = match (layout, words.as_slice()) {
            (Layout::Rras, [metric, port]) => (metric, port, &[][..]),
            (Layout::Waypost(_), [metric, port, neighbours @ ..]) => (metric, port, neighbours),
            _ => {
                return Err(Refusal::out_of_range(
                    "StructureSize",
                    block.structure_size,
                    "two words",
                ));
            }
        };
        let config = Self {
            metric: *metric,
            port: *port,
            neighbours: neighbours.to_vec(),
        };
        config.validate()?;
        Ok((config, layout))
    }

    fn encode(&self, layout: Layout) -> InfoBlock {
        let mut words = vec![self.metric, self.port];
        if layout != Layout::Rras {
            words.extend_from_slice(&self.neighbours);
        }
        encode(layout, &words)
    }

    fn validate(&self) -> Result<(), Refusal> {
        if !(1..=16).contains(&self.metric) {
            return Err(Refusal::out_of_range("metric", self.metric, "1..=16"));
        }
        if !(1..=65535).contains(&self.port) {
            return Err(Refusal::out_of_range("port", self.port, "1..=65535"));
        }
        Ok(())
    }
}

#[derive(Default)]
struct Link {
    name: String,
    config: Option<Interface>,
    enabled: bool,
    bound: bool,
    absent: bool,
    /// The UDP port that is open.
    open: Option<u32>,
    runs: bool,
    /// How often the protocol began to run here.
    starts: u32,
}

/// The engine. Saying good-bye takes it two seconds, an update one.
#[derive(Default)]
pub(crate) struct Sample {
    interval: u32,
    /// The UDP port of queries that is open.
    queries: Option<u16>,
    complete: bool,
    links: BTreeMap<InterfaceIndex, Link>,
    updates: BTreeMap<InterfaceIndex, Time>,
    end: Option<Time>,
}

/// The port of queries; the others have the numbers of their interfaces.
const QUERIES: PortId = PortId(0);

fn udp(port: u16, interface: InterfaceIndex) -> PortSpec {
    PortSpec {
        transport: Transport::Udp(port),
        interface,
        groups: Default::default(),
        broadcast: false,
        ttl: 1,
        multicast_ttl: 1,
        minimum_ttl: 0,
        dscp: 0,
        receive_buffer: 65536,
    }
}

impl Sample {
    /// Opens, changes or closes the port of a link, as its state wants it.
    fn adjust(&mut self, index: InterfaceIndex, out: &mut Outbox) {
        let complete = self.complete;
        let Some(link) = self.links.get_mut(&index) else {
            return;
        };
        let wanted = link
            .config
            .as_ref()
            .filter(|_| complete && link.enabled && link.bound && !link.absent)
            .map(|config| config.port);
        if wanted.is_some() && !link.runs {
            link.starts += 1;
        }
        link.runs = wanted.is_some();
        if wanted == link.open {
            return;
        }
        match wanted {
            Some(port) => {
                let Ok(port) = u16::try_from(port) else { return };
                out.open_port(PortId(index.0), udp(port, index));
            }
            None => out.close_port(PortId(index.0)),
        }
        link.open = wanted;
    }
}

fn index_of(input: &[u8]) -> Result<(InterfaceIndex, &[u8]), Refusal> {
    let (index, rest) = input
        .split_first_chunk()
        .ok_or_else(|| Refusal::invalid("the input is cut short"))?;
    Ok((InterfaceIndex(u32::from_le_bytes(*index)), rest))
}

impl Engine for Sample {
    type Global = Global;
    type Interface = Interface;

    const PROTOCOL: ProtocolId = ProtocolId(200);
    const NAME: &'static str = "sample";
    const TITLE: &'static str = "Sample";
    const FUNCTIONALITY: Functionality = Functionality::RF_ROUTING
        .union(Functionality::RF_DEMAND_UPDATE_ROUTES)
        .union(Functionality::RF_ADD_ALL_INTERFACES);

    fn new(_seed: Seed) -> Self {
        Self::default()
    }

    fn impact(&self, _: Target, _: &str, _: Option<&Value>, _: Option<&Value>) -> (Impact, String) {
        (Impact::Live, "the port is changed in place".to_owned())
    }

    fn handle(&mut self, now: Now, input: Input<'_, Global, Interface>, out: &mut Outbox) {
        match input {
            Input::Start { global, .. } | Input::SetGlobal(global) => {
                self.interval = global.interval;
                if self.queries != Some(global.query_port) {
                    out.open_port(QUERIES, udp(global.query_port, InterfaceIndex(1)));
                    self.queries = Some(global.query_port);
                }
            }
            Input::StartComplete => {
                self.complete = true;
                let links: Vec<_> = self.links.keys().copied().collect();
                for index in links {
                    self.adjust(index, out);
                }
            }
            Input::AddInterface { identity, config } => {
                let link = Link {
                    name: identity.name.clone(),
                    config,
                    ..Link::default()
                };
                self.links.insert(identity.index, link);
            }
            Input::DeleteInterface(index) => {
                self.updates.remove(&index);
                if self.links.remove(&index).is_some_and(|link| link.open.is_some()) {
                    out.close_port(PortId(index.0));
                }
            }
            Input::SetInterface { index, config } => {
                if let Some(link) = self.links.get_mut(&index) {
                    link.config = Some(config);
                }
                self.adjust(index, out);
            }
            Input::Status { index, status } => {
                if let Some(link) = self.links.get_mut(&index) {
                    match status {
                        InterfaceStatus::AddressChange(binding) => link.bound = !binding.addresses.is_empty(),
                        InterfaceStatus::Enabled => link.enabled = true,
                        InterfaceStatus::Disabled => link.enabled = false,
                        InterfaceStatus::MediaPresent => link.absent = false,
                        InterfaceStatus::MediaAbsent => link.absent = true,
                    }
                }
                self.adjust(index, out);
            }
            Input::PortFailed { port: QUERIES, .. } => self.queries = None,
            Input::PortFailed { port, .. } => {
                if let Some(link) = self.links.get_mut(&InterfaceIndex(port.0)) {
                    link.open = None;
                }
            }
            Input::UpdateRoutes(index) => {
                self.updates
                    .insert(index, now.time + std::time::Duration::from_secs(1));
            }
            Input::Stop => self.end = Some(now.time + std::time::Duration::from_secs(2)),
            Input::Deadline => {
                self.updates.retain(|index, due| {
                    if *due <= now.time {
                        out.event(Event::UpdateComplete(UpdateComplete {
                            interface: *index,
                            kind: UpdateKind::Routes,
                            status: Status::NO_ERROR,
                        }));
                    }
                    *due > now.time
                });
                if self.end.is_some_and(|end| end <= now.time) {
                    out.event(Event::RouterStopped);
                }
            }
            _ => {}
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.updates.values().copied().chain(self.end).min()
    }

    fn show(&self, _now: Now, topic: Topic) -> Result<Value, Refusal> {
        match topic {
            Topic::Summary => Ok(json!({ "interval": self.interval, "queries": self.queries })),
            Topic::Interfaces => Ok(self
                .links
                .values()
                .map(|link| {
                    json!({
                        "interface": link.name,
                        "configuration": link.config,
                        "open": link.open,
                        "starts": link.starts,
                    })
                })
                .collect()),
            _ => Err(Refusal::new(Status::ERROR_NOT_SUPPORTED, "nothing to say")),
        }
    }

    /// Set: an index and an RRAS block of the interface. Get: an index.
    fn mib(&mut self, _now: Now, operation: MibOperation, input: &[u8]) -> Result<MibReply, Refusal> {
        match operation {
            MibOperation::Set => {
                let (index, octets) = index_of(input)?;
                Ok(MibReply::SetInterface(index, octets.to_vec()))
            }
            MibOperation::Get => {
                let (index, _) = index_of(input)?;
                Ok(MibReply::InterfaceConfig(index, Vec::new()))
            }
            MibOperation::GetFirst | MibOperation::GetNext => {
                let (index, _) = index_of(input)?;
                let walks = operation == MibOperation::GetNext;
                self.links
                    .keys()
                    .find(|row| !walks || **row > index)
                    .map(|row| MibReply::InterfaceConfig(*row, Vec::new()))
                    .ok_or_else(|| Refusal::new(Status::ERROR_NO_MORE_ITEMS, "the end of the table"))
            }
            MibOperation::Create | MibOperation::Delete => {
                Err(Refusal::invalid("nothing to create or delete"))
            }
        }
    }
}
