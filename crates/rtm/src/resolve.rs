//! Finds the way to the gateway of a recursive next hop.
//!
//! The gateway leads where packets to it would go: to the next hops of the best route of the longest prefix that covers it, or
//! straight to it where that is a network on a link. Those may be recursive again. A route that leads back to a gateway on the
//! way is passed over, as if it were not there, and so is one that is not usable; then the next best is taken, and then the next
//! shorter prefix. What is found never contains a gateway that is looked for, so that packets cannot go in circles here.
//!
//! The answer follows from the routes that there are and from nothing that was found before. So it does not matter in which
//! order gateways are looked at, and no two routes can keep turning each other on and off. For the same reason the route added
//! first wins among equals at a destination with recursive routes, and the one that is best already (P-51) only at others.

use std::net::IpAddr;

use smallvec::SmallVec;
use waypost_types::{NextHop, NextHops, Prefix4, Prefix6, ProtocolId, RouteKind};

use crate::Rtm;
use crate::family::AddressFamily;
use crate::row::RouteRow;
use crate::table::{Shared, Table};
use crate::tracked::{MAX_RECURSION, Resolution, Resolved, Unresolved, order, spread};

/// Routes that are looked at for one gateway at most.
const ROUTES: usize = 4096;

impl Rtm {
    /// Finds the ways to gateways that are new. The routes that named them have yet to be chosen from, and need no other news.
    pub(crate) fn resolve_new(&mut self) {
        for number in self.cx.next_hops.tracked.take_new() {
            if let Some(resolution) = self.resolve(number) {
                self.cx.next_hops.set_resolution(number, resolution);
            }
        }
    }

    /// Finds the ways to up to `budget` gateways anew, and says how many there were.
    pub(crate) fn resolve_due(&mut self, budget: usize) -> usize {
        let mut changed = Vec::new();
        let mut visited = 0;
        while visited < budget {
            let Some(number) = self.cx.next_hops.tracked.pop_due() else {
                break;
            };
            visited += 1;
            if let Some(resolution) = self.resolve(number) {
                changed.extend(self.cx.next_hops.set_resolution(number, resolution));
            }
        }
        self.sets_changed(&changed);
        visited
    }

    fn resolve(&self, number: u32) -> Option<Resolution> {
        let gateway = self.cx.next_hops.tracked.gateway(number)?;
        let mut search = Search {
            rtm: self,
            path: SmallVec::from_slice(&[number]),
            routes: 0,
            found: Resolution::NONE,
            obstacle: None,
        };
        let outcome = search.way_to(gateway);
        let obstacle = search.obstacle.unwrap_or(Unresolved::NoRoute);
        let mut found = search.found;
        found.outcome = outcome.ok_or(obstacle);
        found.gateways.sort_unstable();
        found.gateways.dedup();
        found.interfaces.sort_unstable();
        found.interfaces.dedup();
        Some(found)
    }
}

struct Search<'r> {
    rtm: &'r Rtm,
    /// The gateways that are being looked for, each for the sake of the one before it.
    path: SmallVec<[u32; MAX_RECURSION]>,
    /// How many were looked at.
    routes: usize,
    /// What was come across.
    found: Resolution,
    /// What was in the way first.
    obstacle: Option<Unresolved>,
}

/// A route of a destination, to be sorted by rank.
struct Choice {
    rank: (u8, u32),
    /// The best one comes before its equals, unless recursion is about.
    is_behind: bool,
    row: RouteRow,
}

