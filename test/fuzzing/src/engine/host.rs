//! A host that believes nothing.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use waypost_engine::{Engine, Instance, MibOperation, Now, Output, PortId, PortSpec, RxMeta};
use waypost_routprot::{
    BlockConfig, Event, InfoBlock, InterfaceIdentity, InterfaceStatus, Layout, NotificationEvent, Refusal,
    Status, Topic,
};
use waypost_types::{
    InterfaceIndex, MAX_NEXT_HOPS, PathId, Prefix, Route, RouteChange, RouteKind, RouteNotice, RouterId,
    Seed, Time, WallTime,
};

use super::Scenario;
use crate::Script;

/// Most things an engine may ask for in answer to one input, on each interface and once more: bursts, ports and notices.
const OUTPUTS: usize = 400;
/// Most octets it may ask to send in answer to one input, for each interface and once more.
const OUTPUT_OCTETS: usize = 2 << 20;
/// How often in a row an engine may ask to be woken at one and the same time.
const WAKE_UPS: usize = 16;
/// Most deadlines of one advance; later ones are left out.
const DEADLINES: usize = 200;

/// A signal nobody waits for.
struct Deaf;

impl NotificationEvent for Deaf {
    fn signal(&self) {}
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Registered,
    Starting,
    Running,
    Stopping,
    Stopped,
}

/// Stands in for the daemon around one instance, and mirrors what the instance asked for.
pub struct Host<E: Engine, S> {
    instance: Instance<E>,
    stage: Stage,
    time: Time,
    routes: BTreeMap<(Prefix, PathId), Route>,
    ports: BTreeMap<PortId, PortSpec>,
    interfaces: BTreeMap<InterfaceIndex, Value>,
    global: Value,
    /// Autostatic updates that were accepted and not yet reported as ended.
    updates: BTreeMap<InterfaceIndex, usize>,
    /// What was sent last.
    sent: VecDeque<Vec<u8>>,
    /// What was sent since somebody asked, if anybody does.
    wire: Option<Vec<Sent>>,
    /// The last octet of its addresses.
    place: u8,
    scenario: PhantomData<fn() -> S>,
}

/// A packet on its way.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    /// Out of which port.
    pub(super) port: PortId,
    /// Where to.
    pub(super) destination: IpAddr,
    /// Its payload.
    pub(super) octets: Vec<u8>,
}

/// What one call made the engine ask for.
#[derive(Debug, Default)]
struct Asked {
    outputs: usize,
    changes: usize,
    events: usize,
}

impl Asked {
    const fn is_nothing(&self) -> bool {
        self.outputs == 0 && self.changes == 0 && self.events == 0
    }
}

impl<E: Engine, S: Scenario> Host<E, S> {
    pub(super) fn new(place: u8) -> Self {
        Self {
            instance: Instance::new(Seed(place.into()), Vec::new()),
            stage: Stage::Registered,
            time: Time::from_secs(1000),
            routes: BTreeMap::new(),
            ports: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            global: Value::Null,
            updates: BTreeMap::new(),
            sent: VecDeque::new(),
            wire: None,
            place,
            scenario: PhantomData,
        }
    }

    /// The last octet of its addresses.
    pub(super) const fn place(&self) -> u8 {
        self.place
    }

    /// What was sent since this was asked last.
    pub(super) fn take_wire(&mut self) -> Vec<Sent> {
        self.wire.replace(Vec::new()).unwrap_or_default()
    }

    /// The port that hears a packet on an interface, if one does.
    pub(super) fn hears(&self, port: PortId, destination: IpAddr, own: IpAddr) -> bool {
        self.ports.get(&port).is_some_and(|spec| match destination {
            IpAddr::V4(group) if group.is_multicast() => spec.groups.contains(&group),
            destination => destination == own,
        })
    }

    /// How long until the engine wants to be woken.
    pub(super) fn until_deadline(&self) -> Option<Duration> {
        let deadline = self.instance.next_deadline()?;
        Some(deadline.since(self.time))
    }

    /// What it says of itself.
    pub(super) fn shown(&self, topic: Topic) -> Value {
        self.instance.show(self.now(), topic).unwrap_or_default()
    }

