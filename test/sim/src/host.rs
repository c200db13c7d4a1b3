//! What the host does for the protocols of a router.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use waypost_engine::{Now, Output};
use waypost_routprot::{Event as ProtocolEvent, InterfaceStatus, Prepared, Refusal, Scope, Status};
use waypost_rtm::{EntityConfig, RtmError, SubscriberConfig, SubscriberKind};
use waypost_types::{InterfaceIndex, NextHop, PathId, Prefix, Prefix4, Route, RouteChange, RouteKind, Time};

use crate::fib::{FibChange, FibEntry};
use crate::node::{Life, NodeId, Port, Running, SegmentId};
use crate::process::{Process, Unheard};
use crate::recorder::Recorder;
use crate::simulation::{Event, Simulation};

/// How many notices are drained at a time.
const SLICE: usize = 4096;
/// How long news of routes take from the routing table to a protocol, as between the threads of the host: whatever happens
/// meanwhile happens to a protocol that does not know of them yet.
const NEWS_DELAY: Duration = Duration::from_micros(500);

/// A refusal where only a fault of this crate or of the routing table could refuse.
fn broken(error: RtmError) -> Refusal {
    Refusal::failed(format!("the routing table: {error}"))
}

impl Simulation {
    // Power

    /// Starts a router with what is configured and stored on it.
    pub fn boot(&mut self, node: NodeId) -> Result<(), Refusal> {
        self.recorder.number(0xB007 << 16 | node.0 as u64);
        self.recorder
            .line(self.now, format_args!("router {} boots", node.0));
        let router = &mut self.nodes[node.0];
        if router.is_alive() {
            return Err(Refusal::failed("the router has power"));
        }
        router.incarnation += 1;
        let seed = router.seed.nth(router.incarnation);
        router.life = Some(Life::new(seed).map_err(broken)?);
        for interface in &mut router.interfaces {
            interface.carrier = self.segments[interface.segment.0].carrier;
        }
        let up: Vec<InterfaceIndex> = router
            .interfaces
            .iter()
            .filter(|interface| interface.is_up())
            .map(|interface| interface.identity.index)
            .collect();
        for index in up {
            self.connect(node, index, true);
        }
        self.settle(node);
        for protocol in 0..self.nodes[node.0].installed.len() {
            self.start_protocol(node, protocol)?;
        }
        Ok(())
    }

    /// Takes a router's power away: whatever it did not store is lost, and it says good-bye to nobody.
    pub fn crash(&mut self, node: NodeId) {
        self.recorder
            .line(self.now, format_args!("router {} crashes", node.0));
        self.nodes[node.0].life = None;
    }

    /// Starts an installed protocol on a router that has power.
    pub fn start_protocol(&mut self, node: NodeId, protocol: usize) -> Result<(), Refusal> {
        let persisted = self.nodes[node.0].persisted(protocol);
        let router = &mut self.nodes[node.0];
        let seed = router.seed.nth(router.incarnation).nth(protocol as u64);
        let (Some(life), Some(installed)) = (&mut router.life, router.installed.get(protocol)) else {
            return Err(Refusal::failed("no power, or no such protocol"));
        };
        let program = &installed.program;
        let global = program.codec.to_block(Scope::Global, &installed.global)?;
        let configured: Vec<(InterfaceIndex, Value)> = installed
            .interfaces
            .iter()
            .map(|(index, text)| (*index, text.clone()))
            .collect();
        let running = Running {
            process: (program.create)(seed, persisted),
            entity: life
                .rtm
                .register(EntityConfig::new(program.protocol))
                .map_err(broken)?,
            interest: None,
            ports: BTreeMap::new(),
            armed: None,
            continuing: false,
            expecting: false,
        };
        if life.running.len() <= protocol {
            life.running.resize_with(protocol + 1, || None);
        }
        life.running[protocol] = Some(running);
        self.call(node, protocol, |now, process| {
            process.start(now, Arc::new(Unheard), None, &global)
        })?;
        for (index, text) in configured {
            self.add_interface(node, protocol, index, &text)?;
        }
        self.call(node, protocol, |now, process| process.start_complete(now))
    }