impl Search<'_> {
    fn way_to(&mut self, gateway: IpAddr) -> Option<Resolved> {
        let rtm = self.rtm;
        match gateway {
            IpAddr::V4(address) => self.look_up(&rtm.v4, Prefix4::host(address), gateway),
            IpAddr::V6(address) => self.look_up(&rtm.v6, Prefix6::host(address), gateway),
        }
    }

    fn is_in_the_way(&mut self, obstacle: Unresolved) {
        self.obstacle.get_or_insert(obstacle);
    }

    fn look_up<A: AddressFamily>(
        &mut self,
        table: &Table<A>,
        host: A::Prefix,
        gateway: IpAddr,
    ) -> Option<Resolved> {
        let (bits, mut length) = (A::bits(host), A::length(host));
        loop {
            let destination = table.index.longest(&bits, length, |_| true)?;
            match self.forwarding(table, destination) {
                None => {}
                Some((RouteKind::Unicast, owner, hops)) => {
                    let reach = |hop: NextHop| NextHop {
                        gateway: hop.gateway.or(Some(gateway)),
                        // The kernel knows by itself which addresses are on the links it is connected to.
                        onlink: hop.onlink || (hop.gateway.is_none() && owner != ProtocolId::LOCAL),
                        ..hop
                    };
                    let mut next_hops: NextHops = hops.into_iter().map(reach).collect();
                    next_hops.sort_unstable_by_key(order);
                    return Some(Resolved {
                        through: table.prefix(destination).into(),
                        next_hops,
                    });
                }
                Some((kind, ..)) => {
                    let through = table.prefix(destination).into();
                    self.is_in_the_way(Unresolved::Dropped { through, kind });
                    return None;
                }
            }
            length = A::length(table.prefix(destination)).checked_sub(1)?;
        }
    }

    /// What the best route of a destination does with packets, whose it is and where it sends them; none if there is none that
    /// is usable and does not lead back.
    fn forwarding<A: AddressFamily>(
        &mut self,
        table: &Table<A>,
        destination: u32,
    ) -> Option<(RouteKind, ProtocolId, NextHops)> {
        let Shared {
            entities, next_hops, ..
        } = &self.rtm.cx;
        let mut choices: SmallVec<[Choice; 4]> = SmallVec::new();
        let best = table.destinations[destination as usize].best;
        for (number, row) in table.routes_of(destination) {
            self.routes += 1;
            if self.routes > ROUTES {
                self.is_in_the_way(Unresolved::TooDeep);
                return None;
            }
            choices.push(Choice {
                rank: row.rank(&entities[row.owner]),
                is_behind: number != best,
                row: *row,
            });
        }
        let is_recursive = table.has_recursive(next_hops, destination);
        // A stable sort: equals stay in the order they were added.
        choices.sort_by_key(|choice| (choice.rank, choice.is_behind && !is_recursive));
        let mut choices = choices.iter();
        let (first, hops) = choices.by_ref().find_map(|choice| {
            let hops = self.usable(&choice.row)?;
            Some((choice, hops))
        })?;
        let owner = &entities[first.row.owner];
        let protocol = owner.config.protocol;
        if first.row.kind() != RouteKind::Unicast || !owner.config.merge_equal {
            return Some((first.row.kind(), protocol, hops));
        }
        let mut union = next_hops.next_hops(first.row.set);
        for equal in choices.take_while(|choice| choice.rank == first.rank) {
            if equal.row.owner == first.row.owner
                && equal.row.kind() == RouteKind::Unicast
                && self.usable(&equal.row).is_some()
            {
                next_hops.add_to_union(&mut union, equal.row.set);
            }
        }
        // As in the set that a destination with equal routes forwards to.
        union.sort_unstable_by_key(order);
        Some((RouteKind::Unicast, protocol, self.follow(&union)))
    }

    /// The next hops of a route, followed to the end; none if it cannot be used.
    fn usable(&mut self, row: &RouteRow) -> Option<NextHops> {
        let hops = self.follow(&self.rtm.cx.next_hops.next_hops(row.set));
        (row.kind() != RouteKind::Unicast || !hops.is_empty()).then_some(hops)
    }

    fn follow(&mut self, next_hops: &NextHops) -> NextHops {
        let mut parts: SmallVec<[(NextHop, NextHops); 4]> = SmallVec::new();
        let mut has_recursive = false;
        for next_hop in next_hops {
            if let Some(gateway) = next_hop.gateway.filter(|_| next_hop.is_recursive()) {
                has_recursive = true;
                parts.extend(self.recurse(gateway).map(|way| (*next_hop, way.next_hops)));
                continue;
            }
            self.found.interfaces.push(next_hop.interface);
            if self.rtm.interface_is_usable(next_hop.interface) {
                parts.push((*next_hop, NextHops::from_slice(&[*next_hop])));
            }
        }
        if has_recursive {
            spread(parts.into_iter())
        } else {
            parts.into_iter().map(|(hop, _)| hop).collect()
        }
    }

    fn recurse(&mut self, gateway: IpAddr) -> Option<Resolved> {
        // INVARIANT: a gateway that a route of the table names is tracked.
        let number = self.rtm.cx.next_hops.tracked.number(gateway)?;
        self.found.gateways.push(number);
        if self.path.contains(&number) {
            self.is_in_the_way(Unresolved::Loop);
            return None;
        }
        if self.path.len() == MAX_RECURSION || self.routes > ROUTES {
            self.is_in_the_way(Unresolved::TooDeep);
            return None;
        }
        self.path.push(number);
        let way = self.way_to(gateway);
        self.path.pop();
        way
    }
}