    const fn now(&self) -> Now {
        Now {
            time: self.time,
            wall: WallTime(1_700_000_000 + self.time.0 / 1_000_000_000),
        }
    }

    const fn is_alive(&self) -> bool {
        matches!(self.stage, Stage::Starting | Stage::Running)
    }

    pub(super) fn has_stopped(&self) -> bool {
        self.stage == Stage::Stopped
    }

    // What comes out.

    /// Does what the engine asked for, and checks that it may ask for it.
    fn collect(&mut self) -> Asked {
        let mut asked = Asked::default();
        // More work may be asked for; it must end some time.
        for round in 0.. {
            assert!(round < 10_000, "the engine never stops asking to go on");
            let stores = self.carry_out(&mut asked);
            let again = self.instance.outbox().take_again();
            if !again && stores.is_empty() {
                break;
            }
            let now = self.now();
            self.instance.outbox().clear();
            for (key, value) in stores {
                // Some stores fail.
                let stored = value.first().is_none_or(|octet| octet % 4 != 0);
                self.instance.persisted(now, &key, &value, stored);
            }
            if again {
                self.instance.proceed(now);
            }
        }
        self.instance.outbox().clear();
        while let Some(event) = self.instance.next_event() {
            asked.events += 1;
            self.event(event);
        }
        self.check_bounds();
        asked
    }

    /// Returns what is to be stored.
    fn carry_out(&mut self, asked: &mut Asked) -> Vec<(String, Vec<u8>)> {
        let mut stores = Vec::new();
        let outbox = self.instance.outbox();
        let changes = outbox.take_routes();
        let outputs = outbox.outputs().to_vec();
        asked.outputs += outputs.len();
        asked.changes += changes.len();
        let rooms = self.interfaces.len() + 2;
        assert!(
            outputs.len() <= OUTPUTS * rooms,
            "one input made the engine ask for {} things",
            outputs.len()
        );
        assert!(
            self.stage != Stage::Stopped || (outputs.is_empty() && changes.is_empty()),
            "something is asked for after the protocol stopped: {outputs:?} {changes:?}"
        );
        let mut octets = 0;
        for output in outputs {
            match output {
                Output::OpenPort(port, spec) => {
                    assert!(
                        self.interfaces.contains_key(&spec.interface),
                        "a port on an interface that is not there"
                    );
                    let old = self.ports.insert(port, spec.clone());
                    assert_ne!(old.as_ref(), Some(&spec), "a port is opened as it is");
                }
                Output::ClosePort(port) => {
                    assert!(self.ports.remove(&port).is_some(), "a closed port is closed");
                }
                Output::Send(datagram) => {
                    assert!(
                        matches!(self.stage, Stage::Running | Stage::Stopping),
                        "a packet is sent while the protocol is {:?}",
                        self.stage
                    );
                    assert!(
                        self.ports.contains_key(&datagram.port),
                        "sent through a closed port"
                    );
                    let packet = self.instance.outbox().octets(&datagram).to_vec();
                    assert!(!packet.is_empty() && packet.len() <= 65_507);
                    octets += packet.len();
                    S::sent(&packet);
                    if let Some(wire) = &mut self.wire {
                        wire.push(Sent {
                            port: datagram.port,
                            destination: datagram.destination.ip(),
                            octets: packet.clone(),
                        });
                    }
                    self.sent.push_front(packet);
                    self.sent.truncate(8);
                }
                Output::Persist(key, value) => {
                    assert!(key.len() < 256 && value.len() < 65_536);
                    stores.push((key, value));
                }
                Output::Interest(interest) => {
                    let owners: BTreeSet<_> = interest.owners.iter().collect();
                    assert_eq!(owners.len(), interest.owners.len(), "an owner is named twice");
                    assert!(
                        !owners.contains(&E::PROTOCOL),
                        "news of its own routes are wanted"
                    );
                }
                Output::Notice(notice) => {
                    assert!(!notice.text.is_empty() && notice.text.len() < 4096);
                }
            }
        }
        assert!(
            octets <= OUTPUT_OCTETS * rooms,
            "one input made {octets} octets leave"
        );
        for change in changes {
            self.change(change);
        }
        stores
    }

