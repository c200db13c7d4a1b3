//! A small protocol that obeys every rule, and the ways to make it break one.

use std::collections::{BTreeMap, VecDeque};
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};
use waypost_policy::Policies;
use waypost_routprot::{
    ConfigurationCodec, Event, Functionality, Impact, InfoBlock, InfoBuffer, InterfaceIdentity,
    InterfaceStatus, MfeStatus, NeighborFlags, NotificationEvent, OptionChange, OutputBuffer, Prepared,
    Refusal, RoutingCharacteristics, RoutingProtocol, Status, SupportFunctions, Topic, UpdateComplete,
    UpdateKind,
};
use waypost_types::{InterfaceIndex, ProtocolId, RouterId};

use crate::codec::SampleCodec;
use crate::fault::Fault;
use crate::subject::{block, global, words};

/// The sample's number (MS_IP_SAMPLE).
pub(crate) const SAMPLE: ProtocolId = ProtocolId(200);

/// Interface configuration: metric 1..=16, passive 0 or 1, and neighbours as a tail.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Configuration {
    metric: u32,
    passive: u32,
    neighbours: Vec<u32>,
}

/// Octets without neighbours: metric, passive, number of neighbours.
pub(crate) const FIXED_PART: usize = 12;

/// A valid metric, and a valid interval, that cannot be carried out.
pub(crate) const UNLUCKY: u32 = 13;

fn no_luck() -> Refusal {
    Refusal::failed("the sample has no luck")
}

struct Interface {
    name: String,
    configuration: Configuration,
    enabled: bool,
    bound: bool,
    media: bool,
    /// How often the protocol started to run here.
    starts: u32,
}

impl Interface {
    fn shown(&self) -> Value {
        let own = &self.configuration;
        json!({
            "interface": self.name, "metric": own.metric, "passive": own.passive, "neighbours": own.neighbours,
            "running": self.runs(), "starts": self.starts,
        })
    }

    fn runs(&self) -> bool {
        self.enabled && self.bound && self.media
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Registered,
    Started,
    Stopping,
    Stopped,
}

pub(crate) struct Sample {
    fault: Option<Fault>,
    stops_at_once: bool,
    pub(crate) multicast: bool,
    state: State,
    complete: bool,
    interval: u32,
    reserved: u32,
    interfaces: BTreeMap<InterfaceIndex, Interface>,
    past: BTreeMap<InterfaceIndex, Configuration>,
    events: VecDeque<Event>,
    event: Option<Arc<dyn NotificationEvent>>,
}

impl Sample {
    pub(crate) fn new(fault: Option<Fault>, stops_at_once: bool) -> Self {
        Self {
            fault,
            stops_at_once,
            multicast: matches!(
                fault,
                Some(Fault::NeighborsOfUnknown | Fault::NeighborsOkWithSmallBuffer)
            ),
            state: State::Registered,
            complete: false,
            interval: 0,
            reserved: 0,
            interfaces: BTreeMap::new(),
            past: BTreeMap::new(),
            events: VecDeque::new(),
            event: None,
        }
    }

    fn has(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }

    fn alive(&self) -> Result<(), Refusal> {
        match self.state {
            State::Started => Ok(()),
            State::Registered if self.has(Fault::AnswersBeforeStart) => Ok(()),
            State::Stopping if self.has(Fault::AnswersWhileStopping) => Ok(()),
            _ => Err(Refusal::failed("not running")),
        }
    }

    fn say(&mut self, event: Event) {
        self.events.push_back(event);
        if let Some(event) = &self.event {
            event.signal();
        }
    }

