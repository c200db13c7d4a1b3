//! The networks of the labs.

use std::fs;
use std::time::Duration;

use anyhow::{Result, bail, ensure};
use waypost_labs::{RipInterface, RipPlan};
use waypost_testkit::{Lab, Make, Node, Router, wait_for};

/// Enough for the first update or the next periodic one of every make, with timers of 5 s.
pub(crate) const SOON: Duration = Duration::from_secs(15);
/// Enough for what must not wait for a timer, on a busy machine.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(3);

/// RIP of Waypost is that of the daemon.
pub(crate) const fn built_in(_: &Lab) -> Result<()> {
    Ok(())
}

/// RIP of Waypost is a module in a process of its own, in the place of the daemon's.
pub(crate) fn as_module(lab: &Lab) -> Result<()> {
    // It is built with this test because its package is among what it depends on.
    let file = std::env::current_exe()?.with_file_name("libwaypost_exported_rip.so");
    ensure!(file.exists(), "{} was not built", file.display());
    let folder = lab.modules();
    fs::create_dir_all(&folder)?;
    let record = format!(
        "file = \"{}\"\nprotocol = \"0x00000008\"\nreplaces-built-in = true\ncapabilities = [\"net-bind-service\"]\n",
        file.display()
    );
    Ok(fs::write(folder.join("rip.toml"), record)?)
}

/// That RIP was the module, on every router that was to have it.
pub(crate) fn was_it(lab: &Lab) -> Result<()> {
    if !lab.modules().exists() {
        return Ok(());
    }
    let mut routers = 0;
    for node in fs::read_dir(lab.directory())?.flatten() {
        if let Ok(log) = fs::read_to_string(node.path().join("waypostd.log")) {
            routers += 1;
            ensure!(log.contains("the module is installed"), "{log}");
        }
    }
    ensure!(routers > 0, "no router has said anything");
    Ok(())
}

/// `r1` and `r2` on one link, each with a network of its own behind it:
/// 10.1.0.0/24 `lan0` r1 `eth0` 10.0.12.1 --- 10.0.12.2 `eth0` r2 `lan0` 10.2.0.0/24.
pub(crate) struct Pair {
    pub(crate) r1: Node,
    pub(crate) r2: Node,
}

pub(crate) const LAN1: &str = "10.1.0.0/24";
pub(crate) const LAN2: &str = "10.2.0.0/24";
pub(crate) const R1: &str = "10.0.12.1";
pub(crate) const R2: &str = "10.0.12.2";

impl Pair {
    pub(crate) fn new(lab: &Lab) -> Result<Self> {
        let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
        lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
        lab.stub(&r1, "lan0", "10.1.0.1/24")?;
        lab.stub(&r2, "lan0", "10.2.0.1/24")?;
        Ok(Self { r1, r2 })
    }

    /// Starts both with the same plan.
    pub(crate) fn start(&self, first: Make, second: Make, plan: &RipPlan) -> Result<(Router, Router)> {
        Ok((plan.start(&self.r1, first)?, plan.start(&self.r2, second)?))
    }

    /// Waits until each has the other's network.
    pub(crate) fn converge(&self) -> Result<()> {
        self.r1.wait_for_route(LAN2, &[R2], SOON)?;
        self.r2.wait_for_route(LAN1, &[R1], SOON)?;
        Ok(())
    }
}

/// A plan with one interface, `eth0`.
pub(crate) fn on_eth0() -> RipPlan {
    RipPlan::new([RipInterface::new("eth0")])
}

/// A diamond: r1 reaches 10.4.0.0/24 behind r4 by r2 and by r3, at the same cost.
pub(crate) struct Diamond {
    pub(crate) nodes: [Node; 4],
}

pub(crate) const LAN4: &str = "10.4.0.0/24";
pub(crate) const BY_R2: &str = "10.0.12.2";
pub(crate) const BY_R3: &str = "10.0.13.3";