    /// A mirror of the protocol's routes never sees a change that changes nothing.
    fn change(&mut self, change: RouteChange) {
        assert_ne!(
            self.stage,
            Stage::Starting,
            "a route before StartComplete: {change:?}"
        );
        match change {
            RouteChange::Set { prefix, path, route } => {
                let hops: BTreeSet<_> = route.next_hops.iter().collect();
                assert_eq!(
                    hops.len(),
                    route.next_hops.len(),
                    "a next hop is there twice: {route:?}"
                );
                assert_eq!(route.kind == RouteKind::Unicast, !hops.is_empty(), "{route:?}");
                assert!(hops.len() <= MAX_NEXT_HOPS);
                assert_ne!(route.preference, Some(0));
                for hop in hops {
                    assert!(
                        self.interfaces.contains_key(&hop.interface),
                        "a route to {prefix} through an interface that is gone"
                    );
                    assert!((1..=256).contains(&hop.weight));
                }
                let old = self.routes.insert((prefix, path), route.clone());
                assert_ne!(old.as_ref(), Some(&route), "{prefix} is set to what it is");
            }
            RouteChange::Delete { prefix, path } => {
                let old = self.routes.remove(&(prefix, path));
                assert!(old.is_some(), "{prefix} is deleted and was not there");
            }
        }
    }

    fn event(&mut self, event: Event) {
        match event {
            Event::RouterStopped => {
                assert_eq!(self.stage, Stage::Stopping, "stopped, and nobody asked for it");
                self.stopped();
            }
            Event::UpdateComplete(complete) => {
                let waiting = self.updates.get_mut(&complete.interface);
                let waiting = waiting.filter(|waiting| **waiting > 0);
                *waiting.expect("an update ends that was not begun") -= 1;
            }
            Event::SaveGlobalConfigInfo => self.learn_global(),
            Event::SaveInterfaceConfigInfo(index) => self.learn_interface(index),
        }
    }

    fn stopped(&mut self) {
        self.stage = Stage::Stopped;
        assert!(self.ports.is_empty(), "ports stay open: {:?}", self.ports);
        let waiting: usize = self.updates.values().sum();
        assert_eq!(waiting, 0, "an update never ended");
        assert!(self.instance.is_stopped());
        assert_eq!(self.instance.next_deadline(), None);
    }

    fn check_bounds(&self) {
        if self.is_alive() {
            let interfaces: Vec<_> = self.interfaces.values().cloned().collect();
            let limit = S::route_limit(&self.global, &interfaces);
            assert!(
                self.routes.len() <= limit,
                "{} routes where {limit} are allowed",
                self.routes.len()
            );
            for route in self.routes.values() {
                for hop in &route.next_hops {
                    assert!(
                        self.interfaces.contains_key(&hop.interface),
                        "a route stays on an interface that is gone: {route:?}"
                    );
                }
            }
        }
    }

    // Configuration.

    fn learn_global(&mut self) {
        let info = self.instance.global_info().expect("a running protocol has one");
        self.global = text::<E::Global>(&info);
    }

    fn learn_interface(&mut self, index: InterfaceIndex) {
        let info = self
            .instance
            .interface_info(index)
            .expect("the interface is there");
        self.interfaces.insert(index, text::<E::Interface>(&info));
    }

    pub(super) fn is_silent_before_start(&mut self) {
        self.drive_late();
        assert!(self.collect().is_nothing(), "something happens before the start");
    }

    pub(super) fn start(&mut self, global: &InfoBlock) -> bool {
        let started = self.instance.start(self.now(), Arc::new(Deaf), None, global);
        if started.is_ok() {
            self.stage = Stage::Starting;
            self.learn_global();
        }
        let asked = self.collect();
        assert!(
            started.is_ok() || asked.is_nothing(),
            "a refused start did something"
        );
        started.is_ok()
    }

    pub(super) fn start_complete(&mut self) {
        let done = self.instance.start_complete(self.now());
        assert_eq!(done.is_ok(), self.stage == Stage::Starting);
        if done.is_ok() {
            self.stage = Stage::Running;
        }
        self.collect();
    }

