//! A network of OSPF routers.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use waypost_ospf::OspfEngine;
use waypost_routprot::{Refusal, Topic};
use waypost_types::{InterfaceIndex, Seed};

use super::expectation::Expectation;
use crate::node::{NodeId, SegmentId};
use crate::oracle;
use crate::process::Program;
use crate::rip::network::{change_text, network_of, set_option};
use crate::segment::Quality;
use crate::simulation::Simulation;
use crate::topology::Topology;

/// The position of OSPF among the protocols of a router.
pub const OSPF: usize = 0;
/// A neighbour that is gone is forgotten after this (RouterDeadInterval), and a network without one waits as long; what was
/// lost on the way is sent again, and routes are calculated, well within the rest.
pub const SETTLED: Duration = Duration::from_secs(130);

/// How to build a network.
#[derive(Clone, Debug)]
pub struct NetworkPlan {
    /// Its shape.
    pub topology: Topology,
    /// The area of each link; the backbone where there is none.
    pub areas: Vec<u32>,
    /// Whether each router has a network of its own beside the links.
    pub stubs: bool,
    /// Costs are drawn from 1 to this.
    pub highest_cost: u16,
    /// How good links are.
    pub quality: Quality,
    /// Options of every interface, beside its cost, area and type.
    pub options: Value,
}

impl NetworkPlan {
    /// One area, costs of 1 to 5, a stub network a router, good links, default options.
    #[must_use]
    pub fn new(topology: Topology) -> Self {
        Self {
            topology,
            areas: Vec::new(),
            stubs: true,
            highest_cost: 5,
            quality: Quality::GOOD,
            options: json!({}),
        }
    }

    /// A ring of border routers, the backbone, with an area of `size` further routers, a ring as well, between each two of them.
    #[must_use]
    pub fn ring_of_areas(areas: usize, size: usize) -> Self {
        let mut topology = Topology::ring(areas);
        let mut of_links = vec![0; topology.links.len()];
        for area in 0..areas {
            let first = topology.routers;
            topology.routers += size;
            let way = [area]
                .into_iter()
                .chain(first..first + size)
                .chain([(area + 1) % areas]);
            let way: Vec<usize> = way.collect();
            topology.links.extend(way.windows(2).map(<[usize]>::to_vec));
            of_links.extend(std::iter::repeat_n(area as u32 + 1, size + 1));
        }
        topology.name = format!("ring of {areas} areas of {size} routers");
        Self {
            areas: of_links,
            ..Self::new(topology)
        }
    }
}

/// An interface with OSPF on it.
#[derive(Clone, Copy, Debug)]
pub struct OspfInterface {
    /// The router.
    pub node: NodeId,
    /// The interface.
    pub index: InterfaceIndex,
    /// Its link.
    pub segment: SegmentId,
    /// Its area.
    pub area: u32,
    /// What it costs to send out of it.
    pub cost: u32,
    /// Nobody is spoken to.
    pub passive: bool,
    /// Seconds between Hellos.
    pub hello: u64,
}

/// OSPF routers on a network.
pub struct OspfNetwork {
    /// The network.
    pub sim: Simulation,
    /// The links of the topology; stub networks come after them.
    pub links: usize,
}

impl OspfNetwork {
    /// Builds a network and starts it.
    pub fn build(plan: &NetworkPlan, seed: Seed, log: bool) -> Result<Self, Refusal> {
        let mut sim = Simulation::new(seed, log);
        let mut random = seed.child("costs").random();
        for router in 0..plan.topology.routers {
            let node = sim.add_node();
            let id = std::net::Ipv4Addr::from_bits(0x0100_0001 + router as u32);
            sim.install(node, Program::of::<OspfEngine>(), json!({ "router-id": id }));
        }
        let mut homes: BTreeMap<usize, u32> = BTreeMap::new();
        let stubs = (0..plan.topology.routers).map(|router| vec![router]);
        let links = plan.topology.links.iter().cloned();
        for (number, members) in links.chain(stubs.filter(|_| plan.stubs)).enumerate() {
            let segment = sim.add_segment(network_of(number), plan.quality);
            let (is_stub, is_line) = (members.len() == 1, members.len() == 2);
            for router in members {
                let home = *homes
                    .entry(router)
                    .or_insert_with(|| plan.areas.get(number).copied().unwrap_or_default());
                let area = if is_stub {
                    home
                } else {
                    plan.areas.get(number).copied().unwrap_or_default()
                };
                let node = NodeId(router);
                let index = sim.attach(node, segment);
                let mut options = plan.options.clone();
                let cost = 1 + random.below(plan.highest_cost.into());
                set_option(&mut options, "cost", json!(cost));
                set_option(&mut options, "area", json!(area));
                if is_stub {
                    set_option(&mut options, "passive", json!(true));
                }
                if is_line {
                    set_option(&mut options, "network-type", json!("point-to-point"));
                }
                sim.configure_interface(node, OSPF, index, &options)?;
            }
        }
        for router in 0..plan.topology.routers {
            // Not all at one moment: routers are switched on one by one.
            sim.boot(NodeId(router))?;
            sim.run_for(Duration::from_micros(random.below(2000)));
        }
        Ok(Self {
            sim,
            links: plan.topology.links.len(),
        })
    }

    /// The text configuration of an interface.
    #[must_use]
    pub fn options(&self, node: NodeId, index: InterfaceIndex) -> Value {
        let installed = &self.sim.node(node).installed[OSPF];
        installed.interfaces.get(&index).cloned().unwrap_or_default()
    }

