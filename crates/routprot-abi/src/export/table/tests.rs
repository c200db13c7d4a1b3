//! The table of a protocol in a module, on the functions that a host gives it.

use std::sync::{Arc, mpsc};
use std::time::Duration;

use waypost_rtmv2::client::Usage;
use waypost_rtmv2::{EntityName, LocalTable, RouteTable, Views, everything};
use waypost_types::{InterfaceIndex, NextHop, PathId, Route, RouteKind, RouteNotice, Seed};

use super::*;
use crate::library::next_number;
use crate::rtm::{FUNCTIONS, Registered, Worker};

const OWN: ProtocolId = ProtocolId(200);
const STATIC: ProtocolId = ProtocolId(300);
const OTHER: ProtocolId = ProtocolId(301);
const SOON: Duration = Duration::from_secs(20);

/// A host with a table, and what a module has of it.
struct Setting {
    local: Arc<LocalTable>,
    registered: Registered,
    table: Table,
}

impl Setting {
    fn new() -> Self {
        let local = LocalTable::new(Seed(1));
        for interface in 1..4 {
            local.set_interface_usable(InterfaceIndex(interface), true);
        }
        let local = Arc::new(local);
        let number = next_number();
        let worker = Worker {
            number,
            library: None,
        };
        let registered = Registered::new(worker, local.clone()).unwrap();
        let host = Host::new(&FUNCTIONS, number);
        let table = Table::with(host, OWN).unwrap();
        Self {
            local,
            registered,
            table,
        }
    }

    /// The routes to a destination: owner, preference and route of each.
    fn routes(&self, prefix: &str) -> Vec<(ProtocolId, u8, Route)> {
        let snapshot = self.local.destination(prefix.parse().unwrap());
        let views = snapshot.map(|snapshot| snapshot.views).into_iter();
        let [unicast, _] = views.flatten().collect::<Vec<_>>().try_into().unwrap_or_default();
        let routes = unicast.routes.into_iter();
        routes
            .map(|route| (route.owner.protocol, route.preference, route.route))
            .collect()
    }

    fn apply(&self, change: RouteChange) {
        assert_eq!(self.table.apply(&vec![change]), []);
    }

    /// That nothing was left behind.
    fn end(self) {
        drop(self.table);
        let (left, runs_on) = self.registered.end(SOON);
        assert_eq!((left, runs_on), (Usage::default(), false));
        for family in [Family::V4, Family::V6] {
            assert_eq!(self.local.entities(family), []);
            let shown = self.local.page(None, everything(family), 9);
            assert!(
                shown.iter().all(|shown| shown.routed_in().is_empty()),
                "{shown:?}"
            );
        }
    }
}

fn via(gateway: &str, interface: u32) -> NextHop {
    NextHop::via(gateway.parse().unwrap(), InterfaceIndex(interface))
}

fn route(next_hops: &[NextHop], metric: u32) -> Route {
    Route {
        kind: RouteKind::Unicast,
        next_hops: next_hops.iter().copied().collect(),
        metric,
        tag: 0,
        preference: None,
    }
}

fn set(prefix: &str, route: &Route) -> RouteChange {
    RouteChange::Set {
        prefix: prefix.parse().unwrap(),
        path: PathId(0),
        route: route.clone(),
    }
}

fn delete(prefix: &str) -> RouteChange {
    RouteChange::Delete {
        prefix: prefix.parse().unwrap(),
        path: PathId(0),
    }
}

#[test]
fn routes_arrive_change_and_go() {
    let setting = Setting::new();
    let two = [via("10.0.0.2", 1), via("10.0.1.2", 2)];
    setting.apply(set("192.0.2.0/24", &route(&two, 3)));
    let [(owner, _, added)] = &setting.routes("192.0.2.0/24")[..] else {
        panic!("not one route");
    };
    assert_eq!((*owner, added), (OWN, &route(&two, 3)));
    // Another way, metric and preference, in the place of the one before.
    let preferred = Route {
        preference: Some(9),
        ..route(&two[1..], 7)
    };
    setting.apply(set("192.0.2.0/24", &preferred));
    assert_eq!(setting.routes("192.0.2.0/24"), [(OWN, 9, preferred)]);
    let on_link = route(&[NextHop::on(InterfaceIndex(3))], 1);
    let v6 = route(&[via("fe80::2", 1)], 2);
    let black = Route {
        kind: RouteKind::Unreachable,
        ..route(&[], 0)
    };
    for (prefix, route) in [
        ("198.51.100.0/24", &on_link),
        ("2001:db8::/32", &v6),
        ("203.0.113.0/24", &black),
    ] {
        setting.apply(set(prefix, route));
        let [(_, _, added)] = &setting.routes(prefix)[..] else {
            panic!("not one route to {prefix}");
        };
        assert_eq!(added.next_hops, route.next_hops);
        assert_eq!(added.kind == RouteKind::Blackhole, prefix == "203.0.113.0/24");
    }
    setting.apply(delete("198.51.100.0/24"));
    setting.apply(delete("198.51.100.0/24"));
    assert_eq!(setting.routes("198.51.100.0/24"), []);
    setting.end();
}

