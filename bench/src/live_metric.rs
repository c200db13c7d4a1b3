//! A RIP metric changed live: how long until the router's own kernel and a neighbour's forward another way.
//!
//! Three routers in a triangle, `10.9.0.0/24` behind r3. r1's metric towards r3 goes from 10 to 1: r1, which went through
//! r2, moves to r3, and r2, which went to r3 at its metric of 4, moves to r1. Then it goes back to 10, which is waited for.
//!
//! ```text
//!        r1 -- metric 1 -- r2
//!          \              /
//!     10 or 1 \        / 4
//!               r3 ---- 10.9.0.0/24
//! ```

use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, anyhow, bail};
use waypost_testkit::{Lab, Make, Node, Router};
use waypost_types::Prefix4;

use crate::Context;
use crate::report::{Row, Samples, Section};
use crate::watch::{Gateways, Watch};
use crate::waypost::{Waypost, set};

const WAYPOST_RUNS: usize = 30;
const PEER_RUNS: usize = 3;
/// Milliseconds after the acknowledgement until which kernels have moved.
const OWN_BAR: f64 = 5.0;
const NEIGHBOR_BAR: f64 = 50.0;
/// How long a peer may take to move: three of its updates.
const PATIENCE: Duration = Duration::from_secs(100);

/// r1 towards r2, r2 towards r1, and both towards r3.
const R2_FROM_R1: Ipv4Addr = Ipv4Addr::new(10, 0, 12, 2);
const R1_FROM_R2: Ipv4Addr = Ipv4Addr::new(10, 0, 12, 1);
const R3_FROM_R1: Ipv4Addr = Ipv4Addr::new(10, 0, 13, 3);
const R3_FROM_R2: Ipv4Addr = Ipv4Addr::new(10, 0, 23, 3);

const FAR: u8 = 10;
const NEAR: u8 = 1;

pub(crate) fn run(context: &Context) -> Result<Section> {
    let mut section = Section::new(
        "a RIP metric changed live in a triangle of three routers, timers at their default of 30 s",
    );
    // Alone, so that nothing is in its way; the peers mostly wait, and can do so at the same time.
    let waypost = waypost(context)?;
    let measured: Vec<(Make, Result<Moves>)> = thread::scope(|scope| {
        let peers: Vec<_> = [Make::Frr, Make::Bird]
            .into_iter()
            .filter(|make| make.is_installed())
            .map(|make| (make, scope.spawn(move || peer(context, make))))
            .collect();
        let joined = |thread: thread::ScopedJoinHandle<'_, _>| {
            thread
                .join()
                .unwrap_or_else(|_| Err(anyhow!("its thread panicked")))
        };
        peers
            .into_iter()
            .map(|(make, thread)| (make, joined(thread)))
            .collect()
    });
    waypost.rows(&mut section, "Waypost, socket", true, None);
    for (make, moves) in measured {
        match moves {
            Ok(moves) => moves.rows(&mut section, &make.to_string(), false, Some(&waypost)),
            Err(error) => section.note(format!("{make} was not measured: {error:#}")),
        }
    }
    section.note("after: from the acknowledgement of the command; negative when the kernel moved before it");
    section.note("FRR: no offset-list through vtysh; BIRD: birdc configure; their kernels move with the next periodic updates");
    Ok(section)
}

/// What one make took.
#[derive(Default)]
struct Moves {
    command: Samples,
    own: Samples,
    neighbor: Samples,
    own_after: Samples,
    neighbor_after: Samples,
}

impl Moves {
    fn rows(&self, section: &mut Section, who: &str, bars: bool, waypost: Option<&Self>) {
        section.row(Row::time(
            format!("{who}: command acknowledged"),
            self.command.clone(),
        ));
        let rows = [
            ("own kernel", "from the command", &self.own, None),
            ("own kernel", "after", &self.own_after, Some(OWN_BAR)),
            ("neighbour's kernel", "from the command", &self.neighbor, None),
            (
                "neighbour's kernel",
                "after",
                &self.neighbor_after,
                Some(NEIGHBOR_BAR),
            ),
        ];
        for (whose, since, samples, bar) in rows {
            let mut row = Row::time(format!("{who}: {whose}, {since}"), samples.clone());
            if let (Some(bar), true) = (bar, bars) {
                // The slowest, not the median, has to keep it.
                let met = samples.max() <= bar;
                row = row.bar(format!("max <= {bar} ms"), met);
            }
            if let (Some(waypost), "from the command") = (waypost, since) {
                let other = if whose == "own kernel" {
                    &waypost.own
                } else {
                    &waypost.neighbor
                };
                row = row.beside(other, "Waypost");
            }
            section.row(row);
        }
    }

    /// Notes a change: the command began at `start` and was acknowledged at `done`.
    fn add(&mut self, start: Instant, done: Instant, own: Instant, neighbor: Instant) {
        self.command.add(done - start);
        self.own.add(own - start);
        self.neighbor.add(neighbor - start);
        let after = |moved: Instant| {
            let late = moved.saturating_duration_since(done).as_secs_f64();
            let early = done.saturating_duration_since(moved).as_secs_f64();
            (late - early) * 1000.0
        };
        self.own_after.add_number(after(own));
        self.neighbor_after.add_number(after(neighbor));
    }
}

/// The triangle with one make in it, watched.
struct Triangle {
    own: Watch<Gateways>,
    neighbor: Watch<Gateways>,
    nodes: [Node; 3],
    // Last: what it made goes with it.
    _lab: Lab,
}

