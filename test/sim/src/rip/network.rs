//! A network of RIP routers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value, json};
use waypost_rip::Rip;
use waypost_rip::config::{Effective, GlobalConfig, InterfaceConfig};
use waypost_routprot::{Refusal, Topic};
use waypost_types::{InterfaceIndex, Prefix4, Seed};

use super::expectation::Expectation;
use crate::node::{NodeId, SegmentId};
use crate::process::Program;
use crate::segment::Quality;
use crate::simulation::Simulation;
use crate::topology::Topology;
use crate::{FibChange, oracle, policy};

/// The position of RIP among the protocols of a router.
pub const RIP: usize = 0;
/// RIP with its default timers has forgotten everything after this: expiry, garbage, and two updates late.
pub const FORGOTTEN: Duration = Duration::from_secs(180 + 120 + 70);
/// Triggered updates have gone everywhere after this: 16 hops, each with a pause of at most one second.
pub const TRIGGERED: Duration = Duration::from_secs(40);

/// How to build a network.
#[derive(Clone, Debug)]
pub struct NetworkPlan {
    /// Its shape.
    pub topology: Topology,
    /// Whether each router has a network of its own beside the links.
    pub stubs: bool,
    /// How many more networks router 0 has, in a class network of their own: 172.16.0.0/24, 172.16.1.0/24, ...
    pub subnets: u8,
    /// Interface metrics are drawn from 1 to this.
    pub highest_metric: u8,
    /// How good links are.
    pub quality: Quality,
    /// Options of RIP as a whole.
    pub global: Value,
    /// Options of every interface, beside its metric.
    pub options: Value,
}

impl NetworkPlan {
    /// Metrics of 1 to 3, a stub network a router, good links, default options.
    #[must_use]
    pub fn new(topology: Topology) -> Self {
        Self {
            topology,
            stubs: true,
            subnets: 0,
            highest_metric: 3,
            quality: Quality::GOOD,
            global: json!({}),
            options: json!({}),
        }
    }
}

/// The options that hold on an interface, and where it is.
#[derive(Clone, Debug)]
pub struct RipInterface {
    /// The router.
    pub node: NodeId,
    /// The interface.
    pub index: InterfaceIndex,
    /// Its link.
    pub segment: SegmentId,
    /// The options.
    pub effective: Effective,
}

/// RIP routers on a network.
pub struct RipNetwork {
    /// The network.
    pub sim: Simulation,
    /// The links of the topology; stub networks come after them.
    pub links: usize,
    /// What was configured on interfaces that RIP has left.
    left: BTreeMap<(NodeId, InterfaceIndex), Value>,
}

impl RipNetwork {
    /// Builds a network of sound routers and starts them.
    pub fn build(plan: &NetworkPlan, seed: Seed, log: bool) -> Result<Self, Refusal> {
        Self::build_with(plan, seed, log, |_| Program::of::<Rip>())
    }

    /// Builds a network and starts it; `program` says what runs on each router.
    pub fn build_with(
        plan: &NetworkPlan,
        seed: Seed,
        log: bool,
        program: impl Fn(usize) -> Program,
    ) -> Result<Self, Refusal> {
        let mut sim = Simulation::new(seed, log);
        let mut random = seed.child("metrics").random();
        for router in 0..plan.topology.routers {
            let node = sim.add_node();
            sim.install(node, program(router), plan.global.clone());
        }
        let stubs = (0..plan.topology.routers).map(|router| vec![router]);
        let links = plan.topology.links.iter().cloned();
        let common = links.chain(stubs.filter(|_| plan.stubs)).enumerate();
        let common = common.map(|(number, members)| (network_of(number), members));
        let subnets = (0..plan.subnets).map(|number| (subnet_of(number), vec![0]));
        for (prefix, members) in common.chain(subnets) {
            let is_stub = members.len() == 1;
            let segment = sim.add_segment(prefix, plan.quality);
            for router in members {
                let node = NodeId(router);
                let index = sim.attach(node, segment);
                let mut options = plan.options.clone();
                let metric = 1 + random.below(plan.highest_metric.into());
                set_option(&mut options, "metric", json!(metric));
                if is_stub {
                    set_option(&mut options, "passive", json!(true));
                }
                sim.configure_interface(node, RIP, index, &options)?;
            }
        }
        for router in 0..plan.topology.routers {
            // Not all at one moment: routers are switched on one by one.
            sim.boot(NodeId(router))?;
            sim.run_for(Duration::from_micros(random.below(5000)));
        }
        Ok(Self {
            sim,
            links: plan.topology.links.len(),
            left: BTreeMap::new(),
        })
    }

