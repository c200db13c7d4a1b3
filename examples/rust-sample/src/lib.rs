//! Beacon, a small routing protocol as a module in Rust, to start one's own from. It says and understands what
//! examples/c-sample does.
//!
//! A router says every few seconds, by multicast on each of its interfaces, which prefixes can be reached through it. Who
//! hears that has a route to them through the sender for as long as it was told.
//!
//! The protocol is a state machine: it is told what happened and what time it is, and says what is to be done. Sockets, timers,
//! threads, configuration and the routing table are in the cell that `exported` puts around it.

mod blocks;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use serde_json::{Value, json};
use waypost_engine::{
    Engine, Input, MibOperation, MibReply, Now, Outbox, PortId, PortSpec, Target, TimerQueue, Transport,
    TxOptions,
};
use waypost_routprot::{Event, Functionality, Impact, InterfaceStatus, Refusal, Status, Topic};
use waypost_types::{InterfaceIndex, NextHop, PathId, Prefix4, ProtocolId, Route, RouteKind, Seed, Time};

pub use blocks::{Global, Interface};
use blocks::{read_prefixes, write_prefixes};

waypost_routprot_abi::export_protocol!(Beacon::PROTOCOL => || {
    // A panic in here is told to the router, which does without the protocol.
    waypost_host::protocol::exported::<Beacon>().unwrap_or_else(|error| panic!("beacon: {error}"))
});

const PORT: u16 = 5520;
const GROUP: Ipv4Addr = Ipv4Addr::new(239, 255, 0, 87);
const MAGIC: [u8; 4] = *b"BCN1";

/// Something that was heard: what, where, and from whom.
type Heard = (Prefix4, InterfaceIndex, Ipv4Addr);

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Announce(InterfaceIndex),
    Forget(Heard),
}

#[derive(Default)]
struct Link {
    config: Option<Interface>,
    address: Option<Ipv4Addr>,
    enabled: bool,
    has_port: bool,
}

/// The protocol.
#[derive(Default)]
pub struct Beacon {
    global: Global,
    links: BTreeMap<InterfaceIndex, Link>,
    heard: BTreeSet<Heard>,
    timers: TimerQueue<Timer>,
    /// Between StartComplete and Stop.
    running: bool,
}

impl Beacon {
    /// Opens or closes the port of an interface, as it can be used or not.
    fn update(&mut self, now: Time, index: InterfaceIndex, out: &mut Outbox) {
        let running = self.running;
        let Some(link) = self.links.get_mut(&index) else {
            return;
        };
        let wanted = running && link.enabled && link.address.is_some() && link.config.is_some();
        if wanted {
            let spec = PortSpec {
                transport: Transport::Udp(PORT),
                interface: index,
                groups: [GROUP].into_iter().collect(),
                broadcast: false,
                ttl: 1,
                multicast_ttl: 1,
                minimum_ttl: 0,
                dscp: 0,
                receive_buffer: 1 << 18,
            };
            out.open_port(PortId(index.0), spec);
            self.timers.set(Timer::Announce(index), now);
        } else if link.has_port {
            out.close_port(PortId(index.0));
            self.timers.cancel(&Timer::Announce(index));
            let gone: Vec<_> = self
                .heard
                .iter()
                .filter(|heard| heard.1 == index)
                .copied()
                .collect();
            gone.into_iter().for_each(|heard| self.forget(heard, out));
        }
        if let Some(link) = self.links.get_mut(&index) {
            link.has_port = wanted;
        }
    }

    fn say(&self, index: InterfaceIndex, hold: u32, out: &mut Outbox) {
        let Some(Link {
            config: Some(config),
            has_port: true,
            ..
        }) = self.links.get(&index)
        else {
            return;
        };
        // INVARIANT: both were checked to be small enough.
        let numbers = [hold as u16, config.prefixes.len() as u16].map(u16::to_be_bytes);
        let head = MAGIC.into_iter().chain(numbers.into_iter().flatten());
        let octets: Vec<u8> = head.chain(write_prefixes(&config.prefixes)).collect();
        let group = SocketAddr::from((GROUP, PORT));
        out.send(PortId(index.0), group, TxOptions::default(), &octets);
    }

    /// A beacon that is none is left alone.
    fn hear(&mut self, now: Time, index: InterfaceIndex, sender: Ipv4Addr, octets: &[u8], out: &mut Outbox) {
        let is_ours = self
            .links
            .get(&index)
            .is_none_or(|link| !link.has_port || link.address == Some(sender));
        let Some(([magic @ .., h1, h0, n1, n0], tail)) = octets.split_first_chunk::<8>() else {
            return;
        };
        let prefixes = read_prefixes(tail, u16::from_be_bytes([*n1, *n0]).into());
        let (Some(prefixes), MAGIC, false) = (prefixes, *magic, is_ours) else {
            return;
        };
        let hold = Duration::from_secs(u16::from_be_bytes([*h1, *h0]).into());
        for prefix in prefixes {
            let heard = (prefix, index, sender);
            if hold.is_zero() {
                self.forget(heard, out);
                continue;
            }
            self.timers.set(Timer::Forget(heard), now + hold);
            if self.heard.insert(heard) {
                self.settle(prefix, out);
            }
        }
    }