    pub(super) fn stop(&mut self) {
        let alive = self.is_alive();
        if alive {
            self.stage = Stage::Stopping;
        }
        match self.instance.stop(self.now()) {
            Ok(()) => {
                assert!(alive);
                self.collect();
                self.stopped();
            }
            Err(refusal) => {
                let pending = refusal.status == Status::ERROR_PROTOCOL_STOP_PENDING;
                assert_eq!(pending, alive, "{refusal}");
                self.collect();
            }
        }
    }

    pub(super) fn add_interface(&mut self, identity: &InterfaceIdentity, info: &InfoBlock) {
        let index = identity.index;
        let was_there = self.interfaces.contains_key(&index);
        let prepared = self.instance.prepare_interface_info(None, info);
        let added = self.instance.add_interface(self.now(), identity, info).map(drop);
        match &added {
            Ok(()) => {
                assert!(self.is_alive() && !was_there);
                assert!(prepared.is_ok() || info.is_absent(), "added what is not valid");
                self.learn_interface(index);
            }
            Err(refusal) => assert!(
                prepared.is_err() || was_there,
                "what is valid is not added: {refusal}"
            ),
        }
        let asked = self.collect();
        assert!(
            added.is_ok() || asked.is_nothing(),
            "a refused interface did something"
        );
    }

    pub(super) fn delete_interface(&mut self, index: InterfaceIndex) {
        let known = self.interfaces.contains_key(&index) && self.is_alive();
        let deleted = self.instance.delete_interface(self.now(), index);
        assert_eq!(deleted.is_ok(), known);
        if known {
            // Its farewell may still name it; routes over it may not.
            let text = self.interfaces.remove(&index).unwrap_or_default();
            let asked = self.collect();
            drop((text, asked));
        } else {
            assert!(self.collect().is_nothing());
        }
    }

    pub(super) fn status(&mut self, index: InterfaceIndex, status: &InterfaceStatus) {
        let known = self.interfaces.contains_key(&index) && self.is_alive();
        let told = self.instance.interface_status(self.now(), index, status);
        assert_eq!(told.is_ok(), known);
        let asked = self.collect();
        assert!(known || asked.is_nothing());
    }

    /// What was prepared can be set, what was set is read back, and setting it again does nothing.
    pub(super) fn set_interface(&mut self, index: InterfaceIndex, info: &InfoBlock) {
        let before = self.instance.interface_info(index);
        let prepared = self.instance.prepare_interface_info(Some(index), info).map(drop);
        assert!(self.collect().is_nothing(), "preparing does something");
        let done = self
            .instance
            .set_interface_info(self.now(), index, info)
            .map(drop);
        assert_eq!(done, prepared, "prepare and set do not agree");
        if let Err(refusal) = done {
            check_refusal(&refusal);
            assert!(
                self.collect().is_nothing(),
                "a refused configuration did something"
            );
            assert_eq!(self.instance.interface_info(index), before);
            return;
        }
        self.learn_interface(index);
        self.collect();
        let after = self.instance.interface_info(index);
        same_configuration::<E::Interface>(info, &after);
        let again = self
            .instance
            .set_interface_info(self.now(), index, info)
            .map(drop);
        assert_eq!(again, Ok(()), "what is in force cannot be set");
        assert!(
            self.collect().is_nothing(),
            "what is in force does something when set"
        );
        assert_eq!(self.instance.interface_info(index), after);
    }

    pub(super) fn set_global(&mut self, info: &InfoBlock) {
        let before = self.instance.global_info();
        let prepared = self.instance.prepare_global_info(info).map(drop);
        assert!(self.collect().is_nothing(), "preparing does something");
        let done = self.instance.set_global_info(self.now(), info).map(drop);
        assert_eq!(done, prepared, "prepare and set do not agree");
        if let Err(refusal) = done {
            check_refusal(&refusal);
            assert!(
                self.collect().is_nothing(),
                "a refused configuration did something"
            );
            assert_eq!(self.instance.global_info(), before);
            return;
        }
        self.learn_global();
        self.collect();
        let after = self.instance.global_info();
        same_configuration::<E::Global>(info, &after);
        let again = self.instance.set_global_info(self.now(), info).map(drop);
        assert_eq!(again, Ok(()), "what is in force cannot be set");
        assert!(
            self.collect().is_nothing(),
            "what is in force does something when set"
        );
    }

