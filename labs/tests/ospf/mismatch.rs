//! What does not fit is refused, and the interface says why.

use anyhow::Result;
use serde_json::Value;
use waypost_testkit::{Lab, Make, wait_for};

use crate::SOON;
use crate::speaker::{Link, Speaker};

/// Interfaces of the router under test, and what they are to say of the other end.
const REASONS: [(&str, &str); 3] = [
    ("eth0", "area 0.0.0.1 does not match the interface's area 0.0.0.0"),
    ("eth1", "MTU 1500 is larger than this interface's 1400"),
    ("eth2", "10.0.3.2 uses this router's identifier"),
];

/// r2 is in another area on one link and has a larger MTU on the next; r3, on a third, has r1's identifier.
pub(crate) fn mismatches(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let (r1, r2, r3) = (lab.node("r1")?, lab.node("r2")?, lab.node("r3")?);
    lab.link((&r1, "eth0", "10.0.1.1/24"), (&r2, "eth0", "10.0.1.2/24"))?;
    lab.link((&r1, "eth1", "10.0.2.1/24"), (&r2, "eth1", "10.0.2.2/24"))?;
    lab.link((&r1, "eth2", "10.0.3.1/24"), (&r3, "eth2", "10.0.3.2/24"))?;
    let router = Speaker {
        id: "1.1.1.1",
        links: vec![Link::new("eth0"), Link::new("eth1"), Link::new("eth2")],
        ..Speaker::default()
    }
    .start(&r1, first)?;
    router.command(&["set", "interfaces.eth1.ospf.mtu=1400"])?;
    let elsewhere = Link {
        area: 1,
        ..Link::new("eth0")
    };
    let _r2 = Speaker {
        id: "2.2.2.2",
        links: vec![elsewhere, Link::new("eth1")],
        ..Speaker::default()
    }
    .start(&r2, second)?;
    let _r3 = Speaker {
        id: "1.1.1.1",
        links: vec![Link::new("eth2")],
        ..Speaker::default()
    }
    .start(&r3, second)?;
    wait_for(SOON, "every interface says what it refuses, and why", || {
        let shown = router
            .command(&["--json", "show", "ospf", "interfaces"])
            .map_err(|error| format!("{error:#}"))?;
        let rows: Value = serde_json::from_str(&shown).map_err(|error| error.to_string())?;
        let says = |(name, reason): &(&str, &str)| {
            let mut rows = rows.as_array().into_iter().flatten();
            rows.any(|row| row["interface"] == *name && row["last-refused"] == *reason)
        };
        if REASONS.iter().all(says) {
            Ok(())
        } else {
            Err(rows.to_string())
        }
    })
}
