//! The table behind the functions: views, best routes, pages, news, and who may do what.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use waypost_routprot::Status;
use waypost_rtm::{Family, SubscriberConfig, SubscriberKind};
use waypost_rtmv2::{
    Bell, ChangeTypes, EntityKey, EntityName, LocalTable, RouteTable, Tables, Views, everything,
};
use waypost_types::{
    InterfaceIndex, NextHop, PathId, Prefix, Prefix4, ProtocolId, Random, Route, RouteKind, Seed, Time,
};

const ETH0: InterfaceIndex = InterfaceIndex(2);
const BOTH: Views = Views::all();

fn name(protocol: u32) -> EntityName {
    EntityName {
        protocol: ProtocolId(protocol),
        instance: 0,
    }
}

fn route(preference: u8, metric: u32) -> Route {
    Route {
        kind: RouteKind::Unicast,
        next_hops: [NextHop::on(ETH0)].into_iter().collect(),
        metric,
        tag: 0,
        preference: Some(preference),
    }
}

fn prefix(text: &str) -> Prefix {
    text.parse().unwrap()
}

fn table() -> LocalTable {
    let table = LocalTable::new(Seed(1));
    table.set_interface_usable(ETH0, true);
    table
}

fn entity(table: &LocalTable, protocol: u32) -> EntityKey {
    table.register(Family::V4, name(protocol)).unwrap()
}

#[derive(Default)]
struct Count(AtomicUsize);

