//! Networks that move from one area to another, or whose area becomes of another kind: nobody loses the way there for it.

use std::net::Ipv4Addr;
use std::time::Duration;

use waypost_types::Prefix4;

use super::lab::Lab;
use crate::area::AreaId;
use crate::parameters::{AreaKind, AreaParameters, InterfaceParameters, RouterParameters};

/// The network at router 0 alone.
const ALONE: usize = 1;

fn network() -> Prefix4 {
    Prefix4::containing(Ipv4Addr::new(10, 0, 1, 0), 24).unwrap()
}

/// Two routers on a network of the backbone, the first of which has one more in an area.
fn two_routers(area: u32, passive: bool) -> Lab {
    let mut lab = Lab::new(9);
    lab.add_routers(2);
    lab.connect(&[0, 1], &InterfaceParameters::default());
    let alone = InterfaceParameters {
        area: AreaId(area),
        passive,
        ..InterfaceParameters::default()
    };
    assert_eq!(lab.connect(&[0], &alone), ALONE);
    lab.run(Duration::from_secs(60));
    lab
}

/// How long router 1 has no route to the network in the time that is let pass.
fn gap(lab: &mut Lab, time: Duration) -> Duration {
    let step = Duration::from_millis(1);
    let mut gap = Duration::ZERO;
    let end = lab.now + time;
    while lab.now < end {
        lab.run(step);
        if lab.routers[1].table().path(network()).is_none() {
            gap += step;
        }
    }
    gap
}

#[test]
fn a_network_moves_to_another_area_and_back() {
    for passive in [false, true] {
        let mut lab = two_routers(0, passive);
        for area in [7, 0, 7, 8, 0] {
            lab.configure(0, ALONE, |parameters, _| parameters.area = AreaId(area));
            let gap = gap(&mut lab, Duration::from_secs(20));
            assert_eq!(gap, Duration::ZERO, "to area {area}, passive: {passive}");
        }
    }
}

#[test]
fn the_area_of_a_network_becomes_of_another_kind() {
    for passive in [false, true] {
        let mut lab = two_routers(7, passive);
        for kind in [AreaKind::Stub, AreaKind::Normal, AreaKind::Nssa, AreaKind::Normal] {
            lab.with(0, |router, now, out| {
                let area = AreaParameters {
                    kind,
                    ..AreaParameters::default()
                };
                let parameters = RouterParameters {
                    areas: [(AreaId(7), area)].into(),
                    ..router.parameters().clone()
                };
                router.set_parameters(now, parameters, out);
            });
            let gap = gap(&mut lab, Duration::from_secs(20));
            assert_eq!(gap, Duration::ZERO, "to {kind:?}, passive: {passive}");
        }
    }
}
