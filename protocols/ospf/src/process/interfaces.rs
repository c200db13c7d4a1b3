//! Interfaces come, change and go (RFC 2328 §9).

use std::net::Ipv4Addr;

use smallvec::SmallVec;
use waypost_engine::{Now, Outbox, PortSpec, Severity, Transport};

use super::{Deferred, Domain, Ospf, RestartExit, Timer};
use crate::interface::election::{Candidate, elect};
use crate::interface::machine::{Action, Event, State, started, transition};
use crate::interface::{Attachment, Interface, InterfaceId};
use crate::neighbor::machine::{Event as NeighborEvent, State as NeighborState};
use crate::packet::{ALL_D_ROUTERS, ALL_SPF_ROUTERS, OSPF_PROTOCOL};
use crate::parameters::{InterfaceParameters, NetworkType};

impl Ospf {
    /// Brings an interface to these parameters and this attachment, whatever it was before. Only what must start anew does:
    /// another area, network type or address, or an interface that was or becomes passive or a loopback. Everything else takes
    /// effect where it is.
    pub fn set_interface(
        &mut self,
        now: Now,
        id: InterfaceId,
        parameters: InterfaceParameters,
        attachment: Attachment,
        out: &mut Outbox,
    ) {
        let Some(interface) = self.interfaces.get_mut(&id) else {
            self.interfaces
                .insert(id, Interface::new(id, parameters, attachment));
            self.bring_up(now, id, out);
            self.settle(now, out);
            return;
        };
        let old = std::mem::replace(&mut interface.parameters, parameters);
        let old_attachment = std::mem::replace(&mut interface.attachment, attachment);
        let (new, attachment) = (&interface.parameters, &interface.attachment);
        let same_place = (old.area, old.network, old.passive) == (new.area, new.network, new.passive)
            && (old_attachment.up, old_attachment.address, old_attachment.prefix)
                == (attachment.up, attachment.address, attachment.prefix);
        if same_place {
            self.apply_live(now, id, &old, out);
        } else {
            // The interface goes down as it was: its neighbours are in the old area.
            let (new, attachment) = (new.clone(), attachment.clone());
            let area = old.area;
            interface.parameters = old;
            interface.attachment = old_attachment;
            self.interface_event(now, id, Event::InterfaceDown, out);
            if let Some(interface) = self.interfaces.get_mut(&id) {
                interface.parameters = new;
                interface.attachment = attachment;
            }
            self.router_lsas.insert(area);
            self.bring_up(now, id, out);
            self.settle_at_once(now, out);
            self.forget_area(area);
        }
        self.settle(now, out);
    }

    /// The interface is gone, or OSPF does not run on it any more.
    pub fn remove_interface(&mut self, now: Now, id: InterfaceId, out: &mut Outbox) {
        self.interface_event(now, id, Event::InterfaceDown, out);
        self.settle(now, out);
        if let Some(interface) = self.interfaces.remove(&id) {
            self.forget_area(interface.parameters.area);
        }
        self.databases.remove(Domain::Link(id));
        self.wishes.retain(|(domain, _), _| *domain != Domain::Link(id));
        self.settle(now, out);
    }

    /// Drops the database of an area that no interface is in any more: nobody is there to keep it fresh.
    fn forget_area(&mut self, area: crate::AreaId) {
        let used = self
            .interfaces
            .values()
            .any(|interface| interface.parameters.area == area);
        if !used {
            self.databases.remove(Domain::Area(area));
            self.calculate_anew();
            self.wishes.retain(|(domain, _), _| *domain != Domain::Area(area));
            self.expired.retain(|(domain, _)| *domain != Domain::Area(area));
            self.routing
                .ids
                .retain(|(domain, _), _| *domain != Domain::Area(area));
        }
    }

    pub(super) fn bring_up(&mut self, now: Now, id: InterfaceId, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get(&id) else {
            return;
        };
        let area = interface.parameters.area;
        self.databases.ensure(Domain::Area(area));
        if !interface.attachment.up || self.router.is_none() {
            return;
        }
        let event = if interface.parameters.network == NetworkType::Loopback {
            Event::LoopInd
        } else {
            Event::InterfaceUp
        };
        self.interface_event(now, id, event, out);
    }

    /// Takes over parameters that need no restart.
    pub(super) fn apply_live(
        &mut self,
        now: Now,
        id: InterfaceId,
        old: &InterfaceParameters,
        out: &mut Outbox,
    ) {
        let Some(interface) = self.interfaces.get(&id) else {
            return;
        };
        let new = &interface.parameters;
        let area = new.area;
        let priority = new.priority != old.priority;
        let said =
            priority || (new.hello, new.hello_field, new.dead) != (old.hello, old.hello_field, old.dead);
        let speaks = interface.speaks();
        let configured = new.neighbors != old.neighbors;
        self.router_lsas.insert(area);
        self.network_lsas.insert(id);
        if !speaks {
            return;
        }
        self.sync_port(id, out);
        if priority {
            self.defer(Deferred::NeighborChange(id));
        }
        if said {
            // Neighbours compare what Hellos say with their own: they hear of it now, not at the end of the old interval.
            self.timers.set(Timer::Hello(id), now.time);
            self.hello_timer_if_due(now, id, out);
        }
        if configured {
            self.meet_configured_neighbors(now, id, out);
        }
    }