impl Diamond {
    pub(crate) fn new(lab: &Lab) -> Result<Self> {
        let nodes = [lab.node("r1")?, lab.node("r2")?, lab.node("r3")?, lab.node("r4")?];
        let [r1, r2, r3, r4] = &nodes;
        lab.link((r1, "eth2", "10.0.12.1/24"), (r2, "eth1", "10.0.12.2/24"))?;
        lab.link((r1, "eth3", "10.0.13.1/24"), (r3, "eth1", "10.0.13.3/24"))?;
        lab.link((r2, "eth4", "10.0.24.2/24"), (r4, "eth2", "10.0.24.4/24"))?;
        lab.link((r3, "eth4", "10.0.34.3/24"), (r4, "eth3", "10.0.34.4/24"))?;
        lab.stub(r1, "lan0", "10.1.0.1/24")?;
        lab.stub(r4, "lan0", "10.4.0.1/24")?;
        Ok(Self { nodes })
    }

    /// The plan of r1 with these costs of its interfaces to r2 and r3.
    pub(crate) fn first_plan(by_r2: u8, by_r3: u8) -> RipPlan {
        RipPlan::new([
            RipInterface::new("eth2").metric(by_r2),
            RipInterface::new("eth3").metric(by_r3),
        ])
    }

    /// Waits until all but r1 have each other's networks and r1's.
    pub(crate) fn converge_beyond_r1(&self) -> Result<()> {
        let [_, r2, r3, r4] = &self.nodes;
        r2.wait_for_route(LAN4, &["10.0.24.4"], SOON)?;
        r3.wait_for_route(LAN4, &["10.0.34.4"], SOON)?;
        r2.wait_for_route(LAN1, &["10.0.12.1"], SOON)?;
        r3.wait_for_route(LAN1, &["10.0.13.1"], SOON)?;
        r4.wait_for_route(LAN1, &["10.0.24.2", "10.0.34.3"], SOON)?;
        Ok(())
    }

    /// Starts r1 as the first make and the others as the second.
    pub(crate) fn start(&self, first: Make, second: Make, plan: &RipPlan) -> Result<[Router; 4]> {
        let [r1, r2, r3, r4] = &self.nodes;
        let middle = RipPlan::new([RipInterface::new("eth1"), RipInterface::new("eth4")]);
        let last = RipPlan::new([RipInterface::new("eth2"), RipInterface::new("eth3")]);
        Ok([
            plan.start(r1, first)?,
            middle.start(r2, second)?,
            middle.start(r3, second)?,
            last.start(r4, second)?,
        ])
    }
}

/// Waits until the router counted or logged a message that it did not believe.
pub(crate) fn wait_for_rejection(router: &Router, deadline: Duration) -> Result<()> {
    let what = format!("{} refuses a message", router.node().name());
    wait_for(deadline, &what, || {
        rejected(router).map_err(|error| format!("{error:#}"))?
    })
}

/// The inner error is what was seen instead.
fn rejected(router: &Router) -> Result<Result<(), String>> {
    let (found, text) = match router.make() {
        Make::Frr => {
            // Gateway, BadPackets, BadRoutes, Distance, Last Update
            let text = router.command(&["show ip rip status"])?;
            let found = text
                .lines()
                .map(|line| line.split_whitespace().collect::<Vec<_>>())
                .any(|words| words.len() == 5 && words[1].parse::<u32>().is_ok_and(|count| count > 0));
            (found, text)
        }
        Make::Bird => {
            let text = fs::read_to_string(router.node().directory().join("bird.log"))?;
            (text.to_lowercase().contains("authentication failed"), text)
        }
        Make::Waypost => {
            let text = router.command(&["--json", "show", "counters"])?;
            let counters: serde_json::Value = serde_json::from_str(&text)?;
            let count = &counters["protocols"]["rip"]["interfaces"]["eth0"]["authentication-failures"];
            let Some(count) = count.as_u64() else {
                bail!("no count of authentication failures on eth0: {text}");
            };
            (count > 0, text)
        }
    };
    Ok(if found { Ok(()) } else { Err(text) })
}
