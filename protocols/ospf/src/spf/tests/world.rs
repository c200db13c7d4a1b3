//! Databases that change at random: areas with links, networks, summaries and externals, as a few routers would say them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use waypost_types::{InterfaceIndex, NextHop, Prefix4, Random, Seed, Time};
use waypost_wire::Writer;

use crate::area::AreaId;
use crate::database::Database;
use crate::lsa::body::{LinkType, RouterFlags, RouterLink};
use crate::lsa::{
    AsbrSummary, External, LS_INFINITY, LsaKey, LsaType, NetworkBody, RawLsa, RouterBody, SequenceNumber,
    Summary, build,
};
use crate::options::Options;
use crate::parameters::AreaKind;
use crate::spf::table::{AreaView, LsaChange, View};
use crate::spf::tree::FirstHops;

const ROUTERS: u64 = 8;
const AREAS: [(AreaId, AreaKind); 3] = [
    (AreaId(0), AreaKind::Normal),
    (AreaId(1), AreaKind::Normal),
    (AreaId(2), AreaKind::Nssa),
];

fn router(number: u64) -> Ipv4Addr {
    Ipv4Addr::new(1, 1, 1, number as u8)
}

fn own() -> Ipv4Addr {
    router(0)
}

/// A link between two routers: each end with its cost, if it says the link.
#[derive(Clone)]
struct Link {
    ends: [(u64, Option<u16>); 2],
}

/// A network with a Designated Router: who says the network-LSA, and who is on it, at what cost, and in the LSA.
#[derive(Clone)]
struct Network {
    sayers: BTreeSet<u64>,
    members: BTreeMap<u64, (u16, bool)>,
    mask: u8,
}

#[derive(Clone, Default)]
struct Area {
    there: BTreeSet<u64>,
    flags: BTreeMap<u64, u8>,
    links: Vec<Link>,
    /// Virtual links, in the backbone.
    virtual_links: Vec<Link>,
    networks: Vec<Network>,
    stubs: BTreeMap<(u64, Prefix4), u16>,
    /// Links of ours without a neighbour, by Link Data.
    down: BTreeSet<Ipv4Addr>,
}

type Said = BTreeMap<(Option<AreaId>, LsaKey), Vec<u8>>;

pub(super) struct World {
    random: Random,
    areas: BTreeMap<AreaId, Area>,
    /// Summaries and externals.
    elsewhere: Said,
    databases: BTreeMap<Option<AreaId>, Database>,
    said: Said,
    border: bool,
    rfc1583: bool,
    least_cost: u64,
    /// Virtual links of ours with a neighbour: the area they lead through, and the router.
    ends: BTreeSet<(AreaId, Ipv4Addr)>,
}

fn network(area: AreaId, number: usize, host: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 200 + area.0 as u8, number as u8, host)
}

/// Networks that areas, summaries and externals have in common.
fn prefix(random: &mut Random) -> Prefix4 {
    let length = [8, 16, 24, 28][random.below(4) as usize];
    let address = Ipv4Addr::new(10, 1 + random.below(2) as u8, random.below(2) as u8, 0);
    Prefix4::containing(address, length).unwrap()
}

impl World {
    pub(super) fn new(seed: Seed) -> Self {
        Self::with_costs(seed, 1)
    }

    pub(super) fn with_free_links(seed: Seed) -> Self {
        Self::with_costs(seed, 0)
    }

