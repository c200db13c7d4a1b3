//! A protocol whose every answer depends on everything it was told before: a value that does not get across changes them.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};
use waypost_routprot::{
    Event, InfoBlock, InfoBuffer, InterfaceIdentity, InterfaceStatus, MfeStatus, NeighborFlags,
    NotificationEvent, OutputBuffer, ReceiveType, Refusal, ReportArguments, RoutingCharacteristics,
    RoutingProtocol, Status, SupportFunctions, UpdateComplete, UpdateKind,
};
use waypost_types::{InterfaceIndex, NextHops, Prefix, Prefix4, Prefix6, ProtocolId, Route, RouteKind};

/// A function of a protocol, to panic in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[expect(missing_docs, reason = "they are the functions of the interface")]
pub enum Function {
    Register,
    Start,
    StartComplete,
    Stop,
    GlobalInfo,
    SetGlobalInfo,
    AddInterface,
    DeleteInterface,
    InterfaceStatus,
    InterfaceInfo,
    SetInterfaceInfo,
    NextEvent,
    UpdateRoutes,
    ConnectClient,
    DisconnectClient,
    Neighbors,
    MfeStatus,
    MibCreate,
    MibDelete,
    MibSet,
    MibGet,
    MibGetFirst,
    MibGetNext,
    MibSetTrapInfo,
    MibGetTrapInfo,
    Report,
    Drop,
}

/// The protocol. A global block of one octet names the [`Function`] that it panics in.
pub struct Echo {
    /// FNV-1a over everything so far.
    hash: u64,
    panics: Option<u8>,
    events: VecDeque<Event>,
    bell: Option<Arc<dyn NotificationEvent>>,
    trap: Option<Arc<dyn NotificationEvent>>,
    host: Option<Arc<dyn SupportFunctions>>,
}

impl Default for Echo {
    fn default() -> Self {
        Self {
            hash: 0xcbf2_9ce4_8422_2325,
            panics: None,
            events: VecDeque::new(),
            bell: None,
            trap: None,
            host: None,
        }
    }
}

impl Echo {
    /// One that panics in a function from the start.
    #[must_use]
    pub fn panics_in(function: Function) -> Self {
        let mut echo = Self::default();
        echo.panics = Some(function as u8);
        echo
    }

    /// Takes in a call.
    fn hear(&mut self, function: Function, said: impl Debug, octets: &[u8]) {
        assert!(
            self.panics != Some(function as u8),
            "asked to panic in {function:?}"
        );
        self.take(format!("{function:?} {said:?}").as_bytes());
        self.take(octets);
    }

