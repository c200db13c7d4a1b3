//! Waypost restarts between two routers of another make, which go on as if it had never been away (RFC 3623).

use std::time::Duration;

use anyhow::{Result, ensure};
use waypost_testkit::{Lab, Make, Node, Ping, RouteFeed, Router, wait_for};

use crate::SOON;

const LAN2: &str = "10.2.0.0/24";
const LAN3: &str = "10.3.0.0/24";

fn in_the_middle() -> String {
    let mut text = "[router]\nid = \"1.1.1.1\"\n[protocols.ospf]\ngraceful-restart = true\n".to_owned();
    for name in ["eth2", "eth3"] {
        text += &format!("[interfaces.{name}.ospf]\nhello-interval = 1\ndead-interval = 20\n");
    }
    text
}

fn at_the_side(id: &str, make: Make) -> String {
    match make {
        Make::Waypost => format!(
            "[router]\nid = \"{id}\"\n[protocols.ospf]\n[interfaces.eth0.ospf]\nhello-interval = 1\ndead-interval = 20\n\
             [interfaces.lan0.ospf]\npassive = true\n"
        ),
        Make::Frr => format!(
            "router ospf\n ospf router-id {id}\n capability opaque\n graceful-restart helper enable\nexit\n\
             interface eth0\n ip ospf area 0\n ip ospf hello-interval 1\n ip ospf dead-interval 20\nexit\n\
             interface lan0\n ip ospf area 0\n ip ospf passive\nexit\n"
        ),
        Make::Bird => format!(
            "log stderr all;\nrouter id {id};\nprotocol device {{ scan time 1; }}\n\
             protocol kernel {{ scan time 1; ipv4 {{ import none; export where source != RTS_DEVICE; }}; }}\n\
             protocol ospf v2 {{ graceful restart aware; ipv4 {{ export none; }};\n area 0 {{\n\
             interface \"eth0\" {{ hello 1; dead 20; }};\n interface \"lan0\" {{ stub; }};\n }};\n}}\n"
        ),
    }
}

struct World {
    r1: Node,
    r2: Node,
    r3: Node,
}

impl World {
    fn new(lab: &Lab) -> Result<Self> {
        let (r1, r2, r3) = (lab.node("r1")?, lab.node("r2")?, lab.node("r3")?);
        lab.link((&r1, "eth2", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
        lab.link((&r1, "eth3", "10.0.13.1/24"), (&r3, "eth0", "10.0.13.3/24"))?;
        lab.stub(&r2, "lan0", "10.2.0.1/24")?;
        lab.stub(&r3, "lan0", "10.3.0.1/24")?;
        Ok(Self { r1, r2, r3 })
    }

    fn converge(&self) -> Result<()> {
        self.r2.wait_for_route(LAN3, &["10.0.12.1"], SOON)?;
        self.r3.wait_for_route(LAN2, &["10.0.13.1"], SOON)?;
        self.r1.wait_for_route(LAN2, &["10.0.12.2"], SOON)?;
        self.r1.wait_for_route(LAN3, &["10.0.13.3"], SOON)?;
        Ok(())
    }
}

/// It dies without a word, twice, and nobody loses a route or a packet.
pub(crate) fn graceful_restart(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let world = World::new(lab)?;
    let mut r1 = Router::start(&world.r1, first, &in_the_middle())?;
    let _r2 = Router::start(&world.r2, second, &at_the_side("2.2.2.2", second))?;
    let _r3 = Router::start(&world.r3, second, &at_the_side("3.3.3.3", second))?;
    world.converge()?;
    let feeds = [
        (RouteFeed::start(&world.r2)?, LAN3),
        (RouteFeed::start(&world.r3)?, LAN2),
        (RouteFeed::start(&world.r1)?, LAN2),
    ];
    let ping = Ping::start(
        (&world.r2, "10.2.0.1"),
        (&world.r3, "10.3.0.1"),
        Duration::from_millis(5),
    )?;
    for _ in 0..2 {
        r1.kill()?;
        r1.start_again()?;
        wait_for(SOON, "the end of the restart", || {
            let shown = r1
                .command(&["--json", "show", "protocols", "ospf"])
                .map_err(|error| format!("{error:#}"))?;
            if shown.contains("every adjacency is there again") {
                Ok(())
            } else {
                Err(shown)
            }
        })?;
        world.converge()?;
        for (feed, prefix) in &feeds {
            feed.sync()?;
            feed.assert_kept(&[prefix])?;
        }
    }
    let loss = ping.assert_nothing_lost()?;
    ensure!(loss.sent > 100, "only {} packets were sent", loss.sent);
    Ok(())
}
