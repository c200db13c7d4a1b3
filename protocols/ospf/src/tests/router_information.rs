//! RFC 7770: what routers can do.

use std::time::Duration;

use super::lab::{Lab, router_id};
use crate::AreaId;
use crate::lsa::opaque::{ROUTER_INFORMATION, link_state_id};
use crate::lsa::router_information::{Capabilities, RouterInformation};
use crate::lsa::{Body, LsaKey, LsaType};
use crate::parameters::{InterfaceParameters, RouterParameters};
use crate::process::Domain;

/// What router 1 knows of what router 0 can do.
fn known(lab: &Lab) -> Option<Capabilities> {
    let databases = lab.routers[1].databases();
    let database = databases.get(Domain::Area(AreaId::BACKBONE)).unwrap();
    let slot = database.find(LsaKey {
        kind: LsaType::OpaqueArea,
        id: link_state_id(ROUTER_INFORMATION, 0),
        router: router_id(0),
    })?;
    match database.body(slot) {
        Some(Body::Opaque(opaque)) => RouterInformation::decode(&opaque).capabilities,
        _ => None,
    }
}

#[test]
fn what_a_router_can_do_is_said_if_wanted() {
    let mut lab = Lab::new(14);
    lab.add_routers(2);
    lab.connect(&[0, 1], &InterfaceParameters::default());
    lab.run(Duration::from_secs(60));
    assert_eq!(known(&lab), None);
    let calculations = lab.routers[1].route_counters();
    for (router_information, helps_restarts, wanted) in [
        (
            true,
            true,
            Some(Capabilities::STUB_ROUTER | Capabilities::GRACEFUL_RESTART_HELPER),
        ),
        (true, false, Some(Capabilities::STUB_ROUTER)),
        (false, false, None),
    ] {
        let parameters = RouterParameters {
            router_information,
            helps_restarts,
            ..RouterParameters::default()
        };
        lab.with(0, |router, now, out| router.set_parameters(now, parameters, out));
        lab.run(Duration::from_secs(20));
        assert_eq!(known(&lab), wanted);
    }
    // Without opaque LSAs there is nothing to say it with: what was said is over, and does not stay until it is too old.
    for (opaque, wanted) in [
        (
            true,
            Some(Capabilities::STUB_ROUTER | Capabilities::GRACEFUL_RESTART_HELPER),
        ),
        (false, None),
    ] {
        let parameters = RouterParameters {
            router_information: true,
            opaque,
            ..RouterParameters::default()
        };
        lab.with(0, |router, now, out| router.set_parameters(now, parameters, out));
        lab.run(Duration::from_secs(20));
        assert_eq!(known(&lab), wanted);
    }
    // Routes have nothing to do with it.
    assert_eq!(lab.routers[1].route_counters(), calculations);
}
