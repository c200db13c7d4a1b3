//! Modules: foreign code in a process of its own, which dies at the worst of times.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use waypost_clibrary::Library;
use waypost_testkit::{Lab, Make, RouteFeed, Router, run, wait_for};

const SOON: Duration = Duration::from_secs(60);
/// Kills of the module. The router waits longer each time before it starts the module again.
const KILLS: u32 = 4;

/// A module of the conformance tests, installed on a node as the protocol `sample`.
fn install(lab: &Lab, folder: &Path, name: &str, options: &[&str]) -> Result<()> {
    let library = Library::build(&lab.directory().join("library"), &["-O1"])?;
    let sources = waypost_clibrary::root().join("bins/waypost-module-host/tests/modules");
    let options = [&["-std=c11", "-fvisibility=hidden"], options].concat();
    let module = library.module(&sources.join(name), &options)?;
    fs::create_dir_all(folder)?;
    let record = format!(
        "file = \"{}\"\nprotocol = \"0x000000c8\"\ntitle = \"Sample\"\n",
        module.display()
    );
    Ok(fs::write(folder.join("sample.toml"), record)?)
}

/// The process that runs the module, if it runs; another one may be there to be asked for its configuration, without a table.
pub(crate) fn module_process(router: &Router) -> Result<Option<u32>> {
    let daemon = *router.pids().first().context("a daemon")?;
    for task in fs::read_dir(format!("/proc/{daemon}/task"))?.flatten() {
        let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
        for child in children.split_whitespace() {
            let name = fs::read_to_string(format!("/proc/{child}/comm")).unwrap_or_default();
            let arguments = fs::read(format!("/proc/{child}/cmdline")).unwrap_or_default();
            let has_table = arguments
                .split(|octet| *octet == 0)
                .any(|argument| argument == b"table");
            if name.starts_with("waypost-module") && has_table {
                return Ok(child.parse().ok());
            }
        }
    }
    Ok(None)
}

/// A block of the sample with this metric.
fn block(metric: u32) -> String {
    let octets: String = metric
        .to_le_bytes()
        .iter()
        .map(|octet| format!("{octet:02x}"))
        .collect();
    format!("{octets}0000000000000000")
}

/// RIP and the sample on an interface, both with a metric of 1, and a static route.
fn configuration() -> String {
    format!(
        "[protocols.rip]\n[protocols.static]\nroutes = [{{ prefix = '192.0.2.0/24', via = '10.1.0.9' }}]\n\
             [protocols.sample]\nhex = '1e00000000000000'\n\
             [interfaces.lan0.rip]\nmetric = 1\n[interfaces.lan0.sample]\nhex = '{}'\n",
        block(1)
    )
}

fn wait_until_it_runs(router: &Router) -> Result<()> {
    wait_for(SOON, "the module runs", || {
        let text = router
            .command(&["show", "protocols", "sample"])
            .map_err(|error| format!("{error:#}"))?;
        if text.contains("running") {
            Ok(())
        } else {
            Err(text)
        }
    })
}

/// Whenever its process is killed, a transaction that concerns it is made as a whole or not at all, the router and the
/// routes of others stay, and it comes back with the configuration that was acknowledged last.
#[test]
fn a_killed_module_costs_nothing_but_itself() {
    run(|lab| {
        let node = lab.node("r1")?;
        lab.stub(&node, "lan0", "10.1.0.1/24")?;
        install(lab, &node.directory().join("modules"), "correct.c", &[])?;
        let configuration = configuration();
        let router = Router::start(&node, Make::Waypost, &configuration)?;
        wait_until_it_runs(&router)?;
        node.wait_for_route("192.0.2.0/24", &["10.1.0.9"], SOON)?;
        let feed = RouteFeed::start(&node)?;
        let mut in_force = 1;
        let mut refused = 0;
        for round in 0..KILLS {
            let metric = in_force % 12 + 1;
            wait_until_it_runs(&router)?;
            let pid = module_process(&router)?
                .context("no process of the module")?
                .to_string();
            let mut killer = Command::new("kill").args(["-9", &pid]).spawn()?;
            let (status, said) = router.attempt(&[
                "set",
                &format!("interfaces.lan0.rip.metric={metric}"),
                &format!("interfaces.lan0.sample={{hex=\"{}\"}}", block(metric)),
            ])?;
            ensure!(killer.wait()?.success(), "the module ended by itself");
            if status.success() {
                in_force = metric;
            } else {
                refused += 1;
                ensure!(said.contains("sample"), "refused for another reason: {said}");
            }
            let rip = router.command(&["get", "interfaces.lan0.rip.metric"])?;
            let sample = router.command(&["get", "interfaces.lan0.sample"])?;
            ensure!(
                rip.trim() == in_force.to_string() && sample.contains(&block(in_force)),
                "round {round}: {in_force} is in force, but\n{rip}{sample}"
            );
        }
        wait_until_it_runs(&router)?;
        let sample = router.command(&["get", "interfaces.lan0.sample"])?;
        ensure!(
            sample.contains(&block(in_force)),
            "{in_force} is in force, but\n{sample}"
        );
        feed.sync()?;
        feed.assert_kept(&["192.0.2.0/24"])?;
        println!("{KILLS} kills, {refused} changes refused");
        Ok(())
    });
}

/// A module that crashes while a transaction is made undoes all of it, and says how it ended.
#[test]
fn a_crash_in_a_transaction_undoes_it() {
    run(|lab| {
        let node = lab.node("r1")?;
        lab.stub(&node, "lan0", "10.1.0.1/24")?;
        let options = ["-DMISBEHAVIOUR=CRASHES_IN_SET"];
        install(lab, &node.directory().join("modules"), "hostile.c", &options)?;
        let router = Router::start(&node, Make::Waypost, &configuration())?;
        wait_until_it_runs(&router)?;
        node.wait_for_route("192.0.2.0/24", &["10.1.0.9"], SOON)?;
        let feed = RouteFeed::start(&node)?;
        let (status, said) = router.attempt(&[
            "set",
            "interfaces.lan0.rip.metric=5",
            &format!("interfaces.lan0.sample={{hex=\"{}\"}}", block(5)),
        ])?;
        ensure!(!status.success(), "a module that crashed accepted: {said}");
        ensure!(
            said.contains("SIGSEGV") && said.contains("interfaces.lan0.sample"),
            "{said}"
        );
        ensure!(router.command(&["get", "interfaces.lan0.rip.metric"])?.trim() == "1");
        ensure!(
            router
                .command(&["get", "interfaces.lan0.sample"])?
                .contains(&block(1))
        );
        wait_until_it_runs(&router)?;
        ensure!(
            router
                .command(&["get", "interfaces.lan0.sample"])?
                .contains(&block(1))
        );
        feed.sync()?;
        feed.assert_kept(&["192.0.2.0/24"])
    });
}
