//! A module's process is killed a thousand times while it changes routes and while transactions change its configuration and
//! that of others: the router goes on, others lose no route, and no transaction ends half applied.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]
#![allow(clippy::print_stdout, reason = "a test says how much it did")]

#[path = "../build/mod.rs"]
mod build;
mod rig;

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;
use waypost_manager::Edit;
use waypost_sys::interface::index;
use waypost_testkit::{Node, RouteFeed, run, wait_for};
use waypost_types::Seed;

use rig::{LAST, Made, Rig, interface};

const KILLS: u32 = 1000;
/// The metric with which the module lies still.
const RESTS: u32 = 12;
/// Routes of the static protocol.
const STATIC: u32 = 50;
const SOON: Duration = Duration::from_secs(30);

/// Kills processes, each a while after it is asked to. A shell, because it does so without starting anything.
struct Killer {
    orders: mpsc::Sender<(u32, Duration)>,
    done: mpsc::Receiver<()>,
}

impl Killer {
    fn start() -> Result<Self> {
        let mut shell = Command::new("sh")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        let mut input = shell.stdin.take().unwrap();
        let (orders, ordered) = mpsc::channel::<(u32, Duration)>();
        let (did, done) = mpsc::channel();
        thread::spawn(move || {
            while let Ok((pid, delay)) = ordered.recv() {
                let until = Instant::now() + delay;
                while Instant::now() < until {
                    thread::yield_now();
                }
                writeln!(input, "kill -9 {pid}").unwrap();
                let _ = did.send(());
            }
            drop(input);
            shell.wait().unwrap();
        });
        Ok(Self { orders, done })
    }
}

/// The configuration at the beginning, every metric 1.
fn configuration() -> serde_json::Value {
    let routes: Vec<_> = (0..STATIC)
        .map(|net| json!({ "prefix": format!("192.0.{}.0/24", net + 2), "via": "10.1.0.9" }))
        .collect();
    json!({
        "protocols": {
            "rip": {},
            "static": { "routes": routes },
            "sample": { "hex": "1e00000000000000" },
            "last": { "hex": "00" },
        },
        "interfaces": { "lan0": {
            "rip": { "metric": 1 },
            "sample": { "hex": "010000000000000000000000" },
            "last": { "hex": "0001" },
        } },
    })
}

fn prefixes(first: &str, from: u32, count: u32) -> Vec<String> {
    (from..from + count)
        .map(|net| format!("{first}.{net}.0/24"))
        .collect()
}

#[test]
fn a_thousand_kills_cost_nothing_but_the_module() {
    run(|lab| {
        let node = lab.node("r1")?;
        lab.stub(&node, "lan0", "10.1.0.1/24")?;
        node.inside(|| live(&node))?
    });
}

fn live(node: &Node) -> Result<()> {
    let lan = interface("lan0", index("lan0")?, [10, 1, 0, 1].into());
    let mut rig = Rig::new(build::module("churn", &[]), lan);
    let configured = rig.apply(&[Edit::Merge(configuration())]);
    ensure!(configured.is_ok(), "{configured:?}");
    let mut pid = rig.revive(None);
    let (others, its) = (prefixes("192.0", 2, STATIC), prefixes("198.18", 0, 8));
    let wait_for_routes = || -> Result<()> {
        for (prefixes, gateway) in [(&others, "10.1.0.9"), (&its, "10.1.0.10")] {
            for prefix in prefixes {
                node.wait_for_route(prefix, &[gateway], SOON)?;
            }
        }
        Ok(())
    };
    wait_for_routes()?;
    let feed = RouteFeed::start(node)?;
    let killer = Killer::start()?;
    let mut random = Seed(20_260_601).random();
    let begin = Instant::now();
    let (mut in_force, mut refused, mut stopped) = (1, 0, 0);
    // How long a transaction takes lately.
    let mut typical = Duration::from_millis(2);
    for kill in 0..KILLS {
        let metric = in_force % 11 + 1;
        let is_refused = random.chance(1, 5);
        let edits = rig.edits(metric, is_refused);
        let delay = random.between(Duration::ZERO, typical + typical / 4);
        killer.orders.send((pid, delay))?;
        let start = Instant::now();
        let applied = rig.apply(&edits);
        if applied.is_ok() {
            typical = (typical * 7 + start.elapsed()) / 8;
            in_force = metric;
            ensure!(!is_refused, "what was refused is in force");
        } else if is_refused {
            refused += 1;
        } else {
            stopped += 1;
            let said = format!("{applied:?}");
            ensure!(
                said.contains("the module has failed"),
                "refused for another reason: {said}"
            );
        }
        ensure!(
            rig.stored() == [in_force; 3],
            "kill {kill}: {in_force} is in force, but {:?}",
            rig.stored()
        );
        killer.done.recv()?;
        pid = rig.revive(Some(pid));
        rig.assert_agreed();
    }
    println!(
        "{KILLS} kills in {:.1} s: {stopped} transactions stopped by them, {refused} refused by another protocol; {:?}",
        begin.elapsed().as_secs_f64(),
        *rig.made.lock().unwrap(),
    );
    let Made { built_in, modules } = *rig.made.lock().unwrap();
    ensure!(built_in == 3, "a built-in protocol was started again");
    ensure!(modules > KILLS as usize, "only {modules} instances of the module");
    // Kills must hit transactions, not only what is between them.
    ensure!(stopped > KILLS / 20, "only {stopped} transactions were stopped");
    feed.sync()?;
    let kept: Vec<&str> = others.iter().chain(&its).map(String::as_str).collect();
    feed.assert_kept(&kept)?;
    // What instances before had added and this one has not is swept, in all views.
    let changes = feed.changes()?;
    let churned = changes.iter().filter(|change| change.line.contains("198.19."));
    let churned = churned.count();
    println!("{churned} changes of the module's routes in the kernel");
    ensure!(churned > KILLS as usize, "the module changed nothing");
    let rests = rig.edits(RESTS, false);
    let rested = rig.apply(&rests);
    ensure!(rested.is_ok(), "{rested:?}");
    let table = rig.table.for_module(LAST);
    wait_for(SOON, "just the routes that are kept are there", || {
        let below = table.page(None, "198.19.0.0/16".parse().unwrap(), 100);
        let routed: Vec<_> = below.iter().filter(|at| !at.routed_in().is_empty()).collect();
        if routed.is_empty() {
            Ok(())
        } else {
            Err(format!("{routed:?}"))
        }
    })?;
    wait_for_routes()?;
    rig.assert_agreed();
    rig.table.shutdown(false);
    Ok(())
}