#[test]
fn what_is_refused_is_told_and_the_rest_is_made() {
    let setting = Setting::new();
    let prefix = "192.0.2.0/24".parse().unwrap();
    let second = RouteChange::Set {
        prefix,
        path: PathId(1),
        route: route(&[via("10.0.0.2", 1)], 1),
    };
    let crowd: Vec<_> = (1..=17).map(|last| via(&format!("10.0.0.{last}"), 1)).collect();
    let batch = vec![
        second,
        set("198.51.100.0/24", &route(&crowd, 1)),
        set("203.0.113.0/24", &route(&[via("fe80::1", 1)], 1)),
        set("192.0.2.0/24", &route(&crowd[..16], 1)),
    ];
    let refused = setting.table.apply(&batch);
    let codes: Vec<_> = refused.iter().map(|refused| refused.status).collect();
    assert_eq!(refused[0].prefix, prefix);
    assert_eq!(
        codes,
        [
            Status::ERROR_NOT_SUPPORTED,
            Status::ERROR_INVALID_PARAMETER,
            Status::ERROR_INVALID_PARAMETER
        ]
    );
    assert_eq!(setting.routes("192.0.2.0/24").len(), 1);
    assert_eq!(setting.routes("198.51.100.0/24"), []);
    setting.end();
}

/// Another protocol of the router.
struct Neighbour<'a>(&'a LocalTable, waypost_rtmv2::EntityKey);

impl<'a> Neighbour<'a> {
    fn new(table: &'a LocalTable, protocol: ProtocolId) -> Self {
        let name = EntityName {
            protocol,
            instance: 0,
        };
        Self(table, table.register(Family::V4, name).unwrap())
    }

    fn set(&self, prefix: &str, route: &Route) {
        let prefix = prefix.parse().unwrap();
        self.0
            .set(self.1, prefix, PathId(0), Views::UNICAST, route)
            .unwrap();
    }

    fn delete(&self, prefix: &str) {
        let prefix = prefix.parse().unwrap();
        self.0.delete(self.1, prefix, PathId(0)).unwrap();
    }
}

#[test]
fn news_of_others_arrive() {
    let setting = Setting::new();
    let local = setting.local.clone();
    let (of_static, of_other) = (Neighbour::new(&local, STATIC), Neighbour::new(&local, OTHER));
    let best = Route {
        preference: Some(5),
        ..route(&[via("10.0.0.2", 1), via("10.0.1.2", 2)], 4)
    };
    of_static.set("192.0.2.0/24", &best);
    of_other.set("198.51.100.0/24", &best);
    setting.apply(set("203.0.113.0/24", &route(&[via("10.0.0.9", 1)], 1)));
    let (told, news) = mpsc::channel();
    let interest = |owners: &[ProtocolId]| {
        let told = told.clone();
        let sink =
            move |notices: Vec<RouteNotice>| notices.into_iter().for_each(|one| told.send(one).unwrap());
        setting.table.interest(owners.to_vec(), Box::new(sink));
    };
    let next = || {
        let notice = news.recv_timeout(SOON).unwrap();
        (
            notice.prefix.to_string(),
            notice.best.map(|best| (best.owner, best.preference, best.route)),
        )
    };
    // What there is, and neither what was not asked for nor the protocol's own.
    interest(&[STATIC, OWN]);
    assert_eq!(
        next(),
        ("192.0.2.0/24".to_owned(), Some((STATIC, 5, best.clone())))
    );
    // What is new.
    let on_link = Route {
        preference: Some(6),
        ..route(&[NextHop::on(InterfaceIndex(2))], 1)
    };
    of_static.set("10.9.0.0/16", &on_link);
    assert_eq!(next(), ("10.9.0.0/16".to_owned(), Some((STATIC, 6, on_link))));
    // Somebody else's is better, and then no more.
    of_other.set(
        "192.0.2.0/24",
        &Route {
            preference: Some(1),
            ..best.clone()
        },
    );
    assert_eq!(next(), ("192.0.2.0/24".to_owned(), None));
    of_other.delete("192.0.2.0/24");
    assert_eq!(
        next(),
        ("192.0.2.0/24".to_owned(), Some((STATIC, 5, best.clone())))
    );
    of_static.delete("192.0.2.0/24");
    assert_eq!(next(), ("192.0.2.0/24".to_owned(), None));
    // Another interest: what was told of before is no more.
    interest(&[OTHER]);
    let mut both = [next(), next()];
    both.sort_by_key(|(prefix, _)| prefix.clone());
    assert_eq!(
        both,
        [
            ("10.9.0.0/16".to_owned(), None),
            ("198.51.100.0/24".to_owned(), Some((OTHER, 5, best)))
        ]
    );
    for neighbour in [of_static, of_other] {
        local.deregister(neighbour.1);
    }
    assert_eq!(next(), ("198.51.100.0/24".to_owned(), None));
    drop(told);
    drop(local);
    setting.end();
    // The sink went with the table, and said nothing that was not asked for.
    assert_eq!(news.recv_timeout(SOON), Err(mpsc::RecvTimeoutError::Disconnected));
}

#[test]
fn a_closed_table_takes_nothing() {
    let setting = Setting::new();
    setting.apply(set("192.0.2.0/24", &route(&[via("10.0.0.2", 1)], 1)));
    setting.table.close();
    assert_eq!(setting.routes("192.0.2.0/24"), []);
    setting
        .table
        .interest(vec![STATIC], Box::new(|_| panic!("told after the end")));
    let refused = setting
        .table
        .apply(&vec![set("192.0.2.0/24", &route(&[via("10.0.0.2", 1)], 1))]);
    assert_eq!(refused[0].status, Status::ERROR_NOT_SUPPORTED);
    setting.end();
}

#[test]
fn there_is_no_table_without_a_host() {
    // Nobody has given this object, a test, anything.
    assert_eq!(Table::open(OWN).unwrap_err(), Status::ERROR_NOT_SUPPORTED);
}
