//! What is switched off has no effect, and what is filtered is not said: the engine under configuration as operators write it.

use serde_json::{Value, json};
use waypost_engine::{Input, Target};
use waypost_routprot::Impact;
use waypost_types::{
    BestRoute, InterfaceIndex, NextHop, Prefix, ProtocolId, Route, RouteKind, RouteNotice, RouterId,
};

use super::bench::{Bench, ETH, global, interface};
use crate::config::GlobalConfig;

#[test]
fn ospf_on_an_interface_and_as_a_whole() {
    let mut bench = Bench::new(&json!({}), &json!({}));
    assert!(bench.is_up() && bench.trouble().is_none());
    bench.set_interface(&json!({ "enabled": false }));
    assert!(!bench.is_up());
    bench.set_interface(&json!({}));
    assert!(bench.is_up());
    bench.set_global(&json!({ "defaults": { "enabled": false } }));
    assert!(!bench.is_up());
    bench.set_global(&json!({ "enabled": false }));
    assert!(!bench.is_up() && bench.engine.process.router().is_none() && bench.trouble().is_none());
    // Another identifier does not switch it on.
    bench.handle(Input::RouterId(RouterId::new([192, 0, 2, 8].into()).ok()));
    assert!(!bench.is_up());
    bench.set_global(&json!({}));
    assert!(bench.is_up());
}

#[test]
fn areas() {
    let mut bench = Bench::new(&json!({ "listed-areas-only": true }), &json!({}));
    assert!(bench.is_up(), "the backbone is always there");
    bench.set_interface(&json!({ "area": 7 }));
    assert!(!bench.is_up());
    assert_eq!(
        bench.trouble().unwrap(),
        "area 0.0.0.7 is not listed in areas or not enabled"
    );
    bench.set_global(&json!({ "listed-areas-only": true, "areas": [{ "id": 7 }] }));
    assert!(bench.is_up() && bench.trouble().is_none());
    bench.set_global(&json!({ "areas": [{ "id": 7, "enabled": false }] }));
    assert!(!bench.is_up());
    bench.set_global(&json!({ "areas": [{ "id": 8, "enabled": false }] }));
    assert!(bench.is_up());
}

#[test]
fn addresses() {
    let none = || ("none".to_owned(), Vec::new());
    let of = |address: &str, others: &[&str]| {
        let others: Vec<String> = others.iter().map(|prefix| (*prefix).to_owned()).collect();
        (address.to_owned(), others)
    };
    let mut bench = Bench::new(&json!({}), &json!({}));
    assert_eq!(bench.attachment(), of("192.0.2.1", &["198.51.100.0/25"]));
    let (first, second) = (
        json!({ "address": "192.0.2.1" }),
        json!({ "address": "198.51.100.1", "length": 25 }),
    );
    let target = Target::Interface(Some(ETH));
    for (list, expected, impact) in [
        (
            json!([first, second]),
            of("192.0.2.1", &["198.51.100.0/25"]),
            Impact::Live,
        ),
        (json!([first]), of("192.0.2.1", &[]), Impact::Live),
        (
            json!([second]),
            of("198.51.100.1", &[]),
            Impact::RestartsInterface,
        ),
        (
            json!([second, first]),
            of("198.51.100.1", &["192.0.2.0/24"]),
            Impact::Live,
        ),
        (
            json!([{ "address": "198.51.100.1", "enabled": false }, first]),
            of("192.0.2.1", &[]),
            Impact::RestartsInterface,
        ),
        // Not on the interface, or not as it is there.
        (
            json!([{ "address": "203.0.113.1" }]),
            none(),
            Impact::RestartsInterface,
        ),
        (
            json!([{ "address": "192.0.2.1", "length": 25 }]),
            none(),
            Impact::Live,
        ),
        (json!([]), none(), Impact::Live),
    ] {
        assert_eq!(bench.impact(target, "addresses", &list), impact, "{list}");
        bench.set_interface(&json!({ "addresses": list }));
        assert_eq!(bench.attachment(), expected, "{list}");
        assert_eq!(bench.is_up(), expected != none());
        let trouble = "it has none of the addresses that OSPF is to use".to_owned();
        assert_eq!(bench.trouble(), (expected == none()).then_some(trouble));
    }
}