    /// Sets one option of an interface; null removes it.
    pub fn set(
        &mut self,
        node: NodeId,
        index: InterfaceIndex,
        option: &str,
        value: Value,
    ) -> Result<(), Refusal> {
        let mut options = self.options(node, index);
        set_option(&mut options, option, value);
        self.sim
            .configure_interface(node, OSPF, index, &options)
            .map(drop)
    }

    /// The text configuration of OSPF as a whole on a router.
    #[must_use]
    pub fn global(&self, node: NodeId) -> Value {
        self.sim.node(node).installed[OSPF].global.clone()
    }

    /// Sets one option of OSPF as a whole; null removes it.
    pub fn set_global(&mut self, node: NodeId, option: &str, value: Value) -> Result<(), Refusal> {
        let mut options = self.global(node);
        set_option(&mut options, option, value);
        self.sim.configure_global(node, OSPF, &options).map(drop)
    }

    /// Every interface that OSPF runs on and that works.
    #[must_use]
    pub fn interfaces(&self) -> Vec<OspfInterface> {
        let mut interfaces = Vec::new();
        for (node, router) in self.sim.nodes().filter(|(_, router)| router.runs(OSPF)) {
            for (index, text) in &router.installed[OSPF].interfaces {
                let up = router
                    .interface(*index)
                    .filter(|interface| interface.enabled && interface.is_up() && text["enabled"] != false);
                let Some(interface) = up else { continue };
                let number = |option: &str| text[option].as_u64().unwrap_or_default() as u32;
                interfaces.push(OspfInterface {
                    node,
                    index: *index,
                    segment: interface.segment,
                    area: number("area"),
                    cost: number("cost"),
                    passive: text["passive"] == true,
                    hello: text["hello-interval"].as_u64().unwrap_or(10),
                });
            }
        }
        interfaces
    }

    fn summary(&self, node: NodeId) -> Value {
        self.sim.show(node, OSPF, Topic::Summary).unwrap_or_default()
    }

    // Oracles

    /// Everything that must hold once the network has come to rest.
    pub fn check(&self) -> Result<(), String> {
        if let Some(violation) = self.sim.violations().first() {
            return Err(violation.to_string());
        }
        oracle::kernels(&self.sim)?;
        let expectation = Expectation::of(self);
        self.databases_are_the_same(&expectation)?;
        expectation.check(self)?;
        oracle::forwarding(&self.sim, |node, prefix| {
            expectation.reached(node, prefix).is_some()
        })
    }

    /// Routers of an area that reach each other in it have one database: as many LSAs, with the same sum of checksums.
    fn databases_are_the_same(&self, expectation: &Expectation) -> Result<(), String> {
        let mut first: BTreeMap<(u32, usize), (NodeId, Value, Value)> = BTreeMap::new();
        for (node, router) in self.sim.nodes() {
            if !router.runs(OSPF) {
                continue;
            }
            let summary = self.summary(node);
            for area in summary["areas"].as_array().into_iter().flatten() {
                let id: std::net::Ipv4Addr = area["area"]
                    .as_str()
                    .and_then(|id| id.parse().ok())
                    .ok_or("an area without a number")?;
                let Some(part) = expectation.part(id.to_bits(), node) else {
                    continue;
                };
                let (lsas, sum) = (area["lsas"].clone(), area["checksum-sum"].clone());
                let key = (id.to_bits(), part);
                let (other, their_lsas, their_sum) = first
                    .entry(key)
                    .or_insert_with(|| (node, lsas.clone(), sum.clone()));
                if (&*their_lsas, &*their_sum) != (&lsas, &sum) {
                    return Err(format!(
                        "routers {} and {} have {their_lsas} and {lsas} LSAs in area {id}, with sums {their_sum} and {sum}",
                        other.0, node.0
                    ));
                }
            }
        }
        Ok(())
    }

    /// What routers have counted together: calculations of routes, and LSAs said anew.
    fn counted(&self) -> (u64, u64) {
        let (mut calculations, mut said) = (0, 0);
        for (node, _) in self.sim.nodes() {
            let counters = self.sim.show(node, OSPF, Topic::Counters).unwrap_or_default();
            let of = |name: &str| counters["global"][name].as_u64().unwrap_or_default();
            calculations += of("full-calculations") + of("partial-calculations");
            said += of("lsas-originated");
        }
        (calculations, said)
    }

    /// At rest, nothing happens but Hellos and refreshes: no route changes, nothing is calculated, and no more packets are sent
    /// than those take. Lets `window` pass.
    pub fn check_quiescence(&mut self, window: Duration) -> Result<(), String> {
        self.sim.watch_fibs();
        let (calculations, said) = self.counted();
        let sent = self.sim.counts().sent;
        self.sim.run_for(window);
        if let Some(change) = self.sim.watch_fibs().first() {
            return Err(format!("not at rest: {}", change_text(change)));
        }
        let (calculations_now, said_now) = self.counted();
        if calculations_now > calculations {
            let more = calculations_now - calculations;
            return Err(format!("not at rest: routes are calculated {more} times"));
        }
        let interfaces = self.interfaces();
        let speaking = interfaces.iter().filter(|interface| !interface.passive);
        let hellos: u64 = speaking
            .clone()
            .map(|interface| window.as_secs() / interface.hello + 1)
            .sum();
        // Each refresh goes over each link, perhaps from both ends, and is acknowledged.
        let refreshes = (said_now - said) * speaking.count() as u64 * 2;
        let sent = self.sim.counts().sent - sent;
        if sent > hellos + refreshes {
            return Err(format!(
                "not at rest: {sent} packets in {window:?}, Hellos take {hellos}, and {} refreshes {refreshes}",
                said_now - said
            ));
        }
        Ok(())
    }
}
