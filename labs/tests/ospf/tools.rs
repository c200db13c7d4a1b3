//! What an operator asks of OSPF: its database, graph, paths and calculations, and what would be if.

use std::time::Duration;

use anyhow::{Result, ensure};
use serde_json::Value;
use waypost_testkit::{Lab, Make, Node, Router, run, wait_for};

/// Enough for elections and exchanges, on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// ```text
///            r2 ---------------.
///   5 /      | 10 \ lan 10.0.9.0/24
///  r1        |      r4 --- 192.168.77.0/24 (static)
///  20 \      | 10 /
///            r3 --- r5   area 1, 10.5.0.0/24
/// ```
struct World {
    nodes: Vec<Node>,
    routers: Vec<Router>,
}

fn interface(name: &str, area: u32, options: &str) -> String {
    format!("[interfaces.{name}.ospf]\narea = {area}\nhello-interval = 1\n{options}\n")
}

impl World {
    fn new(lab: &Lab) -> Result<Self> {
        let names = ["r1", "r2", "r3", "r4", "r5"];
        let nodes: Vec<Node> = names.iter().map(|name| lab.node(name)).collect::<Result<_>>()?;
        let [r1, r2, r3, r4, r5] = &nodes[..] else {
            unreachable!("five nodes")
        };
        lab.link((r1, "eth2", "10.0.12.1/24"), (r2, "eth1", "10.0.12.2/24"))?;
        lab.link((r1, "eth3", "10.0.13.1/24"), (r3, "eth1", "10.0.13.3/24"))?;
        lab.segment(&[
            (r2, "lan0", "10.0.9.2/24"),
            (r3, "lan0", "10.0.9.3/24"),
            (r4, "lan0", "10.0.9.4/24"),
        ])?;
        lab.link((r3, "eth5", "10.1.35.3/24"), (r5, "eth3", "10.1.35.5/24"))?;
        lab.stub(r4, "out0", "192.0.2.1/24")?;
        lab.stub(r5, "lan0", "10.5.0.1/24")?;
        let p2p = |cost: u32| format!("network-type = \"point-to-point\"\ncost = {cost}");
        let shared = "cost = 10\n";
        let head = |id: &str| format!("[router]\nid = \"{id}\"\n[protocols.ospf]\n");
        let texts = [
            head("1.1.1.1") + &interface("eth2", 0, &p2p(5)) + &interface("eth3", 0, &p2p(20)),
            head("2.2.2.2") + &interface("eth1", 0, &p2p(5)) + &interface("lan0", 0, shared),
            head("3.3.3.3")
                + &interface("eth1", 0, &p2p(20))
                + &interface("lan0", 0, shared)
                + &interface("eth5", 1, &p2p(10)),
            head("4.4.4.4")
                + "redistribute = [{ source = \"static\" }]\n[protocols.static]\n"
                + "routes = [{ prefix = \"192.168.77.0/24\", via = \"192.0.2.7\" }]\n"
                + &interface("lan0", 0, shared),
            head("5.5.5.5") + &interface("eth3", 1, &p2p(10)) + &interface("lan0", 1, "passive = true"),
        ];
        let routers = nodes
            .iter()
            .zip(&texts)
            .map(|(node, text)| Router::start(node, Make::Waypost, text));
        Ok(Self {
            routers: routers.collect::<Result<_>>()?,
            nodes,
        })
    }

    fn ask(&self, arguments: &[&str]) -> Result<String> {
        self.routers[0].command(arguments)
    }

    fn json(&self, arguments: &[&str]) -> Result<Value> {
        Ok(serde_json::from_str(
            &self.ask(&[&["--json"], arguments].concat())?,
        )?)
    }

    /// The gateway of the kernel's route, in r1.
    fn settle(&self, prefix: &str, gateway: &str) -> Result<()> {
        self.nodes[0].wait_for_route(prefix, &[gateway], SOON)?;
        Ok(())
    }
}

