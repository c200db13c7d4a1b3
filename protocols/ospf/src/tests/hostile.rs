//! Routers among which somebody changes packets on their way, with checksums that are right again.

use std::time::Duration;

use super::lab::Lab;
use crate::AreaId;
use crate::parameters::{AreaKind, AreaParameters, InterfaceParameters, NetworkType, RouterParameters};
use crate::process::Domain;

#[test]
fn what_is_changed_on_its_way_does_no_lasting_harm() {
    let mut strangers = 0;
    for seed in 0..20 {
        let mut lab = Lab::new(300 + seed);
        lab.add_routers(5);
        lab.connect(&[0, 1, 2, 3], &InterfaceParameters::default());
        let line = InterfaceParameters {
            network: NetworkType::PointToPoint,
            ..InterfaceParameters::default()
        };
        lab.connect(&[3, 4], &line);
        lab.connect(&[4, 0], &line);
        for segment in &mut lab.segments {
            segment.mangle = 200;
        }
        for cost in 1..30 {
            lab.configure(0, 0, |parameters, _| parameters.cost = cost);
            lab.run(Duration::from_secs(20));
            strangers += usize::from(lab.database(2, Domain::Area(AreaId::BACKBONE)).len() > 6);
        }
        for segment in &mut lab.segments {
            segment.mangle = 0;
        }
        // LSAs nobody ever said live until their age is MaxAge.
        lab.run(Duration::from_secs(2 * 3600 + 900));
        lab.assert_same_database(0..5);
        // Five router-LSAs, one network-LSA, and nothing else.
        assert_eq!(
            lab.database(0, Domain::Area(AreaId::BACKBONE)).len(),
            6,
            "seed {seed}"
        );
        assert!(lab.database(2, Domain::As).is_empty());
        for router in 0..5 {
            assert_eq!(
                lab.routers[router].routes().len() + lab.routers[router].interfaces().len(),
                3,
                "{router}"
            );
        }
    }
    // Otherwise nothing was put to the test.
    assert!(strangers > 20, "{strangers}");
}

#[test]
fn areas_of_every_kind_survive_changed_packets() {
    for seed in 0..8 {
        let mut lab = Lab::new(400 + seed);
        for _ in 0..4 {
            let mut parameters = RouterParameters::default();
            for (area, kind) in [(1, AreaKind::Stub), (2, AreaKind::Nssa)] {
                parameters.areas.insert(
                    AreaId(area),
                    AreaParameters {
                        kind,
                        ..AreaParameters::default()
                    },
                );
            }
            lab.add_router(parameters);
        }
        let area = |area| InterfaceParameters {
            area: AreaId(area),
            ..InterfaceParameters::default()
        };
        lab.connect(&[0, 1], &area(1));
        lab.connect(&[1, 2], &area(0));
        lab.connect(&[2, 3], &area(2));
        for segment in &mut lab.segments {
            segment.mangle = 150;
        }
        lab.run(Duration::from_secs(1200));
        for segment in &mut lab.segments {
            segment.mangle = 0;
        }
        lab.run(Duration::from_secs(2 * 3600 + 900));
        for (router, others) in [(0, 2), (1, 1), (2, 1), (3, 2)] {
            let routes = lab.routers[router].routes();
            let networks = routes.keys().filter(|prefix| !prefix.is_default()).count();
            assert_eq!(networks, others, "seed {seed} router {router}: {routes:?}");
        }
    }
}