    /// The text configuration of an interface.
    #[must_use]
    pub fn options(&self, node: NodeId, index: InterfaceIndex) -> Value {
        let installed = &self.sim.node(node).installed[RIP];
        installed
            .interfaces
            .get(&index)
            .or_else(|| self.left.get(&(node, index)))
            .cloned()
            .unwrap_or_else(|| Value::Object(Map::new()))
    }

    /// The text configuration of RIP as a whole on a router.
    #[must_use]
    pub fn global(&self, node: NodeId) -> Value {
        self.sim.node(node).installed[RIP].global.clone()
    }

    /// Sets one option of an interface; null removes it.
    pub fn set(
        &mut self,
        node: NodeId,
        index: InterfaceIndex,
        option: &str,
        value: Value,
    ) -> Result<(), Refusal> {
        self.set_all(node, index, [(option, value)])
    }

    /// Sets options of an interface in one step; null removes one. Where RIP is not, they hold once it is back.
    pub fn set_all<'o>(
        &mut self,
        node: NodeId,
        index: InterfaceIndex,
        changes: impl IntoIterator<Item = (&'o str, Value)>,
    ) -> Result<(), Refusal> {
        let mut options = self.options(node, index);
        for (option, value) in changes {
            set_option(&mut options, option, value);
        }
        if let Some(left) = self.left.get_mut(&(node, index)) {
            *left = options;
            return Ok(());
        }
        self.sim.configure_interface(node, RIP, index, &options).map(drop)
    }

    /// Sets one option of RIP as a whole; null removes it.
    pub fn set_global(&mut self, node: NodeId, option: &str, value: Value) -> Result<(), Refusal> {
        let mut options = self.global(node);
        set_option(&mut options, option, value);
        self.sim.configure_global(node, RIP, &options).map(drop)
    }

    /// Takes RIP off an interface, or brings it back with the options it had.
    pub fn toggle(&mut self, node: NodeId, index: InterfaceIndex) -> Result<(), Refusal> {
        match self.left.remove(&(node, index)) {
            Some(options) => self.sim.configure_interface(node, RIP, index, &options).map(drop),
            None => {
                let options = self.sim.unconfigure_interface(node, RIP, index)?;
                self.left.insert((node, index), options);
                Ok(())
            }
        }
    }

    /// The configuration of RIP as a whole on a router.
    pub fn global_config(&self, node: NodeId) -> Result<GlobalConfig, String> {
        serde_json::from_value(self.global(node)).map_err(|error| error.to_string())
    }

    /// Every interface with RIP on it, with the options in force.
    pub fn interfaces(&self) -> Result<Vec<RipInterface>, String> {
        let mut interfaces = Vec::new();
        for (node, router) in self.sim.nodes() {
            let global = self.global_config(node)?;
            for (index, text) in &router.installed[RIP].interfaces {
                let config: InterfaceConfig =
                    serde_json::from_value(text.clone()).map_err(|error| error.to_string())?;
                if let Some(interface) = router.interface(*index) {
                    interfaces.push(RipInterface {
                        node,
                        index: *index,
                        segment: interface.segment,
                        effective: Effective::resolve(&config, &global, &policy::policies()),
                    });
                }
            }
        }
        Ok(interfaces)
    }

    // Oracles

    /// Everything that must hold once the network has come to rest.
    pub fn check(&self) -> Result<(), String> {
        if let Some(violation) = self.sim.violations().first() {
            return Err(violation.to_string());
        }
        oracle::kernels(&self.sim)?;
        let expectation = Expectation::of(self)?;
        expectation.check(self)?;
        oracle::forwarding(&self.sim, |node, prefix| {
            expectation.reached(node, prefix).is_some()
        })?;
        self.tables_are_bounded()
    }

