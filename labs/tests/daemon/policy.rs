//! Policies as configuration: what they let pass between two routers, changed live, and explained.

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use waypost_testkit::{Lab, run, wait_for};

use crate::network::{Daemon, SOON};

/// The route that a daemon has from RIP to a destination.
fn heard(daemon: &Daemon, prefix: &str) -> Result<Option<Value>> {
    let answer = daemon.json(&["show", "routes", "--owner", "rip", "--within", prefix])?;
    let rows = answer["rows"].as_array().context("no rows")?;
    Ok(rows.iter().find(|row| row["prefix"] == prefix).cloned())
}

/// Waits until it has it with a metric and a tag, or has it no more.
fn becomes(daemon: &Daemon, prefix: &str, wanted: Option<(u64, u64)>) -> Result<()> {
    wait_for(SOON, &format!("{prefix} is heard as {wanted:?}"), || {
        let row = heard(daemon, prefix).map_err(|error| format!("{error:#}"))?;
        let number = |row: &Value, key: &str| row[key].as_u64().unwrap_or_default();
        let found = row
            .as_ref()
            .map(|row| (number(row, "metric"), number(row, "tag")));
        if found == wanted {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    })
}

/// How long a route has been as it is.
fn age(daemon: &Daemon, prefix: &str) -> Result<u64> {
    let row = heard(daemon, prefix)?.with_context(|| format!("no {prefix}"))?;
    row["age-seconds"].as_u64().context("no age")
}

#[test]
fn policies_decide_between_two_routers_and_change_live() {
    run(|lab: &Lab| -> Result<()> {
        let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
        lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
        let (sender, receiver) = (
            Daemon::start(&r1, "waypostd", &[])?,
            Daemon::start(&r2, "waypostd", &[])?,
        );
        let route = |third: u32| format!("{{ prefix = '172.16.{third}.0/24', kind = 'blackhole' }}");
        let routes: Vec<String> = (1..=3).map(route).collect();
        sender.waypost(&[
            "set",
            &format!("protocols.static.routes=[{}]", routes.join(", ")),
            "policy.prefix-lists.some=[{ deny = '172.16.2.0/24' }, { permit = '172.16.0.0/16 le 24' }]",
            "policy.route-maps.out=[{ action = 'permit', match = { prefix-list = 'some', protocol = ['static'] }, set = { metric = 3, tag = 7 } }]",
            "protocols.rip.redistribute=[{ source = 'static', policy = 'out' }]",
            "interfaces.eth0.rip={}",
        ])?;
        receiver.waypost(&["set", "protocols.rip={}", "interfaces.eth0.rip={}"])?;
        for third in [1, 3] {
            becomes(&receiver, &format!("172.16.{third}.0/24"), Some((4, 7)))?;
        }
        becomes(&receiver, "172.16.2.0/24", None)?;
        wait_for(SOON, "a route is a second old", || {
            match age(&receiver, "172.16.1.0/24") {
                Ok(1..) => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })?;

        // Said before it is done, and only what is decided otherwise moves.
        let change =
            "policy.prefix-lists.some=[{ deny = '172.16.3.0/24' }, { permit = '172.16.0.0/16 le 24' }]";
        let plan = sender.waypost(&["set", change, "--plan"])?;
        let flat = plan.split_whitespace().collect::<Vec<_>>().join(" ");
        ensure!(
            flat.contains("rip: 2 of 3 routes of other sources are redistributed otherwise"),
            "{plan}"
        );
        becomes(&receiver, "172.16.2.0/24", None)?;
        sender.waypost(&["set", change])?;
        becomes(&receiver, "172.16.2.0/24", Some((4, 7)))?;
        becomes(&receiver, "172.16.3.0/24", None)?;
        ensure!(
            age(&receiver, "172.16.1.0/24")? >= 1,
            "a route was set again that nobody had changed"
        );

        let told = sender.waypost(&["policy", "test", "out", "172.16.3.0/24"])?;
        ensure!(
            told.contains("is denied: nothing in the policy matches it"),
            "{told}"
        );
        ensure!(told.contains("rule 0 (deny 172.16.3.0/24)"), "{told}");

        // What is in use cannot go, and the refusal says whose it is.
        let refused = sender.waypost(&["unset", "policy"]).err().context("it went")?;
        let refused = format!("{refused:#}");
        ensure!(
            refused.contains("protocols.rip.redistribute.0.policy"),
            "{refused}"
        );

        // The receiver's own, on what it hears.
        receiver.waypost(&[
            "set",
            "policy.route-maps.in=[{ action = 'permit', match = { tag = 7, length = 24 }, set = { add-metric = 5, tag = 9 } }]",
            "interfaces.eth0.rip.accept-policy=in",
        ])
        .err()
        .context("'tag' takes a list")?;
        receiver.waypost(&[
            "set",
            "policy.route-maps.in=[{ action = 'permit', match = { tag = [7], interface = ['eth0'] }, set = { add-metric = 5, tag = 9 } }]",
            "interfaces.eth0.rip.accept-policy=in",
        ])?;
        becomes(&receiver, "172.16.1.0/24", Some((9, 9)))?;

        // All of it is in the history.
        let revision = sender.json(&["show", "revisions"])?[0]["number"]
            .as_u64()
            .context("no revision")?;
        sender.waypost(&["rollback", &(revision - 1).to_string()])?;
        becomes(&receiver, "172.16.3.0/24", Some((9, 9)))?;
        becomes(&receiver, "172.16.2.0/24", None)?;
        Ok(())
    });
}
