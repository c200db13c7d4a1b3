//! What the load generator announces and withdraws, through the instance that hosts it.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test: json! literals read best where they are used"
)]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use waypost_engine::{Instance, Now, codec_of};
use waypost_loadgen::{LoadGenerator, mix};
use waypost_routprot::{
    InfoBlock, InterfaceIdentity, InterfaceStatus, InterfaceType, NotificationEvent, Scope, Topic,
};
use waypost_types::{InterfaceIndex, Prefix, Route, RouteChange, RouteKind, Seed};

struct Quiet;

impl NotificationEvent for Quiet {
    fn signal(&self) {}
}

struct Router {
    instance: Instance<LoadGenerator>,
    now: Now,
    routes: BTreeMap<Prefix, Route>,
    /// Changes since the last look.
    changes: Vec<RouteChange>,
}

fn block(scope: Scope, text: Value) -> InfoBlock {
    codec_of::<LoadGenerator>().to_block(scope, &text).unwrap()
}

impl Router {
    /// Running, with eth1 that has two gateways of each family.
    fn running(global: Value) -> Self {
        let mut router = Self {
            instance: Instance::new(Seed(0), Vec::new()),
            now: Now::default(),
            routes: BTreeMap::new(),
            changes: Vec::new(),
        };
        let global = block(Scope::Global, global);
        router
            .instance
            .start(router.now, Arc::new(Quiet), None, &global)
            .unwrap();
        let gateways = json!({ "gateways": ["192.0.2.1", "192.0.2.2", "fe80::1", "fe80::2"] });
        router.add(1, gateways);
        router.instance.start_complete(router.now).unwrap();
        router.settle();
        router
    }

    fn add(&mut self, index: u32, text: Value) {
        let identity = InterfaceIdentity {
            name: format!("eth{index}"),
            index: InterfaceIndex(index),
            kind: InterfaceType::Permanent,
        };
        let info = block(Scope::Interface, text);
        self.instance.add_interface(self.now, &identity, &info).unwrap();
        self.status(index, &InterfaceStatus::Enabled);
    }

    fn status(&mut self, index: u32, status: &InterfaceStatus) {
        self.instance
            .interface_status(self.now, InterfaceIndex(index), status)
            .unwrap();
        self.settle();
    }

    fn set(&mut self, global: Value) {
        let block = block(Scope::Global, global);
        self.instance.set_global_info(self.now, &block).unwrap();
        self.settle();
    }

    /// Takes what the outbox holds, as long as more is asked for.
    fn settle(&mut self) {
        loop {
            for change in self.instance.outbox().take_routes() {
                match &change {
                    RouteChange::Set { prefix, route, .. } => {
                        self.routes.insert(*prefix, route.clone());
                    }
                    RouteChange::Delete { prefix, .. } => {
                        assert!(self.routes.remove(prefix).is_some(), "{prefix} was not there");
                    }
                }
                self.changes.push(change);
            }
            let again = self.instance.outbox().take_again();
            self.instance.outbox().clear();
            if !again {
                return;
            }
            self.instance.proceed(self.now);
        }
    }

    /// Lets time pass, deadline by deadline.
    fn pass(&mut self, milliseconds: u64) {
        let end = self.now.time + Duration::from_millis(milliseconds);
        while let Some(deadline) = self.instance.next_deadline().filter(|deadline| *deadline <= end) {
            self.now.time = deadline.max(self.now.time);
            self.instance.deadline(self.now);
            self.settle();
        }
        self.now.time = end;
    }

    fn changes(&mut self) -> Vec<RouteChange> {
        std::mem::take(&mut self.changes)
    }

    fn expected(&self, seed: u64, v4: u32, v6: u32) -> Vec<Prefix> {
        let v4 = (0..v4).map(|n| Prefix::from(mix::prefix4(Seed(seed), n)));
        let v6 = (0..v6).map(|n| Prefix::from(mix::prefix6(Seed(seed), n)));
        let mut all: Vec<Prefix> = v4.chain(v6).collect();
        all.sort();
        all
    }

    fn prefixes(&self) -> Vec<Prefix> {
        self.routes.keys().copied().collect()
    }

    fn summary(&self) -> Value {
        self.instance.show(self.now, Topic::Summary).unwrap()
    }
}