    fn add_interface(
        &mut self,
        node: NodeId,
        protocol: usize,
        index: InterfaceIndex,
        text: &Value,
    ) -> Result<(), Refusal> {
        let router = &self.nodes[node.0];
        let (Some(installed), Some(interface)) = (router.installed.get(protocol), router.interface(index))
        else {
            return Err(Refusal::failed("no such protocol or interface"));
        };
        let block = installed.program.codec.to_block(Scope::Interface, text)?;
        let interface = interface.clone();
        self.call(node, protocol, |now, process| {
            process.add_interface(now, &interface.identity, &block)
        })?;
        let carrier = if interface.carrier {
            InterfaceStatus::MediaPresent
        } else {
            InterfaceStatus::MediaAbsent
        };
        let mut statuses = vec![carrier, InterfaceStatus::AddressChange(interface.binding())];
        if interface.enabled {
            statuses.push(InterfaceStatus::Enabled);
        }
        for status in statuses {
            self.call(node, protocol, |now, process| {
                process.interface_status(now, index, &status)
            })?;
        }
        Ok(())
    }

    /// Stops a protocol; it may say good-bye. Its routes leave when it has stopped.
    pub fn stop_protocol(&mut self, node: NodeId, protocol: usize) -> Result<(), Refusal> {
        self.recorder.line(
            self.now,
            format_args!("router {} stops protocol {protocol}", node.0),
        );
        let result = self.call(node, protocol, |now, process| process.stop(now));
        self.bury(node, protocol);
        match result {
            Err(refusal) if refusal.status == Status::ERROR_PROTOCOL_STOP_PENDING => Ok(()),
            other => other,
        }
    }

    /// Removes a protocol that has stopped.
    fn bury(&mut self, node: NodeId, protocol: usize) {
        let router = &mut self.nodes[node.0];
        let Some(life) = &mut router.life else { return };
        let Some(slot) = life.running.get_mut(protocol) else {
            return;
        };
        let Some(running) = slot.take_if(|running| running.process.is_stopped()) else {
            return;
        };
        let open = running.ports.len();
        let left = life.rtm.deregister(running.entity).is_ok()
            && running
                .interest
                .is_none_or(|interest| life.rtm.unsubscribe(interest).is_ok());
        if !left || open > 0 {
            self.violate(format!(
                "router {} stopped protocol {protocol} with {open} ports open",
                node.0
            ));
        }
        self.settle(node);
    }

    // Interfaces

    /// Enables or disables an interface of a router.
    pub fn set_enabled(&mut self, node: NodeId, index: InterfaceIndex, enabled: bool) {
        let status = if enabled {
            InterfaceStatus::Enabled
        } else {
            InterfaceStatus::Disabled
        };
        if let Some(interface) = self.nodes[node.0].interface_mut(index)
            && interface.enabled != enabled
        {
            let was_up = interface.is_up();
            interface.enabled = enabled;
            self.status(node, index, was_up, &status);
        }
    }

    /// Gives or takes carrier at every end of a link.
    pub fn set_carrier(&mut self, segment: SegmentId, carrier: bool) {
        self.recorder
            .line(self.now, format_args!("link {}: carrier {carrier}", segment.0));
        self.segments[segment.0].carrier = carrier;
        let status = if carrier {
            InterfaceStatus::MediaPresent
        } else {
            InterfaceStatus::MediaAbsent
        };
        for member in self.segments[segment.0].members.clone() {
            if let Some(interface) = self.nodes[member.node.0].interface_mut(member.interface)
                && interface.carrier != carrier
            {
                let was_up = interface.is_up();
                interface.carrier = carrier;
                self.status(member.node, member.interface, was_up, &status);
            }
        }
    }

    fn status(&mut self, node: NodeId, index: InterfaceIndex, was_up: bool, status: &InterfaceStatus) {
        self.recorder
            .number(u64::from(index.0) << 8 | u64::from(status.number()));
        self.recorder.line(
            self.now,
            format_args!("router {} interface {index}: {status:?}", node.0),
        );
        let router = &self.nodes[node.0];
        if !router.is_alive() {
            return;
        }
        let is_up = router
            .interface(index)
            .is_some_and(crate::NetworkInterface::is_up);
        if was_up != is_up {
            self.connect(node, index, is_up);
        }
        self.tell_status(node, index, status);
        self.settle(node);
    }

    fn tell_status(&mut self, node: NodeId, index: InterfaceIndex, status: &InterfaceStatus) {
        for protocol in 0..self.nodes[node.0].installed.len() {
            let router = &self.nodes[node.0];
            if router.runs(protocol) && router.installed[protocol].interfaces.contains_key(&index) {
                let told = self.call(node, protocol, |now, process| {
                    process.interface_status(now, index, status)
                });
                if let Err(refusal) = told {
                    self.violate(format!("router {} refuses {status:?}: {refusal}", node.0));
                }
            }
        }
    }

