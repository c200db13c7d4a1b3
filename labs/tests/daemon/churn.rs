//! Interfaces that come and go all the time, as on a host of containers.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result};
use waypost_testkit::{Lab, Node, run, wait_for};

use crate::network::{Daemon, SOON};

/// Starts under churn. Before dumps that changes disturb were taken, eight of ten failed.
const STARTS: usize = 5;
/// Interfaces that stay, so many that a dump of them takes several reads: only such a dump can be disturbed.
const STEADY: usize = 200;
/// No churn goes on for longer, whatever happens to the test.
const MOST_RUNS: usize = 5000;

/// Adds and removes links and addresses, as fast as the kernel allows, while `body` runs.
fn under_churn(node: &Node, body: impl FnOnce() -> Result<()>) -> Result<()> {
    let (mut steady, mut flapping) = (String::new(), String::new());
    for number in 0..STEADY {
        writeln!(steady, "link add steady{number} type veth peer name far{number}")?;
        writeln!(steady, "address add 10.201.{number}.1/24 dev steady{number}")?;
        writeln!(flapping, "address add 10.200.{number}.1/24 dev far0")?;
        writeln!(flapping, "address del 10.200.{number}.1/24 dev far0")?;
    }
    let script = |name: &str, text: &str| -> Result<String> {
        let path = node.directory().join(name);
        fs::write(&path, text)?;
        Ok(path.to_str().context("the path is not UTF-8")?.to_owned())
    };
    node.ip(&["-batch", &script("steady", &steady)?])?;
    let scripts = [
        script("flapping", &flapping)?,
        script(
            "links1",
            "link add churn1 type veth peer name nruhc1\nlink del churn1\n",
        )?,
        script(
            "links2",
            "link add churn2 type veth peer name nruhc2\nlink del churn2\n",
        )?,
    ];
    let over = AtomicBool::new(false);
    thread::scope(|scope| {
        let churns = scripts.map(|path| {
            let over = &over;
            scope.spawn(move || -> Result<usize> {
                let mut runs = 0;
                while !over.load(Ordering::Acquire) && runs < MOST_RUNS {
                    node.ip(&["-batch", &path])?;
                    runs += 1;
                }
                Ok(runs)
            })
        });
        let outcome = body();
        over.store(true, Ordering::Release);
        for churn in churns {
            let runs = churn.join().expect("the churn does not panic")?;
            assert!(
                (1..MOST_RUNS).contains(&runs),
                "{runs} runs are not what the test is about"
            );
        }
        outcome
    })
}

#[test]
fn it_starts_works_and_stops_while_interfaces_come_and_go() {
    run(|lab: &Lab| -> Result<()> {
        let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
        lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
        let mut last = None;
        under_churn(&r1, || {
            for start in 0..STARTS {
                let mut daemon = Daemon::start(&r1, "waypostd", &[])?;
                if start == 0 {
                    daemon.waypost(&[
                        "set",
                        "protocols.static.routes=[{ prefix = '10.9.0.0/24', via = '10.0.12.2' }]",
                    ])?;
                }
                r1.wait_for_route("10.9.0.0/24", &["10.0.12.2"], SOON)?;
                if start + 1 < STARTS {
                    daemon.process.stop(SOON)?;
                    r1.wait_for_no_route("10.9.0.0/24", SOON)?;
                } else {
                    // It follows changes in the middle of it all.
                    r1.set_link("eth0", false)?;
                    r1.wait_for_no_route("10.9.0.0/24", SOON)?;
                    r1.set_link("eth0", true)?;
                    r1.wait_for_route("10.9.0.0/24", &["10.0.12.2"], SOON)?;
                    last = Some(daemon);
                }
            }
            Ok(())
        })?;
        // In the end it knows exactly what is there.
        let daemon = last.context("no daemon is left")?;
        let steady = (0..STEADY).flat_map(|number| [format!("steady{number}"), format!("far{number}")]);
        let wanted: BTreeSet<String> = steady.chain(["lo".to_owned(), "eth0".to_owned()]).collect();
        wait_for(Duration::from_secs(60), "the interfaces are right", || {
            let rows = daemon
                .json(&["show", "interfaces"])
                .map_err(|error| format!("{error:#}"))?;
            let rows = rows.as_array().cloned().unwrap_or_default();
            let names: BTreeSet<String> = rows
                .iter()
                .filter_map(|row| row["name"].as_str().map(str::to_owned))
                .collect();
            if names == wanted {
                Ok(())
            } else {
                Err(format!("{names:?}"))
            }
        })
    });
}
