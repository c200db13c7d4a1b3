//! Four links between two routers, each authenticated another way: packets take all of them, and those that are left when one
//! fails.

use anyhow::Result;
use waypost_testkit::{Lab, Make};

use crate::speaker::{Authentication, Link, MD5, SHA1, SHA256, SHA384, SHA512, Speaker};
use crate::{AT_ONCE, LAN1, LAN2, SOON};

const NAMES: [&str; 4] = ["eth0", "eth1", "eth2", "eth3"];

/// FRR has no digest but one.
fn authentications(second: Make) -> [Authentication; 4] {
    match second {
        Make::Frr => [
            Authentication::None,
            Authentication::Simple,
            Authentication::Digest(MD5),
            Authentication::None,
        ],
        Make::Bird => [SHA1, SHA256, SHA384, SHA512].map(Authentication::Digest),
        Make::Waypost => [
            Authentication::Simple,
            Authentication::Digest(SHA1),
            Authentication::Digest(SHA384),
            Authentication::Digest(SHA512),
        ],
    }
}

pub(crate) fn parallel_links(lab: &Lab, first: Make, second: Make) -> Result<()> {
    let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
    lab.stub(&r1, "lan0", "10.1.0.1/24")?;
    lab.stub(&r2, "lan0", "10.2.0.1/24")?;
    for (number, name) in NAMES.iter().enumerate() {
        let address = |host| format!("10.0.{}.{host}/24", number + 1);
        lab.link((&r1, name, &address(1)), (&r2, name, &address(2)))?;
    }
    let links = NAMES.iter().zip(authentications(second));
    let links = links.map(|(name, authentication)| Link {
        authentication,
        ..Link::new(name)
    });
    let speaker = Speaker {
        id: "1.1.1.1",
        links: links.collect(),
        stubs: vec![("lan0", 0)],
        ..Speaker::default()
    };
    let other = Speaker {
        id: "2.2.2.2",
        ..speaker.clone()
    };
    let _r1 = speaker.start(&r1, first)?;
    let _r2 = other.start(&r2, second)?;
    r1.wait_for_route(LAN2, &["10.0.1.2", "10.0.2.2", "10.0.3.2", "10.0.4.2"], SOON)?;
    r2.wait_for_route(LAN1, &["10.0.1.1", "10.0.2.1", "10.0.3.1", "10.0.4.1"], SOON)?;
    // The other end is down, so that this one has no carrier.
    r2.set_link("eth0", false)?;
    r1.wait_for_route(LAN2, &["10.0.2.2", "10.0.3.2", "10.0.4.2"], AT_ONCE)?;
    r2.set_link("eth0", true)?;
    r1.wait_for_route(LAN2, &["10.0.1.2", "10.0.2.2", "10.0.3.2", "10.0.4.2"], SOON)?;
    Ok(())
}
