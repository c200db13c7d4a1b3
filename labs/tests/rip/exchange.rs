//! How updates travel.

use std::io;
use std::net::{Ipv4Addr, UdpSocket};

use anyhow::Result;
use waypost_labs::{RipInterface, RipPlan, Sending};
use waypost_testkit::{Lab, Make, Node, wait_for};

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
    let (r1, r2, r3) = (lab.node("r1")?, lab.node("r2")?, lab.node("r3")?);
    lab.segment(&[
        (&r1, "eth0", "10.0.12.1/24"),
        (&r2, "eth0", "10.0.12.2/24"),
        (&r3, "eth0", "10.0.12.3/24"),
    ])?;
    lab.stub(&r1, "lan0", "10.1.0.1/24")?;
    lab.stub(&r2, "lan0", "10.2.0.1/24")?;
    let bystander = Bystander::new(&r3)?;
    let pair = Pair { r1, r2 };
    let unicast = |neighbor: &str| -> Result<RipPlan> {
        let to = Sending::Unicast(vec![neighbor.parse()?]);
        Ok(RipPlan::new([RipInterface::new("eth0").sending(to)]))
    };
    let mut r1 = unicast(R2)?.start(&pair.r1, first)?;
    let mut r2 = unicast(R1)?.start(&pair.r2, second)?;
    pair.converge()?;
    assert_eq!(bystander.responses()?, 0);

    // It would have heard them: it hears the next ones, which go to everybody.
    let changed = if first == Make::Frr { &mut r2 } else { &mut r1 };
    changed.reconfigure(&on_eth0().configuration(changed.make()))?;
    wait_for(SOON, "the bystander hears updates for all", || {
        match bystander.responses() {
            Ok(0) => Err("none".to_owned()),
            Ok(_) => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    })
}

/// A socket that hears what is sent to all RIP routers.
struct Bystander(UdpSocket);

impl Bystander {
    fn new(node: &Node) -> Result<Self> {
        let socket = node.inside(|| -> io::Result<UdpSocket> {
            let socket = UdpSocket::bind(("0.0.0.0", 520))?;
            socket.join_multicast_v4(&Ipv4Addr::new(224, 0, 0, 9), &Ipv4Addr::new(10, 0, 12, 3))?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        })??;
        Ok(Self(socket))
    }

    /// How many responses came since the last look.
    fn responses(&self) -> io::Result<usize> {
        let mut count = 0;
        let mut message = [0; 1500];
        loop {
            match self.0.recv_from(&mut message) {
                // RFC 2453 §3.6: the first octet is the command, 2 is a response.
                Ok(_) => count += usize::from(message[0] == 2),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(count),
                Err(error) => return Err(error),
            }
        }
    }
}
