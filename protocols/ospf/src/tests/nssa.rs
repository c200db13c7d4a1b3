//! RFC 3101: what border routers do for an NSSA.

use std::net::Ipv4Addr;
use std::time::Duration;

use waypost_types::Prefix4;

use super::lab::{Lab, router_id};
use crate::AreaId;
use crate::lsa::body::RouterFlags;
use crate::lsa::{Body, External, LsaKey, LsaType};
use crate::parameters::{
    AreaKind, AreaParameters, ExternalRange, InterfaceParameters, NetworkType, NssaParameters,
    RouterParameters, TranslatorRole,
};
use crate::process::{Domain, Ospf};
use crate::spf::table::{Path, PathType};

const NSSA: AreaId = AreaId(1);
const SOON: Duration = Duration::from_secs(60);

fn prefix(text: &str) -> Prefix4 {
    text.parse().unwrap()
}

fn line(area: u32) -> InterfaceParameters {
    InterfaceParameters {
        area: AreaId(area),
        network: NetworkType::PointToPoint,
        ..InterfaceParameters::default()
    }
}

fn with(nssa: NssaParameters) -> RouterParameters {
    let area = AreaParameters {
        kind: AreaKind::Nssa,
        nssa,
        ..AreaParameters::default()
    };
    let mut parameters = RouterParameters::default();
    parameters.areas.insert(NSSA, area);
    parameters
}

fn role(role: TranslatorRole) -> NssaParameters {
    NssaParameters {
        role,
        ..NssaParameters::DEFAULT
    }
}

fn range(network: &str, advertise: bool, tag: u32) -> ExternalRange {
    ExternalRange {
        prefix: prefix(network),
        advertise,
        tag,
    }
}

/// 0 in the NSSA, 1 and 2 at its border, 3 in the backbone.
///
/// ```text
///      ,- 1 -,
///     0       3
///      `- 2 -'
/// ```
fn square(one: NssaParameters, two: NssaParameters) -> Lab {
    let mut lab = Lab::new(41);
    for nssa in [NssaParameters::DEFAULT, one, two, NssaParameters::DEFAULT] {
        lab.add_router(with(nssa));
    }
    for (routers, area) in [([0, 1], 1), ([0, 2], 1), ([1, 3], 0), ([2, 3], 0)] {
        lab.connect(&routers, &line(area));
    }
    lab.run(SOON);
    lab
}

fn say(lab: &mut Lab, router: usize, network: &str, metric: u32, type_2: bool) {
    let network = prefix(network);
    let external = External {
        mask: network.netmask(),
        type_2,
        metric,
        forwarding: Ipv4Addr::UNSPECIFIED,
        tag: 77,
    };
    lab.with(router, |router, now, out| {
        router.set_externals(now, [(network, Some(external))], out);
    });
    lab.run(Duration::from_secs(6));
}

fn unsay(lab: &mut Lab, router: usize, network: &str) {
    lab.with(router, |router, now, out| {
        router.set_externals(now, [(prefix(network), None)], out);
    });
    lab.run(Duration::from_secs(6));
}

fn path(lab: &Lab, router: usize, network: &str) -> Option<Path> {
    lab.routers[router].table().path(prefix(network))
}

/// Who says something of a network to everybody.
fn sayers(lab: &Lab, network: &str) -> Vec<Ipv4Addr> {
    let wanted = prefix(network);
    let headers = lab.database(3, Domain::As).into_iter();
    let database = lab.routers[3].databases().get(Domain::As).unwrap();
    let said = headers.filter(|header| {
        let slot = database.find(header.key).unwrap();
        header.key.id == wanted.network()
            && database.mask(slot) == Some(wanted.netmask())
            && !database.is_flushed(slot)
    });
    said.map(|header| header.key.router).collect()
}

fn flags(lab: &Lab, of: usize, domain: Domain) -> RouterFlags {
    let database = lab.routers[of].databases().get(domain).unwrap();
    let key = LsaKey {
        kind: LsaType::Router,
        id: router_id(of),
        router: router_id(of),
    };
    match database.body(database.find(key).unwrap()) {
        Some(Body::Router(body)) => body.flags,
        other => panic!("no router-LSA but {other:?}"),
    }
}

