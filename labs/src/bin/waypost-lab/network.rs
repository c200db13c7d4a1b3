//! The routers of the demonstration and what connects them.
//!
//! ```text
//!  192.0.2.0/24        10.0.12.0/24          10.0.23.0/24        198.51.100.0/24
//!      lan1 -- r1 (to-r2) -- (to-r1) r2 (to-r3) ----- (to-r2) r3 -- lan3
//!                                       (spare) ----- (spare)
//!                                            10.0.32.0/24
//! ```

use anyhow::Result;
use waypost_testkit::{Lab, Make, Node, Router};

/// The network behind r1.
pub(crate) const LAN1: &str = "192.0.2.0/24";
/// An address of r1 in it.
pub(crate) const HOST1: &str = "192.0.2.1";
/// The network behind r3.
pub(crate) const LAN3: &str = "198.51.100.0/24";
/// An address of r3 in it.
pub(crate) const HOST3: &str = "198.51.100.1";
/// r2, as r1 sees it.
pub(crate) const R2_OF_R1: &str = "10.0.12.2";
/// r2, as r3 sees it.
pub(crate) const R2_OF_R3: &str = "10.0.23.2";
/// r3, as r2 sees it by the first link.
pub(crate) const R3_DIRECT: &str = "10.0.23.3";
/// r3, as r2 sees it by the second.
pub(crate) const R3_SPARE: &str = "10.0.32.3";

/// What r2 is started with; the others have no second link whose cost matters.
pub(crate) const R2: &str = r#"[protocols.rip]

[interfaces.to-r1.rip]

[interfaces.to-r3.rip]

[interfaces.spare.rip]
metric = 2
annotate = "the slower line to r3"
"#;

/// The same with the cost of one interface changed.
pub(crate) const R2_CHANGED: &str = r#"[protocols.rip]

[interfaces.to-r1.rip]

[interfaces.to-r3.rip]
metric = 5

[interfaces.spare.rip]
metric = 2
annotate = "the slower line to r3"
"#;

const R1: &str = "[protocols.rip]\n\n[interfaces.to-r2.rip]\n\n[interfaces.lan1.rip]\npassive = true\n";
const R3: &str = "[protocols.rip]\n\n[interfaces.to-r2.rip]\n\n[interfaces.spare.rip]\nmetric = 2\n\n\
                  [interfaces.lan3.rip]\npassive = true\n";

/// The three nodes in a line.
pub(crate) fn nodes(lab: &Lab) -> Result<[Node; 3]> {
    let nodes = [lab.node("r1")?, lab.node("r2")?, lab.node("r3")?];
    let [r1, r2, r3] = &nodes;
    lab.link((r1, "to-r2", "10.0.12.1/24"), (r2, "to-r1", "10.0.12.2/24"))?;
    lab.link((r2, "to-r3", "10.0.23.2/24"), (r3, "to-r2", "10.0.23.3/24"))?;
    lab.link((r2, "spare", "10.0.32.2/24"), (r3, "spare", "10.0.32.3/24"))?;
    lab.stub(r1, "lan1", "192.0.2.1/24")?;
    lab.stub(r3, "lan3", "198.51.100.1/24")?;
    Ok(nodes)
}

/// A router on each of them.
pub(crate) fn routers(nodes: &[Node; 3]) -> Result<[Router; 3]> {
    let [r1, r2, r3] = nodes;
    Ok([
        Router::start(r1, Make::Waypost, R1)?,
        Router::start_with_page(r2, R2)?,
        Router::start(r3, Make::Waypost, R3)?,
    ])
}
