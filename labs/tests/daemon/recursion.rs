//! Routes through a gateway that is on no link of the router: the way to it is found, shown, and followed when it moves.

use anyhow::{Context, Result};
use serde_json::Value;
use waypost_testkit::{Lab, Node, run, wait_for};

use crate::network::{Daemon, SOON};

/// The next hops of a route, in the kernel, out of whichever object it names.
fn kernel_hops(node: &Node, prefix: &str) -> Result<Vec<String>> {
    let text = node.ip(&["-json", "route", "show", prefix])?;
    let routes: Value = serde_json::from_str(&text).context(text)?;
    let Some(route) = routes.get(0) else {
        return Ok(Vec::new());
    };
    let hops = match route.get("nexthops").and_then(Value::as_array) {
        Some(hops) => hops.clone(),
        None => vec![route.clone()],
    };
    let gateways = hops.iter().filter_map(|hop| hop.get("gateway")?.as_str());
    Ok(gateways.map(str::to_owned).collect())
}

fn follows(node: &Node, prefix: &str, wanted: &[&str]) -> Result<()> {
    wait_for(SOON, &format!("{prefix} is through {wanted:?}"), || {
        let hops = kernel_hops(node, prefix).map_err(|error| format!("{error:#}"))?;
        if hops == wanted {
            Ok(())
        } else {
            Err(format!("{hops:?}"))
        }
    })
}

/// A thousand routes through a far gateway, and a covering route that moves: first a static one, then one heard by RIP.
#[test]
fn a_far_gateway_is_followed_where_it_moves() {
    run(|lab: &Lab| -> Result<()> {
        let (r1, r2, r3) = (lab.node("r1")?, lab.node("r2")?, lab.node("r3")?);
        lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
        lab.link((&r1, "eth1", "10.0.13.1/24"), (&r3, "eth0", "10.0.13.3/24"))?;
        let daemon = Daemon::start(&r1, "waypostd", &[])?;
        let far = |n: u32| {
            format!(
                "{{ prefix = '198.{}.{}.0/24', via = '203.0.113.7 recursive' }}",
                18 + n / 256,
                n % 256
            )
        };
        let many: Vec<String> = (0..1000).map(far).collect();
        let configure = |covering: Option<&str>| -> Result<()> {
            let covering = covering
                .map(|via| format!("{{ prefix = '203.0.113.0/24', via = '{via}', preference = 200 }}"));
            let routes: Vec<String> = covering.into_iter().chain(many.iter().cloned()).collect();
            daemon
                .waypost(&["set", &format!("protocols.static.routes=[{}]", routes.join(", "))])
                .map(drop)
        };
        let explained = |wanted: &[&str]| {
            wait_for(SOON, &format!("{wanted:?} is said"), || {
                let text = daemon.waypost(&["explain", "198.18.7.0/24"]);
                let text = text.map_err(|error| format!("{error:#}"))?;
                let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
                if wanted.iter().all(|part| flat.contains(part)) {
                    Ok(())
                } else {
                    Err(text)
                }
            })
        };

        // Nothing leads to the gateway: the routes are there and not in use.
        configure(None)?;
        explained(&[
            "203.0.113.7 unresolved",
            "203.0.113.7 is not resolved: no route leads to it",
            "no route to 198.18.7.0/24 can be used",
        ])?;
        assert_eq!(kernel_hops(&r1, "198.18.7.0/24")?, [""; 0]);

        configure(Some("10.0.12.2"))?;
        for prefix in ["198.18.7.0/24", "198.21.231.0/24"] {
            follows(&r1, prefix, &["10.0.12.2"])?;
        }
        explained(&[
            "203.0.113.7 recursive",
            "> 10.0.12.2 eth0",
            "203.0.113.7 is reached through 203.0.113.0/24",
            "the kernel has it",
        ])?;
        let rows = daemon.json(&["show", "routes", "198.18.7.0/24"])?;
        let recursive = rows
            .pointer("/0/next-hops/0/recursive")
            .or_else(|| rows.pointer("/rows/0/next-hops/0/recursive"))
            .with_context(|| format!("no recursive next hop: {rows}"))?;
        assert_eq!(recursive["through"], "203.0.113.0/24");
        assert_eq!(recursive["next-hops"][0]["gateway"], "10.0.12.2");

        // The covering route moves to the other router, and the kernel hears one message.
        let id = || -> Result<Value> {
            let routes: Value =
                serde_json::from_str(&r1.ip(&["-json", "route", "show", "198.18.7.0/24"])?)?;
            Ok(routes[0]["nhid"].clone())
        };
        let before = id()?;
        assert!(before.is_number(), "routes name nexthop objects: {before}");
        configure(Some("10.0.13.3"))?;
        for prefix in ["198.18.7.0/24", "198.21.231.0/24"] {
            follows(&r1, prefix, &["10.0.13.3"])?;
        }
        assert_eq!(id()?, before, "the routes are the same");

        // A protocol knows a better way.
        let neighbour = Daemon::start(&r2, "waypostd", &[])?;
        neighbour.waypost(&[
            "set",
            "protocols.static.routes=[{ prefix = '203.0.113.0/24', kind = 'blackhole' }]",
            "protocols.rip.redistribute=[{ source = 'static' }]",
            "interfaces.eth0.rip={}",
        ])?;
        daemon.waypost(&["set", "protocols.rip={}", "interfaces.eth0.rip={}"])?;
        follows(&r1, "198.18.7.0/24", &["10.0.12.2"])?;
        assert_eq!(id()?, before, "the routes are the same");

        // Its link goes, and the static route is there again.
        r2.ip(&["link", "set", "eth0", "down"])?;
        follows(&r1, "198.18.7.0/24", &["10.0.13.3"])?;
        follows(&r1, "198.21.231.0/24", &["10.0.13.3"])?;
        Ok(())
    });
}
