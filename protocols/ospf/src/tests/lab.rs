//! A laboratory: routers, and networks between them that delay, lose and repeat packets.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use waypost_engine::{Now, Outbox, Output, PortId, PortSpec};
use waypost_types::{InterfaceIndex, NextHop, Prefix4, Random, Seed, Time, WallTime};

use crate::area::AreaId;
use crate::interface::{Attachment, InterfaceId};
use crate::lsa::LsaHeader;
use crate::neighbor::machine::State;
use crate::parameters::{InterfaceParameters, RouterParameters};
use crate::process::{Arrival, Domain, Ospf};

/// A network.
#[derive(Debug)]
pub(crate) struct Segment {
    /// Who is on it: router, interface, address.
    pub(crate) members: Vec<(usize, InterfaceId, Ipv4Addr)>,
    /// How long a packet takes.
    pub(crate) delay: Duration,
    /// How many of a thousand packets are lost,
    pub(crate) loss: u64,
    /// and how many come twice.
    pub(crate) repeat: u64,
    /// How many are changed on their way, and then look right again.
    pub(crate) mangle: u64,
    /// Nothing gets through.
    pub(crate) cut: bool,
}

#[derive(Debug)]
struct Delivery {
    router: usize,
    id: InterfaceId,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    ttl: u8,
    octets: Vec<u8>,
}

/// Routers and networks.
#[derive(Debug)]
pub(crate) struct Lab {
    pub(crate) now: Time,
    pub(crate) routers: Vec<Ospf>,
    pub(crate) segments: Vec<Segment>,
    /// Notices, by router.
    pub(crate) notices: Vec<Vec<String>>,
    /// Packets sent, by packet type.
    pub(crate) sent: [u64; 5],
    /// What routers stored.
    pub(crate) stored: Vec<Option<Vec<u8>>>,
    /// Whether a store answers.
    pub(crate) stores: bool,
    ports: BTreeMap<(usize, PortId), PortSpec>,
    queue: BTreeMap<(Time, u64), Delivery>,
    number: u64,
    random: Random,
    seed: Seed,
}

/// The identifier of a router.
pub(crate) fn router_id(number: usize) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0100_0000 + number as u32)
}