    fn payload<'b>(&self, block: &'b InfoBlock) -> Result<&'b [u8], Refusal> {
        if self.has(Fault::TakesCountTwo) && block.structure_count == 2 {
            return Ok(block.bytes.get(..block.structure_size as usize).unwrap());
        }
        if self.has(Fault::IgnoresSize) && block.structure_count == 1 && !block.is_absent() {
            return Ok(&block.bytes);
        }
        block.payload()
    }

    pub(crate) fn decode(&self, block: &InfoBlock) -> Result<Configuration, Refusal> {
        if self.has(Fault::RefusesVersionZero) && block.version == 0 {
            return Err(Refusal::out_of_range("StructureVersion", 0, "1"));
        }
        if self.has(Fault::TakesNull) && block.bytes.is_empty() {
            return Ok(Configuration {
                metric: 1,
                passive: 0,
                neighbours: Vec::new(),
            });
        }
        let octets = self.payload(block)?;
        let mut padded = octets.to_vec();
        if self.has(Fault::FixedPartOffByOne) && octets.len() == FIXED_PART - 1 {
            padded.push(0);
        }
        if self.has(Fault::PanicsOnShort) {
            let _ = octets[FIXED_PART - 1];
        }
        if padded.len() < FIXED_PART {
            return Err(Refusal::out_of_range("StructureSize", octets.len(), "12 or more"));
        }
        let words = words(&padded)?;
        let [metric, passive, count, neighbours @ ..] = words.as_slice() else {
            return Err(Refusal::invalid("too short"));
        };
        if neighbours.len() != *count as usize {
            return Err(Refusal::out_of_range(
                "count",
                count,
                neighbours.len().to_string(),
            ));
        }
        if !(1..=16).contains(metric) {
            return Err(Refusal::out_of_range("metric", metric, "1..=16"));
        }
        if *passive > 1 {
            return Err(Refusal::out_of_range("passive", passive, "0..=1"));
        }
        Ok(Configuration {
            metric: *metric,
            passive: *passive,
            neighbours: neighbours.to_vec(),
        })
    }

    pub(crate) fn decode_global(&self, block: &InfoBlock) -> Result<(u32, u32), Refusal> {
        if self.has(Fault::GlobalTakesNull) && block.bytes.is_empty() {
            return Ok((30, 0));
        }
        let octets = if self.has(Fault::GlobalTakesCountTwo) && block.structure_count == 2 {
            &block.bytes[..8]
        } else {
            block.payload()?
        };
        let words = words(octets)?;
        let [interval, reserved] = words.as_slice() else {
            return Err(Refusal::out_of_range("StructureSize", block.structure_size, "8"));
        };
        if !(1..=3600).contains(interval) {
            return Err(Refusal::out_of_range("interval", interval, "1..=3600"));
        }
        if *reserved != 0 {
            return Err(Refusal::out_of_range("reserved", reserved, "0"));
        }
        Ok((*interval, *reserved))
    }

    fn known(&self, index: InterfaceIndex) -> Result<&Interface, Refusal> {
        self.interfaces
            .get(&index)
            .ok_or_else(|| Refusal::invalid("no such interface"))
    }

    fn encode(&self, configuration: &Configuration) -> InfoBlock {
        let neighbours = if self.has(Fault::DropsTail) {
            &[][..]
        } else {
            &configuration.neighbours
        };
        block(configuration.metric, configuration.passive, neighbours)
    }

    fn put(&self, buffer: &mut InfoBuffer<'_>, block: &InfoBlock, capacity: usize) -> Result<(), Refusal> {
        if self.has(Fault::SizeOffByOne) {
            let result = buffer.put(block);
            if result.is_err() {
                buffer.size -= 1;
            }
            return result;
        }
        if self.has(Fault::OkWithSmallBuffer) {
            drop(buffer.put(block));
            return Ok(());
        }
        if self.has(Fault::WritesIntoSmallBuffer) && buffer.put(block).is_err() {
            let mut start = block.clone();
            start.bytes.truncate(1);
            drop(buffer.put(&start));
        }
        let result = buffer.put(block);
        if self.has(Fault::ReportsCapacity) && result.is_ok() {
            buffer.size = buffer.size.max(capacity);
        }
        result
    }

    fn apply(&mut self, index: InterfaceIndex, configuration: &Configuration) {
        let (merges, resets, enables, waits) = (
            self.has(Fault::Merges),
            self.has(Fault::ResetsOnSameBytes),
            self.has(Fault::SetEnables),
            self.has(Fault::AppliesOnlyWhenEnabled),
        );
        for (number, interface) in &mut self.interfaces {
            if *number != index && self.fault != Some(Fault::SetsEveryInterface) {
                continue;
            }
            if waits && !interface.enabled {
                continue;
            }
            let mut configuration = configuration.clone();
            if merges {
                configuration.passive |= interface.configuration.passive;
            }
            interface.configuration = configuration;
            interface.enabled |= enables;
            if resets && interface.runs() {
                interface.starts += 1;
            }
        }
    }
}

impl Sample {
    /// A row of the MIB's only table.
    fn put_row(&self, row: Option<&Interface>, out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        let Some(interface) = row else {
            return Err(Refusal::new(Status::ERROR_NO_MORE_ITEMS, "the end of the table"));
        };
        out.put(&self.encode(&interface.configuration).bytes)
    }
}

