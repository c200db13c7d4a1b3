//! An area that lets its own externals out and no others in (RFC 3101), and whose networks others hear of as one.

use anyhow::Result;
use waypost_testkit::{Lab, Make, Node, Router};

use crate::SOON;
use crate::speaker::{Area, Kind, Link, Speaker};

/// What the area says of the outside, and what others do.
const OUTSIDE: (&str, &str) = ("192.168.77.0/24", "10.1.0.9");
const ELSEWHERE: (&str, &str) = ("192.168.88.0/24", "10.3.0.9");
/// The networks of the area, as others hear of them.
const RANGE: &str = "10.1.0.0/16";
const LAN1: &str = "10.1.0.0/24";
const LAN3: &str = "10.3.0.0/24";

/// ```text
/// 10.1.0.0/24 --- r1 --- 10.1.9.0/24 --- r2 --- r3 --- 10.3.0.0/24
/// 192.168.77.0/24      area 1, an NSSA        area 0   192.168.88.0/24
/// ```
struct World {
    r1: Node,
    r2: Node,
    r3: Node,
}

impl World {
    fn new(lab: &Lab) -> Result<Self> {
        let (r1, r2, r3) = (lab.node("r1")?, lab.node("r2")?, lab.node("r3")?);
        lab.link((&r1, "eth0", "10.1.9.1/24"), (&r2, "eth1", "10.1.9.2/24"))?;
        lab.link((&r2, "eth3", "10.0.23.2/24"), (&r3, "eth0", "10.0.23.3/24"))?;
        lab.stub(&r1, "lan0", "10.1.0.1/24")?;
        lab.stub(&r3, "lan0", "10.3.0.1/24")?;
        Ok(Self { r1, r2, r3 })
    }

    /// Starts the router inside the area, the one at its border, and one behind that.
    fn start(&self, inside: Make, border: Make, behind: Make) -> Result<[Router; 3]> {
        let area = Area {
            id: 1,
            kind: Kind::Nssa,
            range: None,
        };
        let in_area = |name| Link {
            area: 1,
            ..Link::new(name)
        };
        let r1 = Speaker {
            id: "1.1.1.1",
            links: vec![in_area("eth0")],
            stubs: vec![("lan0", 1)],
            areas: vec![area],
            external: Some(OUTSIDE),
        };
        let r2 = Speaker {
            id: "2.2.2.2",
            links: vec![in_area("eth1"), Link::new("eth3")],
            areas: vec![Area {
                range: Some(RANGE),
                ..area
            }],
            ..Speaker::default()
        };
        let r3 = Speaker {
            id: "3.3.3.3",
            links: vec![Link::new("eth0")],
            stubs: vec![("lan0", 0)],
            external: Some(ELSEWHERE),
            ..Speaker::default()
        };
        Ok([
            r1.start(&self.r1, inside)?,
            r2.start(&self.r2, border)?,
            r3.start(&self.r3, behind)?,
        ])
    }
}

fn crosses(lab: &Lab, inside: Make, border: Make, behind: Make) -> Result<()> {
    let world = World::new(lab)?;
    let _routers = world.start(inside, border, behind)?;
    // The area's external is translated at its border, and its networks are one there.
    world.r3.wait_for_route(OUTSIDE.0, &["10.0.23.2"], SOON)?;
    world.r3.wait_for_route(RANGE, &["10.0.23.2"], SOON)?;
    world.r3.wait_for_no_route(LAN1, SOON)?;
    // In it there are networks of others, and no externals of theirs.
    world.r1.wait_for_route(LAN3, &["10.1.9.2"], SOON)?;
    world.r2.wait_for_route(ELSEWHERE.0, &["10.0.23.3"], SOON)?;
    world.r1.wait_for_no_route(ELSEWHERE.0, SOON)?;
    Ok(())
}

/// Waypost is inside.
pub(crate) fn nssa_from_inside(lab: &Lab, first: Make, second: Make) -> Result<()> {
    crosses(lab, first, second, first)
}

/// Waypost translates.
pub(crate) fn nssa_translated(lab: &Lab, first: Make, second: Make) -> Result<()> {
    crosses(lab, second, first, second)
}