impl Lab {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            // Not at zero: ages reach back before the start.
            now: Time::from_secs(100_000),
            routers: Vec::new(),
            segments: Vec::new(),
            notices: Vec::new(),
            sent: [0; 5],
            stored: Vec::new(),
            stores: true,
            ports: BTreeMap::new(),
            queue: BTreeMap::new(),
            number: 0,
            random: Seed(seed).child("lab").random(),
            seed: Seed(seed),
        }
    }

    pub(crate) fn time(&self) -> Now {
        Now {
            time: self.now,
            wall: WallTime(1_700_000_000 + self.now.0 / 1_000_000_000),
        }
    }

    pub(crate) fn add_router(&mut self, parameters: RouterParameters) -> usize {
        let number = self.routers.len();
        self.routers.push(Ospf::new(self.seed.nth(number as u64)));
        self.notices.push(Vec::new());
        self.stored.push(None);
        self.with(number, |router, now, out| {
            router.start(now, Some(router_id(number)), parameters, None, out);
        });
        number
    }

    pub(crate) fn add_routers(&mut self, count: usize) {
        for _ in 0..count {
            self.add_router(RouterParameters::default());
        }
    }

    /// A router dies and comes back without memory but for what it stored. Its interfaces have to be configured anew.
    pub(crate) fn restart(&mut self, number: usize, parameters: RouterParameters) {
        self.routers[number] = Ospf::new(self.seed.nth(number as u64).child("restarted"));
        self.ports.retain(|(router, _), _| *router != number);
        let stored = self.stored[number].clone();
        self.with(number, |router, now, out| {
            router.start(now, Some(router_id(number)), parameters, stored.as_deref(), out);
        });
    }

    /// The same with its routes left in the kernel, so that it asks its neighbours to go on; on all its interfaces again.
    pub(crate) fn restart_gracefully(
        &mut self,
        number: usize,
        parameters: RouterParameters,
        period: Duration,
    ) {
        let interfaces = std::mem::replace(&mut self.routers[number], Ospf::new(self.seed));
        self.routers[number] = Ospf::new(self.seed.nth(number as u64).child("restarted"));
        self.ports.retain(|(router, _), _| *router != number);
        let stored = self.stored[number].clone();
        self.with(number, |router, now, out| {
            router.restart_gracefully(now, period);
            router.start(now, Some(router_id(number)), parameters, stored.as_deref(), out);
        });
        self.with(number, |router, now, out| {
            for (id, interface) in interfaces.interfaces() {
                let (parameters, attachment) = (interface.parameters.clone(), interface.attachment.clone());
                router.set_interface(now, *id, parameters, attachment, out);
            }
        });
    }

    /// Calls a router and carries out what it asks for.
    pub(crate) fn with(&mut self, number: usize, call: impl FnOnce(&mut Ospf, Now, &mut Outbox)) {
        let mut out = Outbox::new();
        let now = self.time();
        call(&mut self.routers[number], now, &mut out);
        self.carry_out(number, &out);
    }

    fn carry_out(&mut self, number: usize, out: &Outbox) {
        for output in out.outputs() {
            match output {
                Output::OpenPort(port, spec) => {
                    self.ports.insert((number, *port), spec.clone());
                }
                Output::ClosePort(port) => {
                    self.ports
                        .remove(&(number, *port))
                        .expect("a port that is closed is open");
                }
                Output::Send(datagram) => {
                    assert!(self.ports.contains_key(&(number, datagram.port)));
                    let (IpAddr::V4(destination), Some(IpAddr::V4(source))) =
                        (datagram.destination.ip(), datagram.options.source)
                    else {
                        panic!("an address that is none of IPv4");
                    };
                    let octets = out.octets(datagram);
                    let spec = &self.ports[&(number, datagram.port)];
                    let usual = if destination.is_multicast() {
                        spec.multicast_ttl
                    } else {
                        spec.ttl
                    };
                    let ttl = datagram.options.ttl.unwrap_or(usual);
                    self.transmit(number, datagram.port, (source, destination, ttl), octets);
                }
                Output::Notice(notice) => self.notices[number].push(notice.text.clone()),
                Output::Persist(_, value) => {
                    self.stored[number] = Some(value.clone());
                    if self.stores {
                        let value = value.clone();
                        self.with(number, |router, now, out| {
                            router.persisted(now, &value, true, out);
                        });
                    }
                }
                Output::Interest(_) => {}
            }
        }
    }

    fn transmit(
        &mut self,
        from: usize,
        port: PortId,
        (source, destination, ttl): (Ipv4Addr, Ipv4Addr, u8),
        octets: &[u8],
    ) {
        self.sent[usize::from(octets[1]) - 1] += 1;
        let id = InterfaceId::Physical(InterfaceIndex(port.0));
        let Some(segment) = self.segments.iter().find(|segment| {
            segment
                .members
                .iter()
                .any(|member| (member.0, member.1) == (from, id))
        }) else {
            return;
        };
        if segment.cut {
            return;
        }
        let here = |address: &Ipv4Addr| segment.members.iter().any(|member| member.2 == *address);
        let mut ttl = ttl;
        let mut receivers: Vec<(usize, InterfaceId, Ipv4Addr, Duration)> = segment
            .members
            .iter()
            .filter(|member| (member.0, member.1) != (from, id))
            .map(|(router, to, address)| (*router, *to, *address, Duration::ZERO))
            .collect();
        if !destination.is_multicast() && !here(&destination) {
            // At least one router passed it on.
            ttl = ttl.saturating_sub(1);
            receivers = self.forwarded(from, id, destination).into_iter().collect();
        }
        for (router, to, address, further) in receivers {
            let Some(spec) = to.port().and_then(|port| self.ports.get(&(router, port))) else {
                continue;
            };
            if (address != destination && !spec.groups.contains(&destination)) || ttl < spec.minimum_ttl {
                continue;
            }
            let copies = match self.random.below(1000) {
                dice if dice < segment.loss => 0,
                dice if dice < segment.loss + segment.repeat => 2,
                _ => 1,
            };
            for copy in 0..copies {
                let delay =
                    segment.delay + further + Duration::from_micros(self.random.below(50) + 700 * copy);
                self.number += 1;
                let mut octets = octets.to_vec();
                if self.random.below(1000) < segment.mangle {
                    mangle(&mut octets, &mut self.random);
                }
                let delivery = Delivery {
                    router,
                    id: to,
                    source,
                    destination,
                    ttl,
                    octets,
                };
                self.queue.insert((self.now + delay, self.number), delivery);
            }
        }
    }

    /// Where a packet arrives that routers pass on by the routes they were told, and how much longer it takes.
    fn forwarded(
        &self,
        from: usize,
        by: InterfaceId,
        destination: Ipv4Addr,
    ) -> Option<(usize, InterfaceId, Ipv4Addr, Duration)> {
        let (mut router, mut by, mut further) = (from, Some(by), Duration::ZERO);
        for _ in 0..self.routers.len() {
            let fits = |hop: &&NextHop| by.is_none_or(|id| id.index() == Some(hop.interface));
            let covering = (0..=32)
                .rev()
                .map(|length| Prefix4::containing(destination, length).unwrap());
            let routes = self.routers[router].routes();
            let mut hops = covering
                .filter_map(|prefix| routes.get(&prefix))
                .flat_map(|route| &route.next_hops);
            let attached = self.segments.iter().find(|segment| {
                let has = |wanted: Option<Ipv4Addr>| {
                    let of = |member: &&(usize, InterfaceId, Ipv4Addr)| match wanted {
                        Some(address) => member.2 == address,
                        None => member.0 == router,
                    };
                    segment.members.iter().any(|member| of(&member))
                };
                has(Some(destination)) && has(None)
            });
            let gateway = match attached {
                Some(_) => destination,
                None => match hops.find(fits)?.gateway? {
                    IpAddr::V4(gateway) => gateway,
                    IpAddr::V6(_) => return None,
                },
            };
            let find = |address: Ipv4Addr| {
                let members = self.segments.iter().filter(|segment| !segment.cut);
                let mut members =
                    members.flat_map(|segment| segment.members.iter().map(move |member| (segment, *member)));
                members.find(|(_, member)| member.2 == address)
            };
            let (segment, (next, id, _)) = find(gateway)?;
            let owns = |member: &(usize, InterfaceId, Ipv4Addr)| member.0 == next && member.2 == destination;
            let mut all = self.segments.iter().flat_map(|segment| &segment.members);
            if all.any(owns) {
                return Some((next, id, destination, further));
            }
            further += segment.delay;
            (router, by) = (next, None);
        }
        None
    }

    /// A network of these routers: 10.x.y.0/24 for segment number x * 256 + y, each router's last octet its place.
    pub(crate) fn connect(&mut self, routers: &[usize], parameters: &InterfaceParameters) -> usize {
        let segment = self.segments.len();
        let network = Ipv4Addr::from_bits(0x0A00_0000 + ((segment as u32) << 8));
        let members: Vec<_> = routers
            .iter()
            .enumerate()
            .map(|(place, router)| {
                let id = InterfaceId::Physical(InterfaceIndex(segment as u32 + 1));
                (
                    *router,
                    id,
                    Ipv4Addr::from_bits(network.to_bits() + place as u32 + 1),
                )
            })
            .collect();
        self.segments.push(Segment {
            members: members.clone(),
            delay: Duration::from_millis(1),
            loss: 0,
            repeat: 0,
            mangle: 0,
            cut: false,
        });
        for (router, id, address) in members {
            let attachment = attachment(address);
            let mut parameters = parameters.clone();
            parameters.neighbors.remove(&address);
            self.with(router, |router, now, out| {
                router.set_interface(now, id, parameters, attachment, out);
            });
        }
        segment
    }

    /// Lets time pass.
    pub(crate) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            let packet = self.queue.first_key_value().map(|((at, _), _)| *at);
            let timer = self
                .routers
                .iter()
                .enumerate()
                .filter_map(|(number, router)| Some((router.next_time()?, number)))
                .min();
            if let Some(at) = packet.filter(|at| *at <= end && timer.is_none_or(|(timer, _)| *at <= timer)) {
                self.now = self.now.max(at);
                if let Some((_, delivery)) = self.queue.pop_first() {
                    self.deliver(&delivery);
                }
            } else if let Some((at, number)) = timer.filter(|(at, _)| *at <= end) {
                self.now = self.now.max(at);
                self.with(number, Ospf::deadline);
            } else {
                break;
            }
        }
        self.now = end;
    }

    fn deliver(&mut self, delivery: &Delivery) {
        let Some(port) = delivery.id.port() else { return };
        if !self.ports.contains_key(&(delivery.router, port)) {
            return;
        }
        self.with(delivery.router, |router, now, out| {
            let arrival = Arrival {
                source: delivery.source,
                destination: delivery.destination,
                ttl: Some(delivery.ttl),
            };
            router.receive(now, delivery.id, arrival, &delivery.octets, out);
        });
    }

    /// Packets made up by a test.
    pub(crate) fn inject(
        &mut self,
        router: usize,
        id: InterfaceId,
        source: Ipv4Addr,
        destination: Ipv4Addr,
        octets: &[u8],
    ) {
        self.deliver(&Delivery {
            router,
            id,
            source,
            destination,
            ttl: 255,
            octets: octets.to_vec(),
        });
    }

    /// The states of a router's neighbours on a segment, by router identifier.
    pub(crate) fn states(&self, router: usize, segment: usize) -> BTreeMap<Ipv4Addr, State> {
        let id = InterfaceId::Physical(InterfaceIndex(segment as u32 + 1));
        self.routers[router].interfaces()[&id]
            .neighbors
            .values()
            .map(|neighbor| (neighbor.router, neighbor.state))
            .collect()
    }

    /// An interface.
    pub(crate) fn interface(&self, router: usize, segment: usize) -> &crate::interface::Interface {
        &self.routers[router].interfaces()[&InterfaceId::Physical(InterfaceIndex(segment as u32 + 1))]
    }

    /// Changes the parameters of an interface.
    pub(crate) fn configure(
        &mut self,
        router: usize,
        segment: usize,
        change: impl FnOnce(&mut InterfaceParameters, &mut Attachment),
    ) {
        let interface = self.interface(router, segment);
        let (mut parameters, mut attachment) = (interface.parameters.clone(), interface.attachment.clone());
        change(&mut parameters, &mut attachment);
        let id = interface.id;
        self.with(router, |router, now, out| {
            router.set_interface(now, id, parameters, attachment, out);
        });
    }

    /// What a router's database of a domain holds: everything that tells instances apart.
    pub(crate) fn database(&self, router: usize, domain: Domain) -> Vec<LsaHeader> {
        let Some(database) = self.routers[router].databases().get(domain) else {
            return Vec::new();
        };
        let headers = database
            .slots()
            .filter_map(|slot| database.header(slot, self.now));
        let mut headers: Vec<_> = headers.map(|header| LsaHeader { age: 0, ..header }).collect();
        headers.sort_by_key(|header| header.key);
        headers
    }

    /// Asserts that these routers have the same database of the backbone, and that it is not empty.
    pub(crate) fn assert_same_database(&self, routers: impl IntoIterator<Item = usize>) {
        let mut first: Option<Vec<LsaHeader>> = None;
        for router in routers {
            let database = self.database(router, Domain::Area(AreaId::BACKBONE));
            assert!(!database.is_empty());
            match &first {
                None => first = Some(database),
                Some(first) => assert_eq!(first, &database, "router {router}"),
            }
        }
    }
}