#[test]
fn ranges_are_translated_as_one_or_not_at_all() {
    let nssa = NssaParameters {
        ranges: vec![
            range("192.168.0.0/16", true, 5),
            range("192.168.64.0/18", true, 6),
            range("172.16.0.0/12", false, 0),
            range("198.51.0.0/16", true, 0),
        ],
        ..NssaParameters::DEFAULT
    };
    let mut lab = square(nssa.clone(), nssa);
    say(&mut lab, 0, "192.168.1.0/24", 3, true);
    say(&mut lab, 0, "192.168.2.0/24", 9, true);
    say(&mut lab, 0, "192.168.3.0/24", 100, false);
    say(&mut lab, 0, "192.168.65.0/24", 4, true);
    say(&mut lab, 0, "172.16.1.0/24", 3, true);
    say(&mut lab, 0, "198.51.100.0/24", 7, false);
    say(&mut lab, 0, "203.0.113.0/24", 8, true);
    // The farthest, and one more, of type 2 before all of type 1; from the translator itself.
    let sum = path(&lab, 3, "192.168.0.0/16").unwrap();
    let said = (sum.kind, sum.type_2, sum.tag, sum.origin, sum.cost);
    assert_eq!(said, (PathType::External2, 10, 5, router_id(2), 10));
    // The smallest range that covers it is what counts.
    let sum = path(&lab, 3, "192.168.64.0/18").unwrap();
    assert_eq!((sum.type_2, sum.tag), (5, 6));
    // All of type 1: what it costs from there.
    let sum = path(&lab, 3, "198.51.0.0/16").unwrap();
    assert_eq!((sum.kind, sum.cost), (PathType::External1, 10 + 10 + 7));
    for hidden in [
        "192.168.1.0/24",
        "192.168.65.0/24",
        "172.16.1.0/24",
        "172.16.0.0/12",
        "198.51.100.0/24",
    ] {
        assert_eq!(path(&lab, 3, hidden), None, "{hidden}");
    }
    assert!(path(&lab, 3, "203.0.113.0/24").is_some());
    // Inside, everything is as it was said.
    assert!(path(&lab, 1, "192.168.1.0/24").is_some() && path(&lab, 1, "172.16.1.0/24").is_some());
    // What is left counts, and in the end nothing.
    unsay(&mut lab, 0, "192.168.2.0/24");
    assert_eq!(path(&lab, 3, "192.168.0.0/16").unwrap().type_2, 4);
    unsay(&mut lab, 0, "192.168.1.0/24");
    let sum = path(&lab, 3, "192.168.0.0/16").unwrap();
    assert_eq!((sum.kind, sum.cost), (PathType::External1, 10 + 10 + 100));
    unsay(&mut lab, 0, "192.168.3.0/24");
    assert_eq!(path(&lab, 3, "192.168.0.0/16"), None);
}

#[test]
fn who_insists_translates_and_of_several_the_highest() {
    use TranslatorRole::{Always, Candidate, Never};
    for (one, two, wanted) in [
        (Candidate, Candidate, Some(2)),
        (Always, Candidate, Some(1)),
        (Always, Always, Some(2)),
        (Candidate, Always, Some(2)),
        (Always, Never, Some(1)),
        (Candidate, Never, None),
    ] {
        let mut lab = square(role(one), role(two));
        say(&mut lab, 0, "192.168.1.0/24", 3, true);
        let wanted: Vec<Ipv4Addr> = wanted.into_iter().map(router_id).collect();
        assert_eq!(sayers(&lab, "192.168.1.0/24"), wanted, "{one:?} {two:?}");
        for (router, role) in [(1, one), (2, two)] {
            // The Nt bit is said in the area alone; border routers of an NSSA call themselves boundary routers.
            let inside = flags(&lab, router, Domain::Area(NSSA));
            assert_eq!(inside.contains(RouterFlags::TRANSLATOR), role == Always);
            let outside = flags(&lab, router, Domain::Area(AreaId::BACKBONE));
            assert!(!outside.contains(RouterFlags::TRANSLATOR));
            assert!(outside.contains(RouterFlags::BORDER | RouterFlags::EXTERNAL));
        }
    }
}