    /// What the kernel and the host do when packets begin or cease to pass an interface.
    fn connect(&mut self, node: NodeId, index: InterfaceIndex, up: bool) {
        let now = self.now;
        let router = &mut self.nodes[node.0];
        let Some(prefix) = router.interface(index).map(|interface| interface.prefix) else {
            return;
        };
        let Some(life) = &mut router.life else { return };
        let flushed = if up { Vec::new() } else { life.fib.flush(index) };
        life.rtm.set_interface_usable(index, up);
        let change = if up {
            RouteChange::Set {
                prefix: prefix.into(),
                path: PathId(0),
                route: Route {
                    kind: RouteKind::Unicast,
                    next_hops: [NextHop::on(index)].into_iter().collect(),
                    metric: 0,
                    tag: 0,
                    preference: None,
                },
            }
        } else {
            RouteChange::Delete {
                prefix: prefix.into(),
                path: PathId(0),
            }
        };
        let connected = life.connected;
        let accepted = life.rtm.apply(now, connected, &[change]);
        for (prefix, old) in flushed {
            let new = self.nodes[node.0].fib().and_then(|fib| fib.get(prefix)).cloned();
            self.fib_changed(node, prefix, Some(old), new);
        }
        if !accepted.is_ok_and(|report| report.refused.is_empty()) {
            self.violate(format!("router {}: connected route refused", node.0));
        }
    }

    // Configuration

    /// Configures a protocol on an interface, the way an operator does: text, block, `prepare`, `set`.
    ///
    /// Refusals come back; broken laws are violations: what `prepare` accepts, `set` takes, what it refuses, `set` refuses,
    /// and what was set is what is read back.
    pub fn configure_interface(
        &mut self,
        node: NodeId,
        protocol: usize,
        index: InterfaceIndex,
        text: &Value,
    ) -> Result<Prepared, Refusal> {
        self.recorder.line(
            self.now,
            format_args!("router {} interface {index}: set {text}", node.0),
        );
        let router = &mut self.nodes[node.0];
        let codec = Arc::clone(&router.installed[protocol].program.codec);
        let block = codec.to_block(Scope::Interface, text)?;
        self.recorder.octets(&block.bytes);
        let known = router.installed[protocol].interfaces.contains_key(&index);
        let Some(running) = router.running(protocol).filter(|_| known) else {
            if router.runs(protocol) {
                self.add_interface(node, protocol, index, text)?;
            }
            self.nodes[node.0].installed[protocol]
                .interfaces
                .insert(index, text.clone());
            return Ok(Prepared::default());
        };
        let before = running.process.interface_info(index)?;
        let prepared = running.process.prepare_interface_info(index, &block);
        let set = self.call(node, protocol, |now, process| {
            process.set_interface_info(now, index, &block)
        });
        let after = match self.nodes[node.0].running(protocol) {
            Some(running) => running.process.interface_info(index)?,
            None => before.clone(),
        };
        let expected = if set.is_ok() { &block } else { &before };
        if codec.to_text(Scope::Interface, &after)? != codec.to_text(Scope::Interface, expected)? {
            self.violate(format!(
                "router {}: what was set on {index} is not what is read back",
                node.0
            ));
        }
        self.law_of_prepare(node, prepared.as_ref().err(), set.as_ref().err());
        if set.is_ok() {
            self.nodes[node.0].installed[protocol]
                .interfaces
                .insert(index, text.clone());
        }
        set.and(prepared)
    }

    /// Configures a protocol as a whole; as [`Self::configure_interface`].
    pub fn configure_global(
        &mut self,
        node: NodeId,
        protocol: usize,
        text: &Value,
    ) -> Result<Prepared, Refusal> {
        self.recorder
            .line(self.now, format_args!("router {}: set {text}", node.0));
        let router = &mut self.nodes[node.0];
        let codec = Arc::clone(&router.installed[protocol].program.codec);
        let block = codec.to_block(Scope::Global, text)?;
        self.recorder.octets(&block.bytes);
        let Some(running) = router.running(protocol) else {
            router.installed[protocol].global = text.clone();
            return Ok(Prepared::default());
        };
        let prepared = running.process.prepare_global_info(&block);
        let set = self.call(node, protocol, |now, process| {
            process.set_global_info(now, &block)
        });
        self.law_of_prepare(node, prepared.as_ref().err(), set.as_ref().err());
        if set.is_ok() {
            if let Some(running) = self.nodes[node.0].running(protocol) {
                let read = running.process.global_info()?;
                if codec.to_text(Scope::Global, &read)? != codec.to_text(Scope::Global, &block)? {
                    self.violate(format!(
                        "router {}: what was set is not what is read back",
                        node.0
                    ));
                }
            }
            self.nodes[node.0].installed[protocol].global = text.clone();
        }
        set.and(prepared)
    }