impl RoutingProtocol for Sample {
    fn register(&mut self, offer: &RoutingCharacteristics) -> Result<RoutingCharacteristics, Refusal> {
        if offer.protocol != SAMPLE && !self.has(Fault::TakesAnyProtocol) {
            let status = if self.has(Fault::RefusesToRegisterWith87) {
                Status::ERROR_INVALID_PARAMETER
            } else {
                Status::ERROR_NOT_SUPPORTED
            };
            return Err(Refusal::new(status, "another protocol"));
        }
        let mine = if self.has(Fault::UpdatesWithoutFlag) {
            Functionality::RF_ROUTING
        } else {
            Functionality::RF_ROUTING | Functionality::RF_DEMAND_UPDATE_ROUTES
        };
        let mine = if self.multicast {
            mine | Functionality::RF_MULTICAST
        } else {
            mine
        };
        Ok(RoutingCharacteristics {
            version: if self.has(Fault::ClaimsNewerVersion) {
                0x600
            } else {
                offer.version
            },
            functionality: if self.has(Fault::ClaimsMoreFlags) {
                mine
            } else {
                mine & offer.functionality
            },
            ..*offer
        })
    }

    fn start(
        &mut self,
        event: Arc<dyn NotificationEvent>,
        _support: Arc<dyn SupportFunctions>,
        global: &InfoBlock,
    ) -> Result<(), Refusal> {
        if self.state != State::Registered && !self.has(Fault::StartsTwice) {
            return Err(Refusal::failed("started before"));
        }
        self.event = Some(event);
        let decoded = if self.has(Fault::StartsOnInvalid) {
            self.decode_global(global).unwrap_or((30, 0))
        } else {
            self.decode_global(global)?
        };
        if decoded.0 == UNLUCKY && !self.has(Fault::GlobalAppliesBeforeFailing) {
            return Err(no_luck());
        }
        (self.interval, self.reserved) = decoded;
        self.state = State::Started;
        if self.has(Fault::QueuesEventAtStart) {
            self.say(Event::SaveGlobalConfigInfo);
        }
        Ok(())
    }

    fn start_complete(&mut self) -> Result<(), Refusal> {
        self.alive()?;
        self.complete = true;
        if self.has(Fault::SpeaksOnComplete) {
            self.say(Event::SaveGlobalConfigInfo);
        }
        Ok(())
    }

    fn stop(&mut self) -> Result<(), Refusal> {
        self.alive()?;
        if self.has(Fault::StopsWithOtherStatus) {
            self.state = State::Stopped;
            return Err(Refusal::invalid("stopped all the same"));
        }
        if self.stops_at_once {
            self.state = State::Stopped;
            self.events.clear();
            if self.has(Fault::StopsSynchronouslyButTells) {
                self.say(Event::RouterStopped);
            }
            return Ok(());
        }
        if self.state == State::Started && !self.has(Fault::NeverStops) {
            self.say(Event::RouterStopped);
            if self.has(Fault::StopsTwice) {
                self.say(Event::RouterStopped);
            }
            if self.has(Fault::SpeaksAfterStop) {
                self.say(Event::SaveGlobalConfigInfo);
            }
        }
        self.state = State::Stopping;
        Err(Refusal::new(Status::ERROR_PROTOCOL_STOP_PENDING, "stopping"))
    }

    fn global_info(&mut self, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        self.alive()?;
        buffer.put(&global(
            self.interval + u32::from(self.has(Fault::GlobalDrifts)),
            self.reserved,
        ))
    }

    fn prepare_global_info(&mut self, info: &InfoBlock) -> Result<Prepared, Refusal> {
        self.alive()?;
        let (interval, _) = match self.decode_global(info) {
            Err(_) if self.has(Fault::GlobalPrepareLies) => return Ok(Prepared::default()),
            result => result?,
        };
        let change = OptionChange {
            path: "interval".to_owned(),
            old: Some(json!(self.interval)),
            new: Some(json!(interval)),
            impact: Impact::Live,
            reason: "the next tick uses it".to_owned(),
        };
        if self.has(Fault::GlobalPrepareApplies) {
            self.interval = interval;
        }
        Ok(Prepared {
            changes: [change]
                .into_iter()
                .filter(|change| change.old != change.new)
                .collect(),
        })
    }