    fn forget(&mut self, heard: Heard, out: &mut Outbox) {
        self.timers.cancel(&Timer::Forget(heard));
        if self.heard.remove(&heard) {
            self.settle(heard.0, out);
        }
    }

    /// Makes the best of what was heard of a prefix the route to it.
    fn settle(&self, prefix: Prefix4, out: &mut Outbox) {
        let last = (prefix, InterfaceIndex(u32::MAX), Ipv4Addr::BROADCAST);
        let all = self
            .heard
            .range((prefix, InterfaceIndex(0), Ipv4Addr::UNSPECIFIED)..=last);
        let metric = |index| Some(self.links.get(index)?.config.as_ref()?.metric);
        let best = all
            .filter_map(|(_, index, sender)| Some((metric(index)?, *index, *sender)))
            .min();
        let Some((metric, index, sender)) = best else {
            return out.delete_route(prefix, PathId(0));
        };
        let route = Route {
            kind: RouteKind::Unicast,
            next_hops: [NextHop::via(sender.into(), index)].into_iter().collect(),
            metric,
            tag: 0,
            preference: u8::try_from(self.global.preference)
                .ok()
                .filter(|preference| *preference > 0),
        };
        out.set_route(prefix, PathId(0), route);
    }

    /// Another metric or preference.
    fn settle_all(&self, out: &mut Outbox) {
        let prefixes: BTreeSet<_> = self.heard.iter().map(|heard| heard.0).collect();
        prefixes.into_iter().for_each(|prefix| self.settle(prefix, out));
    }

    fn status(&mut self, index: InterfaceIndex, status: &InterfaceStatus) {
        let Some(link) = self.links.get_mut(&index) else {
            return;
        };
        match status {
            InterfaceStatus::AddressChange(binding) => {
                link.address = binding.addresses.first().map(|local| local.address);
            }
            InterfaceStatus::Enabled | InterfaceStatus::MediaPresent => link.enabled = true,
            InterfaceStatus::Disabled | InterfaceStatus::MediaAbsent => link.enabled = false,
        }
    }

    fn due(&mut self, now: Time, out: &mut Outbox) {
        while let Some(timer) = self.timers.pop_due(now) {
            match timer {
                Timer::Forget(heard) => self.forget(heard, out),
                Timer::Announce(index) => {
                    let config = self.links.get(&index).and_then(|link| link.config.as_ref());
                    let Some(Interface { hold, announce, .. }) = config else {
                        continue;
                    };
                    self.say(index, *hold, out);
                    let next = now + Duration::from_secs((*announce).into());
                    self.timers.set(Timer::Announce(index), next);
                }
            }
        }
    }
}

impl Engine for Beacon {
    type Global = Global;
    type Interface = Interface;

    const PROTOCOL: ProtocolId = ProtocolId(0x3FFF_0001);
    const NAME: &'static str = "beacon";
    const TITLE: &'static str = "Beacon";
    const FUNCTIONALITY: Functionality = Functionality::RF_ROUTING;

    fn new(_seed: Seed) -> Self {
        Self::default()
    }

    fn impact(&self, _: Target, option: &str, _: Option<&Value>, _: Option<&Value>) -> (Impact, String) {
        (Impact::Live, format!("{option} is taken over at once"))
    }

    fn handle(&mut self, now: Now, input: Input<'_, Global, Interface>, out: &mut Outbox) {
        let now = now.time;
        match input {
            Input::Start { global, .. } => self.global = global,
            Input::StartComplete => {
                self.running = true;
                let all: Vec<_> = self.links.keys().copied().collect();
                all.into_iter().for_each(|index| self.update(now, index, out));
            }
            Input::SetGlobal(global) => {
                self.global = global;
                self.settle_all(out);
            }
            Input::AddInterface { identity, config } => {
                let link = Link {
                    config,
                    ..Link::default()
                };
                self.links.insert(identity.index, link);
            }
            Input::SetInterface { index, config } => {
                if let Some(link) = self.links.get_mut(&index) {
                    link.config = Some(config);
                }
                self.update(now, index, out);
                self.settle_all(out);
            }
            Input::DeleteInterface(index) => {
                self.status(index, &InterfaceStatus::Disabled);
                self.update(now, index, out);
                self.links.remove(&index);
            }
            Input::Status { index, status } => {
                self.status(index, status);
                self.update(now, index, out);
            }
            Input::Packet { meta, octets, .. } => {
                if let IpAddr::V4(sender) = meta.source.ip() {
                    self.hear(now, meta.interface, sender, octets, out);
                }
            }
            Input::Deadline => self.due(now, out),
            Input::Stop => {
                // Nobody need wait for what it knows of us to grow old.
                self.links.keys().for_each(|index| self.say(*index, 0, out));
                self.running = false;
                self.timers = TimerQueue::new();
                out.event(Event::RouterStopped);
            }
            // Nothing else concerns it: what cannot be sent or opened now is tried again with the next beacon or change.
            _ => {}
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        self.timers.next_deadline()
    }

    fn show(&self, _now: Now, _topic: Topic) -> Result<Value, Refusal> {
        Ok(json!({ "interfaces": self.links.len(), "heard": self.heard.len() }))
    }

    fn mib(&mut self, _: Now, _: MibOperation, _: &[u8]) -> Result<MibReply, Refusal> {
        Err(Refusal::new(Status::ERROR_NOT_SUPPORTED, "it has no MIB"))
    }
}
