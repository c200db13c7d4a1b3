//! Whether forwarding is right, whichever protocol made it so.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use waypost_types::{Prefix, Prefix4};

use crate::fib::FibEntry;
use crate::node::NodeId;
use crate::simulation::Simulation;

/// Where a packet ends that a router forwards. With several next hops: the worst that can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// It reaches the network it is meant for.
    Delivered,
    /// This router has no route, or forwards it to nobody.
    Dropped(NodeId),
    /// It comes back to this router.
    Loops(NodeId),
}

/// Follows packets for one destination from every router at once.
pub struct Walk<'s> {
    simulation: &'s Simulation,
    address: Ipv4Addr,
    fates: Vec<Option<Fate>>,
    on_path: Vec<bool>,
}

impl<'s> Walk<'s> {
    /// Walks to an address inside `prefix` that no router has.
    #[must_use]
    pub fn to(simulation: &'s Simulation, prefix: Prefix4) -> Self {
        let routers = simulation.nodes().count();
        Self {
            simulation,
            address: Ipv4Addr::from(u32::from(prefix.last()) - 1),
            fates: vec![None; routers],
            on_path: vec![false; routers],
        }
    }

    /// What becomes of a packet that `node` has.
    pub fn from(&mut self, node: NodeId) -> Fate {
        if let Some(fate) = self.fates[node.0] {
            return fate;
        }
        if self.on_path[node.0] {
            return Fate::Loops(node);
        }
        self.on_path[node.0] = true;
        let fate = self.forward(node);
        self.on_path[node.0] = false;
        self.fates[node.0] = Some(fate);
        fate
    }

    fn forward(&mut self, node: NodeId) -> Fate {
        let router = self.simulation.node(node);
        // Where a default route leads what has no other is the operator's business: two routers may well point at each other.
        let entry = router.fib().and_then(|fib| fib.lookup(self.address));
        let Some((_, entry)) = entry.filter(|(prefix, _)| !prefix.is_default()) else {
            return Fate::Dropped(node);
        };
        let mut worst = Fate::Delivered;
        for hop in &entry.next_hops {
            let Some(interface) = router
                .interface(hop.interface)
                .filter(|interface| interface.is_up())
            else {
                worst = worst.max(Fate::Dropped(node));
                continue;
            };
            let next = match hop.gateway {
                None if interface.prefix.contains(self.address) => continue,
                Some(IpAddr::V4(gateway)) => self
                    .simulation
                    .segment(interface.segment)
                    .owner(gateway)
                    .filter(|member| {
                        let other = self.simulation.node(member.node);
                        other.is_alive()
                            && other
                                .interface(member.interface)
                                .is_some_and(crate::NetworkInterface::is_up)
                            && self
                                .simulation
                                .segment(interface.segment)
                                .connects(node, member.node)
                    })
                    .map(|member| member.node),
                _ => None,
            };
            worst = worst.max(match next {
                Some(next) => self.from(next),
                None => Fate::Dropped(node),
            });
        }
        worst
    }
}

/// Every network, once.
#[must_use]
pub fn networks(simulation: &Simulation) -> Vec<Prefix4> {
    let mut networks: Vec<Prefix4> = simulation.segments().map(|(_, segment)| segment.prefix).collect();
    networks.sort_unstable();
    networks.dedup();
    networks
}

/// No packet goes round in circles; none is dropped on its way to a network that `reachable` says can be reached.
pub fn forwarding(
    simulation: &Simulation,
    reachable: impl Fn(NodeId, Prefix4) -> bool,
) -> Result<(), String> {
    for prefix in networks(simulation) {
        let mut walk = Walk::to(simulation, prefix);
        for (node, router) in simulation.nodes() {
            if !router.is_alive() {
                continue;
            }
            match walk.from(node) {
                Fate::Loops(at) => {
                    return Err(format!(
                        "forwarding loop: packets from router {} to {prefix} come back to router {}",
                        node.0, at.0
                    ));
                }
                Fate::Dropped(at) if reachable(node, prefix) => {
                    return Err(format!(
                        "black hole: packets from router {} to {prefix} end in router {}",
                        node.0, at.0
                    ));
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// Every kernel forwards as its routing table says, silent flushes or not.
pub fn kernels(simulation: &Simulation) -> Result<(), String> {
    for (node, router) in simulation.nodes() {
        let (Some(fib), Some(rtm)) = (router.fib(), router.rtm()) else {
            continue;
        };
        let wanted: BTreeMap<Prefix4, FibEntry> = rtm
            .page(None, usize::MAX)
            .into_iter()
            .filter_map(|destination| match (destination.prefix, destination.forwarding) {
                (Prefix::V4(prefix), Some(forwarding)) => Some((
                    prefix,
                    FibEntry {
                        owner: forwarding.owner,
                        metric: forwarding.metric,
                        next_hops: forwarding.next_hops,
                    },
                )),
                _ => None,
            })
            .collect();
        let held = fib.iter().map(|(prefix, entry)| (*prefix, entry.clone()));
        if !held.eq(wanted.clone()) {
            return Err(format!(
                "router {}: the kernel has {} routes, the routing table {} others",
                node.0,
                fib.len(),
                wanted.len()
            ));
        }
    }
    Ok(())
}

/// Nothing waits any more, and nothing piled up: `open_ports` bounds those of one router and protocol.
pub fn rest(simulation: &Simulation) -> Result<(), String> {
    let mut bound = 0;
    for (node, router) in simulation.nodes() {
        // A deadline, a look at the queues, a continuation and news a protocol, and datagrams on their way.
        bound += 4 * router.installed.len() + 64 * router.interfaces.len();
        if router.waiting() > 0 {
            return Err(format!(
                "router {}: {} datagrams wait at rest",
                node.0,
                router.waiting()
            ));
        }
        for protocol in 0..router.installed.len() {
            let (open, most) = (router.open_ports(protocol), router.interfaces.len());
            if open > most {
                return Err(format!(
                    "router {}: {open} ports open on {most} interfaces",
                    node.0
                ));
            }
            let stored = router.persisted(protocol);
            if stored.len() > 16 || stored.iter().any(|(_, value)| value.len() > 4096) {
                return Err(format!("router {}: {} stored keys", node.0, stored.len()));
            }
        }
    }
    if simulation.scheduled() > bound {
        return Err(format!(
            "{} events wait at rest, at most {bound} may",
            simulation.scheduled()
        ));
    }
    Ok(())
}
