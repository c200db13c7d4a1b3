//! An OSPF cost changed live: how long until the router's own kernel and a neighbour's forward another way, each change after
//! quiet, so that no make's throttling has anything to delay.

use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use waypost_testkit::{Make, Router};

use crate::Context;
use crate::report::{Row, Section};
use crate::triangle::{FAR, Moves, Triangle, peers};
use crate::waypost::{Waypost, set};

const RUNS: usize = 15;
/// Longer than every hold-down and hold time of the makes (RFC 8405: 5 s; FRR: 5 s at most; BIRD: 1 s).
const QUIET: Duration = Duration::from_millis(6500);
/// Milliseconds from the command until a neighbour's kernel has moved, in the median.
const BAR: f64 = 3.0;

pub(crate) fn run(context: &Context) -> Result<Section> {
    let mut section = Section::new(
        "an OSPF cost changed live in a triangle of three routers, each time after 6.5 s of quiet",
    );
    let waypost = waypost(context)?;
    let measured = peers(|make| peer(context, make));
    rows(&waypost, &mut section, "Waypost, socket", None);
    for (make, moves) in measured {
        match moves {
            Ok(moves) => rows(&moves, &mut section, &make.to_string(), Some(&waypost)),
            Err(error) => section.note(format!("{make} was not measured: {error:#}")),
        }
    }
    section.note("from the command: FRR's through vtysh, BIRD's by birdc configure");
    Ok(section)
}

fn rows(moves: &Moves, section: &mut Section, who: &str, waypost: Option<&Moves>) {
    section.row(Row::time(
        format!("{who}: command acknowledged"),
        moves.command.clone(),
    ));
    let own = Row::time(format!("{who}: own kernel"), moves.own.clone());
    let neighbor = Row::time(format!("{who}: neighbour's kernel"), moves.neighbor.clone());
    let (own, neighbor) = match waypost {
        Some(waypost) => (
            own.beside(&waypost.own, "Waypost"),
            neighbor.beside(&waypost.neighbor, "Waypost"),
        ),
        None => (own, neighbor.at_most(BAR)),
    };
    section.row(own);
    section.row(neighbor);
}

/// Interfaces with their costs; `lan0` is passive.
type Interfaces<'a> = &'a [(&'a str, u8)];

fn waypost(context: &Context) -> Result<Moves> {
    let start = Instant::now();
    let triangle = Triangle::new(context, "waypost")?;
    let configuration = |id: &str, interfaces: Interfaces<'_>| {
        let mut text = format!("[router]\nid = \"{id}\"\n[protocols.ospf]\n");
        for (name, cost) in interfaces {
            let kind = if *name == "lan0" {
                "passive = true"
            } else {
                "network-type = \"point-to-point\""
            };
            text +=
                &format!("[interfaces.{name}.ospf]\narea = 0\ncost = {cost}\nhello-interval = 1\n{kind}\n");
        }
        text
    };
    let [r1, r2, r3] = &triangle.nodes;
    let _r3 = Waypost::start(
        r3,
        &configuration("3.3.3.3", &[("eth1", 1), ("eth2", 1), ("lan0", 1)]),
    )?;
    let _r2 = Waypost::start(r2, &configuration("2.2.2.2", &[("eth1", 1), ("eth3", 4)]))?;
    let mut r1 = Waypost::start(r1, &configuration("1.1.1.1", &[("eth2", 1), ("eth3", FAR)]))?;
    triangle.settle_far(start)?;
    triangle.measure(context.runs(RUNS), QUIET, |cost| {
        r1.apply(vec![set("interfaces.eth3.ospf.cost".to_owned(), cost.into())])?;
        Ok(())
    })
}

fn peer(context: &Context, make: Make) -> Result<Moves> {
    let start = Instant::now();
    let triangle = Triangle::new(context, &make.to_string())?;
    let [r1, r2, r3] = &triangle.nodes;
    let configuration = |id: &str, interfaces: Interfaces<'_>| match make {
        Make::Frr => frr(id, interfaces),
        _ => bird(id, interfaces),
    };
    let r1_at = |cost| configuration("1.1.1.1", &[("eth2", 1), ("eth3", cost)]);
    let _r3 = Router::start(
        r3,
        make,
        &configuration("3.3.3.3", &[("eth1", 1), ("eth2", 1), ("lan0", 1)]),
    )?;
    let _r2 = Router::start(r2, make, &configuration("2.2.2.2", &[("eth1", 1), ("eth3", 4)]))?;
    let mut r1 = Router::start(r1, make, &r1_at(FAR))?;
    triangle.settle_far(start)?;
    triangle.measure(context.runs(RUNS), QUIET, |cost| match make {
        Make::Frr => r1.reconfigure(&format!("interface eth3\n ip ospf cost {cost}\n")),
        Make::Bird => r1.reconfigure(&r1_at(cost)),
        Make::Waypost => bail!("Waypost is measured through its socket"),
    })
}

fn frr(id: &str, interfaces: Interfaces<'_>) -> String {
    let mut text = format!("router ospf\n ospf router-id {id}\nexit\n");
    for (name, cost) in interfaces {
        text += &format!(
            "interface {name}\n ip ospf area 0\n ip ospf cost {cost}\n ip ospf hello-interval 1\n ip ospf dead-interval 4\n"
        );
        text += if *name == "lan0" {
            " ip ospf passive\n"
        } else {
            " ip ospf network point-to-point\n"
        };
        text += "exit\n";
    }
    text
}

fn bird(id: &str, interfaces: Interfaces<'_>) -> String {
    let mut text = format!(
        "router id {id};\nprotocol device {{ }}\n\
         protocol kernel {{ ipv4 {{ import none; export where source != RTS_DEVICE; }}; }}\n\
         protocol ospf v2 {{\n  ipv4 {{ export where false; }};\n  area 0 {{\n"
    );
    for (name, cost) in interfaces {
        let kind = if *name == "lan0" { "stub;" } else { "type ptp;" };
        text += &format!("    interface \"{name}\" {{ hello 1; dead 4; cost {cost}; {kind} }};\n");
    }
    text + "  };\n}\n"
}
