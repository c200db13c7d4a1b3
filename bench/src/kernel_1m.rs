//! A million routes from a protocol to the kernel, beside the kernel's own limit and BIRD.

use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use waypost_loadgen::mix;
use waypost_netlink::constants::RTPROT_STATIC;
use waypost_netlink::{
    Acknowledge, Batch, Change, Nexthop, NexthopId, NexthopKind, Route, RouteProtocol, Set,
};
use waypost_sys::interface;
use waypost_sys::netlink::Client;
use waypost_testkit::{Lab, Make, Node, Router};
use waypost_types::{Prefix4, Seed};

use crate::Context;
use crate::cost::{Cost, resident};
use crate::report::{Row, Samples, Section};
use crate::watch::{Arrivals, Watch};
use crate::waypost::{Waypost, set};

const ROUTES: u32 = 1_000_000;
const BOUND: Duration = Duration::from_secs(180);
const SEED: Seed = Seed(1);
/// Messages of a batch of the bare measurement.
const BATCH: usize = 1024;
const GATEWAYS: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(192, 0, 2, 2)];
/// Of what the bare measurement reaches.
const PART: f64 = 0.9;

/// What some runs gave.
#[derive(Default)]
struct Results {
    /// From the command to the last route.
    whole: Samples,
    /// From the first route to the last.
    kernel: Samples,
    cpu: Samples,
    memory: Samples,
}

pub(crate) fn run(context: &Context) -> Result<Section> {
    let mut section = Section::new("1 000 000 IPv4 routes from a protocol to the kernel");
    let runs = context.runs(3);
    let mut bare = Samples::default();
    let mut waypost = Results::default();
    for _ in 0..runs {
        let lab = Lab::below("kernel-1m", context.scratch())?;
        bare.add(raw(&node(&lab)?)?);
        let lab = Lab::below("kernel-1m", context.scratch())?;
        through_waypost(&node(&lab)?, &mut waypost)?;
    }
    let mut bird = Results::default();
    if Make::Bird.is_installed() {
        let lab = Lab::below("kernel-1m", context.scratch())?;
        through_bird(&node(&lab)?, &mut bird)?;
    } else {
        section.note("BIRD is not installed");
    }
    let limit = bare.median() / PART;
    section.row(Row::time(
        "the kernel alone: bare batches, nexthop objects",
        bare.clone(),
    ));
    let kernel = Row::time("Waypost: from the first route to the last", waypost.kernel);
    section.row(kernel.beside(&bare, "bare").at_most(limit));
    let mut whole = Row::time("Waypost: from the command", waypost.whole.clone()).beside(&bare, "bare");
    if bird.whole.len() > 0 {
        let half = bird.whole.median() / 2.0;
        let met = waypost.whole.median() <= half;
        whole = whole.bar(format!("<= half of BIRD's {:.0} ms", half * 2.0), met);
    }
    section.row(whole);
    section.row(Row::time("Waypost: CPU", waypost.cpu));
    section.row(Row::new("Waypost: resident memory a route", "B", waypost.memory));
    if bird.whole.len() > 0 {
        section.row(Row::time("BIRD: from the first route to the last", bird.kernel).beside(&bare, "bare"));
        section.row(Row::time("BIRD: from the command", bird.whole).beside(&bare, "bare"));
        section.row(Row::time("BIRD: CPU", bird.cpu));
        section.row(Row::new("BIRD: resident memory a route", "B", bird.memory));
    }
    section.note(
        "the kernel's announcements are heard meanwhile, in all of them alike, which slows all of them down",
    );
    section.note("Waypost announces them by its load generator, set to a million live; BIRD as static routes by birdc configure, whose time includes reading the file");
    section.note(
        "FRR is not measured: its static daemon takes hours, and the package has no other that makes so many",
    );
    Ok(section)
}

fn node(lab: &Lab) -> Result<Node> {
    let node = lab.node("r")?;
    lab.stub(&node, "eth0", "192.0.2.254/24")?;
    Ok(node)
}

fn watch(node: &Node) -> Result<Watch<Arrivals>> {
    Watch::start(node, Arrivals::of(Prefix4::DEFAULT, ROUTES as usize))
}

