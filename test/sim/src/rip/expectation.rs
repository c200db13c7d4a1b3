//! What RIP must come to: the shortest paths over the metrics of the receiving interfaces, unreachable from 16 on.
//!
//! Computed by Dijkstra's algorithm from configuration and the state of links alone: who hears whom, with which cost, and
//! whose own a destination is: connected or redistributed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use waypost_rip::config::{
    Accept, Announce, Authentication, Effective, Key, NeighborMode, PeerFilter, TtlSecurity, UpdateMode,
    filter_permits,
};
use waypost_rip::redistribute::Rules;
use waypost_rip::table::External;
use waypost_types::{InterfaceIndex, Prefix4, ProtocolId, WallTime};

use super::network::{RIP, RipInterface, RipNetwork};
use crate::node::NodeId;
use crate::{oracle, policy};

/// RFC 2453 §3.6: what is this far or farther is unreachable.
const INFINITY: usize = 16;

/// How a router reaches a destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reached {
    /// It is on the link.
    Connected,
    /// Over routers.
    Routed {
        /// The distance, 2..=15.
        metric: u32,
        /// Every neighbour on a shortest path.
        next_hops: BTreeSet<(InterfaceIndex, Ipv4Addr)>,
    },
}

/// One router hears another.
struct Hearing {
    hearer: NodeId,
    at: RipInterface,
    speaker_address: Ipv4Addr,
    speaker: Effective,
}

/// How every router reaches every destination.
pub struct Expectation {
    reached: BTreeMap<Prefix4, Vec<Option<Reached>>>,
    ecmp: Vec<usize>,
}

impl Expectation {
    /// The expectation for a network as it is now configured and as its links now are.
    pub fn of(network: &RipNetwork) -> Result<Self, String> {
        let routers = network.sim.nodes().count();
        let now = network.sim.clock().wall;
        let active: Vec<RipInterface> = network
            .interfaces()?
            .into_iter()
            .filter(|interface| is_active(network, interface))
            .collect();
        // By speaker: who hears it.
        let mut hearings: Vec<Vec<Hearing>> = (0..routers).map(|_| Vec::new()).collect();
        let mut by_segment: BTreeMap<usize, Vec<&RipInterface>> = BTreeMap::new();
        for interface in &active {
            by_segment.entry(interface.segment.0).or_default().push(interface);
        }
        let address = |interface: &RipInterface| {
            network
                .sim
                .node(interface.node)
                .interface(interface.index)
                .map_or(Ipv4Addr::UNSPECIFIED, |interface| interface.address)
        };
        for on_link in by_segment.values() {
            for speaker in on_link {
                for hearer in on_link.iter().filter(|hearer| hearer.node != speaker.node) {
                    let peers = network.global_config(hearer.node)?;
                    let from = address(speaker);
                    let listed = peers.peers.as_ref().is_some_and(|peers| peers.contains(&from));
                    let listens = match peers.peer_filter.unwrap_or_default() {
                        PeerFilter::Off => true,
                        PeerFilter::Include => listed,
                        PeerFilter::Exclude => !listed,
                    };
                    let segment = network.sim.segment(hearer.segment);
                    if listens
                        && segment.connects(speaker.node, hearer.node)
                        && hears(&hearer.effective, address(hearer), &speaker.effective, now)
                    {
                        hearings[speaker.node.0].push(Hearing {
                            hearer: hearer.node,
                            at: (*hearer).clone(),
                            speaker_address: from,
                            speaker: speaker.effective.clone(),
                        });
                    }
                }
            }
        }
        let mut ecmp = Vec::new();
        for (node, _) in network.sim.nodes() {
            ecmp.push(usize::from(network.global_config(node)?.ecmp.unwrap_or(16)));
        }
        let mut rules = Vec::new();
        for (node, _) in network.sim.nodes() {
            let configured = network.global_config(node)?.redistribute;
            rules.push(Rules::new(&configured.unwrap_or_default(), &policy::policies()));
        }
        let mut reached = BTreeMap::new();
        for prefix in oracle::networks(&network.sim) {
            let own = own_metrics(network, &active, &rules, prefix);
            let mut paths = shortest(&own, &hearings, prefix);
            // The kernel knows the networks of all interfaces, those included on which RIP does not run.
            for (node, router) in network.sim.nodes().filter(|(_, router)| router.is_alive()) {
                let mut interfaces = router.interfaces.iter();
                if interfaces.any(|interface| interface.is_up() && interface.prefix == prefix) {
                    paths[node.0] = Some(Reached::Connected);
                }
            }
            reached.insert(prefix, paths);
        }
        Ok(Self { reached, ecmp })
    }