    fn with_costs(seed: Seed, least_cost: u64) -> Self {
        let mut world = Self {
            random: seed.random(),
            areas: BTreeMap::new(),
            elsewhere: Said::new(),
            databases: BTreeMap::from([(None, Database::new(seed))]),
            said: Said::new(),
            border: true,
            rfc1583: seed.0.is_multiple_of(2),
            least_cost,
            ends: BTreeSet::new(),
        };
        for (id, _) in AREAS {
            world.databases.insert(Some(id), Database::new(seed));
            let mut area = Area {
                there: (0..ROUTERS).collect(),
                ..Area::default()
            };
            for number in 0..12 {
                let (a, b) = (world.random.below(ROUTERS), world.random.below(ROUTERS));
                if a != b {
                    let (out, back) = (world.cost(), world.cost());
                    area.links.push(Link {
                        ends: [(a, Some(out)), (b, Some(back))],
                    });
                    if id.is_backbone() && a != 0 {
                        area.virtual_links.push(Link {
                            ends: [(a, Some(back)), (0, Some(out))],
                        });
                    }
                }
                if number < 3 {
                    area.networks.push(Network {
                        sayers: BTreeSet::from([a]),
                        members: BTreeMap::from([(a, (world.cost(), true)), (b, (world.cost(), true))]),
                        mask: 24,
                    });
                }
                let flags = [0, 1, 2, 3, 4, 5][world.random.below(6) as usize];
                area.flags.insert(a, flags);
            }
            world.areas.insert(id, area);
        }
        for _ in 0..40 {
            world.change_elsewhere();
        }
        world
    }

    fn cost(&mut self) -> u16 {
        (self.least_cost + self.random.below(5)) as u16
    }

    /// Changes one to four things. The LSAs that changed.
    pub(super) fn change(&mut self) -> Vec<LsaChange> {
        for _ in 0..1 + self.random.below(4) {
            if self.random.chance(1, 2) {
                self.change_area();
            } else {
                self.change_elsewhere();
            }
        }
        if self.random.chance(1, 60) {
            self.border = !self.border;
        }
        self.say()
    }

    fn change_area(&mut self) {
        let cost = self.cost();
        let cost = (!self.random.chance(1, 4)).then_some(cost);
        let random = &mut self.random;
        let id = AreaId(random.below(3) as u32);
        let Some(area) = self.areas.get_mut(&id) else {
            return;
        };
        let someone = random.below(ROUTERS);
        if !area.virtual_links.is_empty() && random.chance(1, 4) {
            let end = (AreaId(1 + random.below(2) as u32), router(someone));
            if !self.ends.remove(&end) {
                self.ends.insert(end);
            }
            let link = random.below(area.virtual_links.len() as u64) as usize;
            area.virtual_links[link].ends[random.below(2) as usize].1 = cost;
            return;
        }
        match random.below(8) {
            0..=2 => {
                let link = random.below(area.links.len() as u64) as usize;
                area.links[link].ends[random.below(2) as usize].1 = cost;
            }
            3 => {
                let place = random.below(area.networks.len() as u64) as usize;
                let network = &mut area.networks[place];
                match cost {
                    Some(cost) => drop(network.members.insert(someone, (cost, random.chance(3, 4)))),
                    None => drop(network.members.remove(&someone)),
                }
                if random.chance(1, 3) && !network.sayers.remove(&someone) {
                    network.sayers.insert(someone);
                }
                network.mask = [24, 24, 24, 32][random.below(4) as usize];
            }
            4 => {
                if !area.there.remove(&someone) {
                    area.there.insert(someone);
                }
            }
            5 => drop(area.flags.insert(someone, random.below(8) as u8)),
            6 => {
                let place = (someone, prefix(random));
                match cost {
                    Some(cost) => drop(area.stubs.insert(place, cost)),
                    None => drop(area.stubs.remove(&place)),
                }
            }
            _ => {
                let links = own_links(id, area);
                if !links.is_empty() {
                    let (_, data, _) = links[random.below(links.len() as u64) as usize];
                    if !area.down.remove(&data) {
                        area.down.insert(data);
                    }
                }
            }
        }
    }