#[test]
fn a_translator_goes_on_for_a_while_when_another_is_elected() {
    let nssa = NssaParameters {
        ranges: vec![range("192.168.0.0/16", true, 0)],
        ..NssaParameters::DEFAULT
    };
    let mut lab = square(nssa.clone(), nssa);
    lab.configure(2, 1, |_, attachment| attachment.up = false);
    lab.run(SOON);
    say(&mut lab, 0, "192.168.1.0/24", 3, true);
    say(&mut lab, 0, "203.0.113.0/24", 3, true);
    assert_eq!(sayers(&lab, "192.168.0.0/16"), [router_id(1)]);
    lab.configure(2, 1, |_, attachment| attachment.up = true);
    lab.run(Duration::from_secs(30));
    // A range is said by both for a while; what both say in the same words only by the higher.
    assert_eq!(sayers(&lab, "192.168.0.0/16"), [router_id(1), router_id(2)]);
    assert_eq!(sayers(&lab, "203.0.113.0/24"), [router_id(2)]);
    lab.run(Duration::from_secs(30));
    assert_eq!(sayers(&lab, "192.168.0.0/16"), [router_id(2)]);
    // Who is left takes over at once.
    lab.with(2, Ospf::stop);
    lab.run(Duration::from_secs(5));
    assert_eq!(sayers(&lab, "192.168.0.0/16"), [router_id(1)]);
    // Who must not does not go on.
    let parameters = with(role(TranslatorRole::Never));
    lab.with(1, |router, now, out| router.set_parameters(now, parameters, out));
    lab.run(Duration::from_secs(6));
    assert!(sayers(&lab, "203.0.113.0/24").is_empty());
}

#[test]
fn a_default_route_for_the_area_alone() {
    for type_2 in [false, true] {
        let nssa = NssaParameters {
            default_type_2: Some(type_2),
            ..NssaParameters::DEFAULT
        };
        let lab = square(nssa.clone(), nssa);
        let inside = path(&lab, 0, "0.0.0.0/0").unwrap();
        let wanted = if type_2 {
            (PathType::External2, 10, 1)
        } else {
            (PathType::External1, 11, 0)
        };
        assert_eq!((inside.kind, inside.cost, inside.type_2), wanted);
        assert_eq!(lab.routers[0].routes()[&Prefix4::DEFAULT].next_hops.len(), 2);
        // Not for the other border router, nor for anybody outside.
        for router in [1, 2, 3] {
            assert_eq!(path(&lab, router, "0.0.0.0/0"), None, "{router}");
        }
    }
    // Without summaries it is one itself.
    let mut lab = Lab::new(42);
    for _ in 0..3 {
        let mut parameters = with(NssaParameters {
            default_type_2: Some(true),
            ..NssaParameters::DEFAULT
        });
        parameters.areas.get_mut(&NSSA).unwrap().no_summary = true;
        lab.add_router(parameters);
    }
    lab.connect(&[0, 1], &line(1));
    lab.connect(&[1, 2], &line(0));
    lab.run(SOON);
    let inside = path(&lab, 0, "0.0.0.0/0").unwrap();
    assert_eq!((inside.kind, inside.cost), (PathType::InterArea, 11));
}

#[test]
fn a_default_route_from_inside_is_for_everybody() {
    let mut lab = square(NssaParameters::DEFAULT, NssaParameters::DEFAULT);
    say(&mut lab, 0, "0.0.0.0/0", 3, true);
    for router in [1, 2, 3] {
        let path = path(&lab, router, "0.0.0.0/0").unwrap();
        assert_eq!((path.kind, path.type_2), (PathType::External2, 3), "{router}");
    }
}

#[test]
fn packets_are_sent_to_an_address_that_lasts() {
    let mut lab = square(NssaParameters::DEFAULT, NssaParameters::DEFAULT);
    let passive = InterfaceParameters {
        passive: true,
        ..line(1)
    };
    let stub = lab.connect(&[0], &passive);
    say(&mut lab, 0, "192.168.1.0/24", 3, true);
    let forwarding = |lab: &Lab| {
        let database = lab.routers[3].databases().get(Domain::As).unwrap();
        let mut slots = database.slots().filter(|slot| !database.is_flushed(*slot));
        slots.find_map(|slot| match database.body(slot) {
            Some(Body::AsExternal(external)) => Some(external.forwarding),
            _ => None,
        })
    };
    let loopback = lab.connect(
        &[0],
        &InterfaceParameters {
            network: NetworkType::Loopback,
            passive: true,
            ..line(1)
        },
    );
    // A network with another router, and a higher address.
    let transit = lab.connect(&[0, 1], &line(1));
    lab.run(SOON);
    let address = |segment: usize| Some(Ipv4Addr::new(10, 0, segment as u8, 1));
    assert_eq!(forwarding(&lab), address(loopback));
    lab.configure(0, loopback, |_, attachment| attachment.up = false);
    lab.run(Duration::from_secs(10));
    assert_eq!(forwarding(&lab), address(stub));
    lab.configure(0, stub, |_, attachment| attachment.up = false);
    lab.run(Duration::from_secs(10));
    assert_eq!(forwarding(&lab), address(transit));
}
