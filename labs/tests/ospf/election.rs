//! The Designated Router of a network dies.

use anyhow::Result;
use serde_json::Value;
use waypost_testkit::{Lab, Make, Router, wait_for};

use crate::SOON;
use crate::speaker::{Link, Speaker};

const LAN3: &str = "10.3.0.0/24";
const R3: &str = "10.0.9.3";

fn speaker(id: &'static str, priority: u8) -> Speaker {
    Speaker {
        id,
        links: vec![Link {
            priority,
            ..Link::new("eth0")
        }],
        stubs: vec![("lan0", 0)],
        ..Speaker::default()
    }
}

/// Who Waypost says is elected on its network: Designated Router and Backup.
fn elected(router: &Router) -> Result<(String, String), String> {
    let shown = router
        .command(&["--json", "show", "ospf", "interfaces"])
        .map_err(|error| format!("{error:#}"))?;
    let rows: Value = serde_json::from_str(&shown).map_err(|error| error.to_string())?;
    let mut rows = rows.as_array().into_iter().flatten();
    let row = rows.find(|row| row["interface"] == "eth0");
    let row = row.ok_or_else(|| "no eth0".to_owned())?;
    let address = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
    Ok((address("designated-router"), address("backup")))
}

fn wait_for_elected(router: &Router, designated: &str, backup: &str) -> Result<()> {
    wait_for(SOON, &format!("{designated} and {backup} are elected"), || {
        let found = elected(router)?;
        if found == (designated.to_owned(), backup.to_owned()) {
            Ok(())
        } else {
            Err(format!("{found:?}"))
        }
    })
}

/// r1, which is neither, r2, which is designated, and r3, its backup, on one network: r2 dies, r3 takes over, r1 becomes backup, and
/// what is behind r3 is reached again, or still.
pub(crate) fn takeover(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let (r1, r2, r3) = (lab.node("r1")?, lab.node("r2")?, lab.node("r3")?);
    lab.segment(&[
        (&r1, "eth0", "10.0.9.1/24"),
        (&r2, "eth0", "10.0.9.2/24"),
        (&r3, "eth0", "10.0.9.3/24"),
    ])?;
    for (node, address) in [(&r1, "10.1.0.1/24"), (&r2, "10.2.0.1/24"), (&r3, "10.3.0.1/24")] {
        lab.stub(node, "lan0", address)?;
    }
    let mut designated = speaker("2.2.2.2", 20).start(&r2, second)?;
    let _backup = speaker("3.3.3.3", 10).start(&r3, second)?;
    let router = speaker("1.1.1.1", 1).start(&r1, first)?;
    wait_for_elected(&router, "10.0.9.2", R3)?;
    r1.wait_for_route(LAN3, &[R3], SOON)?;
    r1.wait_for_route("10.2.0.0/24", &["10.0.9.2"], SOON)?;
    designated.kill()?;
    wait_for_elected(&router, R3, "10.0.9.1")?;
    r1.wait_for_no_route("10.2.0.0/24", SOON)?;
    // Nobody knows of the network until r3 says that it is designated.
    r1.wait_for_route(LAN3, &[R3], SOON)?;
    Ok(())
}