#[test]
fn ranges_links_and_neighbours() {
    let parameters = |text: &Value| crate::config::router_parameters(&global(text));
    let area = |enabled: bool| {
        let range = json!({ "prefix": "10.0.0.0/8", "enabled": enabled });
        let link = json!({ "transit-area": 1, "router-id": "192.0.2.7", "enabled": enabled });
        json!({ "areas": [{ "id": 1, "ranges": [range] }], "virtual-links": [link] })
    };
    for enabled in [true, false] {
        let parameters = parameters(&area(enabled));
        assert_eq!(parameters.area(crate::AreaId(1)).ranges.is_empty(), !enabled);
        assert_eq!(parameters.virtual_links.is_empty(), !enabled);
        let neighbor = json!({ "address": "192.0.2.7", "enabled": enabled });
        let config = interface(&json!({ "network-type": "non-broadcast", "neighbors": [neighbor] }));
        let parameters =
            crate::config::interface_parameters(&config, &GlobalConfig::default(), Default::default())
                .unwrap();
        assert_eq!(parameters.neighbors.is_empty(), !enabled);
    }
}

/// A route of another protocol.
pub(crate) fn notice(prefix: &str, owner: ProtocolId) -> RouteNotice {
    RouteNotice {
        prefix: Prefix::V4(prefix.parse().unwrap()),
        best: Some(BestRoute {
            owner,
            preference: 1,
            route: Route {
                kind: RouteKind::Unicast,
                next_hops: [NextHop::on(InterfaceIndex(99))].into_iter().collect(),
                metric: 3,
                tag: 0,
                preference: None,
            },
        }),
    }
}

#[test]
fn what_is_said_of_the_outside() {
    let all = [
        notice("10.1.0.0/16", ProtocolId::STATIC),
        notice("10.2.0.0/16", ProtocolId::RIP),
        notice("172.16.0.0/12", ProtocolId::STATIC),
        notice("0.0.0.0/0", ProtocolId::STATIC),
    ];
    let mut bench = Bench::new(&json!({}), &json!({}));
    let filter = |action: &str, prefixes: &[&str]| json!({ "action": action, "prefixes": prefixes });
    let static_only = json!([{ "source": "static" }]);
    for (text, expected) in [
        (json!({}), vec![]),
        (
            json!({ "redistribute": static_only }),
            vec!["0.0.0.0/0", "10.1.0.0/16", "172.16.0.0/12"],
        ),
        (
            json!({ "redistribute-unlisted": true }),
            vec!["0.0.0.0/0", "10.1.0.0/16", "10.2.0.0/16", "172.16.0.0/12"],
        ),
        (
            json!({ "redistribute-unlisted": true, "redistribute": [{ "source": "static", "enabled": false }] }),
            vec!["10.2.0.0/16"],
        ),
        (
            json!({ "redistribute": [{ "source": "static", "enabled": false }] }),
            vec![],
        ),
        (
            json!({ "redistribute-unlisted": true, "redistribute-filter": filter("accept", &["10.0.0.0/8"]) }),
            vec!["10.1.0.0/16", "10.2.0.0/16"],
        ),
        (
            json!({ "redistribute-unlisted": true, "redistribute-filter": filter("ignore", &["10.0.0.0/8", "0.0.0.0/8"]) }),
            vec!["172.16.0.0/12"],
        ),
        (
            json!({ "redistribute-unlisted": true, "redistribute-filter": filter("accept", &[]) }),
            vec![],
        ),
        // The filter is about others' routes, not about a default route of our own.
        (
            json!({ "originate-default": "always", "redistribute-filter": filter("accept", &[]) }),
            vec!["0.0.0.0/0"],
        ),
        (
            json!({ "originate-default": "always", "redistribute-unlisted": true, "boundary-router": false }),
            vec![],
        ),
        (
            json!({ "originate-default": "always", "redistribute-unlisted": true, "enabled": false }),
            vec![],
        ),
    ] {
        bench.set_global(&text);
        let owners = bench.owners.clone();
        let news: Vec<RouteNotice> = all
            .iter()
            .filter(|notice| {
                notice
                    .best
                    .as_ref()
                    .is_some_and(|best| owners.contains(&best.owner))
            })
            .cloned()
            .collect();
        bench.handle(Input::Routes(&news));
        assert_eq!(bench.said(), expected, "{text}");
        // The same when the routes were known before.
        bench.set_global(&json!({ "enabled": false }));
        bench.set_global(&text);
        bench.handle(Input::Routes(&news));
        assert_eq!(bench.said(), expected, "{text}");
    }
    bench.set_global(&json!({ "boundary-router": true }));
    assert!(bench.engine.process.is_boundary() && bench.said().is_empty());
    bench.set_global(&json!({}));
    assert!(!bench.engine.process.is_boundary());
}
