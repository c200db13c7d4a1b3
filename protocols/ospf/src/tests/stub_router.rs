//! RFC 6987: routers that others pass only when there is no other way, always or for a time.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use waypost_engine::{Engine, Input, Outbox};
use waypost_routprot::Event;
use waypost_types::{Prefix4, Seed};

use super::lab::Lab;
use crate::engine::OspfEngine;
use crate::lsa::External;
use crate::parameters::{InterfaceParameters, NetworkType, RouterParameters};

/// A ring of four; router 1 works as `parameters` say.
fn ring(parameters: RouterParameters) -> Lab {
    let line = InterfaceParameters {
        network: NetworkType::PointToPoint,
        ..InterfaceParameters::default()
    };
    let mut lab = Lab::new(11);
    lab.add_router(RouterParameters::default());
    lab.add_router(parameters);
    lab.add_routers(2);
    for (a, b) in [(0, 1), (1, 2), (2, 3), (3, 0)] {
        lab.connect(&[a, b], &line);
    }
    lab
}

/// Whether router 0 goes by 1 to what 2 says of the outside; by 3 it is as near.
fn passes_by_1(lab: &Lab) -> bool {
    let by_1 = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
    let hops = &lab.routers[0].routes()[&outside()].next_hops;
    assert!(!hops.is_empty());
    hops.iter().any(|hop| hop.gateway == Some(by_1))
}

fn outside() -> Prefix4 {
    "192.168.0.0/16".parse().unwrap()
}

fn external() -> External {
    External {
        mask: outside().netmask(),
        type_2: true,
        metric: 20,
        forwarding: Ipv4Addr::UNSPECIFIED,
        tag: 0,
    }
}

fn say_outside(lab: &mut Lab, router: usize) {
    lab.with(router, |router, now, out| {
        router.set_externals(now, [(outside(), Some(external()))], out);
    });
}

#[test]
fn for_a_time_after_the_start() {
    let mut lab = ring(RouterParameters {
        stub_at_start: Duration::from_secs(90),
        ..RouterParameters::default()
    });
    say_outside(&mut lab, 2);
    lab.run(Duration::from_secs(80));
    assert!(lab.routers[1].is_stub_router() && !passes_by_1(&lab));
    lab.run(Duration::from_secs(20));
    assert!(!lab.routers[1].is_stub_router() && passes_by_1(&lab));
}

#[test]
fn externals_of_a_stub_router_cost_as_much_if_wanted() {
    let mut lab = ring(RouterParameters {
        stub_at_start: Duration::from_secs(90),
        stub_externals: true,
        ..RouterParameters::default()
    });
    say_outside(&mut lab, 1);
    lab.run(Duration::from_secs(80));
    let cost = |lab: &Lab| lab.routers[0].table().path(outside()).unwrap().type_2;
    assert_eq!(cost(&lab), 0x00FF_0000);
    lab.run(Duration::from_secs(20));
    assert_eq!(cost(&lab), 20);
}

#[test]
fn for_a_time_before_the_stop() {
    let mut lab = ring(RouterParameters {
        stub_at_stop: Duration::from_secs(10),
        ..RouterParameters::default()
    });
    say_outside(&mut lab, 2);
    lab.run(Duration::from_secs(80));
    assert!(passes_by_1(&lab));
    let start = lab.now;
    let mut until = None;
    lab.with(1, |router, now, out| until = router.prepare_stop(now, out));
    assert_eq!(until, Some(start + Duration::from_secs(10)));
    lab.run(Duration::from_secs(6));
    // Others are around it while it still has its neighbours and its routes.
    assert!(!passes_by_1(&lab) && !lab.routers[1].routes().is_empty());
}

#[test]
fn the_engine_stops_when_the_time_is_over_and_at_once_when_nobody_hears() {
    let stub = RouterParameters {
        stub_at_stop: Duration::from_secs(10),
        ..RouterParameters::default()
    };
    for neighbors in [true, false] {
        let mut lab = ring(stub.clone());
        if neighbors {
            lab.run(Duration::from_secs(80));
        }
        let mut engine = OspfEngine::new(Seed(1));
        engine.process = lab.routers.swap_remove(1);
        let mut now = lab.time();
        let mut out = Outbox::new();
        engine.handle(now, Input::Stop, &mut out);
        let mut events = out.take_events();
        assert_eq!(events.is_empty(), neighbors);
        let end = now.time + Duration::from_secs(10);
        while let Some(at) = engine.next_deadline() {
            assert!(events.is_empty() && at <= end);
            now.time = at;
            engine.handle(now, Input::Deadline, &mut out);
            events.extend(out.take_events());
        }
        assert_eq!(events, [Event::RouterStopped]);
        assert_eq!(now.time == end, neighbors);
    }
}