    /// How a router reaches a destination.
    #[must_use]
    pub fn reached(&self, node: NodeId, prefix: Prefix4) -> Option<&Reached> {
        self.reached.get(&prefix)?.get(node.0)?.as_ref()
    }

    /// Every destination that each router reaches.
    pub fn iter(&self) -> impl Iterator<Item = (NodeId, Prefix4, &Reached)> {
        self.reached.iter().flat_map(|(prefix, reached)| {
            reached
                .iter()
                .enumerate()
                .filter_map(|(node, reached)| Some((NodeId(node), *prefix, reached.as_ref()?)))
        })
    }

    /// Compares the routing tables of all routers: RIP's routes are exactly these, with these distances and next hops.
    pub fn check(&self, network: &RipNetwork) -> Result<(), String> {
        for (node, router) in network.sim.nodes() {
            let Some(fib) = router.fib() else { continue };
            for prefix in self.reached.keys() {
                let held = fib.get(*prefix).filter(|entry| entry.owner == ProtocolId::RIP);
                let wanted = self.reached(node, *prefix);
                let right = match (held, wanted) {
                    (None, None | Some(Reached::Connected)) => true,
                    (Some(held), Some(Reached::Routed { metric, next_hops })) => {
                        let hops: BTreeSet<(InterfaceIndex, Ipv4Addr)> = held
                            .next_hops
                            .iter()
                            .filter_map(|hop| match hop.gateway {
                                Some(IpAddr::V4(gateway)) => Some((hop.interface, gateway)),
                                _ => None,
                            })
                            .collect();
                        held.metric == *metric
                            && hops.is_subset(next_hops)
                            && hops.len() == next_hops.len().min(self.ecmp[node.0])
                            && hops.len() == held.next_hops.len()
                    }
                    _ => false,
                };
                if !right {
                    return Err(format!(
                        "router {} to {prefix}: RIP has {held:?}, the shortest paths are {wanted:?}; around it: {}",
                        node.0,
                        self.around(network, node, *prefix)
                    ));
                }
            }
            let strange = fib.iter().find(|(prefix, entry)| {
                entry.owner == ProtocolId::RIP && !self.reached.contains_key(*prefix)
            });
            if let Some((prefix, entry)) = strange {
                return Err(format!("router {} has a route to {prefix}: {entry:?}", node.0));
            }
            // Routes of RIP that another source's hides must not pile up either.
            let hidden = router.rtm().into_iter().flat_map(|rtm| rtm.entities());
            for entity in hidden.filter(|entity| entity.config.protocol == ProtocolId::RIP) {
                if entity.routes[0] as usize > self.reached.len() || entity.leaving || entity.stale > 0 {
                    return Err(format!("router {}: {entity:?}", node.0));
                }
            }
        }
        Ok(())
    }