    fn set_global_info(&mut self, info: &InfoBlock) -> Result<(), Refusal> {
        self.alive()?;
        let decoded = self.decode_global(info);
        if self.has(Fault::GlobalHalfApplies)
            && let Some(first) = info.bytes.first_chunk()
        {
            self.interval = u32::from_le_bytes(*first);
        }
        let decoded = decoded?;
        if decoded.0 == UNLUCKY && !self.has(Fault::GlobalAppliesBeforeFailing) {
            return Err(no_luck());
        }
        if !self.has(Fault::GlobalIgnored) {
            (self.interval, self.reserved) = decoded;
        }
        if decoded.0 == UNLUCKY {
            return Err(no_luck());
        }
        if self.has(Fault::GlobalSaysSave) {
            self.say(Event::SaveGlobalConfigInfo);
        }
        Ok(())
    }

    fn add_interface(&mut self, identity: &InterfaceIdentity, info: &InfoBlock) -> Result<(), Refusal> {
        self.alive()?;
        if self.interfaces.contains_key(&identity.index) && !self.has(Fault::AddsTwice) {
            return Err(Refusal::invalid("added before"));
        }
        let mut configuration = match self.decode(info) {
            Err(_) if self.has(Fault::AddsInvalid) && !info.is_absent() => self.decode(&block(1, 0, &[]))?,
            Err(_) if self.has(Fault::AddsAbsent) && info.is_absent() => self.decode(&block(1, 0, &[]))?,
            result => result?,
        };
        if self.has(Fault::RemembersPast)
            && let Some(past) = self.past.get(&identity.index)
        {
            configuration = past.clone();
        }
        self.interfaces.insert(
            identity.index,
            Interface {
                name: identity.name.clone(),
                configuration,
                enabled: false,
                bound: false,
                media: true,
                starts: 0,
            },
        );
        if self.has(Fault::SpeaksOnAdd) {
            self.say(Event::SaveInterfaceConfigInfo(identity.index));
        }
        Ok(())
    }

    fn delete_interface(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        self.alive()?;
        if self.has(Fault::DeletesUnknown) && !self.interfaces.contains_key(&index) {
            return Ok(());
        }
        let configuration = self.known(index)?.configuration.clone();
        self.past.insert(index, configuration);
        if !self.has(Fault::KeepsDeleted) {
            self.interfaces.remove(&index);
        }
        Ok(())
    }

    fn interface_status(
        &mut self,
        index: InterfaceIndex,
        _active: bool,
        status: &InterfaceStatus,
    ) -> Result<(), Refusal> {
        self.alive()?;
        if self.has(Fault::TakesStatusOfUnknown) && !self.interfaces.contains_key(&index) {
            return Ok(());
        }
        self.known(index)?;
        let (fickle, ordered, resets) = (
            self.has(Fault::CarrierChangesConfiguration),
            self.has(Fault::EnabledOnlyAfterBound),
            self.has(Fault::RepeatedCodeResets),
        );
        let interface = self.interfaces.get_mut(&index).unwrap();
        let ran = interface.runs();
        match status {
            InterfaceStatus::AddressChange(binding) => interface.bound = !binding.addresses.is_empty(),
            InterfaceStatus::Enabled => interface.enabled = interface.bound || !ordered,
            InterfaceStatus::Disabled => interface.enabled = false,
            InterfaceStatus::MediaPresent => interface.media = true,
            InterfaceStatus::MediaAbsent => {
                interface.media = false;
                if fickle {
                    interface.configuration.metric = 16;
                }
            }
        }
        if interface.runs() && (!ran || resets && *status == InterfaceStatus::Enabled) {
            interface.starts += 1;
        }
        Ok(())
    }

    fn interface_info(&mut self, index: InterfaceIndex, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        self.alive()?;
        if self.has(Fault::TouchesSizeOfUnknown) {
            buffer.size = 0;
        }
        let block = self.encode(&self.known(index)?.configuration);
        self.put(buffer, &block, block.bytes.len() + 100)
    }

