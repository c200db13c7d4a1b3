//! Virtual links: interfaces of the backbone that lead through another area (RFC 2328 §15).
//!
//! They come up when the calculation finds their other ends in that area, and go down with the way there. Their packets go out
//! of the interface that the way begins with.

use std::net::Ipv4Addr;

use waypost_engine::{Now, Outbox, PortId, Severity};

use super::{Deferred, Domain, Ospf};
use crate::area::AreaId;
use crate::interface::machine::{Event, State};
use crate::interface::{Attachment, Carrier, Interface, InterfaceId};
use crate::packet::Packet;
use crate::parameters::InterfaceParameters;

impl Ospf {
    /// Brings the virtual links to those that are configured. Only those that are not configured any more lose their neighbours.
    pub(super) fn set_virtual_links(&mut self, now: Now, out: &mut Outbox) {
        let wanted = self.parameters.virtual_links.clone();
        for id in self.virtual_links() {
            if let InterfaceId::Virtual(area, router) = id
                && !wanted.contains_key(&(area, router))
            {
                self.remove_interface(now, id, out);
            }
        }
        for ((area, router), parameters) in wanted {
            let id = InterfaceId::Virtual(area, router);
            let Some(interface) = self.interfaces.get_mut(&id) else {
                let interface = Interface::new(id, parameters, Attachment::default());
                self.interfaces.insert(id, interface);
                self.databases.ensure(Domain::Area(AreaId::BACKBONE));
                continue;
            };
            let parameters = InterfaceParameters {
                cost: interface.parameters.cost,
                ..parameters
            };
            let old = std::mem::replace(&mut interface.parameters, parameters);
            if old != interface.parameters {
                self.apply_live(now, id, &old, out);
            }
        }
        // Ports let through what comes over them.
        for id in self.interfaces.keys().copied().collect::<Vec<_>>() {
            self.sync_port(id, out);
        }
        self.look_at_virtual_links(now, out);
    }

    fn virtual_links(&self) -> Vec<InterfaceId> {
        let ids = self.interfaces.keys().copied();
        ids.filter(|id| id.index().is_none()).collect()
    }

    /// Brings every virtual link to the way to its other end: whether there is one, what it costs, and its addresses (§16.1 (4)).
    pub(super) fn look_at_virtual_links(&mut self, now: Now, out: &mut Outbox) {
        for id in self.virtual_links() {
            let InterfaceId::Virtual(area, router) = id else {
                continue;
            };
            let way = self.way_through(area, router);
            let Some(interface) = self.interfaces.get_mut(&id) else {
                continue;
            };
            let Some((cost, address, carrier)) = way else {
                if interface.state > State::Down {
                    self.lose_way(id);
                    self.interface_event(now, id, Event::InterfaceDown, out);
                    let text =
                        format!("the virtual link through {area} to {router} is down: no way leads there");
                    self.log(None, out, Severity::Warning, text);
                }
                continue;
            };
            let other = (interface.parameters.cost, interface.attachment.address) != (cost, Some(address));
            interface.parameters.cost = cost;
            interface.carrier = Some(carrier);
            interface.attachment = Attachment {
                up: true,
                address: Some(address),
                ..Attachment::default()
            };
            if other {
                self.router_lsas.insert(AreaId::BACKBONE);
            }
            if interface.state == State::Down && self.router.is_some() {
                self.interface_event(now, id, Event::InterfaceUp, out);
                let text = format!("the virtual link through {area} to {router} is up at cost {cost}");
                self.log(None, out, Severity::Info, text);
            }
        }
    }

    /// What a virtual link costs, this router's address on it, and what carries it. One that would cost more than a router-LSA can
    /// say does not work (§15).
    fn way_through(&mut self, area: AreaId, router: Ipv4Addr) -> Option<(u16, Ipv4Addr, Carrier)> {
        let end = self.routing.table.virtual_end(area, router)?;
        let cost = u16::try_from(end.cost).ok()?;
        let outgoing = self.interfaces.get(&InterfaceId::Physical(end.interface))?;
        let address = outgoing.attachment.address.filter(|_| outgoing.speaks())?;
        let carrier = Carrier {
            interface: end.interface,
            end: end.address,
        };
        Some((cost, address, carrier))
    }

    fn lose_way(&mut self, id: InterfaceId) {
        if let Some(interface) = self.interfaces.get_mut(&id) {
            interface.attachment = Attachment::default();
            interface.carrier = None;
        }
    }

    /// What the calculation found holds no longer: another one has to find it again.
    pub(super) fn lose_virtual_links(&mut self) {
        for id in self.virtual_links() {
            self.lose_way(id);
        }
    }

    /// An adjacency on an interface came or went. With one on a virtual link this router may be at the backbone, or not any more,
    /// and the area that the link leads through hears whether others may pass (§12.4.1, the V bit).
    pub(super) fn note_adjacency(&mut self, id: InterfaceId) {
        let Some(interface) = self.interfaces.get(&id) else {
            return;
        };
        self.router_lsas.insert(interface.parameters.area);
        self.network_lsas.insert(id);
        // Our own LSA may have to wait; the routes need not.
        self.reconsider();
        self.note_restart();
        if id.index().is_none() {
            self.router_lsas.extend(self.databases.areas.keys());
            self.defer(Deferred::Externals);
        }
    }

    /// The virtual link that a packet came over, if it did: sent to this router by the other end, through the right area (§8.2).
    pub(super) fn virtual_link_of(
        &self,
        id: InterfaceId,
        destination: Ipv4Addr,
        octets: &[u8],
    ) -> Option<InterfaceId> {
        let interface = self.interfaces.get(&id)?;
        let transit = interface.parameters.area;
        if self.parameters.virtual_links.is_empty() || transit.is_backbone() || destination.is_multicast() {
            return None;
        }
        let header = Packet::decode(octets).ok()?.header;
        let link = InterfaceId::Virtual(transit, header.router);
        let fits = header.area.is_backbone() && interface.speaks();
        (fits && self.interfaces.contains_key(&link)).then_some(link)
    }

    /// The port by which packets of an interface go out, and of a virtual link the only address they go to.
    pub(crate) fn way_out(&self, id: InterfaceId) -> Option<(PortId, Option<Ipv4Addr>)> {
        let interface = self.interfaces.get(&id)?;
        let (outgoing, end) = match interface.carrier {
            Some(carrier) => {
                let outgoing = self.interfaces.get(&InterfaceId::Physical(carrier.interface))?;
                (outgoing, Some(carrier.end))
            }
            None => (interface, None),
        };
        let port = outgoing.id.port().filter(|_| outgoing.has_port())?;
        Some((port, end))
    }
}
