//! FRR and BIRD with each other: proves the harness, and says what the labs with Waypost may expect.

use std::time::Duration;

use anyhow::Result;
use waypost_labs::{RipInterface, RipPlan};
use waypost_testkit::{Lab, Make, Ping, RouteFeed, run};

const SOON: Duration = Duration::from_secs(15);

#[test]
fn frr_and_bird_learn_from_each_other() {
    run(|lab: &Lab| -> Result<()> {
        let (r1, r2) = (lab.node("r1")?, lab.node("r2")?);
        lab.link((&r1, "eth0", "10.0.12.1/24"), (&r2, "eth0", "10.0.12.2/24"))?;
        lab.stub(&r1, "lan0", "10.1.0.1/24")?;
        lab.stub(&r2, "lan0", "10.2.0.1/24")?;
        let plan = RipPlan::new([RipInterface::new("eth0")]);
        let mut frr = plan.start(&r1, Make::Frr)?;
        let _bird = plan.start(&r2, Make::Bird)?;
        r1.wait_for_route("10.2.0.0/24", &["10.0.12.2"], SOON)?;
        r2.wait_for_route("10.1.0.0/24", &["10.0.12.1"], SOON)?;

        let feed = RouteFeed::start(&r2)?;
        let ping = Ping::start((&r1, "10.1.0.1"), (&r2, "10.2.0.1"), Duration::from_millis(10))?;
        frr.kill()?;
        r2.wait_for_no_route("10.1.0.0/24", Duration::from_secs(20))?;
        assert_eq!(feed.gaps("10.1.0.0/24")?.len(), 1);
        assert!(feed.assert_kept(&["10.1.0.0/24"]).is_err());
        frr.start_again()?;
        r2.wait_for_route("10.1.0.0/24", &["10.0.12.1"], SOON)?;
        let gaps = feed.gaps("10.1.0.0/24")?;
        assert!(gaps.len() == 1 && gaps[0].until.is_some(), "{gaps:?}");
        let loss = ping.finish();
        assert!(
            !loss.lost.is_empty() && loss.longest >= gaps[0].length() / 2,
            "{loss:?}"
        );
        Ok(())
    });
}
