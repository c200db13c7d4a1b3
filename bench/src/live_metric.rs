//! A RIP metric changed live: how long until the router's own kernel and a neighbour's forward another way.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use waypost_testkit::{Make, Router};

use crate::Context;
use crate::report::{Row, Section};
use crate::triangle::{FAR, Moves, NEAR, Triangle, peers};
use crate::waypost::{Waypost, set};

const WAYPOST_RUNS: usize = 30;
const PEER_RUNS: usize = 3;
/// Milliseconds after the acknowledgement until which kernels have moved.
const OWN_BAR: f64 = 5.0;
const NEIGHBOR_BAR: f64 = 50.0;

pub(crate) fn run(context: &Context) -> Result<Section> {
    let mut section = Section::new(
        "a RIP metric changed live in a triangle of three routers, timers at their default of 30 s",
    );
    // Alone, so that nothing is in its way; the peers mostly wait, and can do so at the same time.
    let waypost = waypost(context)?;
    let measured = peers(|make| peer(context, make));
    rows(&waypost, &mut section, "Waypost, socket", true, None);
    for (make, moves) in measured {
        match moves {
            Ok(moves) => rows(&moves, &mut section, &make.to_string(), false, Some(&waypost)),
            Err(error) => section.note(format!("{make} was not measured: {error:#}")),
        }
    }
    section.note("after: from the acknowledgement of the command; negative when the kernel moved before it");
    section.note("FRR: no offset-list through vtysh; BIRD: birdc configure; their kernels move with the next periodic updates");
    Ok(section)
}

fn rows(moves: &Moves, section: &mut Section, who: &str, bars: bool, waypost: Option<&Moves>) {
    section.row(Row::time(
        format!("{who}: command acknowledged"),
        moves.command.clone(),
    ));
    let rows = [
        ("own kernel", "from the command", &moves.own, None),
        ("own kernel", "after", &moves.own_after, Some(OWN_BAR)),
        ("neighbour's kernel", "from the command", &moves.neighbor, None),
        (
            "neighbour's kernel",
            "after",
            &moves.neighbor_after,
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
    triangle.measure(context.runs(WAYPOST_RUNS), Duration::ZERO, |metric| {
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
        Duration::ZERO,
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