    fn change_elsewhere(&mut self) {
        let random = &mut self.random;
        let said_by = router(random.below(ROUTERS));
        let prefix = prefix(random);
        // Now and then a network is said under another identifier (appendix E), or an identifier stands for another network.
        let id = if random.chance(1, 5) {
            prefix.last()
        } else {
            prefix.network()
        };
        let metric = if random.chance(1, 8) {
            LS_INFINITY
        } else {
            1 + random.below(6) as u32
        };
        let mut area = Some(AreaId(random.below(3) as u32));
        let mut writer = Writer::new();
        let (kind, id) = match random.below(4) {
            0 => {
                let mask = prefix.netmask();
                Summary { mask, metric }.encode(&mut writer);
                (LsaType::Summary, id)
            }
            1 => {
                AsbrSummary { metric }.encode(&mut writer);
                (LsaType::AsbrSummary, router(random.below(ROUTERS)))
            }
            number => {
                let forwarding = match random.below(4) {
                    0 => network(AreaId(random.below(3) as u32), 0, 77),
                    1 => Ipv4Addr::new(10, 1, 0, 1),
                    _ => Ipv4Addr::UNSPECIFIED,
                };
                let external = External {
                    mask: prefix.netmask(),
                    type_2: random.chance(1, 2),
                    metric,
                    forwarding,
                    tag: random.below(3) as u32,
                };
                external.encode(&mut writer);
                if number == 2 {
                    area = None;
                    (LsaType::AsExternal, id)
                } else {
                    area = Some(AreaId(2));
                    (LsaType::Nssa, id)
                }
            }
        };
        let key = LsaKey {
            kind,
            id,
            router: said_by,
        };
        if random.chance(1, 3) {
            self.elsewhere.remove(&(area, key));
        } else {
            self.elsewhere.insert((area, key), writer.finish());
        }
    }

    /// Brings the databases to what is to be said.
    fn say(&mut self) -> Vec<LsaChange> {
        let mut wanted = self.elsewhere.clone();
        for (id, area) in &self.areas {
            say_area(*id, area, &mut wanted);
        }
        let mut changes = Vec::new();
        let keys: BTreeSet<_> = wanted.keys().chain(self.said.keys()).copied().collect();
        for (area, key) in keys {
            let (body, old) = (wanted.get(&(area, key)), self.said.get(&(area, key)));
            let database = self.databases.get_mut(&area).unwrap();
            if body == old {
                continue;
            }
            let Some(body) = body else {
                let slot = database.find(key).unwrap();
                let mask = database.mask(slot);
                database.flush(slot);
                if self.random.chance(1, 2) {
                    database.remove(slot);
                }
                changes.push(LsaChange { area, key, mask });
                continue;
            };
            let octets = build(key, 1, Options::EXTERNAL, SequenceNumber(1), |writer| {
                writer.slice(body);
            });
            let (lsa, _) = RawLsa::split(&octets).unwrap();
            let installed = database.install(lsa, Time(1_000_000_000)).unwrap();
            let mask = installed.mask;
            changes.push(LsaChange { area, key, mask });
        }
        self.said = wanted;
        changes
    }

    pub(super) fn view(&self) -> View<'_> {
        let areas = AREAS.iter().map(|(id, kind)| AreaView {
            area: *id,
            kind: *kind,
            no_summary: false,
            database: &self.databases[&Some(*id)],
            first: first(*id, &self.areas[id]),
        });
        View {
            router: own(),
            areas: areas.collect(),
            external: &self.databases[&None],
            border: self.border,
            rfc1583: self.rfc1583,
            limit: 16,
            addresses: BTreeSet::from([network(AreaId(0), 0, 77)]),
            ranges: BTreeSet::from([Prefix4::new(Ipv4Addr::new(10, 1, 0, 0), 24).unwrap()]),
            virtual_links: self.ends.clone(),
        }
    }
}