impl Triangle {
    fn new(context: &Context, name: &str) -> Result<Self> {
        let lab = Lab::below(name, context.scratch())?;
        let nodes = [lab.node("r1")?, lab.node("r2")?, lab.node("r3")?];
        let [r1, r2, r3] = &nodes;
        lab.link((r1, "eth2", "10.0.12.1/24"), (r2, "eth1", "10.0.12.2/24"))?;
        lab.link((r1, "eth3", "10.0.13.1/24"), (r3, "eth1", "10.0.13.3/24"))?;
        lab.link((r2, "eth3", "10.0.23.2/24"), (r3, "eth2", "10.0.23.3/24"))?;
        lab.stub(r3, "lan0", "10.9.0.1/24")?;
        let prefix = Prefix4::containing(Ipv4Addr::new(10, 9, 0, 0), 24)?;
        Ok(Self {
            own: Watch::start(r1, Gateways::of(prefix))?,
            neighbor: Watch::start(r2, Gateways::of(prefix))?,
            nodes,
            _lab: lab,
        })
    }

    /// Waits until r1 goes through r2, and r2 to r3.
    fn settle_far(&self, after: Instant) -> Result<()> {
        self.moved(&self.own, R2_FROM_R1, after)?;
        self.moved(&self.neighbor, R3_FROM_R2, after)?;
        Ok(())
    }

    fn moved(&self, watch: &Watch<Gateways>, gateway: Ipv4Addr, after: Instant) -> Result<Instant> {
        let found = watch.wait(PATIENCE, |gateways| gateways.moved(gateway, after))?;
        found.with_context(|| format!("no kernel moved to {gateway} within {} s", PATIENCE.as_secs()))
    }

    /// Changes the metric with `near` and back with `far`, as often as `runs`.
    fn measure(&self, runs: usize, mut change: impl FnMut(u8) -> Result<()>) -> Result<Moves> {
        let mut moves = Moves::default();
        for _ in 0..runs {
            let start = Instant::now();
            change(NEAR)?;
            let done = Instant::now();
            let own = self.moved(&self.own, R3_FROM_R1, start)?;
            let neighbor = self.moved(&self.neighbor, R1_FROM_R2, start)?;
            moves.add(start, done, own, neighbor);
            let back = Instant::now();
            change(FAR)?;
            self.settle_far(back)?;
        }
        Ok(moves)
    }
}

fn waypost(context: &Context) -> Result<Moves> {
    let start = Instant::now();
    let triangle = Triangle::new(context, "waypost")?;
    let interface = |name: &str, metric: u8| format!("[interfaces.{name}.rip]\nmetric = {metric}\n");
    let configuration = |interfaces: &[String]| format!("[protocols.rip]\n{}", interfaces.concat());
    let [r1, r2, r3] = &triangle.nodes;
    let _r3 = Waypost::start(
        r3,
        &configuration(&[interface("eth1", 1), interface("eth2", 1), interface("lan0", 1)]),
    )?;
    let _r2 = Waypost::start(r2, &configuration(&[interface("eth1", 1), interface("eth3", 4)]))?;
    let mut r1 = Waypost::start(
        r1,
        &configuration(&[interface("eth2", 1), interface("eth3", FAR)]),
    )?;
    triangle.settle_far(start)?;
    triangle.measure(context.runs(WAYPOST_RUNS), |metric| {
        let edit = set("interfaces.eth3.rip.metric".to_owned(), metric.into());
        r1.apply(vec![edit])?;
        Ok(())
    })
}

fn peer(context: &Context, make: Make) -> Result<Moves> {
    let start = Instant::now();
    let triangle = Triangle::new(context, &make.to_string())?;
    let [r1, r2, r3] = &triangle.nodes;
    let configuration = |interfaces: &[(&str, u8)]| match make {
        Make::Frr => frr(interfaces),
        _ => bird(interfaces),
    };
    let r1_at = |metric| configuration(&[("eth2", 1), ("eth3", metric)]);
    let _r3 = Router::start(r3, make, &configuration(&[("eth1", 1), ("eth2", 1), ("lan0", 1)]))?;
    let _r2 = Router::start(r2, make, &configuration(&[("eth1", 1), ("eth3", 4)]))?;
    let mut r1 = Router::start(r1, make, &r1_at(FAR))?;
    triangle.settle_far(start)?;
    triangle.measure(
        context.runs.unwrap_or(PEER_RUNS).min(PEER_RUNS),
        |metric| match make {
            Make::Frr => {
                let word = if metric == NEAR { "no " } else { "" };
                r1.reconfigure(&format!(
                    "router rip\n {word}offset-list all in {} eth3\n",
                    FAR - 1
                ))
            }
            Make::Bird => r1.reconfigure(&r1_at(metric)),
            Make::Waypost => bail!("Waypost is measured through its socket"),
        },
    )
}

fn frr(interfaces: &[(&str, u8)]) -> String {
    let mut text = "access-list all permit any\nrouter rip\n".to_owned();
    for (name, metric) in interfaces {
        text += &format!(" network {name}\n");
        if *metric > 1 {
            // FRR adds one hop by itself.
            text += &format!(" offset-list all in {} {name}\n", metric - 1);
        }
    }
    text
}

fn bird(interfaces: &[(&str, u8)]) -> String {
    let mut text = "router id 192.0.2.2;\nprotocol device { }\nprotocol direct { ipv4; }\n\
        protocol kernel { ipv4 { import none; export where source != RTS_DEVICE; }; }\n\
        protocol rip rip1 {\n  ipv4 { import all; export all; };\n"
        .to_owned();
    for (name, metric) in interfaces {
        text += &format!("  interface \"{name}\" {{ version 2; metric {metric}; }};\n");
    }
    text + "}\n"
}
