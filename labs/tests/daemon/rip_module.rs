//! RIP as a module in a process of its own, between RIP in the daemon and FRR's: 10.1.0.0/24 behind r1, 10.3.0.0/24 behind r3, and
//! two links from r2 to r3.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use waypost_labs::{RipInterface, RipPlan};
use waypost_testkit::{Lab, Make, Node, RouteFeed, Router, in_user_namespace, run, wait_for};

use crate::beacon::{await_metric, check};
use crate::modules::module_process;

const SOON: Duration = Duration::from_secs(60);
const LAN1: &str = "10.1.0.0/24";
const LAN3: &str = "10.3.0.0/24";
const R1: &str = "10.0.12.1";
const R3_BY_A: &str = "10.0.23.3";
const R3_BY_B: &str = "10.0.32.3";
const RECORD: &str = "capabilities = [\"net-bind-service\"]";
const UNMOVED: [&str; 2] = [LAN1, LAN3];

/// A module, which is built with this test because its package is among what it depends on.
pub(crate) fn object(package: &str) -> Result<PathBuf> {
    let name = format!("lib{}.so", package.replace('-', "_"));
    let file = std::env::current_exe()?.with_file_name(name);
    ensure!(file.exists(), "{} was not built", file.display());
    Ok(file)
}

/// The module on a node, with `more` in its record.
fn start_module(node: &Node, more: &str) -> Result<Router> {
    let folder = node.directory().join("modules");
    fs::create_dir_all(&folder)?;
    let file = object("waypost-exported-rip")?;
    let record = format!(
        "file = \"{}\"\nprotocol = \"0x3fff0520\"\ntitle = \"RIP\"\n{more}\n",
        file.display()
    );
    fs::write(folder.join("module-rip.toml"), record)?;
    let mut configuration =
        "[protocols.module-rip]\nupdate-interval = 5\nexpiration-interval = 30\nremoval-interval = 20\n"
            .to_owned();
    for (name, metric) in [("eth1", 1), ("eth3a", 1), ("eth3b", 2)] {
        configuration += &format!("[interfaces.{name}.module-rip]\nmetric = {metric}\n");
    }
    Router::start(node, Make::Waypost, &configuration)
}

struct Row {
    nodes: [Node; 3],
}

impl Row {
    fn new(lab: &Lab) -> Result<Self> {
        let nodes = [lab.node("r1")?, lab.node("r2")?, lab.node("r3")?];
        let [r1, r2, r3] = &nodes;
        lab.link((r1, "eth2", "10.0.12.1/24"), (r2, "eth1", "10.0.12.2/24"))?;
        lab.link((r2, "eth3a", "10.0.23.2/24"), (r3, "eth2a", "10.0.23.3/24"))?;
        lab.link((r2, "eth3b", "10.0.32.2/24"), (r3, "eth2b", "10.0.32.3/24"))?;
        lab.stub(r1, "lan0", "10.1.0.1/24")?;
        lab.stub(r3, "lan0", "10.3.0.1/24")?;
        Ok(Self { nodes })
    }

    /// RIP of the daemon at one end and of FRR at the other.
    fn start_ends(&self) -> Result<(Router, Router)> {
        let first = RipPlan::new([RipInterface::new("eth2")]).start(&self.nodes[0], Make::Waypost)?;
        let third = RipPlan::new([RipInterface::new("eth2a"), RipInterface::new("eth2b")]);
        Ok((first, third.start(&self.nodes[2], Make::Frr)?))
    }
}

fn set_metric(router: &Router, metric: u32) -> Result<bool> {
    const METRIC: &str = "interfaces.eth3a.module-rip.metric";
    let (status, _) = router.attempt(&["set", &format!("{METRIC}={metric}")])?;
    let shown = router.command(&["get", METRIC])?;
    ensure!(
        (shown.trim() == metric.to_string()) == status.success(),
        "{status}, but in force is {shown}"
    );
    Ok(status.success())
}

/// As its author would find out, in a process of its own and in the command's, where there are the interfaces that the suite tells
/// of: RIP opens its port on them.
#[test]
fn it_conforms() {
    run(|lab| {
        let node = lab.node("r1")?;
        for index in ["7", "8"] {
            let [near, far] = ["eth", "far"].map(|end| format!("{end}{index}"));
            node.ip(&[
                "link", "add", &near, "index", index, "type", "veth", "peer", "name", &far,
            ])?;
            node.set_link(&near, true)?;
            node.set_link(&far, true)?;
            node.add_address(&near, "10.0.0.1/24")?;
            node.add_address(&near, "10.0.1.1/24")?;
        }
        let module = object("waypost-exported-rip")?;
        let granted = ["--capability", "net-bind-service"];
        node.inside(|| check(&module, "test/exported-rip/rip.check.toml", &granted))?
    });
}

