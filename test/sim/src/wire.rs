//! Datagrams on their way: out of a port, over a link, into other routers' ports.

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use waypost_engine::{PortId, RxMeta, Transport, TxOptions};
use waypost_types::InterfaceIndex;

use crate::node::{Life, NodeId};
use crate::simulation::{Event, Simulation};

/// Octets of the IPv4 header, and of the UDP header behind it.
const IP_HEADER: usize = 20;
const UDP_HEADER: usize = 8;
/// What a datagram takes of a receive buffer beside its octets, about as Linux accounts it.
const BUFFER_OVERHEAD: u64 = 768;

/// A datagram or raw packet on a link.
#[derive(Debug)]
pub(crate) struct Packet {
    source: SocketAddr,
    destination: SocketAddr,
    transport: Transport,
    ttl: u8,
    octets: Arc<[u8]>,
}

/// Where a port's packets come from, ordered as they came.
pub(crate) type Order = VecDeque<(usize, PortId)>;

impl Simulation {
    /// Sends octets through a port that must be open.
    pub(crate) fn transmit(
        &mut self,
        node: NodeId,
        protocol: usize,
        port: PortId,
        destination: SocketAddr,
        options: TxOptions,
        octets: &[u8],
    ) {
        self.recorder.number(u64::from(port.0));
        self.recorder.octets(octets);
        self.counts.sent += 1;
        let router = &self.nodes[node.0];
        let Some(open) = router
            .running(protocol)
            .and_then(|running| running.ports.get(&port))
        else {
            return self.violate(format!(
                "router {} sends through port {} which is not open",
                node.0, port.0
            ));
        };
        let spec = &open.spec;
        let (IpAddr::V4(to), Some(interface)) = (destination.ip(), router.interface(spec.interface)) else {
            return self.violate(format!(
                "router {} sends to {destination} out of no interface",
                node.0
            ));
        };
        if !interface.is_up() {
            self.counts.unclaimed += 1;
            return;
        }
        let source = options.source.unwrap_or(IpAddr::V4(interface.address));
        if source != IpAddr::V4(interface.address) {
            let (index, address) = (spec.interface, interface.address);
            return self.violate(format!(
                "router {} sends from {source} on interface {index}, which has {address}",
                node.0
            ));
        }
        let headers = match spec.transport {
            Transport::Udp(_) => IP_HEADER + UDP_HEADER,
            Transport::Raw(_) => IP_HEADER,
        };
        if octets.len() + headers > interface.mtu as usize {
            let mtu = interface.mtu;
            return self.violate(format!(
                "router {} sends {} octets over an MTU of {mtu}",
                node.0,
                octets.len()
            ));
        }
        let broadcast = to.is_broadcast() || to == interface.prefix.last();
        if broadcast && !spec.broadcast {
            return self.violate(format!(
                "router {} broadcasts through a port that may not",
                node.0
            ));
        }
        let segment = interface.segment;
        let source_port = match spec.transport {
            Transport::Udp(port) => port,
            Transport::Raw(_) => 0,
        };
        let packet = Arc::new(Packet {
            source: SocketAddr::new(source, source_port),
            destination,
            transport: match spec.transport {
                Transport::Udp(_) => Transport::Udp(destination.port()),
                raw @ Transport::Raw(_) => raw,
            },
            ttl: if to.is_multicast() {
                spec.multicast_ttl
            } else {
                spec.ttl
            },
            octets: octets.into(),
        });
        self.spread(node, segment.0, (to, broadcast || to.is_multicast()), &packet);
    }

    /// Puts a packet on a link for everyone it is meant for. The sender does not hear itself.
    fn spread(&mut self, from: NodeId, link: usize, (to, many): (Ipv4Addr, bool), packet: &Arc<Packet>) {
        let now = self.now;
        let segment = &mut self.segments[link];
        for position in 0..segment.members.len() {
            let member = segment.members[position];
            if member.node == from || !(many || member.address == to) {
                continue;
            }
            if !segment.connects(from, member.node) {
                self.counts.unclaimed += 1;
                continue;
            }
            let [first, second] = segment.arrivals(now, position, &mut self.faults);
            self.counts.lost += u64::from(first.is_none());
            let incarnation = self.nodes[member.node.0].incarnation;
            for at in first.into_iter().chain(second) {
                self.schedule.push(
                    at,
                    Event::Arrival {
                        node: member.node,
                        incarnation,
                        interface: member.interface,
                        packet: Arc::clone(packet),
                    },
                );
            }
        }
    }