    /// Takes a protocol off an interface; it may say good-bye. Returns what was configured there.
    pub fn unconfigure_interface(
        &mut self,
        node: NodeId,
        protocol: usize,
        index: InterfaceIndex,
    ) -> Result<Value, Refusal> {
        self.recorder.line(
            self.now,
            format_args!("router {} interface {index}: unset", node.0),
        );
        let text = self.nodes[node.0].installed[protocol].interfaces.remove(&index);
        let text = text.ok_or_else(|| Refusal::failed("the protocol is not on the interface"))?;
        if self.nodes[node.0].runs(protocol) {
            self.call(node, protocol, |now, process| {
                process.delete_interface(now, index)
            })?;
        }
        Ok(text)
    }

    fn law_of_prepare(&mut self, node: NodeId, prepared: Option<&Refusal>, set: Option<&Refusal>) {
        if prepared != set {
            self.violate(format!(
                "router {}: prepare says {prepared:?}, set says {set:?}",
                node.0
            ));
        }
    }

    // Calls and what comes of them

    /// Calls a running protocol and does what it asks for.
    pub(crate) fn call<R>(
        &mut self,
        node: NodeId,
        protocol: usize,
        call: impl FnOnce(Now, &mut dyn Process) -> Result<R, Refusal>,
    ) -> Result<R, Refusal> {
        let mut result = Err(Refusal::failed("the protocol does not run"));
        self.input(node, protocol, |now, process, _| result = call(now, process));
        result
    }

    /// Hands a running protocol an input and does what it asks for.
    pub(crate) fn input(
        &mut self,
        node: NodeId,
        protocol: usize,
        input: impl FnOnce(Now, &mut dyn Process, &mut Recorder),
    ) {
        let now = self.clock();
        self.recorder.number(now.time.0);
        self.recorder.number((node.0 as u64) << 8 | protocol as u64);
        let running = self.nodes[node.0]
            .life
            .as_mut()
            .and_then(|life| life.running.get_mut(protocol)?.as_mut());
        if let Some(running) = running {
            input(now, running.process.as_mut(), &mut self.recorder);
            self.follow(node, protocol);
            self.settle(node);
            self.bury(node, protocol);
        }
    }

    pub(crate) fn deadline(&mut self, node: NodeId, protocol: usize) {
        let now = self.now;
        let Some(running) = self.running_mut(node, protocol) else {
            return;
        };
        running.armed = None;
        // Deadlines move without being taken out of the schedule.
        if running.process.next_deadline().is_some_and(|at| at <= now) {
            self.input(node, protocol, |now, process, recorder| {
                recorder.number(0xDEAD);
                process.deadline(now);
            });
        } else {
            self.arm(node, protocol);
        }
    }

    pub(crate) fn proceed(&mut self, node: NodeId, protocol: usize) {
        if let Some(running) = self.running_mut(node, protocol) {
            running.continuing = false;
            self.input(node, protocol, |now, process, _| process.proceed(now));
        }
    }

    fn running_mut(&mut self, node: NodeId, protocol: usize) -> Option<&mut Running> {
        self.nodes[node.0]
            .life
            .as_mut()?
            .running
            .get_mut(protocol)?
            .as_mut()
    }

    fn arm(&mut self, node: NodeId, protocol: usize) {
        let (now, incarnation) = (self.now, self.nodes[node.0].incarnation);
        let Some(running) = self.running_mut(node, protocol) else {
            return;
        };
        let Some(at) = running.process.next_deadline().map(|at: Time| at.max(now)) else {
            return;
        };
        if running.armed.is_none_or(|armed| at < armed) {
            running.armed = Some(at);
            self.schedule.push(
                at,
                Event::Deadline {
                    node,
                    incarnation,
                    protocol,
                },
            );
        }
    }

