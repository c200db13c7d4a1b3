//! The backbone through another area: a virtual link between Waypost and another make (RFC 2328 §15).

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::Result;
use serde_json::Value;
use waypost_testkit::{Lab, Make, Node, Ping, Router, wait_for};

use crate::SOON;
use crate::words::{bird_head, line};

const LAN1: &str = "10.1.0.0/24";
const LAN3: &str = "10.3.0.0/24";
/// The dead interval of every configuration here.
const DEAD: Duration = Duration::from_secs(4);

/// One end of the virtual link.
struct End {
    id: &'static str,
    other: &'static str,
    /// The area of `lan0`.
    lan: u8,
}

/// ```text
///                     ,------ r2 ------.
/// 10.1.0.0/24 --- r1  area 1, 10 each   r3 --- 10.3.0.0/24
/// area 0              `----- 100 ------'       area 2
/// ```
/// The networks of area 1 have Designated Routers: over others BIRD 2.0.12 does not find the address of a link's other end.
const NEAR: End = End {
    id: "1.1.1.1",
    other: "3.3.3.3",
    lan: 0,
};
const FAR: End = End {
    id: "3.3.3.3",
    other: "1.1.1.1",
    lan: 2,
};

impl End {
    fn start(&self, node: &Node, make: Make) -> Result<Router> {
        let text = match make {
            Make::Waypost => self.for_waypost(),
            Make::Frr => self.for_frr(),
            Make::Bird => self.for_bird(),
        };
        Router::start(node, make, &text)
    }

    fn for_waypost(&self) -> String {
        let mut text = String::new();
        line!(text, "[router]\nid = \"{}\"\n[protocols.ospf]", self.id);
        line!(text, "areas = [{{ id = 1 }}]");
        line!(
            text,
            "virtual-links = [{{ transit-area = 1, router-id = \"{}\", hello-interval = 1, dead-interval = 4 }}]",
            self.other
        );
        for (name, cost) in [("eth0", 10), ("eth1", 100)] {
            line!(
                text,
                "[interfaces.{name}.ospf]\narea = 1\nhello-interval = 1\ncost = {cost}"
            );
        }
        line!(
            text,
            "[interfaces.lan0.ospf]\narea = {}\npassive = true",
            self.lan
        );
        text
    }

    fn for_frr(&self) -> String {
        let mut text = String::new();
        line!(text, "router ospf\n ospf router-id {}", self.id);
        line!(
            text,
            " area 1 virtual-link {0} hello-interval 1 retransmit-interval 2 transmit-delay 1 dead-interval 4\nexit",
            self.other
        );
        for (name, cost) in [("eth0", 10), ("eth1", 100)] {
            line!(text, "interface {name}\n ip ospf area 1\n ip ospf cost {cost}");
            line!(text, " ip ospf hello-interval 1\n ip ospf dead-interval 4");
            line!(text, "exit");
        }
        line!(
            text,
            "interface lan0\n ip ospf area {}\n ip ospf passive\nexit",
            self.lan
        );
        text
    }

    fn for_bird(&self) -> String {
        let mut text = bird_head(self.id);
        line!(text, "protocol ospf v2 {{ ecmp yes; ipv4 {{ export none; }};");
        line!(text, " area 1 {{");
        for (name, cost) in [("eth0", 10), ("eth1", 100)] {
            line!(
                text,
                "  interface \"{name}\" {{ cost {cost}; hello 1; dead 4; retransmit 2; }};"
            );
        }
        // BIRD says it where the link leads through.
        line!(
            text,
            "  virtual link {} {{ hello 1; dead 4; retransmit 2; }};\n }};\n area {} {{",
            self.other,
            self.lan
        );
        line!(text, "  interface \"lan0\" {{ stub; }};\n }};\n}}");
        text
    }
}

/// Waits until every way to a prefix is by this gateway. FRR names it twice where the virtual link and the area agree.
fn wait_for_gateway(node: &Node, prefix: &str, gateway: &str) -> Result<()> {
    let wanted: Ipv4Addr = gateway.parse()?;
    wait_for(
        SOON,
        &format!("{} has {prefix} by {gateway}", node.name()),
        || {
            let routes = node.routes_to(prefix).map_err(|error| format!("{error:#}"))?;
            let gateways: Vec<Ipv4Addr> = routes.iter().flat_map(|route| route.gateways()).collect();
            if !gateways.is_empty() && gateways.iter().all(|known| *known == wanted) {
                Ok(())
            } else {
                Err(format!("{gateways:?}"))
            }
        },
    )
}