    /// No router remembers more destinations than there are.
    fn tables_are_bounded(&self) -> Result<(), String> {
        // A default route may be there beside the networks.
        let most = oracle::networks(&self.sim).len() as u64 + 1;
        for (node, router) in self.sim.nodes().filter(|(_, router)| router.runs(RIP)) {
            let summary = self.sim.show(node, RIP, Topic::Summary).unwrap_or_default();
            let rows = ["routes-learned", "routes-own", "routes-garbage"]
                .iter()
                .map(|kind| summary.get(*kind).and_then(Value::as_u64).unwrap_or(u64::MAX))
                .fold(0, u64::saturating_add);
            if rows > most {
                return Err(format!(
                    "router {} with {} interfaces remembers {rows} destinations, there are {most}",
                    node.0,
                    router.interfaces.len()
                ));
            }
        }
        Ok(())
    }

    /// At rest, nothing happens but regular updates: no route changes, no triggered update, no more datagrams than those
    /// updates take. Lets `window` pass.
    pub fn check_quiescence(&mut self, window: Duration) -> Result<(), String> {
        self.sim.watch_fibs();
        let triggered = self.triggered_updates();
        let sent = self.sim.counts().sent;
        self.sim.run_for(window);
        if let Some(change) = self.sim.watch_fibs().first() {
            return Err(format!("not at rest: {}", change_text(change)));
        }
        let more = self.triggered_updates() - triggered;
        if more > 0 {
            return Err(format!("not at rest: {more} triggered updates"));
        }
        let entries = oracle::networks(&self.sim).len() as u64 + 1;
        let mut most = 0;
        for interface in self.interfaces()? {
            let options = &interface.effective;
            let shortest = options.update_interval.as_secs_f64() * 5.0 / 6.0;
            let updates = (window.as_secs_f64() / shortest).ceil() as u64 + 1;
            // 20 octets an entry, at least two of them for header and authentication, and a trailer.
            let room = u64::from(options.packet_length).saturating_sub(4 + 20 + 24) / 20;
            most += updates * entries.div_ceil(room.max(1)) * (1 + options.neighbors.len() as u64);
        }
        let sent = self.sim.counts().sent - sent;
        if sent > most {
            return Err(format!(
                "not at rest: {sent} datagrams in {window:?}, regular updates take at most {most}"
            ));
        }
        Ok(())
    }

    fn triggered_updates(&self) -> u64 {
        let of = |node: NodeId| -> Option<u64> {
            let counters = self.sim.show(node, RIP, Topic::Counters).ok()?;
            let interfaces = counters.get("interfaces")?.as_object()?;
            Some(
                interfaces
                    .values()
                    .filter_map(|interface| interface.get("triggered-updates-sent")?.as_u64())
                    .sum(),
            )
        };
        self.sim.nodes().filter_map(|(node, _)| of(node)).sum()
    }
}

/// A change of a forwarding table in words.
#[must_use]
pub fn change_text(change: &FibChange) -> String {
    format!(
        "router {} changes {} at {} from {:?} to {:?}",
        change.node.0, change.prefix, change.at, change.old, change.new
    )
}

/// The network of a link: 10.x.y.0/24.
#[must_use]
pub fn network_of(number: usize) -> Prefix4 {
    let address = std::net::Ipv4Addr::from(0x0A00_0000 + ((number as u32) << 8));
    // INVARIANT: 24 is a prefix length.
    Prefix4::containing(address, 24).unwrap_or(Prefix4::DEFAULT)
}

/// A subnet of router 0: 172.16.x.0/24.
#[must_use]
pub fn subnet_of(number: u8) -> Prefix4 {
    let address = std::net::Ipv4Addr::new(172, 16, number, 0);
    // INVARIANT: 24 is a prefix length.
    Prefix4::containing(address, 24).unwrap_or(Prefix4::DEFAULT)
}

pub(crate) fn set_option(options: &mut Value, option: &str, value: Value) {
    if let Some(options) = options.as_object_mut() {
        if value.is_null() {
            options.remove(option);
        } else {
            options.insert(option.to_owned(), value);
        }
    }
}