    fn prepare_interface_info(
        &mut self,
        index: Option<InterfaceIndex>,
        info: &InfoBlock,
    ) -> Result<Prepared, Refusal> {
        self.alive()?;
        if let Some(index) = index
            && !self.has(Fault::PrepareTakesUnknown)
        {
            self.known(index)?;
        }
        let new = match self.decode(info) {
            Err(_) if self.has(Fault::PrepareLies) => return Ok(Prepared::default()),
            result => result?,
        };
        if self.has(Fault::PrepareRefusesMore) && !new.neighbours.is_empty() {
            return Err(Refusal::invalid("no neighbours, please"));
        }
        let old = index.and_then(|index| self.interfaces.get(&index).map(|i| i.configuration.clone()));
        if let (Some(index), true) = (index, self.has(Fault::PrepareApplies)) {
            self.apply(index, &new);
        }
        let change = |path: &str, old: Option<Value>, new: Value| OptionChange {
            path: path.to_owned(),
            old,
            new: Some(new),
            impact: Impact::Live,
            reason: "taken up at once".to_owned(),
        };
        let old = old.as_ref();
        let mut changes = vec![
            change("metric", old.map(|old| json!(old.metric)), json!(new.metric)),
            change("passive", old.map(|old| json!(old.passive)), json!(new.passive)),
            change(
                "neighbours",
                old.map(|old| json!(old.neighbours)),
                json!(new.neighbours),
            ),
        ];
        if !self.has(Fault::PrepareListsEverything) {
            changes.retain(|change| change.old != change.new && !self.has(Fault::PrepareListsNothing));
        }
        Ok(Prepared { changes })
    }

    fn set_interface_info(&mut self, index: InterfaceIndex, info: &InfoBlock) -> Result<(), Refusal> {
        self.alive()?;
        if self.has(Fault::SetsUnknown) && !self.interfaces.contains_key(&index) {
            return self.decode(info).map(drop);
        }
        let interface = self.known(index)?;
        let forgets = self.has(Fault::ForgetsWhileUnbound) && interface.enabled && !interface.bound;
        if self.has(Fault::RefusesSetBeforeComplete) && !self.complete {
            return Err(Refusal::failed("not yet"));
        }
        let decoded = self.decode(info);
        if forgets {
            return decoded.map(drop);
        }
        if self.has(Fault::HalfApplies)
            && let (Some(first), Some(interface)) =
                (info.bytes.first_chunk(), self.interfaces.get_mut(&index))
        {
            interface.configuration.metric = u32::from_le_bytes(*first);
        }
        let decoded = decoded?;
        if decoded.metric == UNLUCKY && !self.has(Fault::AppliesBeforeFailing) {
            return Err(no_luck());
        }
        self.apply(index, &decoded);
        if decoded.metric == UNLUCKY {
            return Err(no_luck());
        }
        if self.has(Fault::SaysSaveOnSet) {
            self.say(Event::SaveInterfaceConfigInfo(index));
        }
        Ok(())
    }