    /// A packet reaches a router.
    pub(crate) fn arrive(&mut self, node: NodeId, interface: InterfaceIndex, packet: &Packet) {
        let now = self.now;
        let router = &mut self.nodes[node.0];
        let up = router
            .interface(interface)
            .is_some_and(crate::NetworkInterface::is_up);
        let Some(life) = router.life.as_mut().filter(|_| up) else {
            self.counts.unclaimed += 1;
            return;
        };
        let meta = RxMeta {
            source: packet.source,
            destination: packet.destination.ip(),
            interface,
            ttl: Some(packet.ttl),
        };
        let mut taken = 0;
        let idle = life.order.is_empty() && now >= life.busy_until;
        for (protocol, running) in life.running.iter_mut().enumerate() {
            let Some(running) = running else { continue };
            for (id, port) in &mut running.ports {
                let spec = &port.spec;
                let heard = match packet.destination.ip() {
                    IpAddr::V4(group) if group.is_multicast() => spec.groups.contains(&group),
                    _ => true,
                };
                if spec.interface != interface
                    || spec.transport != packet.transport
                    || packet.ttl < spec.minimum_ttl
                    || !heard
                {
                    continue;
                }
                taken += 1;
                let charge = packet.octets.len() as u64 + BUFFER_OVERHEAD;
                if port.queued_octets + charge > u64::from(spec.receive_buffer) {
                    self.counts.overflowed += 1;
                    continue;
                }
                port.queued_octets += charge;
                self.counts.deepest_queue = self.counts.deepest_queue.max(port.queued_octets);
                port.queue.push_back((meta, Arc::clone(&packet.octets)));
                life.order.push_back((protocol, *id));
            }
        }
        if taken == 0 {
            self.counts.unclaimed += 1;
            return;
        }
        if idle {
            self.serve(node);
        } else {
            self.call_to_serve(node);
        }
    }

    fn call_to_serve(&mut self, node: NodeId) {
        let router = &mut self.nodes[node.0];
        let incarnation = router.incarnation;
        let Some(life) = &mut router.life else { return };
        if !life.serving && !life.order.is_empty() {
            life.serving = true;
            let at = life.busy_until.max(self.now);
            self.schedule.push(at, Event::Serve { node, incarnation });
        }
    }

    /// A router takes the next datagram out of its queues.
    pub(crate) fn serve(&mut self, node: NodeId) {
        let busy_until = self.now + self.service_time;
        let Some(life) = &mut self.nodes[node.0].life else {
            return;
        };
        life.serving = false;
        let next = take_next(life);
        if let Some((protocol, port, meta, octets)) = next {
            life.busy_until = busy_until;
            self.counts.delivered += 1;
            self.input(node, protocol, |now, process, recorder| {
                recorder.number(0x5041_0000 | u64::from(port.0));
                if let IpAddr::V4(source) = meta.source.ip() {
                    recorder.number(u64::from(u32::from(source)));
                }
                recorder.octets(&octets);
                process.packet(now, port, &meta, &octets);
            });
        }
        self.call_to_serve(node);
    }
}

/// The datagram that came first of those that wait. Ports that were closed meanwhile took theirs with them.
fn take_next(life: &mut Life) -> Option<(usize, PortId, RxMeta, Arc<[u8]>)> {
    while let Some((protocol, id)) = life.order.pop_front() {
        let port = life
            .running
            .get_mut(protocol)
            .and_then(Option::as_mut)
            .and_then(|running| running.ports.get_mut(&id));
        if let Some(port) = port
            && let Some((meta, octets)) = port.queue.pop_front()
        {
            port.queued_octets -= octets.len() as u64 + BUFFER_OVERHEAD;
            return Some((protocol, id, meta, octets));
        }
    }
    None
}