/// An address in a network of 24 bits, with everything working.
pub(crate) fn attachment(address: Ipv4Addr) -> Attachment {
    Attachment {
        up: true,
        address: Some(address),
        prefix: Prefix4::containing(address, 24).ok(),
        others: Vec::new(),
    }
}

impl Lab {
    /// Lets everybody believe that router `of` has said the last instance there can be of its router-LSA: `by` tells
    /// `at` on this segment.
    pub(crate) fn claim_last_instance(&mut self, at: usize, by: usize, segment: usize, of: usize) {
        use crate::lsa::{LsaKey, LsaType, SequenceNumber, build};
        use crate::options::Options;
        use crate::packet::{ALL_SPF_ROUTERS, PacketType};
        let key = LsaKey {
            kind: LsaType::Router,
            id: router_id(of),
            router: router_id(of),
        };
        let lsa = build(key, 5, Options::EXTERNAL, SequenceNumber::MAX, |writer| {
            writer.zeros(4);
        });
        let octets = packet(PacketType::LinkStateUpdate, router_id(by), |writer| {
            writer.u32(1).slice(&lsa);
        });
        let id = self.interface(at, segment).id;
        let source = self.interface(by, segment).address();
        // Not within MinLSArrival of the last.
        self.run(Duration::from_secs(2));
        self.inject(at, id, source, ALL_SPF_ROUTERS, &octets);
    }
}