    fn next_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front()?;
        if event == Event::RouterStopped {
            self.state = State::Stopped;
        }
        Some(event)
    }

    fn update_routes(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        self.alive()?;
        if !self.has(Fault::UpdatesUnknown) {
            self.known(index)?;
        }
        let update = Event::UpdateComplete(UpdateComplete {
            interface: index,
            kind: UpdateKind::Routes,
            status: Status::NO_ERROR,
        });
        if !self.has(Fault::UpdateNeverCompletes) {
            self.say(update);
        }
        if self.has(Fault::UpdateCompletesTwice) {
            self.say(update);
        }
        Ok(())
    }

    fn connect_client(&mut self, index: InterfaceIndex, _client: Ipv4Addr) -> Result<(), Refusal> {
        if self.has(Fault::RefusesClients) {
            return Err(Refusal::failed("no clients here"));
        }
        if self.has(Fault::ClientsOfUnknown) {
            return Ok(());
        }
        self.known(index).map(drop)
    }

    fn disconnect_client(&mut self, index: InterfaceIndex, _client: Ipv4Addr) -> Result<(), Refusal> {
        self.known(index).map(drop)
    }

    fn neighbors(
        &mut self,
        index: InterfaceIndex,
        out: &mut OutputBuffer<'_>,
    ) -> Result<NeighborFlags, Refusal> {
        if !self.multicast {
            return Err(Refusal::new(Status::ERROR_NOT_SUPPORTED, "unicast"));
        }
        if !self.has(Fault::NeighborsOfUnknown) {
            self.known(index)?;
        }
        let result = out.put(&[192, 0, 2, 1]);
        if !self.has(Fault::NeighborsOkWithSmallBuffer) {
            result?;
        }
        Ok(NeighborFlags::empty())
    }

    fn mfe_status(
        &mut self,
        _index: InterfaceIndex,
        _group: Ipv4Addr,
        _source: Ipv4Addr,
    ) -> Result<MfeStatus, Refusal> {
        if self.has(Fault::AnswersMulticast) || self.multicast {
            return Ok(MfeStatus::NoError);
        }
        Err(Refusal::new(Status::ERROR_NOT_SUPPORTED, "unicast"))
    }

    fn mib_create(&mut self, _input: &[u8]) -> Result<(), Refusal> {
        Err(Refusal::invalid("nothing to create"))
    }

    fn mib_delete(&mut self, _input: &[u8]) -> Result<(), Refusal> {
        Err(Refusal::invalid("nothing to delete"))
    }

    fn mib_set(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.alive()?;
        let Some((index, octets)) = input.split_first_chunk() else {
            return if self.has(Fault::MibTakesAnything) {
                Ok(())
            } else {
                Err(Refusal::invalid("no index"))
            };
        };
        let index = InterfaceIndex(u32::from_le_bytes(*index));
        self.known(index)?;
        let decoded = self.decode(&InfoBlock::new(1, octets.to_vec()))?;
        match (decoded.metric == UNLUCKY, self.fault) {
            (false, _) | (true, Some(Fault::MibIgnoresFailure)) => {}
            (true, Some(Fault::MibSavesFailure)) => {
                self.say(Event::SaveInterfaceConfigInfo(index));
                return Err(no_luck());
            }
            (true, _) => return Err(no_luck()),
        }
        self.apply(index, &decoded);
        let event = Event::SaveInterfaceConfigInfo(index);
        match self.fault {
            Some(Fault::MibIsSilent) => {}
            Some(Fault::MibDoesNotSignal) => self.events.push_back(event),
            Some(Fault::MibSavesTwice) => {
                self.say(event);
                self.say(event);
            }
            _ => self.say(event),
        }
        Ok(())
    }

    fn mib_get(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.alive()?;
        let Some((index, _)) = input.split_first_chunk() else {
            return Err(Refusal::invalid("no index"));
        };
        let interface = self.known(InterfaceIndex(u32::from_le_bytes(*index)))?;
        let result = out.put(&self.encode(&interface.configuration).bytes);
        if self.has(Fault::MibOkWithSmallBuffer) {
            return Ok(());
        }
        result
    }

    fn mib_get_first(&mut self, _input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.alive()?;
        let mut rows = self.interfaces.values();
        let row = if self.has(Fault::MibFirstIsLast) {
            rows.next_back()
        } else {
            rows.next()
        };
        let result = self.put_row(row, out);
        if self.has(Fault::MibFirstOkWithSmallBuffer) && result.is_err() && row.is_some() {
            return Ok(());
        }
        result
    }

    fn mib_get_next(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.alive()?;
        let index = input.split_first_chunk();
        let (index, _) = index.ok_or_else(|| Refusal::invalid("no index"))?;
        let index = InterfaceIndex(u32::from_le_bytes(*index));
        let mut row = self
            .interfaces
            .range((std::ops::Bound::Excluded(index), std::ops::Bound::Unbounded))
            .map(|(_, interface)| interface)
            .next();
        if self.has(Fault::MibWalkWraps) {
            row = row.or_else(|| self.interfaces.values().next());
        }
        let result = self.put_row(row, out);
        if self.has(Fault::MibNextOkWithSmallBuffer) && result.is_err() && row.is_some() {
            return Ok(());
        }
        result
    }

    fn router_id_changed(&mut self, _id: Option<RouterId>) {
        if self.has(Fault::StateSaves) {
            self.say(Event::SaveGlobalConfigInfo);
        }
    }

    fn prepare_router_id(&mut self, _id: Option<RouterId>) -> Option<(Impact, String)> {
        if self.has(Fault::StatePrepareApplies) {
            self.interfaces
                .values_mut()
                .for_each(|interface| interface.starts += 1);
        }
        Some((Impact::RestartsProtocol, "neighbours know it".to_owned()))
    }

    fn policies_changed(&mut self, _policies: &Arc<Policies>) {
        self.router_id_changed(None);
    }

    fn prepare_policies(&mut self, _policies: &Arc<Policies>) -> Option<(Impact, String)> {
        self.prepare_router_id(None)
    }

    fn describe(&self) -> Option<Arc<dyn ConfigurationCodec>> {
        Some(Arc::new(SampleCodec(self.fault)))
    }

    fn show(&mut self, topic: Topic) -> Result<Value, Refusal> {
        self.alive()?;
        match topic {
            Topic::Summary => Ok(json!({ "interval": self.interval, "complete": self.complete })),
            Topic::Interfaces => Ok(self.interfaces.values().map(Interface::shown).collect()),
            _ => Err(Refusal::new(Status::ERROR_NOT_SUPPORTED, "nothing to say")),
        }
    }
}
