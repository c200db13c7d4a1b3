//! How updates travel.

use anyhow::Result;
use waypost_labs::{RipInterface, RipPlan, Sending};
use waypost_testkit::{Lab, Make};

use crate::network::{Pair, R1, R2, SOON, on_eth0};

pub(crate) fn multicast(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let _routers = pair.start(first, second, &on_eth0())?;
    pair.converge()
}

/// Version 2 in the form that version 1 routers understand.
pub(crate) fn broadcast(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let plan = RipPlan::new([RipInterface::new("eth0").sending(Sending::Broadcast)]);
    let _routers = pair.start(first, second, &plan)?;
    pair.converge()
}

/// Version 1 has no masks: whole class networks only.
pub(crate) fn version_1(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
    lab.link((&r1, "eth0", "192.168.12.1/24"), (&r2, "eth0", "192.168.12.2/24"))?;
    lab.stub(&r1, "lan0", "192.168.1.1/24")?;
    lab.stub(&r2, "lan0", "192.168.2.1/24")?;
    let plan = RipPlan::new([RipInterface::new("eth0").sending(Sending::Version1)]);
    let _first = plan.start(&r1, first)?;
    let _second = plan.start(&r2, second)?;
    r1.wait_for_route("192.168.2.0/24", &["192.168.12.2"], SOON)?;
    r2.wait_for_route("192.168.1.0/24", &["192.168.12.1"], SOON)?;
    Ok(())
}

/// Nobody else on the segment hears what is sent to one neighbour.
pub(crate) fn unicast(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let pair = Pair::new(lab)?;
    let unicast = |neighbor: &str| -> Result<RipPlan> {
        let to = Sending::Unicast(vec![neighbor.parse()?]);
        Ok(RipPlan::new([RipInterface::new("eth0").sending(to)]))
    };
    // Multicast would not get through.
    for node in [&pair.r1, &pair.r2] {
        node.ip(&["link", "set", "eth0", "multicast", "on"])?;
    }
    let _first = unicast(R2)?.start(&pair.r1, first)?;
    let _second = unicast(R1)?.start(&pair.r2, second)?;
    pair.converge()
}