    /// What the neighbours of a router have for a destination, and what they should have.
    fn around(&self, network: &RipNetwork, node: NodeId, prefix: Prefix4) -> String {
        let mut text = String::new();
        for interface in &network.sim.node(node).interfaces {
            let segment = network.sim.segment(interface.segment);
            for member in segment.members.iter().filter(|member| member.node != node) {
                let router = network.sim.node(member.node);
                let has = router.fib().and_then(|fib| fib.get(prefix));
                let metric = |entry: &crate::FibEntry| (entry.owner, entry.metric);
                let _ = write!(
                    text,
                    "[{} router {} up {} metric {:?} should {:?}] ",
                    member.address,
                    member.node.0,
                    interface.is_up() && segment.connects(node, member.node),
                    has.map(metric),
                    self.reached(member.node, prefix)
                );
            }
        }
        text
    }

    /// Destinations whose way there is the same in two expectations, router by router, all the way.
    ///
    /// Nothing on that way depends on what changed, so that a change may not interrupt it.
    #[must_use]
    pub fn undisturbed(&self, after: &Self, network: &RipNetwork) -> BTreeSet<(NodeId, Prefix4)> {
        let mut same = BTreeSet::new();
        for prefix in self.reached.keys() {
            // By distance: whoever is nearer is decided first.
            let mut order: Vec<(u32, NodeId)> = Vec::new();
            for node in (0..self.ecmp.len()).map(NodeId) {
                match self.reached(node, *prefix) {
                    Some(Reached::Connected) => order.push((1, node)),
                    Some(Reached::Routed { metric, .. }) => order.push((*metric, node)),
                    None => {}
                }
            }
            order.sort_unstable();
            for (_, node) in order {
                let (before, now) = (self.reached(node, *prefix), after.reached(node, *prefix));
                let stays = before == now
                    && match before {
                        Some(Reached::Routed { next_hops, .. }) => {
                            next_hops.iter().all(|(index, gateway)| {
                                let router = network.sim.node(node);
                                router
                                    .interface(*index)
                                    .and_then(|interface| {
                                        network.sim.segment(interface.segment).owner(*gateway)
                                    })
                                    .is_some_and(|member| same.contains(&(member.node, *prefix)))
                            })
                        }
                        _ => true,
                    };
                if stays {
                    same.insert((node, *prefix));
                }
            }
        }
        same
    }
}

/// The metric with which each router announces a network as its own.
fn own_metrics(
    network: &RipNetwork,
    active: &[RipInterface],
    rules: &[Rules],
    prefix: Prefix4,
) -> Vec<Option<usize>> {
    let mut own: Vec<Option<usize>> = vec![None; rules.len()];
    for (node, router) in network.sim.nodes().filter(|(_, router)| router.runs(RIP)) {
        let mut interfaces = router.interfaces.iter();
        if interfaces.any(|interface| interface.is_up() && interface.prefix == prefix) {
            let connected = External {
                owner: ProtocolId::LOCAL,
                metric: 0,
                next_hop: None,
                interface: None,
                tag: 0,
                gateway: None,
            };
            let applied = rules[node.0].apply(prefix, &connected);
            own[node.0] = applied.map(|said| said.metric.into());
        }
    }
    for interface in active {
        if network.sim.segment(interface.segment).prefix == prefix {
            own[interface.node.0] = Some(1);
        }
    }
    own
}

/// The shortest paths of every router to one destination, given whose own it is.
fn shortest(own: &[Option<usize>], hearings: &[Vec<Hearing>], prefix: Prefix4) -> Vec<Option<Reached>> {
    let mut paths = Paths {
        prefix,
        reached: own.iter().map(|own| own.map(|_| Reached::Connected)).collect(),
        near: (0..INFINITY).map(|_| Vec::new()).collect(),
    };
    for (node, metric) in own.iter().enumerate() {
        if let Some(metric) = metric {
            paths.near[*metric].push(NodeId(node));
        }
    }
    for distance in 1..INFINITY {
        for speaker in std::mem::take(&mut paths.near[distance]) {
            let settled = match &paths.reached[speaker.0] {
                Some(Reached::Routed { metric, .. }) => *metric as usize == distance,
                _ => true,
            };
            if !settled {
                continue;
            }
            for hearing in &hearings[speaker.0] {
                if filter_permits(&hearing.speaker.announce_filter, prefix)
                    && (hearing.speaker.announce_policy.is_none() || policy::passes(prefix))
                {
                    paths.hear(hearing, distance + usize::from(hearing.speaker.metric_out));
                }
            }
        }
    }
    paths.reached
}

