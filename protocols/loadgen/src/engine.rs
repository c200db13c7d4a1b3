//! The engine: configuration and interfaces in, routes out.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::Value;
use waypost_engine::{Engine, Input, MibOperation, MibReply, Now, Outbox, Target};
use waypost_routprot::{Event, Functionality, Impact, InterfaceStatus, Refusal, Topic};
use waypost_types::{InterfaceIndex, NextHop, PathId, Prefix, ProtocolId, Route, RouteKind, Seed, Time};

use crate::config::{GlobalConfig, InterfaceConfig};
use crate::mix;
use crate::work::{FAMILIES, Step, Work};

/// The path of every route: there is one to a destination.
const PATH: PathId = PathId(0);

/// Where the engine is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Interfaces are still being added.
    Starting,
    /// Routes come and go.
    Running,
    /// Nothing happens any more.
    Stopped,
}

/// An interface that routes go out of.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) name: String,
    config: InterfaceConfig,
    enabled: bool,
    media: bool,
}

impl Link {
    pub(crate) fn is_up(&self) -> bool {
        self.enabled && self.media
    }
}

/// What was done since the start.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counters {
    pub(crate) announced: u64,
    pub(crate) withdrawn: u64,
}

/// The load generator.
#[derive(Debug)]
pub struct LoadGenerator {
    pub(crate) global: GlobalConfig,
    pub(crate) links: BTreeMap<InterfaceIndex, Link>,
    pub(crate) phase: Phase,
    pub(crate) work: Work,
    pub(crate) counters: Counters,
    /// The next hops of each family, in the order of interfaces and their gateways.
    pub(crate) hops: [Vec<NextHop>; 2],
}

impl LoadGenerator {
    /// What routes look like follows from this.
    fn looks(&self) -> (Option<RouteKind>, Option<u32>, Option<u32>, Option<u8>) {
        let global = &self.global;
        (global.kind, global.metric, global.tag, global.next_hops)
    }

    fn set_global(&mut self, now: Time, global: GlobalConfig) {
        let before = self.looks();
        self.global = global;
        self.work.configure(now, &self.global);
        if self.looks() != before {
            FAMILIES.iter().for_each(|&family| self.work.refresh(family));
        }
        self.find_hops();
    }

    /// Collects the next hops anew; routes that have others now are announced again.
    fn find_hops(&mut self) {
        let mut hops = [Vec::new(), Vec::new()];
        for (&index, link) in self.links.iter().filter(|(_, link)| link.is_up()) {
            let given = |family: usize| {
                let gateways = link.config.gateways.iter();
                gateways.filter(move |gateway| usize::from(gateway.is_ipv6()) == family)
            };
            for family in FAMILIES {
                hops[family].extend(given(family).map(|gateway| via(*gateway, index)));
            }
            if link.config.gateways.is_empty() {
                FAMILIES
                    .iter()
                    .for_each(|&family| hops[family].push(NextHop::on(index)));
            }
        }
        for family in FAMILIES {
            if hops[family] != self.hops[family] {
                self.work.refresh(family);
            }
        }
        self.hops = hops;
        let wanted = [self.global.routes, self.global.routes6].map(Option::unwrap_or_default);
        let possible = |family: usize| !self.is_unicast() || !self.hops[family].is_empty();
        self.work
            .want(FAMILIES.map(|family| if possible(family) { wanted[family] } else { 0 }));
    }

    fn is_unicast(&self) -> bool {
        self.global.kind.unwrap_or_default() == RouteKind::Unicast
    }

    fn route(&self, family: usize, number: u32, variant: u32) -> Route {
        let hops = &self.hops[family];
        let kind = self.global.kind.unwrap_or_default();
        let next_hops = if kind == RouteKind::Unicast && !hops.is_empty() {
            let count = usize::from(self.global.next_hops.unwrap_or(1)).min(hops.len());
            let first = (number as usize).wrapping_add(variant as usize) % hops.len();
            hops.iter().cycle().skip(first).take(count).copied().collect()
        } else {
            std::iter::empty().collect()
        };
        Route {
            kind,
            next_hops,
            // The highest number means none in RRAS's rows.
            metric: self
                .global
                .metric
                .unwrap_or(1)
                .saturating_add(variant & 1)
                .min(u32::MAX - 1),
            tag: self.global.tag.unwrap_or(0),
            preference: None,
        }
    }

