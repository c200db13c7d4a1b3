//! An instance of the subject with a host around it that writes down what it is asked.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use waypost_types::{InterfaceIndex, Prefix, Prefix4, ProtocolId, Route, RouterId};

use super::Subject;
use super::case::{Checked, accepted, failed};
use crate::{
    AdapterBinding, Event, InfoBlock, InfoBuffer, InterfaceIdentity, InterfaceStatus, InterfaceType,
    LocalBinding, NotificationEvent, OutputBuffer, ReceiveType, Refusal, RoutingCharacteristics,
    RoutingProtocol, Status, SupportFunctions, Topic, read_info,
};

/// The interface most cases use.
pub(super) const FIRST: InterfaceIndex = InterfaceIndex(7);
/// A second interface.
pub(super) const SECOND: InterfaceIndex = InterfaceIndex(8);
/// An interface that no case adds.
pub(super) const UNKNOWN: InterfaceIndex = InterfaceIndex(4711);

/// Every topic of `show`.
pub(super) const TOPICS: [Topic; 5] = [
    Topic::Summary,
    Topic::Interfaces,
    Topic::Neighbors,
    Topic::Counters,
    Topic::Database,
];

/// Counts signals.
#[derive(Debug, Default)]
pub(super) struct Bell(AtomicUsize);

impl Bell {
    /// The signals so far.
    pub(super) fn rung(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }
}