    fn take(&mut self, octets: &[u8]) {
        for octet in octets {
            self.hash = (self.hash ^ u64::from(*octet)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        self.hash ^= self.hash >> 29;
    }

    fn hear_block(&mut self, function: Function, said: impl Debug, info: &InfoBlock) {
        let triple = (info.version, info.structure_size, info.structure_count);
        self.hear(function, (said, triple), &info.bytes);
    }

    /// A number below `end` that everything so far decides.
    const fn choose(&self, end: u64) -> u64 {
        (self.hash >> 7) % end
    }

    /// Mostly that all is well.
    fn code(&self) -> Result<(), Refusal> {
        match self.choose(12) {
            8 => Err(Refusal::invalid("it was chosen")),
            9 => Err(Refusal::failed("it was chosen")),
            10 => Err(Refusal::new(Status::ERROR_NOT_ENOUGH_MEMORY, "it was chosen")),
            11 => Err(Refusal::new(Status(4711), "a code of its own")),
            _ => Ok(()),
        }
    }

    /// As many octets as everything so far decides.
    fn octets(&self) -> Vec<u8> {
        let length = self.choose(48);
        (0..length).map(|at| (self.hash >> (at % 57)) as u8).collect()
    }

    fn block(&self) -> InfoBlock {
        match self.octets() {
            octets if octets.is_empty() => InfoBlock::absent(),
            octets => InfoBlock::new(u32::from(octets[0]), octets),
        }
    }

    /// Queues something now and then, and asks the host something.
    fn act(&mut self, index: InterfaceIndex) {
        let event = match self.choose(5) {
            0 => Event::SaveGlobalConfigInfo,
            1 => Event::SaveInterfaceConfigInfo(index),
            2 => Event::UpdateComplete(UpdateComplete {
                interface: index,
                kind: [UpdateKind::Routes, UpdateKind::Services][self.choose(2) as usize],
                status: Status(self.hash as u32),
            }),
            _ => return,
        };
        self.events.push_back(event);
        if let Some(bell) = &self.bell {
            bell.signal();
        }
        if let Some(trap) = &self.trap {
            trap.signal();
        }
        self.ask(index);
    }

    /// Calls every function of the host, and takes in what it answers.
    fn ask(&mut self, index: InterfaceIndex) {
        let Some(host) = self.host.clone() else { return };
        let own = ProtocolId(self.hash as u32);
        let input = self.octets();
        let group = Ipv4Addr::from(self.hash as u32);
        let kind = [ReceiveType::Promiscuous, ReceiveType::PromiscuousMulticast][self.choose(2) as usize];
        let route = Route {
            kind: RouteKind::Unicast,
            next_hops: NextHops::default(),
            metric: self.hash as u32,
            tag: 0,
            preference: None,
        };
        let prefix = match self.choose(3) {
            0 => None,
            1 => Prefix4::containing(group, (self.hash % 33) as u8)
                .ok()
                .map(Prefix::V4),
            _ => Prefix6::containing(u128::from(self.hash).into(), (self.hash % 129) as u8)
                .ok()
                .map(Prefix::V6),
        };
        let mut lent = vec![0; self.choose(40) as usize];
        let mut out = OutputBuffer::new((!lent.is_empty()).then_some(&mut lent));
        let code = |result: Result<(), Refusal>| result.map_err(|refusal| refusal.status);
        let said = (
            (
                code(host.demand_dial_request(own, index)),
                code(host.set_interface_receive_type(own, index, kind, self.choose(3) == 0)),
                host.validate_route(own, &route, prefix)
                    .map_err(|refusal| refusal.status),
                host.router_id(),
                host.has_multicast_boundary(index, group),
            ),
            code(host.mib_entry_create(own, &input)),
            code(host.mib_entry_delete(own, &input)),
            code(host.mib_entry_set(own, &input)),
            code(host.mib_entry_get(own, &input, &mut out)),
            out.size,
            code(host.mib_entry_get_first(own, &input, &mut out)),
            out.size,
            code(host.mib_entry_get_next(own, &input, &mut out)),
            out.size,
        );
        self.take(format!("{said:?}").as_bytes());
        self.take(&lent);
    }

    fn change(&mut self, function: Function, input: &[u8]) -> Result<(), Refusal> {
        self.hear(function, (), input);
        self.act(InterfaceIndex(self.hash as u32));
        self.code()
    }

    fn read(&mut self, function: Function, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.hear(function, out.lent().map(|lent| lent.len()), input);
        self.code()?;
        out.put(&self.octets())
    }
}

impl RoutingProtocol for Echo {
    fn register(&mut self, offer: &RoutingCharacteristics) -> Result<RoutingCharacteristics, Refusal> {
        self.hear(Function::Register, offer, &[]);
        Ok(*offer)
    }

    fn start(
        &mut self,
        event: Arc<dyn NotificationEvent>,
        support: Arc<dyn SupportFunctions>,
        global: &InfoBlock,
    ) -> Result<(), Refusal> {
        if let &[function] = global.bytes.as_slice() {
            self.panics = Some(function);
        }
        (self.bell, self.host) = (Some(event), Some(support));
        self.hear_block(Function::Start, (), global);
        self.ask(InterfaceIndex(1));
        Ok(())
    }

    fn start_complete(&mut self) -> Result<(), Refusal> {
        self.hear(Function::StartComplete, (), &[]);
        self.code()
    }

    /// Says at the end of the queue that it has stopped.
    fn stop(&mut self) -> Result<(), Refusal> {
        self.hear(Function::Stop, (), &[]);
        self.events.push_back(Event::RouterStopped);
        Err(Refusal::new(
            Status::ERROR_PROTOCOL_STOP_PENDING,
            "it takes a while",
        ))
    }

    fn global_info(&mut self, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        self.hear(Function::GlobalInfo, buffer.lent().map(|lent| lent.len()), &[]);
        self.code()?;
        buffer.put(&self.block())
    }

    fn set_global_info(&mut self, info: &InfoBlock) -> Result<(), Refusal> {
        self.hear_block(Function::SetGlobalInfo, (), info);
        self.code()
    }

    fn add_interface(&mut self, interface: &InterfaceIdentity, info: &InfoBlock) -> Result<(), Refusal> {
        self.hear_block(Function::AddInterface, interface, info);
        self.code()
    }

    fn delete_interface(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        self.hear(Function::DeleteInterface, index, &[]);
        self.code()
    }

    fn interface_status(
        &mut self,
        index: InterfaceIndex,
        active: bool,
        status: &InterfaceStatus,
    ) -> Result<(), Refusal> {
        self.hear(Function::InterfaceStatus, (index, active, status), &[]);
        self.act(index);
        self.code()
    }

    fn interface_info(&mut self, index: InterfaceIndex, buffer: &mut InfoBuffer<'_>) -> Result<(), Refusal> {
        let capacity = buffer.lent().map(|lent| lent.len());
        self.hear(Function::InterfaceInfo, (index, capacity), &[]);
        self.code()?;
        buffer.put(&self.block())
    }

    fn set_interface_info(&mut self, index: InterfaceIndex, info: &InfoBlock) -> Result<(), Refusal> {
        self.hear_block(Function::SetInterfaceInfo, index, info);
        self.code()
    }

    fn next_event(&mut self) -> Option<Event> {
        self.hear(Function::NextEvent, (), &[]);
        self.events.pop_front()
    }

    fn update_routes(&mut self, index: InterfaceIndex) -> Result<(), Refusal> {
        self.hear(Function::UpdateRoutes, index, &[]);
        self.act(index);
        self.code()
    }

    fn connect_client(&mut self, index: InterfaceIndex, client: Ipv4Addr) -> Result<(), Refusal> {
        self.hear(Function::ConnectClient, (index, client), &[]);
        self.code()
    }

    fn disconnect_client(&mut self, index: InterfaceIndex, client: Ipv4Addr) -> Result<(), Refusal> {
        self.hear(Function::DisconnectClient, (index, client), &[]);
        self.code()
    }

    fn neighbors(
        &mut self,
        index: InterfaceIndex,
        out: &mut OutputBuffer<'_>,
    ) -> Result<NeighborFlags, Refusal> {
        self.read(Function::Neighbors, &index.0.to_be_bytes(), out)?;
        Ok(NeighborFlags::from_bits_truncate(self.hash as u8))
    }

    fn mfe_status(
        &mut self,
        index: InterfaceIndex,
        group: Ipv4Addr,
        source: Ipv4Addr,
    ) -> Result<MfeStatus, Refusal> {
        self.hear(Function::MfeStatus, (index, group, source), &[]);
        self.code()?;
        let all = [
            MfeStatus::NoError,
            MfeStatus::ReachedCore,
            MfeStatus::PrunedUpstream,
            MfeStatus::OifPruned,
            MfeStatus::OldRouter,
        ];
        Ok(all[self.choose(5) as usize])
    }

    fn mib_create(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.change(Function::MibCreate, input)
    }

    fn mib_delete(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.change(Function::MibDelete, input)
    }

    fn mib_set(&mut self, input: &[u8]) -> Result<(), Refusal> {
        self.change(Function::MibSet, input)
    }

    fn mib_get(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.read(Function::MibGet, input, out)
    }

    fn mib_get_first(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.read(Function::MibGetFirst, input, out)
    }

    fn mib_get_next(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.read(Function::MibGetNext, input, out)
    }

    fn mib_set_trap_info(
        &mut self,
        event: Arc<dyn NotificationEvent>,
        input: &[u8],
        out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.read(Function::MibSetTrapInfo, input, out)?;
        self.trap = Some(event);
        Ok(())
    }

    fn mib_get_trap_info(&mut self, input: &[u8], out: &mut OutputBuffer<'_>) -> Result<(), Refusal> {
        self.read(Function::MibGetTrapInfo, input, out)
    }

    fn report(&mut self, name: &str, arguments: &ReportArguments) -> Result<Value, Refusal> {
        self.hear(Function::Report, (name, arguments), &[]);
        self.code()
            .map_err(|refusal| refusal.at("a0").with_value(name).with_allowed("less"))?;
        Ok(json!({ "heard": self.hash, "about": [name, arguments] }))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // Never a second panic on top of a first: that would be the end of the process.
        assert!(
            std::thread::panicking() || self.panics != Some(Function::Drop as u8),
            "asked to panic when dropped"
        );
    }
}