    /// A change that the host takes back, as when a socket could not be had.
    pub(super) fn undo_interface(&mut self, index: InterfaceIndex, info: &InfoBlock) {
        let before = self.instance.interface_info(index);
        if let Ok(change) = self.instance.set_interface_info(self.now(), index, info) {
            self.learn_interface(index);
            self.collect();
            self.instance.undo(self.now(), change);
            self.learn_interface(index);
            self.collect();
        }
        assert_eq!(
            self.instance.interface_info(index).ok().map(masked),
            before.ok().map(masked)
        );
    }

    pub(super) fn undo_global(&mut self, info: &InfoBlock) {
        let before = self.instance.global_info();
        if let Ok(change) = self.instance.set_global_info(self.now(), info) {
            self.learn_global();
            self.collect();
            self.instance.undo(self.now(), change);
            self.learn_global();
            self.collect();
        }
        assert_eq!(self.instance.global_info(), before);
    }

    // What happens to it.

    pub(super) fn packet(&mut self, port: PortId, meta: &RxMeta, octets: &[u8]) {
        self.instance.packet(self.now(), port, meta, octets);
        self.collect();
    }

    /// One of the packets sent last comes back from somewhere else, perhaps damaged.
    pub(super) fn echo(&mut self, port: PortId, meta: &RxMeta, script: &mut Script<'_>) {
        let which = usize::from(script.octet() % 8);
        let Some(mut packet) = self.sent.get(which).cloned() else {
            return;
        };
        let at = usize::from(script.word());
        if let Some(octet) = packet.get_mut(at) {
            *octet = script.octet();
        }
        self.packet(port, meta, &packet);
    }

    pub(super) fn routes(&mut self, notices: &[RouteNotice]) {
        self.instance.routes(self.now(), notices);
        self.collect();
    }

    pub(super) fn update_routes(&mut self, index: InterfaceIndex) {
        // Its end may be reported before the call returns.
        *self.updates.entry(index).or_default() += 1;
        let accepted = self.instance.update_routes(self.now(), index).is_ok();
        assert!(!accepted || (self.stage == Stage::Running && self.interfaces.contains_key(&index)));
        self.collect();
        if !accepted {
            *self.updates.entry(index).or_default() -= 1;
        }
    }

    pub(super) fn port_failed(&mut self, port: PortId) {
        // The host says so of ports that it was asked to open, and only then.
        if self.ports.remove(&port).is_some() {
            self.instance.port_failed(self.now(), port, "address in use");
            self.collect();
        }
    }

    pub(super) fn mib(&mut self, operation: MibOperation, input: &[u8]) {
        let before = self.configurations();
        let answer = self.instance.mib(self.now(), operation, input);
        let answer = answer.map(|(octets, change)| {
            self.instance.keep(change);
            octets
        });
        let asked = self.collect();
        if answer.is_err() || operation != MibOperation::Set {
            assert!(
                asked.is_nothing(),
                "a question, or a refused change, did something"
            );
            assert_eq!(self.configurations(), before);
        }
        if let Ok(answer) = answer {
            assert!(answer.len() <= 16 << 20);
        }
    }

    fn configurations(&self) -> Vec<Option<InfoBlock>> {
        let interfaces = self.interfaces.keys();
        let interfaces = interfaces.map(|index| self.instance.interface_info(*index).ok());
        interfaces.chain([self.instance.global_info().ok()]).collect()
    }

    pub(super) fn show(&mut self, topic: Topic) {
        let shown = self.instance.show(self.now(), topic);
        assert!(shown.is_err() || self.is_alive());
        assert!(self.collect().is_nothing());
    }

