//! OSPF's calculation of routes alone: everything anew, and what one change costs.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use waypost_loadgen::mix;
use waypost_ospf::AreaId;
use waypost_ospf::database::Database;
use waypost_ospf::lsa::body::{LinkType, RouterFlags, RouterLink};
use waypost_ospf::lsa::{External, LsaKey, LsaType, RawLsa, RouterBody, SequenceNumber, build};
use waypost_ospf::options::Options;
use waypost_ospf::parameters::AreaKind;
use waypost_ospf::spf::graph::Graph;
use waypost_ospf::spf::hops::HopSets;
use waypost_ospf::spf::table::{AreaView, LsaChange, Table, View};
use waypost_ospf::spf::tree::{FirstHops, Ground, Tree};
use waypost_types::{InterfaceIndex, NextHop, Prefix4, Random, Seed, Time};
use waypost_wire::Writer;

use crate::Context;
use crate::report::{Row, Samples, Section};

const ROUTERS: u32 = 10_000;
const LINKS: u32 = 40_000;
const EXTERNALS: u32 = 100_000;
/// Links changed one after the other in a measurement.
const CHANGES: usize = 200;
const NOW: Time = Time(1_000_000_000);

/// An area of routers with numbered links, a stub network at each, and externals from some of them.
struct World {
    random: Random,
    links: Vec<Vec<(u32, u32, u16)>>,
    area: Database,
    external: Database,
}

fn router(number: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x0100_0000 + number)
}

fn link_data(link: u32, from: u32, to: u32) -> Ipv4Addr {
    Ipv4Addr::from_bits(0x8000_0000 + link * 2 + u32::from(from > to))
}

impl World {
    fn new(externals: u32) -> Result<Self> {
        let mut world = Self {
            random: Seed(7).random(),
            links: vec![Vec::new(); ROUTERS as usize],
            area: Database::new(Seed(1)),
            external: Database::new(Seed(1)),
        };
        for link in 0..LINKS {
            // The first ones make a tree, so that everybody can be reached.
            let (a, b) = if link + 1 < ROUTERS {
                (link + 1, world.random.below(u64::from(link + 1)) as u32)
            } else {
                let mut any = || world.random.below(u64::from(ROUTERS)) as u32;
                (any(), any())
            };
            for (from, to) in [(a, b), (b, a)] {
                let cost = world.cost();
                world.links[from as usize].push((link, to, cost));
            }
        }
        for number in 0..ROUTERS {
            world.say_router(number)?;
        }
        for number in 0..externals {
            world.say_external(number, 20)?;
        }
        Ok(world)
    }

    fn cost(&mut self) -> u16 {
        1 + self.random.below(100) as u16
    }

    fn say_router(&mut self, number: u32) -> Result<LsaChange> {
        let links = self.links[number as usize]
            .iter()
            .map(|(link, to, cost)| RouterLink {
                kind: LinkType::PointToPoint,
                id: router(*to),
                data: link_data(*link, number, *to),
                metric: *cost,
            });
        let stub = RouterLink {
            kind: LinkType::Stub,
            id: Ipv4Addr::from_bits(0x0a00_0000 + number * 256),
            data: Ipv4Addr::new(255, 255, 255, 0),
            metric: 1,
        };
        let links: Vec<RouterLink> = links.chain([stub]).collect();
        // Externals come from routers far from each other.
        let flags = if number.is_multiple_of(1000) {
            RouterFlags::EXTERNAL
        } else {
            RouterFlags::empty()
        };
        let mut writer = Writer::new();
        RouterBody::encode(&mut writer, flags, &links);
        let (kind, id) = (LsaType::Router, router(number));
        install(
            &mut self.area,
            LsaKey { kind, id, router: id },
            Some(AreaId(0)),
            &writer.finish(),
        )
    }

    fn say_external(&mut self, number: u32, metric: u32) -> Result<LsaChange> {
        let prefix = mix::prefix4(Seed(3), number);
        let external = External {
            mask: prefix.netmask(),
            type_2: true,
            metric,
            forwarding: Ipv4Addr::UNSPECIFIED,
            tag: 0,
        };
        let mut writer = Writer::new();
        external.encode(&mut writer);
        let key = LsaKey {
            kind: LsaType::AsExternal,
            // Networks of several lengths may have one address: each has an identifier of its own (appendix E).
            id: Ipv4Addr::from_bits(prefix.network().to_bits() | u32::from(prefix.length() % 24)),
            router: router(1000 * (1 + number % 9)),
        };
        install(&mut self.external, key, None, &writer.finish())
    }

    /// Changes the cost of one link at one end.
    fn change_link(&mut self) -> Result<LsaChange> {
        loop {
            let number = self.random.below(u64::from(ROUTERS)) as u32;
            let links = self.links[number as usize].len() as u64;
            if links > 0 {
                let link = self.random.below(links) as usize;
                self.links[number as usize][link].2 = self.cost();
                return self.say_router(number);
            }
        }
    }

    fn view(&self) -> View<'_> {
        let mut first = FirstHops::default();
        for (link, to, _) in &self.links[0] {
            let gateway = link_data(*link, *to, 0);
            let hop = NextHop::via(gateway.into(), InterfaceIndex(1 + link));
            first
                .routers
                .entry((router(*to), link_data(*link, 0, *to)))
                .or_default()
                .push(hop);
        }
        let area = AreaView {
            area: AreaId(0),
            kind: AreaKind::Normal,
            no_summary: false,
            database: &self.area,
            first,
        };
        View {
            router: router(0),
            areas: vec![area],
            external: &self.external,
            border: false,
            rfc1583: true,
            limit: 16,
            addresses: BTreeSet::new(),
            ranges: BTreeSet::<Prefix4>::new(),
            virtual_links: BTreeSet::new(),
        }
    }
}

