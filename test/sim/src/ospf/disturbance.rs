//! What happens to a network: links, routers and operators.

use std::time::Duration;

use serde_json::{Value, json};
use waypost_routprot::Refusal;
use waypost_types::{InterfaceIndex, Random};

use super::network::{OSPF, OspfNetwork};
use crate::node::{NodeId, SegmentId};
use crate::rip::disturbance::BAD;
use crate::segment::Quality;

/// A kind of disturbance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Disturbance {
    /// A link loses carrier, or gets it back.
    Carrier,
    /// An operator disables an interface, or enables it.
    Enable,
    /// A link falls into parts without anybody being told, or is whole again.
    Partition,
    /// A router loses power, or gets it back.
    Power,
    /// OSPF is stopped on a router, or started again.
    Protocol,
    /// A link becomes bad: losses, doubles, reordering.
    Quality,
    /// An operator changes a cost.
    Cost,
    /// An operator changes how things are said: priority, timers that need not agree, codepoint, and whether OSPF runs there.
    Manner,
    /// The routers of a link change Hello and dead interval together, one by one within the old one.
    Timers,
    /// An operator changes an option of a router.
    Router,
}

impl Disturbance {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Carrier,
        Self::Enable,
        Self::Partition,
        Self::Power,
        Self::Protocol,
        Self::Quality,
        Self::Cost,
        Self::Manner,
        Self::Timers,
        Self::Router,
    ];
}

/// Disturbs a network once.
pub fn disturb(network: &mut OspfNetwork, kind: Disturbance, random: &mut Random) -> Result<(), Refusal> {
    let segment = SegmentId(random.below(network.links as u64) as usize);
    let members = network.sim.segment(segment).members.clone();
    let member = members[random.below(members.len() as u64) as usize];
    let (node, index) = (member.node, member.interface);
    match kind {
        Disturbance::Carrier => {
            let carrier = network.sim.segment(segment).carrier;
            network.sim.set_carrier(segment, !carrier);
        }
        Disturbance::Enable => {
            let interface = network.sim.node(node).interface(index);
            let enabled = interface.is_some_and(|interface| interface.enabled);
            network.sim.set_enabled(node, index, !enabled);
        }
        Disturbance::Partition => {
            let whole = members.iter().all(|member| member.part == 0);
            let alone = members.first().map(|member| member.node);
            network
                .sim
                .partition(segment, |node| u8::from(whole && Some(node) != alone));
        }
        Disturbance::Power => power(network, node, random)?,
        Disturbance::Protocol => {
            let router = network.sim.node(node);
            match (router.is_alive(), router.runs(OSPF)) {
                (true, true) => network.sim.stop_protocol(node, OSPF)?,
                (true, false) => network.sim.start_protocol(node, OSPF)?,
                (false, _) => {}
            }
        }
        Disturbance::Quality => {
            let good = network.sim.segment(segment).quality == Quality::GOOD;
            network
                .sim
                .set_quality(segment, if good { BAD } else { Quality::GOOD });
        }
        Disturbance::Cost => network.set(node, index, "cost", json!(1 + random.below(9)))?,
        Disturbance::Manner => manner(network, (node, index), random)?,
        Disturbance::Timers => {
            let (hello, dead) = [(10, 40), (5, 20), (10, 30)][random.below(3) as usize];
            for member in members {
                for (option, value) in [("hello-interval", hello), ("dead-interval", dead)] {
                    network.set(member.node, member.interface, option, json!(value))?;
                }
                network
                    .sim
                    .run_for(random.between(Duration::ZERO, Duration::from_millis(900)));
            }
        }
        Disturbance::Router => {
            let (option, value) = match random.below(5) {
                0 => ("maximum-paths", json!(1 + random.below(4))),
                1 => ("acknowledge-delay", json!(random.below(900))),
                2 => ("spf-initial-delay", json!(random.below(200))),
                3 => ("router-information", json!(random.chance(1, 2))),
                _ => ("opaque", json!(random.chance(1, 2))),
            };
            network.set_global(node, option, value)?;
        }
    }
    Ok(())
}

/// The most routers without power: a quarter.
fn power(network: &mut OspfNetwork, node: NodeId, random: &mut Random) -> Result<(), Refusal> {
    let (mut dark, mut all) = (Vec::new(), 0);
    for (id, router) in network.sim.nodes() {
        all += 1;
        if !router.is_alive() {
            dark.push(id);
        }
    }
    if !network.sim.node(node).is_alive() {
        return network.sim.boot(node);
    }
    if dark.len() * 4 >= all {
        return network.sim.boot(dark[random.below(dark.len() as u64) as usize]);
    }
    network.sim.crash(node);
    Ok(())
}

fn manner(
    network: &mut OspfNetwork,
    (node, index): (NodeId, InterfaceIndex),
    random: &mut Random,
) -> Result<(), Refusal> {
    let (option, value): (&str, Value) = match random.below(7) {
        0 => ("priority", json!(random.below(3))),
        1 => ("retransmit-interval", json!(1 + random.below(9))),
        2 => ("transmit-delay", json!(1 + random.below(3))),
        3 => ("dscp", json!(random.below(64))),
        4 => ("mtu-ignore", json!(random.chance(1, 2))),
        5 => ("enabled", json!(random.chance(1, 2))),
        _ => ("passive", json!(random.chance(1, 3))),
    };
    network.set(node, index, option, value)
}