impl NotificationEvent for Bell {
    fn signal(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// The host functions of a router without demand-dial interfaces and without other protocols, with their calls counted.
#[derive(Debug, Default)]
pub(super) struct SupportCounter(AtomicUsize);

impl SupportCounter {
    /// The calls so far.
    pub(super) fn calls(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    fn count(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn no_such_target(&self, target: ProtocolId) -> Result<(), Refusal> {
        self.count();
        Err(Refusal::failed(format!("{target} is not running")))
    }
}

/// The statuses are those of routing-protocol-interface 4.5.
impl SupportFunctions for SupportCounter {
    fn demand_dial_request(&self, _protocol: ProtocolId, interface: InterfaceIndex) -> Result<(), Refusal> {
        self.count();
        if interface == FIRST || interface == SECOND {
            return Err(Refusal::new(
                Status::ERROR_NOT_SUPPORTED,
                "not a demand-dial interface",
            ));
        }
        Err(Refusal::invalid("no such interface"))
    }

    fn set_interface_receive_type(
        &self,
        _protocol: ProtocolId,
        interface: InterfaceIndex,
        _kind: ReceiveType,
        _active: bool,
    ) -> Result<(), Refusal> {
        self.count();
        if interface == FIRST || interface == SECOND {
            return Ok(());
        }
        Err(Refusal::invalid("no such interface"))
    }

    fn validate_route(
        &self,
        _protocol: ProtocolId,
        _route: &Route,
        _prefix: Option<Prefix>,
    ) -> Result<u8, Refusal> {
        self.count();
        Ok(120)
    }

    fn mib_entry_create(&self, target: ProtocolId, _input: &[u8]) -> Result<(), Refusal> {
        self.no_such_target(target)
    }

    fn mib_entry_delete(&self, target: ProtocolId, _input: &[u8]) -> Result<(), Refusal> {
        self.no_such_target(target)
    }

    fn mib_entry_set(&self, target: ProtocolId, _input: &[u8]) -> Result<(), Refusal> {
        self.no_such_target(target)
    }

    fn mib_entry_get(
        &self,
        target: ProtocolId,
        _input: &[u8],
        _out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.no_such_target(target)
    }

    fn mib_entry_get_first(
        &self,
        target: ProtocolId,
        _input: &[u8],
        _out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.no_such_target(target)
    }

    fn mib_entry_get_next(
        &self,
        target: ProtocolId,
        _input: &[u8],
        _out: &mut OutputBuffer<'_>,
    ) -> Result<(), Refusal> {
        self.no_such_target(target)
    }

    fn router_id(&self) -> Option<RouterId> {
        self.count();
        RouterId::new(Ipv4Addr::new(192, 0, 2, 1)).ok()
    }

    fn has_multicast_boundary(&self, _interface: InterfaceIndex, _group: Ipv4Addr) -> bool {
        self.count();
        false
    }
}

/// An instance under test and the host around it.
pub(super) struct Rig<'s> {
    pub(super) subject: &'s Subject<'s>,
    pub(super) protocol: Box<dyn RoutingProtocol>,
    pub(super) bell: Arc<Bell>,
    pub(super) support: Arc<SupportCounter>,
    started: bool,
    /// Bound, and media present, of every interface told of.
    bits: BTreeMap<InterfaceIndex, (bool, bool)>,
}

impl<'s> Rig<'s> {
    /// A fresh instance, not registered.
    pub(super) fn new(subject: &'s Subject<'_>) -> Self {
        Self {
            protocol: (subject.factory)(),
            subject,
            bell: Arc::default(),
            support: Arc::default(),
            started: false,
            bits: BTreeMap::new(),
        }
    }

    /// Another fresh instance of the same subject.
    pub(super) fn another(&self) -> Self {
        Self::new(self.subject)
    }

    /// The first valid interface block.
    pub(super) fn first_block(&self) -> InfoBlock {
        let [block, _] = &self.subject.interface;
        block.clone()
    }

    /// The second valid interface block.
    pub(super) fn other_block(&self) -> InfoBlock {
        let [_, block] = &self.subject.interface;
        block.clone()
    }

    /// RegisterProtocol with everything the host can offer.
    pub(super) fn register(&mut self) -> Checked<RoutingCharacteristics> {
        let offer = RoutingCharacteristics::offer(self.subject.protocol);
        accepted("register", self.protocol.register(&offer))
    }

    /// StartProtocol with any block.
    pub(super) fn try_start(&mut self, global: &InfoBlock) -> Result<(), Refusal> {
        let result = self
            .protocol
            .start(self.bell.clone(), self.support.clone(), global);
        self.started |= result.is_ok();
        self.settle();
        result
    }

    /// To the state STARTING.
    pub(super) fn starting(&mut self) -> Checked<RoutingCharacteristics> {
        let answer = self.register()?;
        let global = self.subject.global.clone();
        accepted("start", self.try_start(&global))?;
        // What is queued up to here is not blamed on what a case does.
        drop(self.drain()?);
        Ok(answer)
    }

    /// To the state RUNNING.
    pub(super) fn running(&mut self) -> Checked<RoutingCharacteristics> {
        let answer = self.starting()?;
        self.complete()?;
        drop(self.drain()?);
        Ok(answer)
    }

    /// StartComplete.
    pub(super) fn complete(&mut self) -> Checked {
        let result = self.protocol.start_complete();
        self.settle();
        accepted("start_complete", result)
    }

    /// To the state RUNNING with [`FIRST`] up, configured with `block`.
    pub(super) fn running_with(&mut self, block: &InfoBlock) -> Checked<RoutingCharacteristics> {
        let answer = self.running()?;
        self.add_up(FIRST, block)?;
        Ok(answer)
    }

    /// AddInterface.
    pub(super) fn try_add(&mut self, index: InterfaceIndex, block: &InfoBlock) -> Result<(), Refusal> {
        self.bits.remove(&index);
        let identity = InterfaceIdentity {
            name: format!("eth{}", index.0),
            index,
            kind: InterfaceType::Permanent,
        };
        let result = self.protocol.add_interface(&identity, block);
        self.settle();
        result
    }

    /// AddInterface that has to be accepted.
    pub(super) fn add(&mut self, index: InterfaceIndex, block: &InfoBlock) -> Checked {
        accepted("add_interface", self.try_add(index, block))?;
        // An event here is the business of 5.6/add, and not to be blamed on what follows.
        self.drain().map(drop)
    }

    /// AddInterface and the sequence of 8.3 for a permanent interface.
    pub(super) fn add_up(&mut self, index: InterfaceIndex, block: &InfoBlock) -> Checked {
        self.add(index, block)?;
        self.tell(index, &bound())?;
        self.tell(index, &InterfaceStatus::MediaPresent)?;
        self.tell(index, &InterfaceStatus::Enabled)
    }

    /// InterfaceStatus. `active` is (bound and media present) after the change (8.1).
    pub(super) fn try_tell(
        &mut self,
        index: InterfaceIndex,
        status: &InterfaceStatus,
    ) -> Result<(), Refusal> {
        let (bound, media) = self.bits.entry(index).or_insert((false, true));
        match status {
            InterfaceStatus::AddressChange(binding) => *bound = !binding.addresses.is_empty(),
            InterfaceStatus::MediaPresent => *media = true,
            InterfaceStatus::MediaAbsent => *media = false,
            InterfaceStatus::Enabled | InterfaceStatus::Disabled => {}
        }
        let active = *bound && *media;
        let result = self.protocol.interface_status(index, active, status);
        self.settle();
        result
    }

    /// InterfaceStatus that has to be accepted.
    pub(super) fn tell(&mut self, index: InterfaceIndex, status: &InterfaceStatus) -> Checked {
        let result = self.try_tell(index, status);
        accepted(&format!("interface_status {}", status_name(status)), result)
    }

    /// SetInterfaceInfo.
    pub(super) fn try_set(&mut self, index: InterfaceIndex, block: &InfoBlock) -> Result<(), Refusal> {
        let result = self.protocol.set_interface_info(index, block);
        self.settle();
        result
    }

    /// GetInterfaceInfo.
    pub(super) fn try_read(&mut self, index: InterfaceIndex) -> Result<InfoBlock, Refusal> {
        let mut block = read_amply(|buffer| self.protocol.interface_info(index, buffer))?;
        self.blank_read_only(&mut block.bytes);
        Ok(block)
    }

    /// Takes the read-only octets of an interface block for zero.
    pub(super) fn blank_read_only(&self, octets: &mut [u8]) {
        if let Some(octets) = octets.get_mut(self.subject.read_only.clone()) {
            octets.fill(0);
        }
    }

    /// GetGlobalInfo.
    pub(super) fn try_read_global(&mut self) -> Result<InfoBlock, Refusal> {
        read_amply(|buffer| self.protocol.global_info(buffer))
    }

    /// GetInterfaceInfo that has to answer.
    pub(super) fn read(&mut self, index: InterfaceIndex) -> Checked<InfoBlock> {
        accepted("interface_info", self.try_read(index))
    }

    /// GetGlobalInfo that has to answer.
    pub(super) fn read_global(&mut self) -> Checked<InfoBlock> {
        accepted("global_info", self.try_read_global())
    }

    /// What `show` says on every topic that it answers, without the ignored fields.
    pub(super) fn show(&mut self) -> Vec<(Topic, Value)> {
        TOPICS
            .into_iter()
            .filter_map(|topic| {
                let mut value = self.protocol.show(topic).ok()?;
                strip(&mut value, &self.subject.ignored);
                Some((topic, value))
            })
            .collect()
    }

    /// Everything that can be seen of the instance: both configurations and `show`.
    pub(super) fn visible(&mut self) -> Checked<Visible> {
        Ok(Visible {
            global: bytes_of(self.read_global()?),
            interface: self.try_read(FIRST).ok().map(bytes_of),
            show: self.show(),
        })
    }

    /// Waits for the protocol's threads.
    pub(super) fn settle(&mut self) {
        if let Some(settle) = &self.subject.settle {
            settle(self.protocol.as_mut());
        }
    }

    fn pass_time(&mut self) {
        if let Some(pass_time) = &self.subject.pass_time {
            pass_time(self.protocol.as_mut());
        }
        self.settle();
    }

    /// Takes events until there are none, as a host does after a wake.
    pub(super) fn drain(&mut self) -> Checked<Vec<Event>> {
        // A queue this long does not end.
        const MOST: usize = 10_000;
        let mut events = Vec::new();
        while let Some(event) = self.protocol.next_event() {
            events.push(event);
            if events.len() == MOST {
                return failed(
                    "a queue that ends in ERROR_NO_MORE_ITEMS 259",
                    format!("{MOST} events, the last {event:?}"),
                );
            }
        }
        Ok(events)
    }

    /// Whether there was a signal since there were so many, or is one soon: who reads the queue without being told may have a
    /// message before its signal, which takes a way of its own.
    pub(super) fn await_signal(&mut self, signals: usize) -> bool {
        for _ in 0..Subject::PATIENCE {
            if self.bell.rung() != signals {
                return true;
            }
            self.pass_time();
        }
        false
    }

    /// Drains, and lets time pass, until an event that `wanted` accepts was seen. Returns what was drained.
    pub(super) fn await_event(&mut self, wanted: impl Fn(&Event) -> bool) -> Checked<Vec<Event>> {
        let mut events = self.drain()?;
        for _ in 0..Subject::PATIENCE {
            if events.iter().any(&wanted) {
                break;
            }
            self.pass_time();
            events.extend(self.drain()?);
        }
        Ok(events)
    }

    /// Requires that no event is queued.
    pub(super) fn quiet(&mut self, after: &str) -> Checked {
        self.settle();
        let events = self.drain()?;
        if events.is_empty() {
            return Ok(());
        }
        failed(format!("no event after {after}"), format!("{events:?}"))
    }

    /// Lets time pass as long as an announced event would be waited for, but no longer than it takes to be convinced.
    pub(super) fn linger(&mut self) {
        const ENOUGH: usize = 20;
        for _ in 0..ENOUGH {
            self.pass_time();
        }
    }

    /// Stops the instance, if it runs, so that its threads end.
    pub(super) fn put_away(&mut self) {
        if !self.started {
            return;
        }
        let result = self.protocol.stop();
        if result.is_err_and(|refusal| refusal.status == Status::ERROR_PROTOCOL_STOP_PENDING) {
            // A stop that never ends is a case of its own; the drop that follows has to do here.
            drop(self.await_event(|event| *event == Event::RouterStopped));
        }
    }

    /// The case has stopped the instance itself.
    pub(super) const fn has_stopped(&mut self) {
        self.started = false;
    }
}

/// Reads a block with more room than blocks need, so that faults of the negotiation show in its own cases only.
fn read_amply(mut ask: impl FnMut(&mut InfoBuffer<'_>) -> Result<(), Refusal>) -> Result<InfoBlock, Refusal> {
    const AMPLE: usize = 64 * 1024;
    let mut bytes = vec![0; AMPLE];
    let mut buffer = InfoBuffer::new(Some(&mut bytes));
    match ask(&mut buffer) {
        Err(refusal) if refusal.status == Status::ERROR_INSUFFICIENT_BUFFER => return read_info(ask),
        result => result?,
    }
    let (version, structure_size, structure_count) = buffer.structure;
    let octets = u64::from(structure_size) * u64::from(structure_count);
    bytes.truncate(usize::try_from(octets).unwrap_or(usize::MAX));
    Ok(InfoBlock {
        version,
        structure_size,
        structure_count,
        bytes,
    })
}

/// What can be seen of an instance from outside.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Visible {
    pub(super) global: Described,
    pub(super) interface: Option<Described>,
    pub(super) show: Vec<(Topic, Value)>,
}

/// A block with its bytes in sight, where [`InfoBlock`] hides them. Test blocks hold no real keys.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Described(pub(super) InfoBlock);

impl std::fmt::Debug for Described {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:?} {:02x?}", self.0, self.0.bytes)
    }
}

pub(super) const fn bytes_of(block: InfoBlock) -> Described {
    Described(block)
}

impl Visible {
    /// Requires that `after` looks like this.
    pub(super) fn unchanged(&self, what: &str, after: &Self) -> Checked {
        if self.global != after.global {
            return failed(
                format!("global_info as before {what}: {:?}", self.global),
                format!("{:?}", after.global),
            );
        }
        if self.interface != after.interface {
            return failed(
                format!("interface_info as before {what}: {:?}", self.interface),
                format!("{:?}", after.interface),
            );
        }
        self.shows_the_same(what, after)
    }