/// Paths to one destination as they are found, the shortest first.
struct Paths {
    prefix: Prefix4,
    reached: Vec<Option<Reached>>,
    /// Distances are below 16: one list a distance is the whole priority queue.
    near: Vec<Vec<NodeId>>,
}

impl Paths {
    /// A router hears the destination announced with a metric.
    fn hear(&mut self, hearing: &Hearing, metric: usize) {
        let options = &hearing.at.effective;
        let total = metric + usize::from(options.metric);
        let permitted = filter_permits(&options.accept_filter, self.prefix)
            && (options.accept_policy.is_none() || policy::passes(self.prefix));
        if total >= INFINITY || !permitted {
            return;
        }
        let hop = (hearing.at.index, hearing.speaker_address);
        let (distance, total) = (total, total as u32);
        match &mut self.reached[hearing.hearer.0] {
            Some(Reached::Connected) => {}
            Some(Reached::Routed { metric, next_hops }) if *metric == total => {
                next_hops.insert(hop);
            }
            Some(Reached::Routed { metric, .. }) if *metric < total => {}
            other => {
                *other = Some(Reached::Routed {
                    metric: total,
                    next_hops: [hop].into_iter().collect(),
                });
                self.near[distance].push(hearing.hearer);
            }
        }
    }
}

/// Whether RIP runs on an interface.
fn is_active(network: &RipNetwork, interface: &RipInterface) -> bool {
    let router = network.sim.node(interface.node);
    router.runs(RIP)
        && router
            .interface(interface.index)
            .is_some_and(|link| link.enabled && (link.carrier || !interface.effective.check_link))
}

/// Whether a router takes what another says on the same link.
fn hears(hearer: &Effective, address: Ipv4Addr, speaker: &Effective, now: WallTime) -> bool {
    let version_fits = match speaker.announce {
        Announce::None => false,
        Announce::V1 => {
            matches!(hearer.accept, Accept::V1 | Accept::Both)
                && hearer.authentication == Authentication::None
        }
        Announce::V1Compatible | Announce::V2Multicast => {
            matches!(hearer.accept, Accept::V2 | Accept::Both)
        }
    };
    let addressed = speaker.neighbor_mode != NeighborMode::Only || speaker.neighbors.contains(&address);
    let passes = hearer.ttl_security != TtlSecurity::On || speaker.ttl_security != TtlSecurity::Off;
    let authentic = speaker.announce == Announce::V1
        || speaker.authentication == hearer.authentication
            && match speaker.authentication {
                Authentication::None => true,
                Authentication::Plain => speaker.password == hearer.password,
                Authentication::Cryptographic => key_in_use(&speaker.keys, now).is_some_and(|key| {
                    hearer.keys.iter().any(|known| {
                        known.id == key.id
                            && known.secret == key.secret
                            && known.algorithm == key.algorithm
                            && spans(known.accept_from, known.accept_until, now)
                    })
                }),
            };
    version_fits
        && addressed
        && passes
        && authentic
        && speaker.port == hearer.port
        && speaker.update_mode == UpdateMode::Periodic
}

/// The key sent with. Scenarios give keys sending times that do not overlap, so that there is no choice.
fn key_in_use(keys: &[Key], now: WallTime) -> Option<&Key> {
    keys.iter().find(|key| spans(key.send_from, key.send_until, now))
}

fn spans(from: Option<WallTime>, until: Option<WallTime>, now: WallTime) -> bool {
    from.is_none_or(|from| from <= now) && until.is_none_or(|until| now < until)
}