    fn hello_timer_if_due(&mut self, now: Now, id: InterfaceId, out: &mut Outbox) {
        if self
            .timers
            .get(&Timer::Hello(id))
            .is_some_and(|at| at <= now.time)
        {
            self.hello_timer(now, id, out);
        }
    }

    /// Something happened to an interface (RFC 2328 §9.3).
    pub(super) fn interface_event(&mut self, now: Now, id: InterfaceId, event: Event, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&id) else {
            return;
        };
        let old = interface.state;
        let transition = transition(old, event);
        let next = match transition.action {
            Action::Nothing => transition.next,
            Action::Start => Some(self.start_interface(now, id, out)),
            Action::Elect => Some(self.hold_election(now, id)),
            Action::Reset => {
                self.reset_interface(now, id, out);
                transition.next
            }
        };
        if let Some(next) = next {
            self.take_state(now, id, next, out);
        }
    }

    /// An interface is in another state, or in the same.
    pub(super) fn take_state(&mut self, now: Now, id: InterfaceId, next: State, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&id) else {
            return;
        };
        let old = interface.state;
        interface.state = next;
        if old == next {
            return;
        }
        interface.counters.events += 1;
        self.router_lsas.insert(interface.parameters.area);
        self.network_lsas.insert(id);
        self.note_restart();
        if (old == State::Down) != (next == State::Down) {
            // Whether this is an area border router may be another matter now.
            self.router_lsas.extend(self.databases.areas.keys());
            self.reconsider();
            self.defer(Deferred::Externals);
        }
        if next > State::Waiting {
            self.timers.cancel(&Timer::Wait(id));
        }
        self.sync_port(id, out);
        if old <= State::Loopback && next > State::Loopback {
            self.hello_timer(now, id, out);
            self.meet_configured_neighbors(now, id, out);
        }
    }

    fn start_interface(&mut self, now: Now, id: InterfaceId, _out: &mut Outbox) -> State {
        let Some(interface) = self.interfaces.get(&id) else {
            return State::Down;
        };
        let parameters = &interface.parameters;
        let elects = parameters.network.has_election();
        if parameters.passive {
            // Nobody is spoken to, so there is nobody to wait for.
            return started(elects, 0);
        }
        let state = started(elects, parameters.priority);
        if state == State::Waiting {
            self.timers.set(Timer::Wait(id), now.time + parameters.wait);
        }
        state
    }

    fn reset_interface(&mut self, now: Now, id: InterfaceId, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&id) else {
            return;
        };
        interface.designated_router = Ipv4Addr::UNSPECIFIED;
        interface.backup = Ipv4Addr::UNSPECIFIED;
        let keys: Vec<Ipv4Addr> = interface.neighbors.keys().copied().collect();
        for key in keys {
            self.neighbor_event(now, id, key, NeighborEvent::KillNbr, out);
            self.timers.cancel(&Timer::Poll(id, key));
            self.timers.cancel(&Timer::Grace(id, key));
        }
        for timer in [Timer::Hello(id), Timer::Wait(id), Timer::Acknowledge(id)] {
            self.timers.cancel(&timer);
        }
        if let Some(interface) = self.interfaces.get_mut(&id) {
            interface.neighbors.clear();
            interface.floods.clear();
            interface.acknowledgments.clear();
        }
        self.databases.remove(Domain::Link(id));
    }

    /// Brings the port to what the interface needs: opened, changed in place, or closed.
    pub(super) fn sync_port(&mut self, id: InterfaceId, out: &mut Outbox) {
        let (Some(interface), Some(port), Some(index)) =
            (self.interfaces.get_mut(&id), id.port(), id.index())
        else {
            return;
        };
        // What comes over a virtual link has crossed routers: with one through its area, every packet is looked at here instead.
        let area = interface.parameters.area;
        let carries = self
            .parameters
            .virtual_links
            .keys()
            .any(|(transit, _)| *transit == area);
        let wanted = interface.speaks().then(|| {
            let parameters = &interface.parameters;
            let mut groups = SmallVec::new();
            if parameters.network.has_multicast() {
                groups.push(ALL_SPF_ROUTERS);
                if interface.is_designated() {
                    groups.push(ALL_D_ROUTERS);
                }
            }
            PortSpec {
                transport: Transport::Raw(OSPF_PROTOCOL),
                interface: index,
                groups,
                broadcast: false,
                ttl: parameters.ttl,
                multicast_ttl: parameters.ttl,
                minimum_ttl: if carries { 0 } else { parameters.minimum_ttl },
                dscp: parameters.dscp,
                receive_buffer: parameters.receive_buffer,
            }
        });
        if interface.port == wanted {
            return;
        }
        interface.port.clone_from(&wanted);
        match wanted {
            Some(spec) => out.open_port(port, spec),
            None => out.close_port(port),
        }
    }

    /// A port could not be opened or changed, and is closed now. It is asked for again with every Hello.
    pub fn port_failed(&mut self, id: InterfaceId, error: &str, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get_mut(&id) else {
            return;
        };
        interface.port = None;
        let news = interface.counters.port_failures == 0;
        interface.counters.port_failures += 1;
        if news {
            let text = format!("no port, so OSPF neither hears nor says anything there: {error}");
            self.notice(id, out, Severity::Error, text);
        }
    }

    /// The kernel did not take packets that were to be sent.
    pub fn send_failed(&mut self, id: InterfaceId, packets: u32) {
        if let Some(interface) = self.interfaces.get_mut(&id) {
            interface.counters.send_failures += u64::from(packets);
        }
    }

    /// RFC 2328 §9.4.
    fn hold_election(&mut self, now: Now, id: InterfaceId) -> State {
        let (Some(router), Some(interface)) = (self.router, self.interfaces.get_mut(&id)) else {
            return State::Down;
        };
        // RFC 3623 §3.2: who was elected stays so while it restarts.
        let elected = [interface.designated_router, interface.backup];
        if interface
            .helped()
            .any(|(_, neighbor)| elected.contains(&neighbor.address))
        {
            return interface.state;
        }
        let own = Candidate {
            router,
            address: interface.address(),
            priority: interface.parameters.priority,
            designated_router: interface.designated_router,
            backup: interface.backup,
        };
        let others = interface
            .neighbors
            .values()
            .filter(|neighbor| neighbor.state >= NeighborState::TwoWay)
            .map(|neighbor| Candidate {
                router: neighbor.router,
                address: neighbor.address,
                priority: neighbor.priority,
                designated_router: neighbor.designated_router,
                backup: neighbor.backup,
            });
        let outcome = elect(own, others);
        let state = outcome.state(own.address);
        let changed =
            (interface.designated_router, interface.backup) != (outcome.designated_router, outcome.backup);
        interface.designated_router = outcome.designated_router;
        interface.backup = outcome.backup;
        let area = interface.parameters.area;
        if changed {
            self.router_lsas.insert(area);
            self.network_lsas.insert(id);
            // Step 7; whoever was or is elected is in the list of those to be adjacent with.
            self.defer(Deferred::AdjOk(id));
            // Others hear who was elected now, not at the end of the interval: their elections wait for it.
            self.timers.set(Timer::Hello(id), now.time);
        }
        state
    }

    /// Looks at all adjacencies of an interface again (RFC 2328 §10.3, AdjOK?).
    pub(super) fn look_at_adjacencies(&mut self, now: Now, id: InterfaceId, out: &mut Outbox) {
        let Some(interface) = self.interfaces.get(&id) else {
            return;
        };
        let keys: Vec<Ipv4Addr> = interface
            .neighbors
            .iter()
            .filter(|(_, neighbor)| neighbor.state >= NeighborState::TwoWay)
            .map(|(key, _)| *key)
            .collect();
        for key in keys {
            self.neighbor_event(now, id, key, NeighborEvent::AdjOk, out);
        }
    }

    /// Another router identifier: everything we said so far was said by somebody else, so every interface starts anew.
    pub fn set_router(&mut self, now: Now, router: Option<Ipv4Addr>, out: &mut Outbox) {
        if self.router == router {
            return;
        }
        if self.router.is_some() {
            self.end_restart(now, RestartExit::Abandoned, out);
        }
        self.leave_behind(now);
        // What we originated is taken back while there are neighbours to hear it.
        self.withdraw_all(now, out);
        self.settle(now, out);
        let ids: Vec<InterfaceId> = self.interfaces.keys().copied().collect();
        for id in &ids {
            self.interface_event(now, *id, Event::InterfaceDown, out);
        }
        self.lose_virtual_links();
        self.router_lsas.clear();
        self.network_lsas.clear();
        self.wishes.clear();
        self.timers.retain(|timer| !matches!(timer, Timer::Originate(..)));
        self.routing.ids.clear();
        self.router = router;
        if let Some(router) = router {
            let text = format!("every interface starts anew with router identifier {router}");
            self.log(None, out, Severity::Info, text);
        }
        for id in ids {
            self.bring_up(now, id, out);
        }
        self.say_externals(now, out);
        self.reconsider();
        self.settle(now, out);
    }
}