impl Bell for Count {
    fn ring(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

impl Count {
    fn rung(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

#[test]
fn what_the_kernel_was_not_told_of_yet_is_not_forwarded() {
    let mut tables = Tables::new(Seed(1));
    tables.set_interface_usable(ETH0, true);
    let kernel = tables.unicast_mut().subscribe(SubscriberConfig {
        kind: SubscriberKind::Forwarding,
        family: None,
        owners: None,
        by_set: false,
    });
    tables.set_forwarder(kernel.unwrap());
    let a = tables.register(Family::V4, name(200), None).unwrap();
    let to = prefix("10.0.0.0/8");
    let shown = |tables: &Tables| {
        let found = tables.destination(Time::ZERO, to).unwrap();
        [0, 1].map(|place: usize| found.views[place].is_forwarded)
    };
    for metric in [1, 2] {
        tables
            .set(Time::ZERO, a, to, PathId(0), BOTH, &route(10, metric))
            .unwrap();
        assert_eq!(shown(&tables), [false, false]);
        // Multicast is forwarded by nobody here.
        tables
            .unicast_mut()
            .drain_forwarding(kernel.unwrap(), 10)
            .unwrap();
        assert_eq!(shown(&tables), [true, false]);
    }
    tables
        .set(Time::ZERO, a, to, PathId(0), Views::MULTICAST, &route(10, 1))
        .unwrap();
    tables
        .unicast_mut()
        .drain_forwarding(kernel.unwrap(), 10)
        .unwrap();
    assert_eq!(shown(&tables), [false, false], "it has no route for unicast");
}

#[test]
fn a_view_has_best_routes_of_its_own() {
    let table = table();
    let (a, b) = (entity(&table, 200), entity(&table, 201));
    let to = prefix("10.0.0.0/8");
    assert_eq!(table.set(a, to, PathId(0), BOTH, &route(10, 1)), Ok(BOTH));
    // Better, but for unicast alone.
    let unicast = Views::UNICAST;
    assert_eq!(table.set(b, to, PathId(0), unicast, &route(5, 1)), Ok(unicast));
    let found = table.destination(to).unwrap();
    let best = |place: usize| {
        let mut routes = found.views[place].routes.iter();
        routes.find(|route| route.is_best).unwrap().owner
    };
    assert_eq!((best(0), best(1)), (name(201), name(200)));
    assert_eq!(found.routed_in(), BOTH);
    // Moved to the other view: it goes from the one and wins in the other.
    assert_eq!(
        table.set(b, to, PathId(0), Views::MULTICAST, &route(5, 1)),
        Ok(BOTH)
    );
    // Worse than what there is: nobody's best route is another one.
    assert_eq!(
        table.set(a, to, PathId(1), BOTH, &route(20, 1)),
        Ok(Views::empty())
    );
    assert_eq!(table.delete(a, to, PathId(1)), Ok(Views::empty()));
    assert_eq!(table.delete(b, to, PathId(0)), Ok(Views::MULTICAST));
    assert_eq!(table.delete(b, to, PathId(0)), Ok(Views::empty()));
    // Setting the best route again is no change, but it is the best.
    assert_eq!(table.set(a, to, PathId(0), BOTH, &route(10, 1)), Ok(BOTH));
    table.deregister(a);
    assert_eq!(table.destination(to), None);
}

#[test]
fn who_may_do_what() {
    let table = table();
    let a = entity(&table, 200);
    assert_eq!(
        table.register(Family::V4, name(200)),
        Err(Status::ERROR_ALREADY_EXISTS)
    );
    let six = table.register(Family::V6, name(200)).unwrap();
    assert_eq!(table.entities(Family::V4), [name(200)]);
    let to = prefix("10.0.0.0/8");
    // A route of the other family, without a next hop, and of somebody who has left.
    let refused = Err(Status::ERROR_INVALID_PARAMETER);
    assert_eq!(table.set(six, to, PathId(0), BOTH, &route(1, 1)), refused);
    let mut nowhere = route(1, 1);
    nowhere.next_hops.clear();
    assert_eq!(table.set(a, to, PathId(0), BOTH, &nowhere), refused);
    assert_eq!(table.destination(to), None);
    table.deregister(a);
    assert_eq!(
        table.set(a, to, PathId(0), BOTH, &route(1, 1)),
        Err(Status::ERROR_INVALID_HANDLE)
    );
    assert!(table.entities(Family::V4).is_empty());
    assert_eq!(
        table.hold(to, BOTH, Duration::from_secs(1)),
        Err(Status::ERROR_INVALID_PARAMETER)
    );
}

#[test]
fn what_covers_what() {
    let table = table();
    let a = entity(&table, 200);
    for (to, views) in [
        ("0.0.0.0/0", BOTH),
        ("10.0.0.0/8", Views::UNICAST),
        ("10.1.0.0/16", Views::MULTICAST),
    ] {
        table.set(a, prefix(to), PathId(0), views, &route(1, 1)).unwrap();
    }
    let covering = |of: &str, views, shorter| {
        let found = table.covering(prefix(of), views, shorter);
        found.map(|found| found.prefix.to_string())
    };
    let some = |text: &str| Some(text.to_owned());
    assert_eq!(covering("10.1.2.3/32", BOTH, false), some("10.1.0.0/16"));
    assert_eq!(covering("10.1.2.3/32", Views::UNICAST, false), some("10.0.0.0/8"));
    assert_eq!(covering("10.1.0.0/16", BOTH, false), some("10.1.0.0/16"));
    assert_eq!(covering("10.1.0.0/16", BOTH, true), some("10.0.0.0/8"));
    assert_eq!(covering("10.0.0.0/8", BOTH, true), some("0.0.0.0/0"));
    assert_eq!(covering("0.0.0.0/0", BOTH, true), None);
    assert_eq!(covering("::1/128", BOTH, false), None);
}

#[test]
fn news_are_told_once_until_they_are_fetched() {
    let table = table();
    let a = entity(&table, 200);
    let (to, bell) = (prefix("10.0.0.0/8"), Arc::new(Count::default()));
    table.set(a, to, PathId(0), BOTH, &route(10, 1)).unwrap();
    let all = table
        .watch(Family::V4, BOTH, ChangeTypes::ALL, bell.clone())
        .unwrap();
    let best_bell = Arc::new(Count::default());
    let best = table
        .watch(
            Family::V4,
            Views::UNICAST,
            ChangeTypes::BEST | ChangeTypes::FORWARDING,
            best_bell.clone(),
        )
        .unwrap();
    assert_eq!(bell.rung(), 0, "what was there before is no news");
    table.set(a, to, PathId(1), BOTH, &route(20, 1)).unwrap();
    table.set(a, to, PathId(1), BOTH, &route(20, 2)).unwrap();
    assert_eq!((bell.rung(), best_bell.rung()), (1, 0));
    table.set(a, to, PathId(0), BOTH, &route(10, 2)).unwrap();
    assert_eq!((bell.rung(), best_bell.rung()), (1, 1));
    assert_eq!(table.changed(all, 10), [to]);
    assert_eq!(table.changed(all, 10), []);
    assert_eq!(table.changed(best, 10), [to]);
    // Two, and fetched one by one: the bell is silent until nothing is left.
    for number in 0..2 {
        let to = prefix(&format!("10.{number}.0.0/16"));
        table.set(a, to, PathId(0), BOTH, &route(10, 1)).unwrap();
    }
    assert_eq!(bell.rung(), 2);
    assert_eq!(table.changed(all, 1).len(), 1);
    table.set(a, to, PathId(0), BOTH, &route(11, 1)).unwrap();
    assert_eq!(bell.rung(), 2);
    let mut rest = BTreeSet::new();
    loop {
        let news = table.changed(all, 1);
        if news.is_empty() {
            break;
        }
        rest.extend(news);
    }
    // The first one changed in both views, and only one of them was drained.
    assert_eq!(rest.len(), 3);
    table.deregister(a);
    assert_eq!(bell.rung(), 3);
    assert_eq!(table.changed(all, 10).len(), 3, "what has gone is told, too");
    table.unwatch(all);
    table.unwatch(best);
    // What a registration took is given back.
    for _ in 0..100 {
        table.unwatch(
            table
                .watch(Family::V4, BOTH, ChangeTypes::ALL, bell.clone())
                .unwrap(),
        );
    }
    let refused = (0..100).find_map(|_| {
        table
            .watch(Family::V4, BOTH, ChangeTypes::ALL, bell.clone())
            .err()
    });
    assert_eq!(refused, Some(Status::ERROR_NO_SYSTEM_RESOURCES));
}

#[test]
fn routes_of_who_has_gone_wait_for_a_successor() {
    let mut tables = Tables::new(Seed(1));
    tables.set_interface_usable(ETH0, true);
    let now = Time::from_secs(1);
    let old = tables.register(Family::V4, name(200), None).unwrap();
    let (kept, lost) = (prefix("10.0.0.0/8"), prefix("20.0.0.0/8"));
    for to in [kept, lost] {
        tables.set(now, old, to, PathId(0), BOTH, &route(1, 1)).unwrap();
    }
    tables.orphan(old);
    assert_eq!(
        tables.delete(now, old, kept, PathId(0)),
        Err(Status::ERROR_INVALID_HANDLE)
    );
    let new = tables.register(Family::V4, name(200), None).unwrap();
    tables.set(now, new, kept, PathId(0), BOTH, &route(1, 1)).unwrap();
    assert!(tables.destination(now, lost).is_some());
    tables.abandon(|owner| owner == name(200));
    while tables.sweep(now) {}
    assert!(tables.destination(now, lost).is_none());
    assert!(tables.destination(now, kept).is_some());
    // Nobody comes.
    tables.orphan(new);
    tables.abandon(|owner| owner == name(200));
    while tables.sweep(now) {}
    assert!(tables.destination(now, kept).is_none());
}

#[test]
fn a_limit_refuses_and_changes_nothing() {
    let mut tables = Tables::new(Seed(1));
    tables.set_interface_usable(ETH0, true);
    let now = Time::from_secs(1);
    let key = tables.register(Family::V4, name(200), Some(1)).unwrap();
    let (first, second) = (prefix("10.0.0.0/8"), prefix("20.0.0.0/8"));
    tables
        .set(now, key, first, PathId(0), BOTH, &route(1, 1))
        .unwrap();
    assert_eq!(
        tables.set(now, key, second, PathId(0), BOTH, &route(1, 1)),
        Err(Status::ERROR_NOT_ENOUGH_MEMORY)
    );
    assert_eq!(tables.destination(now, second), None);
    tables.set_route_limit(Some(2), |owner| owner == name(200));
    tables
        .set(now, key, second, PathId(0), BOTH, &route(1, 1))
        .unwrap();
}

/// Whatever is asked of it, the table says what a list of routes says.
#[test]
fn the_table_and_a_naive_model_agree() {
    for seed in 0..30 {
        let mut random: Random = Seed(seed).random();
        let table = table();
        let entities = [200, 201, 202].map(|protocol| entity(&table, protocol));
        let mut model: BTreeMap<(Prefix, usize, u32), (Views, u8)> = BTreeMap::new();
        for _ in 0..400 {
            let length = random.below(4) as u8 * 8;
            let address = [10, random.below(3) as u8, random.below(3) as u8, 0].into();
            let to = Prefix::V4(Prefix4::containing(address, length).unwrap());
            let (owner, path) = (random.below(3) as usize, random.below(2) as u32);
            let key = (to, owner, path);
            if random.chance(2, 3) {
                let views = Views::from_bits_truncate(1 + random.below(3) as u32);
                let preference = 1 + random.below(4) as u8;
                let set = table.set(entities[owner], to, PathId(path), views, &route(preference, 1));
                assert!(set.is_ok());
                model.insert(key, (views, preference));
            } else {
                table.delete(entities[owner], to, PathId(path)).unwrap();
                model.remove(&key);
            }
        }
        let prefixes: BTreeSet<Prefix> = model.keys().map(|(to, ..)| *to).collect();
        let mut paged = Vec::new();
        loop {
            let page = table.page(paged.last().copied(), everything(Family::V4), 3);
            if page.is_empty() {
                break;
            }
            for found in page {
                for place in BOTH.places() {
                    let view = Views::at(place);
                    let routes = &found.views[place].routes;
                    let known = model
                        .iter()
                        .filter(|((to, ..), (views, _))| *to == found.prefix && views.contains(view));
                    let known: Vec<_> = known.collect();
                    assert_eq!(routes.len(), known.len(), "seed {seed}");
                    let least = known.iter().map(|(_, (_, preference))| *preference).min();
                    let best = routes.iter().find(|route| route.is_best);
                    assert_eq!(best.map(|best| best.preference), least, "seed {seed}");
                }
                paged.push(found.prefix);
            }
        }
        assert_eq!(paged, prefixes.into_iter().collect::<Vec<_>>(), "seed {seed}");
        let within = prefix("10.1.0.0/16");
        let inside = table.page(None, within, 100);
        let expected = paged.iter().filter(|to| match (within, **to) {
            (Prefix::V4(within), Prefix::V4(to)) => within.covers(to),
            _ => false,
        });
        assert!(
            inside.iter().map(|found| &found.prefix).eq(expected),
            "seed {seed}"
        );
    }
}