#[test]
fn announces_at_once_and_only_what_differs_changes() {
    let mut router = Router::running(json!({ "routes": 10_000, "routes6": 500 }));
    assert_eq!(router.prefixes(), router.expected(1, 10_000, 500));
    assert_eq!(router.changes().len(), 10_500);
    // Gateways take turns, each in its family.
    let count = |gateway: &str| {
        let gateway = Some(gateway.parse().unwrap());
        let through = |route: &&Route| route.next_hops.iter().any(|hop| hop.gateway == gateway);
        router.routes.values().filter(through).count()
    };
    assert_eq!(
        ["192.0.2.1", "192.0.2.2", "fe80::1", "fe80::2"].map(count),
        [5000, 5000, 250, 250]
    );
    router.set(json!({ "routes": 10_010, "routes6": 500 }));
    assert_eq!(router.changes().len(), 10);
    router.set(json!({ "routes": 3, "routes6": 500 }));
    assert_eq!(router.changes().len(), 10_007);
    assert_eq!(router.prefixes(), router.expected(1, 3, 500));
    assert_eq!(router.summary()["routes-waiting"], 0);
}

#[test]
fn a_rate_is_kept() {
    let mut router = Router::running(json!({ "routes": 1000, "rate": 500 }));
    router.pass(1000);
    let there = router.routes.len();
    assert!((480..=520).contains(&there), "{there} after a second");
    assert_eq!(router.summary()["state"], "announcing");
    router.pass(1500);
    assert_eq!(router.prefixes(), router.expected(1, 1000, 0));
    assert_eq!(router.instance.next_deadline(), None);
    router.set(json!({ "routes": 0, "rate": 500 }));
    router.pass(1000);
    let left = router.routes.len();
    assert!((480..=520).contains(&left), "{left} a second later");
    router.pass(1500);
    assert_eq!(router.routes.len(), 0);
}

#[test]
fn another_seed_withdraws_everything_first() {
    let mut router = Router::running(json!({ "routes": 6000 }));
    router.set(json!({ "routes": 5000, "seed": 2 }));
    assert_eq!(router.prefixes(), router.expected(2, 5000, 0));
    // Changed again while it is at it, slowly.
    router.set(json!({ "routes": 5000, "seed": 3, "rate": 10_000 }));
    router.pass(100);
    router.set(json!({ "routes": 10, "seed": 4, "rate": 10_000 }));
    router.pass(5000);
    assert_eq!(router.prefixes(), router.expected(4, 10, 0));
}

#[test]
fn routes_flap_and_come_back() {
    let mut router = Router::running(json!({ "routes": 1000, "flaps": 100, "flap-down": 2 }));
    drop(router.changes());
    router.pass(2000);
    let away = 1000 - router.routes.len();
    // Some were drawn twice.
    assert!((150..=210).contains(&away), "{away} are away");
    // Those that are not wanted any more are not missed.
    router.set(json!({ "routes": 900, "flaps": 100, "flap-down": 2 }));
    router.pass(10_000);
    router.set(json!({ "routes": 900 }));
    router.pass(20);
    assert_eq!(router.prefixes(), router.expected(1, 900, 0));
    assert_eq!(router.instance.next_deadline(), None);
}

#[test]
fn routes_move() {
    let mut router = Router::running(json!({ "routes": 100, "reroutes": 1000, "metric": 7 }));
    drop(router.changes());
    router.pass(1000);
    let changes = router.changes().len();
    assert!((950..=1050).contains(&changes), "{changes}");
    assert_eq!(router.prefixes(), router.expected(1, 100, 0));
    let metrics: Vec<u32> = router.routes.values().map(|route| route.metric).collect();
    assert!(metrics.contains(&7) && metrics.contains(&8) && metrics.iter().all(|m| (7..=8).contains(m)));
}

#[test]
fn routes_follow_their_interfaces() {
    let mut router = Router::running(json!({ "routes": 100, "next-hops": 3 }));
    drop(router.changes());
    router.add(2, json!({}));
    assert_eq!(router.changes().len(), 100, "all have another set of next hops");
    assert!(router.routes.values().all(|route| route.next_hops.len() == 3));
    router.status(1, &InterfaceStatus::MediaAbsent);
    let on_link = |route: &Route| route.next_hops.len() == 1 && route.next_hops[0].gateway.is_none();
    assert!(router.routes.values().all(on_link));
    // Without next hops there are no routes; they are not lost.
    router.status(2, &InterfaceStatus::Disabled);
    assert_eq!(router.routes.len(), 0);
    router.status(1, &InterfaceStatus::MediaPresent);
    assert_eq!(router.prefixes(), router.expected(1, 100, 0));
    // Other kinds need none.
    router.status(1, &InterfaceStatus::MediaAbsent);
    router.set(json!({ "routes": 100, "kind": "blackhole" }));
    let blackhole = |route: &Route| route.kind == RouteKind::Blackhole && route.next_hops.is_empty();
    assert!(router.routes.len() == 100 && router.routes.values().all(blackhole));
}