    fn run(&mut self, now: Time, out: &mut Outbox) {
        let mut steps = Vec::new();
        if self.work.run(now, |step| steps.push(step)) {
            out.again();
        }
        for step in steps {
            match step {
                Step::Announce {
                    family,
                    number,
                    variant,
                } => {
                    self.counters.announced += 1;
                    let route = self.route(family, number, variant);
                    out.set_route(prefix(self.work.seed, family, number), PATH, route);
                }
                Step::Withdraw { seed, family, number } => {
                    self.counters.withdrawn += 1;
                    out.delete_route(prefix(seed, family, number), PATH);
                }
            }
        }
    }
}

fn via(gateway: IpAddr, interface: InterfaceIndex) -> NextHop {
    NextHop {
        // A load is wanted, whether or not the interface has an address in the gateway's network.
        onlink: true,
        ..NextHop::via(gateway, interface)
    }
}

fn prefix(seed: Seed, family: usize, number: u32) -> Prefix {
    match family {
        0 => mix::prefix4(seed, number).into(),
        _ => mix::prefix6(seed, number).into(),
    }
}

impl Engine for LoadGenerator {
    type Global = GlobalConfig;
    type Interface = InterfaceConfig;

    const PROTOCOL: ProtocolId = ProtocolId::LOADGEN;
    const NAME: &'static str = "loadgen";
    const TITLE: &'static str = "Load generator";
    const FUNCTIONALITY: Functionality = Functionality::RF_ROUTING;

    /// Its randomness is configured: the seed of the instance is not used, so that every start does the same.
    fn new(_seed: Seed) -> Self {
        Self {
            global: GlobalConfig::default(),
            links: BTreeMap::new(),
            phase: Phase::Starting,
            work: Work::new(Seed(1)),
            counters: Counters::default(),
            hops: [Vec::new(), Vec::new()],
        }
    }

    fn impact(
        &self,
        _target: Target,
        option: &str,
        _old: Option<&Value>,
        _new: Option<&Value>,
    ) -> (Impact, String) {
        crate::impact::impact(option)
    }

    fn handle(&mut self, now: Now, input: Input<'_, GlobalConfig, InterfaceConfig>, out: &mut Outbox) {
        if self.phase == Phase::Stopped {
            return;
        }
        match input {
            Input::Start { global, .. } | Input::SetGlobal(global) => self.set_global(now.time, global),
            Input::StartComplete => self.phase = Phase::Running,
            Input::AddInterface { identity, config } => {
                let link = Link {
                    name: identity.name.clone(),
                    config: config.unwrap_or_default(),
                    enabled: false,
                    media: true,
                };
                self.links.insert(identity.index, link);
            }
            Input::DeleteInterface(index) => {
                self.links.remove(&index);
                self.find_hops();
            }
            Input::SetInterface { index, config } => {
                if let Some(link) = self.links.get_mut(&index) {
                    link.config = config;
                    self.find_hops();
                }
            }
            Input::Status { index, status } => {
                let Some(link) = self.links.get_mut(&index) else {
                    return;
                };
                match status {
                    InterfaceStatus::AddressChange(_) => return,
                    InterfaceStatus::Enabled => link.enabled = true,
                    InterfaceStatus::Disabled => link.enabled = false,
                    InterfaceStatus::MediaPresent => link.media = true,
                    InterfaceStatus::MediaAbsent => link.media = false,
                }
                self.find_hops();
            }
            Input::Stop => {
                self.phase = Phase::Stopped;
                out.event(Event::RouterStopped);
                return;
            }
            Input::Deadline | Input::Continue => {}
            // Nothing is sent, stored or redistributed here.
            Input::Packet { .. }
            | Input::PortFailed { .. }
            | Input::SendFailed { .. }
            | Input::Persisted { .. }
            | Input::Routes(_)
            | Input::UpdateRoutes(_)
            | Input::ConnectClient(..)
            | Input::DisconnectClient(..)
            | Input::RouterId(_)
            | Input::Policies(_) => return,
        }
        if self.phase == Phase::Running {
            self.run(now.time, out);
        }
    }

    fn next_deadline(&self) -> Option<Time> {
        if self.phase == Phase::Running {
            self.work.next_deadline()
        } else {
            None
        }
    }

    fn show(&self, _now: Now, topic: Topic) -> Result<Value, Refusal> {
        crate::show::show(self, topic)
    }

    fn mib(&mut self, _now: Now, _operation: MibOperation, _input: &[u8]) -> Result<MibReply, Refusal> {
        Err(Refusal::invalid("the load generator has no management tables").at("TypeID"))
    }
}