    fn shows_the_same(&self, what: &str, after: &Self) -> Checked {
        same_show(&format!("as before {what}"), &self.show, &after.show)
    }
}

/// Requires two answers of `show` to be equal, and names the topic in which they are not.
pub(super) fn same_show(what: &str, expected: &[(Topic, Value)], seen: &[(Topic, Value)]) -> Checked {
    for (expected, seen) in expected.iter().zip(seen) {
        if expected != seen {
            return failed(
                format!("show {:?} {what}: {}", expected.0, expected.1),
                format!("{}", seen.1),
            );
        }
    }
    super::case::same(&format!("topics of show {what}"), &expected.len(), &seen.len())
}

fn strip(value: &mut Value, names: &[String]) {
    match value {
        Value::Object(table) => {
            table.retain(|name, _| !names.contains(name));
            for value in table.values_mut() {
                strip(value, names);
            }
        }
        Value::Array(list) => {
            for value in list {
                strip(value, names);
            }
        }
        _ => {}
    }
}

/// ADDRESS_CHANGE with one address.
pub(super) fn bound() -> InterfaceStatus {
    InterfaceStatus::AddressChange(AdapterBinding {
        addresses: binding(Ipv4Addr::new(10, 0, 0, 1)),
        mtu: 1500,
        ..AdapterBinding::default()
    })
}

/// ADDRESS_CHANGE with two addresses.
pub(super) fn bound_twice() -> InterfaceStatus {
    let mut addresses = binding(Ipv4Addr::new(10, 0, 0, 1));
    addresses.extend(binding(Ipv4Addr::new(10, 0, 1, 1)));
    InterfaceStatus::AddressChange(AdapterBinding {
        addresses,
        mtu: 1500,
        ..AdapterBinding::default()
    })
}

/// ADDRESS_CHANGE without any address.
pub(super) fn unbound() -> InterfaceStatus {
    InterfaceStatus::AddressChange(AdapterBinding::default())
}

fn binding(address: Ipv4Addr) -> Vec<LocalBinding> {
    Prefix4::containing(address, 24)
        .map(|prefix| LocalBinding { address, prefix })
        .into_iter()
        .collect()
}

/// The documented name of a status code.
pub(super) const fn status_name(status: &InterfaceStatus) -> &'static str {
    match status {
        InterfaceStatus::AddressChange(_) => "ADDRESS_CHANGE",
        InterfaceStatus::Enabled => "ENABLED",
        InterfaceStatus::Disabled => "DISABLED",
        InterfaceStatus::MediaPresent => "MEDIA_PRESENT",
        InterfaceStatus::MediaAbsent => "MEDIA_ABSENT",
    }
}