#[test]
fn it_routes_between_others() {
    run(|lab| {
        let row = Row::new(lab)?;
        let [r1, r2, r3] = &row.nodes;
        let _ends = row.start_ends()?;
        let router = start_module(r2, RECORD)?;

        // From end to end, in the kernels.
        r2.wait_for_route(LAN1, &[R1], SOON)?;
        r2.wait_for_route(LAN3, &[R3_BY_A], SOON)?;
        r1.wait_for_route(LAN3, &["10.0.12.2"], SOON)?;
        // By either link: FRR keeps one of two that cost the same.
        wait_for(SOON, "r3 has 10.1.0.0/24", || match r3.routes_to(LAN1) {
            Ok(routes) if !routes.is_empty() => Ok(()),
            other => Err(format!("{other:?}")),
        })?;
        r1.run("ping", &["-c", "1", "-W", "5", "-I", "10.1.0.1", "10.3.0.1"])?;

        // RIP's port is root's, and the module is not.
        let pid = module_process(&router)?.context("no process of the module")?;
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let uid = status.lines().find(|line| line.starts_with("Uid:"));
        let is_root = uid.is_some_and(|uid| uid.split_whitespace().nth(2) == Some("0"));
        ensure!(is_root == in_user_namespace(), "{status}");

        // A metric, live: the route moves to the other link, and is there all the time.
        let feeds = [
            RouteFeed::start(r1)?,
            RouteFeed::start(r2)?,
            RouteFeed::start(r3)?,
        ];
        ensure!(set_metric(&router, 5)?, "the change was refused");
        r2.wait_for_route(LAN3, &[R3_BY_B], SOON)?;

        // Its process is killed while it changes back: as a whole or not at all, and no route goes.
        let mut killer = Command::new("kill").args(["-9", &pid.to_string()]).spawn()?;
        let is_changed = set_metric(&router, 1)?;
        ensure!(killer.wait()?.success(), "the module ended by itself");
        wait_for(SOON, "another process of the module", || {
            match module_process(&router).map_err(|error| error.to_string())? {
                Some(again) if again != pid => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })?;
        if !is_changed {
            wait_for(SOON, "the change is taken", || match set_metric(&router, 1) {
                Ok(true) => Ok(()),
                other => Err(format!("{other:?}")),
            })?;
        }
        // What it learns again is routed by.
        r2.wait_for_route(LAN3, &[R3_BY_A], SOON)?;
        r2.wait_for_route(LAN1, &[R1], SOON)?;
        for feed in &feeds {
            feed.sync()?;
        }
        feeds[0].assert_kept(&[LAN3])?;
        feeds[1].assert_kept(&UNMOVED)?;
        feeds[2].assert_kept(&[LAN1])?;

        // Without the protocol, its routes go, and its neighbours hear of it.
        router.command(&[
            "unset",
            "interfaces.eth1.module-rip",
            "interfaces.eth3a.module-rip",
            "interfaces.eth3b.module-rip",
            "protocols.module-rip",
        ])?;
        for (node, prefix) in [(r2, LAN1), (r2, LAN3), (r1, LAN3), (r3, LAN1)] {
            node.wait_for_no_route(prefix, SOON)?;
        }
        Ok(())
    });
}

/// A daemon that restarts takes the module's process with it, which says no good-bye: no route goes, here or elsewhere.
#[test]
fn a_restart_of_the_daemon_is_nobody_s_business() {
    restarts(RECORD);
}

/// Nor does one that is in the daemon.
#[test]
fn a_restart_of_a_daemon_with_the_module_in_it_is_nobody_s_business() {
    restarts("run = \"in-process\"");
}

fn restarts(record: &str) {
    run(|lab| {
        let row = Row::new(lab)?;
        let [r1, r2, r3] = &row.nodes;
        let _ends = row.start_ends()?;
        let mut router = start_module(r2, record)?;
        r2.wait_for_route(LAN1, &[R1], SOON)?;
        r2.wait_for_route(LAN3, &[R3_BY_A], SOON)?;
        r1.wait_for_route(LAN3, &["10.0.12.2"], SOON)?;
        wait_for(SOON, "r3 has 10.1.0.0/24", || match r3.routes_to(LAN1) {
            Ok(routes) if !routes.is_empty() => Ok(()),
            other => Err(format!("{other:?}")),
        })?;
        let feeds = [
            RouteFeed::start(r1)?,
            RouteFeed::start(r2)?,
            RouteFeed::start(r3)?,
        ];
        let daemon = *router.pids().first().context("a daemon")?;
        router.signal("USR1")?;
        wait_for(SOON, "the daemon ends", || {
            let status = fs::read_to_string(format!("/proc/{daemon}/status")).unwrap_or_default();
            let runs = status.contains("State:") && !status.contains("State:\tZ");
            if runs { Err(status) } else { Ok(()) }
        })?;
        drop(router);
        let router = start_module(r2, record)?;
        await_metric(&router, LAN1, 2)?;
        await_metric(&router, LAN3, 2)?;
        for feed in &feeds {
            feed.sync()?;
        }
        feeds[0].assert_kept(&[LAN3])?;
        feeds[1].assert_kept(&UNMOVED)?;
        feeds[2].assert_kept(&[LAN1])
    });
}
