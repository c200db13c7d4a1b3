//! What the router says of itself and its networks (RFC 2328 §12.4.1, §12.4.2, RFC 6860, RFC 6987, RFC 7770).

use std::net::Ipv4Addr;

use waypost_engine::{Now, Outbox};
use waypost_types::Prefix4;
use waypost_wire::Writer;

use super::routes::link_data;
use super::{Domain, Ospf};
use crate::area::AreaId;
use crate::interface::machine::State as InterfaceState;
use crate::interface::{Interface, InterfaceId};
use crate::lsa::body::{LinkType, RouterFlags, RouterLink};
use crate::lsa::opaque;
use crate::lsa::router_information::{Capabilities, RouterInformation};
use crate::lsa::{LsaKey, LsaType, MAX_LINK_METRIC, NetworkBody, RouterBody};
use crate::neighbor::Neighbor;
use crate::options::Options;
use crate::parameters::{AreaKind, NetworkType};

/// The mask of a host.
const HOST: Ipv4Addr = Ipv4Addr::BROADCAST;

impl Ospf {
    /// Brings the router-LSA of an area to how things are.
    pub(super) fn describe_router(&mut self, now: Now, area: AreaId, out: &mut Outbox) {
        let Some(router) = self.router else { return };
        let key = LsaKey {
            kind: LsaType::Router,
            id: router,
            router,
        };
        let domain = Domain::Area(area);
        let present = self.is_attached(area);
        if !present {
            self.withdraw(now, domain, key, out);
            self.describe_capabilities(now, area, router, out);
            return;
        }
        let mut links = Vec::new();
        for interface in self.interfaces.values() {
            if interface.parameters.area == area {
                describe_interface(interface, self.is_stub_router(), &mut links);
            }
        }
        let mut flags = RouterFlags::empty();
        flags.set(RouterFlags::BORDER, self.is_border());
        let external = self.is_boundary() || self.borders_nssa();
        let heard = self.parameters.area(area).kind != AreaKind::Stub;
        flags.set(RouterFlags::EXTERNAL, external && heard);
        flags.set(RouterFlags::TRANSLATOR, self.insists_on_translating(area));
        flags.set(RouterFlags::VIRTUAL, self.ends_virtual_link(area));
        let mut writer = Writer::with_capacity(RouterBody::FIXED + links.len() * RouterLink::LENGTH);
        RouterBody::encode(&mut writer, flags, &links);
        self.wish(now, domain, key, self.lsa_options(area), writer.finish(), out);
        self.describe_capabilities(now, area, router, out);
    }

    /// What this router can do, for those who want to know (RFC 7770 §2), in every area: whether others understand opaque LSAs
    /// is theirs to say.
    fn describe_capabilities(&mut self, now: Now, area: AreaId, router: Ipv4Addr, out: &mut Outbox) {
        let key = LsaKey {
            kind: LsaType::OpaqueArea,
            id: opaque::link_state_id(opaque::ROUTER_INFORMATION, 0),
            router,
        };
        let (domain, parameters) = (Domain::Area(area), &self.parameters);
        if !self.is_attached(area) || !parameters.opaque || !parameters.router_information {
            self.withdraw(now, domain, key, out);
            return;
        }
        let mut capabilities = Capabilities::STUB_ROUTER;
        capabilities.set(Capabilities::GRACEFUL_RESTART_HELPER, parameters.helps_restarts);
        capabilities.set(Capabilities::GRACEFUL_RESTART, parameters.grace_period.is_some());
        let information = RouterInformation {
            capabilities: Some(capabilities),
            hostname: None,
        };
        let mut writer = Writer::new();
        information.encode(&mut writer);
        self.wish(now, domain, key, self.lsa_options(area), writer.finish(), out);
    }

    /// Whether an interface of the area works (RFC 2328 §3.3: an area is attached by its interfaces).
    pub(crate) fn is_attached(&self, area: AreaId) -> bool {
        let mut interfaces = self.interfaces.values();
        interfaces.any(|interface| interface.parameters.area == area && interface.attaches())
    }

    /// Areas an interface of which works.
    pub(super) fn attached_areas(&self) -> Vec<AreaId> {
        let areas = self.databases.areas.keys().copied();
        areas.filter(|area| self.is_attached(*area)).collect()
    }

    /// Whether this is an area border router: attached to the backbone and to another area. Without the backbone it has
    /// nothing to tell, and says so by not being one (RFC 3509 §2.2).
    #[must_use]
    pub fn is_border(&self) -> bool {
        let areas = self.attached_areas();
        areas.len() > 1 && areas.contains(&AreaId::BACKBONE)
    }

    fn ends_virtual_link(&self, area: AreaId) -> bool {
        self.interfaces.values().any(|interface| {
            matches!(interface.id, InterfaceId::Virtual(through, _) if through == area)
                && interface.neighbors.values().any(is_full)
        })
    }

    /// The options of LSAs in an area: what their originator can do, of which only E is kept (RFC 2328 A.2).
    pub(super) fn lsa_options(&self, area: AreaId) -> Options {
        self.parameters.area(area).capability() & Options::EXTERNAL
    }