#[test]
fn an_operator_sees_why_and_what_would_be() {
    run(|lab: &Lab| -> Result<()> {
        let world = World::new(lab)?;
        world.settle("192.168.77.0/24", "10.0.12.2")?;
        world.settle("10.5.0.0/24", "10.0.12.2")?;
        wait_for(SOON, "the network of r5 by the shortest way", || {
            let path = world
                .json(&["show", "ospf", "path", "10.5.0.9"])
                .map_err(|error| format!("{error:#}"))?;
            if path["cost"] == 35 {
                Ok(())
            } else {
                Err(path.to_string())
            }
        })?;

        // The way: r1, r2, the network, r3, and what r3 says.
        let path = world.json(&["show", "ospf", "path", "10.5.0.9"])?;
        let steps: Vec<&str> = path["steps"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|step| step["id"].as_str())
            .collect();
        ensure!(
            steps.len() == 4 && steps[0] == "1.1.1.1" && steps[1] == "2.2.2.2" && steps[3] == "3.3.3.3",
            "{path}"
        );
        ensure!(
            path["kind"] == "inter-area" && path["said-by"] == "3.3.3.3" && path["beyond"] == 20,
            "{path}"
        );
        let outside = world.json(&["show", "ospf", "path", "192.168.77.0/24"])?;
        ensure!(
            outside["kind"] == "external-2" && outside["said-by"] == "4.4.4.4",
            "{outside}"
        );
        let why = world.ask(&["explain", "10.5.0.9"])?;
        ensure!(
            why.contains("OSPF reaches 10.5.0.0/24, inter-area, at cost 35"),
            "{why}"
        );
        ensure!(why.contains("as 3.3.3.3 says"), "{why}");

        // The graph: four routers and a network in area 0, every one of them reached.
        // Until the election is over a network may have the LSAs of two Designated Routers.
        wait_for(SOON, "the graph of area 0", || {
            let graph = world
                .json(&["show", "ospf", "graph"])
                .map_err(|error| format!("{error:#}"))?;
            let vertices = graph[0]["vertices"].as_array().map_or(&[][..], Vec::as_slice);
            let reached = vertices.iter().all(|vertex| vertex["distance"].is_u64());
            if vertices.len() == 5 && reached {
                Ok(())
            } else {
                Err(graph.to_string())
            }
        })?;
        ensure!(
            world
                .ask(&["show", "ospf", "graph", "--svg"])?
                .ends_with("</svg>\n"),
            "no picture"
        );
        ensure!(
            world
                .ask(&["show", "ospf", "graph", "--dot"])?
                .starts_with("graph ospf {"),
            "no graph"
        );

        // The rest answers, and says what it should.
        let lsas = world.json(&["show", "ospf", "database", "--type", "router"])?;
        ensure!(lsas.as_array().is_some_and(|lsas| lsas.len() == 4), "{lsas}");
        let detail = world.ask(&["show", "ospf", "database", "--detail", "--router", "4.4.4.4"])?;
        ensure!(
            detail.contains("metric type: 2") && detail.contains("link: transit"),
            "{detail}"
        );
        ensure!(
            world.ask(&["show", "ospf", "borders"])?.contains("as-boundary"),
            "no boundary router"
        );
        ensure!(
            world
                .ask(&["show", "ospf", "interfaces"])?
                .contains("point-to-point"),
            "no interfaces"
        );
        ensure!(
            world
                .ask(&["show", "ospf", "spf-log"])?
                .contains("router 2.2.2.2"),
            "no calculations"
        );
        let (status, text) = world.routers[0].attempt(&["show", "ospf", "database", "--type", "ruoter"])?;
        ensure!(
            status.code() == Some(1) && text.contains("did you mean 'router'"),
            "{text}"
        );
        let (status, text) = world.routers[0].attempt(&["ospf", "simulate", "--cost", "eth9=5"])?;
        ensure!(status.code() == Some(1) && text.contains("eth2"), "{text}");

        // What would be is what is then.
        let would = world.json(&["ospf", "simulate", "--cost", "eth2=100"])?;
        let rows = would["rows"].as_array().cloned().unwrap_or_default();
        let row = rows.iter().find(|row| row["prefix"] == "10.5.0.0/24");
        ensure!(
            row.is_some_and(|row| row["new"]["next-hops"][0]["gateway"] == "10.0.13.3"),
            "{would}"
        );
        ensure!(
            world.json(&["show", "ospf", "path", "10.5.0.9"])? == path,
            "simulating changed something"
        );
        world.ask(&["set", "interfaces.eth2.ospf.cost=100"])?;
        for row in &rows {
            let prefix = row["prefix"].as_str().unwrap_or_default();
            if let Some(gateway) = row["new"]["next-hops"][0]["gateway"].as_str() {
                world.settle(prefix, gateway)?;
            }
        }
        Ok(())
    });
}
