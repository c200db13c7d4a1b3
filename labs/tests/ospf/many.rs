//! A router with three hundred interfaces.

use std::fmt::Write as _;

use anyhow::Result;
use serde_json::Value;
use waypost_testkit::{Lab, Make, Router, wait_for};

use crate::SOON;
use crate::words::line;

const COUNT: usize = 300;
const LAN2: &str = "10.2.0.0/24";

/// As many links between two routers: a neighbour on each, and sixteen of them are used.
pub(crate) fn three_hundred_interfaces(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
    lab.stub(&r2, "lan0", "10.2.0.1/24")?;
    // FRR joins all groups with one socket, which Linux lets join twenty.
    r2.set_ipv4("igmp_max_memberships", "1000")?;
    let far = r2.namespace_path();
    let (mut near_end, mut far_end) = (String::new(), String::new());
    for number in 0..COUNT {
        line!(
            near_end,
            "link add e{number} type veth peer name e{number} netns {far}"
        );
        for (text, host) in [(&mut near_end, 1), (&mut far_end, 2)] {
            let network = format!("10.{}.{}", 100 + number / 250, number % 250);
            line!(text, "address add {network}.{host}/24 dev e{number}");
            line!(text, "link set e{number} up");
        }
    }
    for (node, commands) in [(&r1, near_end), (&r2, far_end)] {
        let file = node.directory().join("links.batch");
        std::fs::write(&file, commands)?;
        node.run("ip", &["-batch", &file.to_string_lossy()])?;
    }
    let mut ours = "[router]\nid = \"1.1.1.1\"\n[protocols.ospf]\n".to_owned();
    let mut theirs = "router ospf\n ospf router-id 2.2.2.2\nexit\n".to_owned();
    for number in 0..COUNT {
        line!(
            ours,
            "[interfaces.e{number}.ospf]\nnetwork-type = \"point-to-point\"\nhello-interval = 5\ndead-interval = 40"
        );
        line!(
            theirs,
            "interface e{number}\n ip ospf area 0\n ip ospf network point-to-point"
        );
        line!(
            theirs,
            " ip ospf hello-interval 5\n ip ospf dead-interval 40\nexit"
        );
    }
    line!(theirs, "interface lan0\n ip ospf area 0\n ip ospf passive\nexit");
    let _peer = Router::start(&r2, second, &theirs)?;
    let router = Router::start(&r1, first, &ours)?;
    wait_for(SOON, "all neighbours are adjacent", || {
        let shown = router
            .command(&["--json", "show", "protocols", "ospf"])
            .map_err(|error| format!("{error:#}"))?;
        let shown: Value = serde_json::from_str(&shown).map_err(|error| error.to_string())?;
        if shown["summary"]["adjacent-neighbors"] == COUNT {
            Ok(())
        } else {
            Err(shown["summary"]["adjacent-neighbors"].to_string())
        }
    })?;
    wait_for(SOON, "sixteen ways to the other's network", || {
        let routes = r1.routes_to(LAN2).map_err(|error| format!("{error:#}"))?;
        match routes.as_slice() {
            [route] if route.hops.len() == 16 => Ok(()),
            _ => Err(waypost_testkit::describe(&routes)),
        }
    })
}