    /// Brings the network-LSA of an interface to how things are: the Designated Router of a network says who is on it.
    pub(super) fn describe_network(&mut self, now: Now, id: InterfaceId, out: &mut Outbox) {
        let wanted = self.network_lsa(id);
        let Some(interface) = self.interfaces.get_mut(&id) else {
            return;
        };
        let key = wanted.as_ref().map(|(domain, key, _)| (*domain, *key));
        let last = std::mem::replace(&mut interface.network_lsa, key);
        if let Some((domain, key)) = last.filter(|last| Some(*last) != key) {
            self.withdraw(now, domain, key, out);
        }
        if let Some((domain, key, body)) = wanted {
            let Domain::Area(area) = domain else { return };
            self.wish(now, domain, key, self.lsa_options(area), body, out);
        }
    }

    fn network_lsa(&self, id: InterfaceId) -> Option<(Domain, LsaKey, Vec<u8>)> {
        let (router, interface) = (self.router?, self.interfaces.get(&id)?);
        let full: Vec<Ipv4Addr> = interface
            .neighbors
            .values()
            .filter(|neighbor| is_full(neighbor))
            .map(|neighbor| neighbor.router)
            .collect();
        if interface.state != InterfaceState::Dr || full.is_empty() {
            return None;
        }
        let key = LsaKey {
            kind: LsaType::Network,
            id: interface.address(),
            router,
        };
        // RFC 6860 §2.2: the mask of a host keeps the network itself out of everybody's routes.
        let mask = if interface.parameters.prefix_suppression {
            HOST
        } else {
            interface.mask()
        };
        let mut writer = Writer::new();
        NetworkBody::encode(&mut writer, mask, std::iter::once(router).chain(full));
        Some((Domain::Area(interface.parameters.area), key, writer.finish()))
    }
}

fn is_full(neighbor: &Neighbor) -> bool {
    neighbor.counts_as_adjacent()
}

fn stub(prefix: Prefix4, metric: u16) -> RouterLink {
    RouterLink {
        kind: LinkType::Stub,
        id: prefix.network(),
        data: prefix.netmask(),
        metric,
    }
}

fn host(address: Ipv4Addr, metric: u16) -> RouterLink {
    RouterLink {
        kind: LinkType::Stub,
        id: address,
        data: HOST,
        metric,
    }
}

/// The links of one interface (RFC 2328 §12.4.1.1 to §12.4.1.4).
fn describe_interface(interface: &Interface, stub_router: bool, links: &mut Vec<RouterLink>) {
    let (parameters, attachment) = (&interface.parameters, &interface.attachment);
    let cost = parameters.cost;
    let transit_cost = |cost: u16| if stub_router { MAX_LINK_METRIC } else { cost };
    let suppressed = parameters.prefix_suppression;
    let networks = |links: &mut Vec<RouterLink>| {
        if !suppressed {
            links.extend(attachment.prefix.map(|prefix| stub(prefix, cost)));
        }
    };
    let full = || interface.neighbors.values().filter(|neighbor| is_full(neighbor));
    match (interface.state, parameters.network) {
        (InterfaceState::Down, _) => return,
        (InterfaceState::Loopback, _) => links.extend(attachment.address.map(|address| host(address, 0))),
        (InterfaceState::PointToPoint, NetworkType::PointToPoint) if interface.id.index().is_some() => {
            let data = link_data(interface);
            links.extend(full().map(|neighbor| RouterLink {
                kind: LinkType::PointToPoint,
                id: neighbor.router,
                data,
                metric: transit_cost(cost),
            }));
            networks(links);
        }
        (InterfaceState::PointToPoint, NetworkType::PointToPoint) => {
            links.extend(full().map(|neighbor| RouterLink {
                kind: LinkType::Virtual,
                id: neighbor.router,
                data: interface.address(),
                metric: transit_cost(cost),
            }));
        }
        (InterfaceState::PointToPoint, _) if !parameters.passive => {
            if !suppressed {
                links.extend(attachment.address.map(|address| host(address, 0)));
            }
            for (key, neighbor) in interface
                .neighbors
                .iter()
                .filter(|(_, neighbor)| is_full(neighbor))
            {
                let configured = parameters.neighbors.get(key);
                let own = configured.and_then(|configured| configured.cost);
                links.push(RouterLink {
                    kind: LinkType::PointToPoint,
                    id: neighbor.router,
                    data: interface.address(),
                    metric: transit_cost(own.unwrap_or(cost)),
                });
            }
        }
        _ => {
            let designated = interface.designated_router;
            let own = designated == interface.address();
            let adjacent = full().any(|neighbor| own || neighbor.address == designated);
            if interface.state > InterfaceState::Waiting && !designated.is_unspecified() && adjacent {
                links.push(RouterLink {
                    kind: LinkType::Transit,
                    id: designated,
                    data: interface.address(),
                    metric: transit_cost(cost),
                });
            } else {
                networks(links);
            }
        }
    }
    if !suppressed && interface.id.index().is_some() {
        links.extend(attachment.others.iter().map(|prefix| stub(*prefix, cost)));
    }
}