/// Our links in an area: what they lead to, Link Data, and the interface.
fn own_links(id: AreaId, area: &Area) -> Vec<(Option<u64>, Ipv4Addr, InterfaceIndex)> {
    let mut links = Vec::new();
    for (number, link) in area.links.iter().enumerate() {
        for (side, (end, _)) in link.ends.iter().enumerate().filter(|(_, (end, _))| *end == 0) {
            assert_eq!(*end, 0);
            let index = InterfaceIndex(1 + id.0 * 100 + number as u32);
            links.push((Some(link.ends[1 - side].0), data(id, number, side), index));
        }
    }
    for (number, _) in area.networks.iter().enumerate() {
        links.push((
            None,
            network(id, number, 0),
            InterfaceIndex(51 + id.0 * 100 + number as u32),
        ));
    }
    links
}

fn data(id: AreaId, link: usize, side: usize) -> Ipv4Addr {
    Ipv4Addr::new(10, 100 + id.0 as u8, link as u8, 1 + side as u8)
}

fn first(id: AreaId, area: &Area) -> FirstHops {
    let mut first = FirstHops::default();
    for (to, data, index) in own_links(id, area) {
        let up = !area.down.contains(&data);
        match to {
            Some(to) if up => {
                let gateway = Ipv4Addr::from_bits(data.to_bits() ^ 3);
                let hops = first.routers.entry((router(to), data)).or_default();
                hops.push(NextHop::via(gateway.into(), index));
            }
            None if up => drop(first.networks.insert(data, index)),
            _ => {}
        }
    }
    for (number, (said_by, prefix)) in area.stubs.keys().enumerate() {
        if *said_by == 0 && number % 2 == 0 {
            first.stubs.insert(*prefix, InterfaceIndex(99));
        }
    }
    first
}

fn say_area(id: AreaId, area: &Area, wanted: &mut Said) {
    for number in &area.there {
        let mut links = Vec::new();
        let mut link = |kind, id, data, metric| {
            links.push(RouterLink {
                kind,
                id,
                data,
                metric,
            });
        };
        let real = area.links.iter().map(|link| (LinkType::PointToPoint, link));
        let links_of = real.chain(area.virtual_links.iter().map(|link| (LinkType::Virtual, link)));
        for (place, (kind, Link { ends })) in links_of.enumerate() {
            for (side, (end, cost)) in ends.iter().enumerate() {
                if end == number
                    && let Some(cost) = cost
                {
                    let other = router(ends[1 - side].0);
                    link(kind, other, data(id, place, side), *cost);
                }
            }
        }
        for (place, shared) in area.networks.iter().enumerate() {
            if let Some((cost, _)) = shared.members.get(number) {
                let data = network(id, place, *number as u8);
                link(LinkType::Transit, network(id, place, 200), data, *cost);
            }
        }
        for ((_, prefix), cost) in area.stubs.iter().filter(|((said_by, _), _)| said_by == number) {
            link(LinkType::Stub, prefix.network(), prefix.netmask(), *cost);
        }
        let flags = area.flags.get(number).copied().unwrap_or_default();
        let mut writer = Writer::new();
        RouterBody::encode(&mut writer, RouterFlags::from_bits_retain(flags), &links);
        let (kind, router) = (LsaType::Router, router(*number));
        let key = LsaKey {
            kind,
            id: router,
            router,
        };
        wanted.insert((Some(id), key), writer.finish());
    }
    for (place, shared) in area.networks.iter().enumerate() {
        for sayer in &shared.sayers {
            let members = shared.members.iter().filter(|(_, (_, said))| *said);
            let mask = if shared.mask == 32 {
                Ipv4Addr::BROADCAST
            } else {
                Ipv4Addr::new(255, 255, 255, 0)
            };
            let mut writer = Writer::new();
            NetworkBody::encode(&mut writer, mask, members.map(|(member, _)| router(*member)));
            let key = LsaKey {
                kind: LsaType::Network,
                id: network(id, place, 200),
                router: router(*sayer),
            };
            wanted.insert((Some(id), key), writer.finish());
        }
    }
}