    pub(super) fn client(&mut self, index: InterfaceIndex, client: Ipv4Addr, connected: bool) {
        let told = self.instance.client(self.now(), index, client, connected);
        assert_eq!(
            told.is_ok(),
            self.is_alive() && self.interfaces.contains_key(&index)
        );
        self.collect();
    }

    pub(super) fn router_id(&mut self, id: Option<RouterId>) {
        self.instance.router_id(self.now(), id);
        self.collect();
    }

    /// A deadline that nobody asked for.
    pub(super) fn deadline(&mut self) {
        self.instance.deadline(self.now());
        self.collect();
    }

    pub(super) fn proceed(&mut self) {
        self.instance.proceed(self.now());
        self.collect();
    }

    // Time.

    /// Lets time pass and wakes the engine whenever it asked for it.
    pub(super) fn advance(&mut self, duration: Duration) {
        let end = self.time + duration;
        let mut wake_ups = 0;
        for _ in 0..DEADLINES {
            let Some(deadline) = self.instance.next_deadline().filter(|deadline| *deadline <= end) else {
                break;
            };
            if deadline > self.time {
                self.time = deadline;
                wake_ups = 0;
            }
            wake_ups += 1;
            assert!(
                wake_ups <= WAKE_UPS,
                "the engine asks to be woken at {deadline} again and again, and it is {}",
                self.time
            );
            self.deadline();
        }
        // Deadlines that were left out are late now, as on a busy machine.
        self.time = end;
    }

    // Before and after.

    /// Inputs that may come at any time, because the host's threads do not know better.
    fn drive_late(&mut self) {
        let now = self.now();
        let index = InterfaceIndex(1);
        let meta = RxMeta {
            source: ([10, 1, 0, 2], 520).into(),
            destination: [224, 0, 0, 9].into(),
            interface: index,
            ttl: Some(1),
        };
        self.instance.packet(now, PortId(1), &meta, &[2, 2, 0, 0]);
        self.instance.deadline(now);
        self.instance.routes(now, &[]);
        self.instance.proceed(now);
        self.instance.port_failed(now, PortId(1), "late");
        self.instance.router_id(now, None);
        assert!(self.instance.update_routes(now, index).is_err());
        assert!(self.instance.show(now, Topic::Summary).is_err());
        assert!(self.instance.mib(now, MibOperation::GetFirst, &[]).is_err());
        assert!(self.instance.interface_info(index).is_err());
        assert!(self.instance.delete_interface(now, index).is_err());
    }

    pub(super) fn is_silent_after_stop(&mut self) {
        self.drive_late();
        assert!(self.collect().is_nothing(), "something happens after the stop");
        assert_eq!(self.instance.next_deadline(), None);
        assert!(self.instance.stop(self.now()).is_err());
    }
}

fn check_refusal(refusal: &Refusal) {
    assert!(!refusal.reason.is_empty());
    assert!(
        matches!(
            refusal.status,
            Status::ERROR_INVALID_PARAMETER | Status::ERROR_CAN_NOT_COMPLETE
        ),
        "{refusal}"
    );
}

/// The text of a block that the engine returned; nothing where there is no configuration.
fn text<C: BlockConfig>(info: &InfoBlock) -> Value {
    if info.is_absent() {
        return Value::Null;
    }
    let (config, _) = C::decode(info).expect("what an engine returns is a block");
    serde_json::to_value(config).expect("every configuration has a text")
}

/// Without what an engine fills in on the way out (rras-blocks P-104).
fn masked(mut info: InfoBlock) -> InfoBlock {
    if info.version == 1 {
        let state = info.bytes.len().min(4);
        info.bytes[..state].fill(0);
    }
    info
}

/// What is read back means what was set. RRAS's layout keeps keys that a block leaves out, so there it may differ.
fn same_configuration<C: BlockConfig>(set: &InfoBlock, read: &Result<InfoBlock, Refusal>) {
    let read = read.as_ref().expect("what was set is read back");
    let (set, layout) = C::decode(set).expect("what was accepted is a block");
    let (read, read_layout) = C::decode(read).expect("what is read back is a block");
    assert_eq!(layout, read_layout);
    if layout != Layout::Rras {
        assert!(set == read, "what is read back is something else");
    }
}
