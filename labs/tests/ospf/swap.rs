//! Another make takes the router's place, and its kernel comes to forward the same way.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use anyhow::{Result, ensure};
use waypost_testkit::{Lab, Make, Node, wait_for};

use crate::SOON;
use crate::speaker::{Area, Kind, Link, Speaker};

/// Where packets go: the gateways by destination.
type Fib = BTreeMap<String, BTreeSet<Ipv4Addr>>;

fn fib(node: &Node) -> Result<Fib, String> {
    let routes = node.fib().map_err(|error| format!("{error:#}"))?;
    let learned = routes.iter().filter(|route| !route.gateways().is_empty());
    Ok(learned
        .map(|route| {
            let gateways = route.gateways().into_iter().collect();
            (route.destination.clone(), gateways)
        })
        .collect())
}

/// ```text
///                  r2 --- 10.2.0.0/24, 192.168.77.0/24
///           10 /        \ 10
///  10.1.0.0/24 r1        r4 --- 10.4.0.0/24
///           10 \        / 10
///                  r3 --- 10.3.0.0/24
///            r1 --- r5 --- 10.5.0.0/24   area 1, a range
/// ```
pub(crate) fn swapped(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let nodes: Vec<Node> = ["r1", "r2", "r3", "r4", "r5"]
        .iter()
        .map(|name| lab.node(name))
        .collect::<Result<_>>()?;
    let [r1, r2, r3, r4, r5] = &nodes[..] else {
        unreachable!("five nodes")
    };
    lab.link((r1, "eth2", "10.0.12.1/24"), (r2, "eth1", "10.0.12.2/24"))?;
    lab.link((r1, "eth3", "10.0.13.1/24"), (r3, "eth1", "10.0.13.3/24"))?;
    lab.link((r2, "eth4", "10.0.24.2/24"), (r4, "eth2", "10.0.24.4/24"))?;
    lab.link((r3, "eth4", "10.0.34.3/24"), (r4, "eth3", "10.0.34.4/24"))?;
    lab.link((r1, "eth5", "10.1.15.1/24"), (r5, "eth1", "10.1.15.5/24"))?;
    for (node, address) in [
        (r1, "10.1.0.1/24"),
        (r2, "10.2.0.1/24"),
        (r3, "10.3.0.1/24"),
        (r4, "10.4.0.1/24"),
        (r5, "10.5.0.1/24"),
    ] {
        lab.stub(node, "lan0", address)?;
    }
    let backbone = |id, names: &[&'static str]| Speaker {
        id,
        links: names.iter().map(|name| Link::new(name)).collect(),
        stubs: vec![("lan0", 0)],
        ..Speaker::default()
    };
    let in_area_1 = |name| Link {
        area: 1,
        ..Link::new(name)
    };
    let mut middle = backbone("1.1.1.1", &["eth2", "eth3"]);
    middle.links.push(in_area_1("eth5"));
    middle.areas.push(Area {
        id: 1,
        kind: Kind::Normal,
        range: None,
    });
    let outside = Speaker {
        external: Some(("192.168.77.0/24", "10.2.0.9")),
        ..backbone("2.2.2.2", &["eth1", "eth4"])
    };
    let behind = Speaker {
        id: "5.5.5.5",
        links: vec![in_area_1("eth1")],
        stubs: vec![("lan0", 1)],
        ..Speaker::default()
    };
    let _others = [
        outside.start(r2, second)?,
        backbone("3.3.3.3", &["eth1", "eth4"]).start(r3, second)?,
        backbone("4.4.4.4", &["eth2", "eth3"]).start(r4, second)?,
        behind.start(r5, second)?,
    ];
    let converged = || -> Result<()> {
        r1.wait_for_route("10.4.0.0/24", &["10.0.12.2", "10.0.13.3"], SOON)?;
        r1.wait_for_route("192.168.77.0/24", &["10.0.12.2"], SOON)?;
        r1.wait_for_route("10.5.0.0/24", &["10.1.15.5"], SOON)?;
        r5.wait_for_route("192.168.77.0/24", &["10.1.15.1"], SOON)?;
        r5.wait_for_route("10.4.0.0/24", &["10.1.15.1"], SOON)?;
        Ok(())
    };
    let mut ours = middle.start(r1, first)?;
    converged()?;
    let seen = |node: &Node| fib(node).map_err(anyhow::Error::msg);
    let (with_ours, behind_ours) = (seen(r1)?, seen(r5)?);
    ours.stop()?;
    r1.wait_for_no_route("10.4.0.0/24", SOON)?;
    r5.wait_for_no_route("10.4.0.0/24", SOON)?;
    let _theirs = middle.start(r1, second)?;
    converged()?;
    ensure!(with_ours.len() >= 7, "too little to compare: {with_ours:?}");
    wait_for(SOON, "the kernels forward as before", || {
        let (with_theirs, behind_theirs) = (fib(r1)?, fib(r5)?);
        if (&with_theirs, &behind_theirs) == (&with_ours, &behind_ours) {
            Ok(())
        } else {
            Err(format!(
                "then {with_ours:?}\nand behind it {behind_ours:?},\nnow {with_theirs:?}\nand behind it {behind_theirs:?}"
            ))
        }
    })
}