fn in_between() -> String {
    let mut text = "[router]\nid = \"2.2.2.2\"\n[protocols.ospf]\n".to_owned();
    for name in ["eth1", "eth3"] {
        line!(text, "[interfaces.{name}.ospf]\narea = 1\nhello-interval = 1");
    }
    text
}

/// Starts the ends of the makes given, and moves the way of the virtual link from r2 to the direct line and away.
fn joins(lab: &Lab, near: Make, far: Make) -> Result<()> {
    let (r1, r2, r3) = (lab.node("r1")?, lab.node("r2")?, lab.node("r3")?);
    lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth1", "10.0.12.2/24"))?;
    lab.link((&r2, "eth3", "10.0.23.2/24"), (&r3, "eth0", "10.0.23.3/24"))?;
    lab.link((&r1, "eth1", "10.0.13.1/24"), (&r3, "eth1", "10.0.13.3/24"))?;
    lab.stub(&r1, "lan0", "10.1.0.1/24")?;
    lab.stub(&r3, "lan0", "10.3.0.1/24")?;
    let _r2 = Router::start(&r2, Make::Waypost, &in_between())?;
    let first = NEAR.start(&r1, near)?;
    let last = FAR.start(&r3, far)?;
    wait_for_gateway(&r1, LAN3, "10.0.12.2")?;
    wait_for_gateway(&r3, LAN1, "10.0.23.2")?;
    // Who is in between hears of both by summaries in its own area.
    wait_for_gateway(&r2, LAN3, "10.0.23.3")?;
    let waypost = if near == Make::Waypost { &first } else { &last };
    let link = |command: &str| -> Result<Value> {
        let shown: Value = serde_json::from_str(&waypost.command(&["--json", "show", command])?)?;
        let rows = shown.as_array().cloned().unwrap_or_default();
        let is_virtual = |row: &Value| {
            let name = row["interface"].as_str();
            name.is_some_and(|name| name.starts_with("virtual link through 0.0.0.1 to "))
        };
        Ok(rows.into_iter().find(is_virtual).unwrap_or_default())
    };
    // BIRD forms the link anew when the way beneath it changes, as it does while the routers find each other: what is
    // measured begins when it has been left alone for as long as a neighbour may be silent.
    let mut known = (Value::Null, Instant::now());
    wait_for(SOON, "the link is left alone", || {
        let row = link("neighbors").map_err(|error| format!("{error:#}"))?;
        if row["state"] != "full" || row["events"] != known.0["events"] {
            known = (row, Instant::now());
        }
        if known.1.elapsed() > DEAD {
            Ok(())
        } else {
            Err(known.0.to_string())
        }
    })?;
    let events = known.0["events"].clone();
    let ping = Ping::start((&r1, "10.1.0.1"), (&r3, "10.3.0.1"), Duration::from_millis(5))?;
    // The other way costs less now: the same adjacency by other addresses, and no packet is lost.
    let pass_by = |cost: u32| -> Result<()> {
        waypost
            .command(&["set", &format!("interfaces.eth0.ospf.cost={cost}")])
            .map(drop)
    };
    pass_by(500)?;
    let (node, prefix, gateway, before) = if near == Make::Waypost {
        (&r1, LAN3, "10.0.13.3", "10.0.12.2")
    } else {
        (&r3, LAN1, "10.0.13.1", "10.0.23.2")
    };
    wait_for_gateway(node, prefix, gateway)?;
    wait_for(SOON, "the link by the direct line", || {
        let row = link("neighbors").map_err(|error| format!("{error:#}"))?;
        if row["state"] == "full" && row["events"] == events {
            Ok(())
        } else {
            Err(row.to_string())
        }
    })?;
    ping.assert_nothing_lost()?;
    pass_by(10)?;
    wait_for_gateway(node, prefix, before)?;
    // Without the link nobody says what is in area 2; what the backbone has is still said in area 1.
    waypost.command(&["set", "protocols.ospf.virtual-links=[]"])?;
    r1.wait_for_no_route(LAN3, SOON)?;
    r3.wait_for_route(LAN1, &["10.0.23.2"], SOON)?;
    Ok(())
}

/// Waypost is the end in the backbone.
pub(crate) fn virtual_link(lab: &Lab, first: Make, second: Make) -> Result<()> {
    joins(lab, first, second)
}

/// Waypost is the end that the link takes to the backbone.
pub(crate) fn virtual_link_from_afar(lab: &Lab, first: Make, second: Make) -> Result<()> {
    joins(lab, second, first)
}