/// How long the kernel takes for routes that are made before.
fn raw(node: &Node) -> Result<Duration> {
    const FIRST: u32 = 1;
    let heard = watch(node)?;
    let spent = node.inside(|| {
        let mut client = Client::open()?;
        let eth0 = interface::index("eth0")?;
        for (id, gateway) in (FIRST..).zip(GATEWAYS) {
            let kind = NexthopKind::Gateway {
                interface: eth0,
                address: IpAddr::V4(gateway),
            };
            let object = Nexthop::new(NexthopId(id), RouteProtocol(RTPROT_STATIC.0), kind);
            client.change(&Change::SetNexthop(Set::Add, &object))?;
        }
        let routes: Vec<Route> = (0..ROUTES)
            .map(|number| Route {
                protocol: RTPROT_STATIC,
                nexthop: Some(NexthopId(FIRST + number % 2)),
                ..Route::new(mix::prefix4(SEED, number).into())
            })
            .collect();
        let mut batch = Batch::new(Acknowledge::Last, BATCH);
        let mut refused = Vec::new();
        let start = Instant::now();
        for route in &routes {
            let change = Change::SetRoute(Set::Add, route);
            if batch.push((), &change).is_err() {
                client.execute(&mut batch, &mut refused)?;
                batch.clear();
                batch
                    .push((), &change)
                    .map_err(|_| anyhow::anyhow!("a route that fits no batch"))?;
            }
        }
        client.execute(&mut batch, &mut refused)?;
        if !refused.is_empty() {
            bail!("the kernel refused {} routes", refused.len());
        }
        Ok(start.elapsed())
    })??;
    heard
        .wait(BOUND, Arrivals::complete)?
        .context("the kernel did not announce all routes")?;
    Ok(spent)
}

fn through_waypost(node: &Node, results: &mut Results) -> Result<()> {
    let gateways = GATEWAYS.map(|gateway| format!("\"{gateway}\"")).join(", ");
    let configuration =
        format!("[protocols.loadgen]\nroutes = 0\n[interfaces.eth0.loadgen]\ngateways = [{gateways}]\n");
    let mut waypost = Waypost::start(node, &configuration)?;
    let pids = waypost.router.pids();
    let heard = watch(node)?;
    let (cost, memory) = (Cost::of(&pids)?, resident(&pids)?);
    let start = Instant::now();
    waypost.apply(vec![set("protocols.loadgen.routes".to_owned(), ROUTES)])?;
    finish(&heard, start, &pids, cost, memory, results)
}

fn through_bird(node: &Node, results: &mut Results) -> Result<()> {
    let configuration = |routes: &str| {
        format!(
            "router id 192.0.2.254;\nprotocol device {{ }}\nprotocol direct {{ ipv4; }}\n\
             protocol kernel {{ ipv4 {{ import none; export where source != RTS_DEVICE; }}; }}\n\
             protocol static st {{ ipv4;\n{routes}}}\n"
        )
    };
    let mut router = Router::start(node, Make::Bird, &configuration(""))?;
    let mut routes = String::new();
    for number in 0..ROUTES {
        let [first, second] = GATEWAYS;
        let gateway = if number % 2 == 0 { first } else { second };
        // Writing to a string does not fail.
        let _ = writeln!(routes, "route {} via {gateway};", mix::prefix4(SEED, number));
    }
    let pids = router.pids();
    let heard = watch(node)?;
    let (cost, memory) = (Cost::of(&pids)?, resident(&pids)?);
    let start = Instant::now();
    router.reconfigure(&configuration(&routes))?;
    finish(&heard, start, &pids, cost, memory, results)
}

/// Waits for the last route and takes the measurements.
fn finish(
    heard: &Watch<Arrivals>,
    start: Instant,
    pids: &[u32],
    cost: Cost,
    memory: u64,
    results: &mut Results,
) -> Result<()> {
    let complete = heard.wait(BOUND, Arrivals::complete)?;
    let complete = complete.with_context(|| format!("{} routes arrived", heard.listener().count()))?;
    let first = heard.listener().first().context("no route arrived")?;
    results.whole.add(complete - start);
    results.kernel.add(complete - first);
    results.cpu.add(Cost::of(pids)?.cpu - cost.cpu);
    let grown = resident(pids)?.saturating_sub(memory);
    results.memory.add_number(grown as f64 / f64::from(ROUTES));
    Ok(())
}