fn install(database: &mut Database, key: LsaKey, area: Option<AreaId>, body: &[u8]) -> Result<LsaChange> {
    let octets = build(key, 1, Options::EXTERNAL, SequenceNumber(1), |writer| {
        writer.slice(body);
    });
    let (lsa, _) = RawLsa::split(&octets).context("an LSA is whole")?;
    let mask = database.install(lsa, NOW)?.mask;
    Ok(LsaChange { area, key, mask })
}

pub(crate) fn run(context: &Context) -> Result<Section> {
    let mut section = Section::new(format!(
        "routes of an OSPF area of {ROUTERS} routers and {LINKS} links"
    ));
    inside(context, &mut section)?;
    outside(context, &mut section)?;
    section.note("one processor; a link is numbered, has a cost of 1 to 100 at each end; a stub network at each router");
    Ok(section)
}

fn inside(context: &Context, section: &mut Section) -> Result<()> {
    let mut world = World::new(0)?;
    let (mut everything, mut trees) = (Samples::default(), Samples::default());
    let mut table = Table::new(Seed(1));
    for _ in 0..context.runs(9) {
        let view = world.view();
        let start = Instant::now();
        table.calculate(&view);
        everything.add(start.elapsed());
        let mut graph = Graph::new(Seed(1));
        graph.update(
            &world.area,
            world.area.slots().filter_map(|slot| world.area.key(slot)),
        );
        let ground = Ground {
            graph: &graph,
            root: graph.router(router(0)).context("the router is in the graph")?,
            first: &view.areas[0].first,
        };
        let mut sets = HopSets::new(Seed(1), 16);
        let start = Instant::now();
        let tree = Tree::grow(ground, &mut sets);
        trees.add(start.elapsed());
        ensure!(tree.distance(ground.root) == 0, "the tree has a root");
    }
    ensure!(
        table.networks().count() == ROUTERS as usize,
        "{} of {ROUTERS} networks are reached",
        table.networks().count()
    );
    section.row(Row::time(
        "everything from the LSAs, as at the start: graph, tree and networks",
        everything,
    ));
    section.row(Row::time("a full SPF: every shortest path in the graph", trees).at_most(15.0));
    let (mut usual, mut longest, mut changed) = (Samples::default(), Samples::default(), Samples::default());
    for _ in 0..context.runs(9) {
        let mut times = Samples::default();
        for _ in 0..CHANGES {
            let change = world.change_link()?;
            let view = world.view();
            let start = Instant::now();
            let outcome = table.update(&view, &[change]);
            times.add(start.elapsed());
            changed.add_number(outcome.networks.len() as f64);
            ensure!(!outcome.everything, "the table is brought along");
        }
        usual.add_number(times.median());
        longest.add_number(times.max());
    }
    let mut fresh = Table::new(Seed(1));
    fresh.calculate(&world.view());
    let all = |table: &Table| {
        table
            .all()
            .map(|(prefix, path)| (prefix, path.cost))
            .collect::<Vec<_>>()
    };
    ensure!(
        all(&fresh) == all(&table),
        "what was brought along is what everything comes to"
    );
    section.row(Row::time("one link costs something else: median of 200", usual).at_most(1.0));
    section.row(Row::time(
        "one link costs something else: longest of 200",
        longest,
    ));
    section.row(Row::new(
        "networks whose path changes with it",
        "networks",
        changed,
    ));
    Ok(())
}

fn outside(context: &Context, section: &mut Section) -> Result<()> {
    let mut world = World::new(EXTERNALS)?;
    let (mut everything, mut one, mut failed) = (Samples::default(), Samples::default(), Samples::default());
    let mut table = Table::new(Seed(1));
    let stubs = (0..ROUTERS).map(|number| Prefix4::new(Ipv4Addr::from_bits(0x0a00_0000 + number * 256), 24));
    let mut all: BTreeSet<Prefix4> = stubs.collect::<Result<_, _>>()?;
    all.extend((0..EXTERNALS).map(|number| mix::prefix4(Seed(3), number)));
    for _ in 0..context.runs(5) {
        let start = Instant::now();
        table.calculate(&world.view());
        everything.add(start.elapsed());
        ensure!(
            table.all().count() == all.len(),
            "{} of {} networks are reached",
            table.all().count(),
            all.len()
        );
        for metric in 1..=20 {
            let change = world.say_external(metric, metric)?;
            let view = world.view();
            let start = Instant::now();
            table.update(&view, &[change]);
            one.add(start.elapsed());
        }
        // The first link of ours fails, then it is there again.
        let view = world.view();
        let mut without = view.clone();
        without.areas[0].first.routers.pop_first();
        let start = Instant::now();
        let outcome = table.update(&without, &[]);
        failed.add(start.elapsed());
        ensure!(!outcome.networks.is_empty(), "something goes another way");
        table.update(&view, &[]);
    }
    section.row(Row::time(
        "everything, with 100 000 externals of nine routers",
        everything,
    ));
    section.row(Row::time("one external costs something else", one));
    section.row(Row::time(
        "a link of the router's own is gone: next hops of all behind it",
        failed,
    ));
    Ok(())
}