    /// Does what a protocol's outbox asks for.
    fn follow(&mut self, node: NodeId, protocol: usize) {
        let incarnation = self.nodes[node.0].incarnation;
        let Some(running) = self.running_mut(node, protocol) else {
            return;
        };
        let mut out = std::mem::take(running.process.outbox());
        let routes = out.take_routes();
        let again = out.take_again() && !running.continuing;
        running.continuing |= again;
        while let Some(event) = self
            .running_mut(node, protocol)
            .and_then(|running| running.process.next_event())
        {
            if event != ProtocolEvent::RouterStopped {
                self.recorder
                    .line(self.now, format_args!("router {}: {event:?}", node.0));
            }
        }
        let mut stored = Vec::new();
        for output in out.outputs() {
            if let Output::Persist(key, value) = output {
                stored.push((key.clone(), value.clone()));
            }
            match output {
                Output::Send(datagram) => self.transmit(
                    node,
                    protocol,
                    datagram.port,
                    datagram.destination,
                    datagram.options,
                    out.octets(datagram),
                ),
                other => self.serve_output(node, protocol, other),
            }
        }
        out.clear();
        if let Some(running) = self.running_mut(node, protocol) {
            *running.process.outbox() = out;
        }
        if again {
            self.schedule.push(
                self.now,
                Event::Continue {
                    node,
                    incarnation,
                    protocol,
                },
            );
        }
        self.apply_routes(node, protocol, &routes);
        self.arm(node, protocol);
        for (key, value) in stored {
            self.input(node, protocol, |now, process, _| {
                process.persisted(now, &key, &value);
            });
        }
    }

    fn serve_output(&mut self, node: NodeId, protocol: usize, output: &Output) {
        match output {
            Output::OpenPort(id, spec) => {
                self.recorder.number(0x0B_0000 | u64::from(id.0));
                let Some(running) = self.running_mut(node, protocol) else {
                    return;
                };
                match running.ports.get_mut(id) {
                    // In place: what waits in the queue stays there.
                    Some(port) => port.spec = spec.clone(),
                    None => {
                        let port = Port {
                            spec: spec.clone(),
                            queue: VecDeque::new(),
                            queued_octets: 0,
                        };
                        running.ports.insert(*id, port);
                    }
                }
            }
            Output::ClosePort(id) => {
                self.recorder.number(0xC0_0000 | u64::from(id.0));
                let closed = self
                    .running_mut(node, protocol)
                    .and_then(|running| running.ports.remove(id));
                if closed.is_none() {
                    self.violate(format!(
                        "router {} closes port {} which is not open",
                        node.0, id.0
                    ));
                }
            }
            Output::Persist(key, value) => {
                self.recorder.text(key);
                self.recorder.octets(value);
                let storage = &mut self.nodes[node.0].installed[protocol].storage;
                if value.is_empty() {
                    storage.remove(key);
                } else {
                    storage.insert(key.clone(), value.clone());
                }
            }
            Output::Interest(interest) => {
                let own = self.nodes[node.0].installed[protocol].program.protocol;
                let mut owners = interest.owners.clone();
                owners.retain(|owner| *owner != own);
                self.subscribe(node, protocol, owners);
            }
            Output::Notice(notice) => {
                self.recorder.text(&notice.text);
                self.recorder.line(
                    self.now,
                    format_args!(
                        "router {} interface {:?}: {}",
                        node.0, notice.interface, notice.text
                    ),
                );
            }
            Output::Send(_) => {}
        }
    }

    fn subscribe(&mut self, node: NodeId, protocol: usize, owners: Vec<waypost_types::ProtocolId>) {
        let Some(life) = &mut self.nodes[node.0].life else {
            return;
        };
        let Some(Some(running)) = life.running.get_mut(protocol) else {
            return;
        };
        let owners = Some(owners.into_iter().collect());
        // As the host does: a subscription that is there keeps what waits in it.
        let subscribed = match running.interest {
            Some(interest) => life.rtm.set_owners(interest, owners).map(|()| interest),
            None => life.rtm.subscribe(SubscriberConfig {
                owners,
                ..SubscriberConfig::new(SubscriberKind::Best)
            }),
        };
        let subscribed = subscribed.and_then(|interest| {
            running.interest = Some(interest);
            life.rtm.replay(interest)
        });
        if let Err(error) = subscribed {
            self.violate(format!("router {}: subscription refused: {error}", node.0));
        }
    }