/// A packet of the backbone without authentication.
pub(crate) fn packet(
    kind: crate::packet::PacketType,
    router: Ipv4Addr,
    body: impl FnOnce(&mut waypost_wire::Writer),
) -> Vec<u8> {
    let mut writer = crate::packet::begin(kind, router, AreaId::BACKBONE, 0, 1500);
    body(&mut writer);
    crate::packet::seal(&mut writer, 0, [0; 8], true);
    writer.finish()
}

/// Changes a packet, and mostly sets right the checksums over what was changed: damage that is meant.
fn mangle(octets: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(3) {
        let at = random.below(octets.len() as u64) as usize;
        match random.below(4) {
            0 => octets[at] ^= 1 << random.below(8),
            1 => octets[at] = random.below(256) as u8,
            2 => octets[at] = [0, 1, 0x7F, 0x80, 0xFF][random.below(5) as usize],
            _ if random.chance(1, 8) => octets.truncate(at.max(1)),
            _ => {}
        }
    }
    if octets.len() < 28 || random.chance(1, 4) {
        return;
    }
    let length = octets.len() as u16;
    octets[2..4].copy_from_slice(&length.to_be_bytes());
    if octets[1] == 4 {
        let mut at = 28;
        while at + 20 <= octets.len() {
            let length = usize::from(u16::from_be_bytes([octets[at + 18], octets[at + 19]]));
            let Some(lsa) = octets.get(at..at + length.max(20)).map(<[u8]>::to_vec) else {
                break;
            };
            let sum = crate::checksum::lsa_checksum(&lsa);
            octets[at + 16..at + 18].copy_from_slice(&sum.to_be_bytes());
            at += lsa.len();
        }
    }
    octets[12..14].fill(0);
    let sum = !crate::checksum::internet_sum(&[&octets[..16], &octets[24..]]);
    octets[12..14].copy_from_slice(&sum.to_be_bytes());
}
