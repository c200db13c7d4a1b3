//! A5: routes; A6: next hops.

use waypost_routprot::Status;

use waypost_rtmv2::RouteTable;
use waypost_rtmv2::client::LifeState;
use waypost_types::{InterfaceIndex, NextHop, PathId};

use crate::rig::{Rig, name, prefix, route};

#[test]
fn a_route_comes_and_goes() {
    let rig = Rig::new();
    let via = rig.hop("192.0.2.1", 1);
    let added = rig.add("10.0.0.0/8", &route(via, 5, &[via])).unwrap();
    assert!(added.is_new && added.is_best);
    let shown = rig.table.destination(prefix("10.0.0.0/8")).unwrap();
    let shown = &shown.views[0].routes[0];
    assert_eq!(shown.owner, name(200));
    assert_ne!(shown.path, PathId(0));
    assert_eq!((shown.preference, shown.route.metric), (10, 5));
    assert_eq!(
        shown.route.next_hops.as_slice(),
        [NextHop::via("192.0.2.1".parse().unwrap(), InterfaceIndex(1))]
    );
    let again = rig.add("10.0.0.0/8", &route(via, 6, &[via])).unwrap();
    assert!(!again.is_new && again.is_best);
    assert_eq!(again.route, added.route);
    assert_eq!(rig.client.delete_route(rig.entity, added.route), Ok(true));
    assert!(rig.table.destination(prefix("10.0.0.0/8")).is_none());
    // The second reference keeps it.
    let (info, destination) = rig.client.route_info(rig.entity, added.route).unwrap();
    assert_eq!(
        (info.state, destination),
        (LifeState::Deleted, prefix("10.0.0.0/8"))
    );
    assert_eq!(rig.client.release_route_info(rig.entity, &info), Ok(()));
    assert_eq!(
        rig.client.delete_route(rig.entity, added.route),
        Err(Status::ERROR_NOT_FOUND)
    );
    assert_eq!(rig.client.release_routes(rig.entity, &[added.route]), Ok(()));
    assert_eq!(
        rig.client.delete_route(rig.entity, added.route),
        Err(Status::ERROR_INVALID_HANDLE)
    );
    rig.client.delete_next_hop(rig.entity, via).unwrap();
    assert_eq!(rig.known(), (0, 0));
}