    fn apply_routes(&mut self, node: NodeId, protocol: usize, routes: &[RouteChange]) {
        if routes.is_empty() {
            return;
        }
        self.recorder.number(routes.len() as u64);
        let now = self.now;
        let Some(life) = &mut self.nodes[node.0].life else {
            return;
        };
        let Some(Some(running)) = life.running.get(protocol) else {
            return;
        };
        match life.rtm.apply(now, running.entity, routes) {
            Ok(report) if report.refused.is_empty() => {}
            other => self.violate(format!("router {}: routes refused: {other:?}", node.0)),
        }
    }

    /// Brings forwarding table and protocols up to date with the routing table.
    pub(crate) fn settle(&mut self, node: NodeId) {
        let (now, incarnation) = (self.now, self.nodes[node.0].incarnation);
        loop {
            let Some(life) = &mut self.nodes[node.0].life else {
                return;
            };
            while life.rtm.is_sweeping() {
                life.rtm.sweep(now, SLICE);
            }
            life.rtm.expire(now);
            let forwarding = life.forwarding;
            let changes = life.rtm.drain_forwarding(forwarding, SLICE).unwrap_or_default();
            let idle = changes.is_empty();
            for change in changes {
                let Prefix::V4(prefix) = change.prefix else {
                    continue;
                };
                if let Some(life) = &mut self.nodes[node.0].life {
                    let old = life.fib.set(prefix, change.forwarding.as_ref());
                    let new = life.fib.get(prefix).cloned();
                    self.fib_changed(node, prefix, old, new);
                }
            }
            for protocol in 0..self.nodes[node.0].installed.len() {
                let Some(life) = &mut self.nodes[node.0].life else {
                    return;
                };
                let Some(Some(running)) = life.running.get_mut(protocol) else {
                    continue;
                };
                let Some(interest) = running.interest.filter(|_| !running.expecting) else {
                    continue;
                };
                running.expecting = life
                    .rtm
                    .pending(interest)
                    .is_ok_and(|pending| !pending.is_empty());
                if running.expecting {
                    self.schedule.push(
                        now + NEWS_DELAY,
                        Event::News {
                            node,
                            incarnation,
                            protocol,
                        },
                    );
                }
            }
            if idle {
                return;
            }
        }
    }

    /// The routing table's news reach a protocol.
    pub(crate) fn tell_news(&mut self, node: NodeId, protocol: usize) {
        let Some(life) = &mut self.nodes[node.0].life else {
            return;
        };
        let Some(Some(running)) = life.running.get_mut(protocol) else {
            return;
        };
        running.expecting = false;
        let Some(interest) = running.interest else {
            return;
        };
        let notices: Vec<_> = life
            .rtm
            .drain(interest, SLICE)
            .unwrap_or_default()
            .into_iter()
            .map(|change| change.notice)
            .collect();
        self.recorder.number(notices.len() as u64);
        self.input(node, protocol, |now, process, _| process.routes(now, &notices));
    }

    fn fib_changed(&mut self, node: NodeId, prefix: Prefix4, old: Option<FibEntry>, new: Option<FibEntry>) {
        if old == new {
            return;
        }
        self.counts.fib_changes += 1;
        self.recorder.number(u64::from(u32::from(prefix.network())));
        for hop in new.iter().flat_map(|entry| &entry.next_hops) {
            self.recorder.number(u64::from(hop.interface.0));
        }
        self.recorder.line(
            self.now,
            format_args!(
                "router {} FIB {prefix}: {} -> {}",
                node.0,
                entry_text(old.as_ref()),
                entry_text(new.as_ref())
            ),
        );
        if let Some(watched) = &mut self.watched {
            watched.push(FibChange {
                at: self.now,
                node,
                prefix,
                old,
                new,
            });
        }
    }
}

fn entry_text(entry: Option<&FibEntry>) -> String {
    entry.map_or_else(
        || "none".to_owned(),
        |entry| {
            let hops: Vec<String> = entry
                .next_hops
                .iter()
                .map(|hop| {
                    let gateway = hop
                        .gateway
                        .map_or_else(|| "link".to_owned(), |gateway| gateway.to_string());
                    format!("{gateway}%{}", hop.interface)
                })
                .collect();
            format!("{} metric {}", hops.join(" "), entry.metric)
        },
    )
}
