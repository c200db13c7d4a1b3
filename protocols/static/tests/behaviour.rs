//! What the engine does, one situation at a time, through the instance that hosts it.
#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test: json! literals read best where they are used"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};
use waypost_engine::{Instance, Now, codec_of};
use waypost_routprot::{
    AdapterBinding, Impact, InfoBlock, InterfaceIdentity, InterfaceStatus, InterfaceType, LocalBinding,
    NotificationEvent, Scope, Status, Topic,
};
use waypost_static::Static;
use waypost_types::{InterfaceIndex, PathId, Prefix, Prefix4, Route, RouteChange, RouteKind, Seed};

struct Quiet;

impl NotificationEvent for Quiet {
    fn signal(&self) {}
}

struct Router {
    instance: Instance<Static>,
    routes: BTreeMap<(Prefix, PathId), Route>,
    changes: usize,
}

const NOW: Now = Now {
    time: waypost_types::Time::ZERO,
    wall: waypost_types::WallTime(0),
};

fn block(scope: Scope, routes: Value) -> InfoBlock {
    codec_of::<Static>()
        .to_block(scope, &json!({ "routes": routes }))
        .unwrap()
}

impl Router {
    /// Started, not yet told that all interfaces were added.
    fn starting(routes: Value) -> Self {
        let mut instance = Instance::new(Seed(0), Vec::new());
        instance
            .start(NOW, Arc::new(Quiet), None, &block(Scope::Global, routes))
            .unwrap();
        Self {
            instance,
            routes: BTreeMap::new(),
            changes: 0,
        }
    }

    /// Running, with eth1 (192.0.2.0/24, 2001:db8:1::/64) and eth2 (198.51.100.0/24).
    fn running(routes: Value) -> Self {
        let mut router = Self::starting(routes);
        router.interface(1, "192.0.2.254/24");
        router.interface(2, "198.51.100.254/24");
        router.instance.start_complete(NOW).unwrap();
        router.mirror();
        router
    }

    fn add(&mut self, index: u32, info: &InfoBlock) {
        let identity = InterfaceIdentity {
            name: format!("eth{index}"),
            index: InterfaceIndex(index),
            kind: InterfaceType::Permanent,
        };
        self.instance.add_interface(NOW, &identity, info).unwrap();
    }

    fn interface(&mut self, index: u32, address: &str) {
        self.add(index, &InfoBlock::absent());
        self.status(index, &binding(&[address]));
        self.status(index, &InterfaceStatus::MediaPresent);
        self.status(index, &InterfaceStatus::Enabled);
    }

    fn status(&mut self, index: u32, status: &InterfaceStatus) -> usize {
        self.instance
            .interface_status(NOW, InterfaceIndex(index), status)
            .unwrap();
        self.mirror()
    }

    fn set_global(&mut self, routes: Value) -> usize {
        self.instance
            .set_global_info(NOW, &block(Scope::Global, routes))
            .unwrap();
        self.mirror()
    }

    fn set_interface(&mut self, index: u32, routes: Value) -> usize {
        self.instance
            .set_interface_info(NOW, InterfaceIndex(index), &block(Scope::Interface, routes))
            .unwrap();
        self.mirror()
    }

    /// Applies the changes to the mirror; how many there were.
    fn mirror(&mut self) -> usize {
        let batch = self.instance.outbox().take_routes();
        let count = batch.len();
        for change in batch {
            match change {
                RouteChange::Set { prefix, path, route } => drop(self.routes.insert((prefix, path), route)),
                RouteChange::Delete { prefix, path } => {
                    assert!(
                        self.routes.remove(&(prefix, path)).is_some(),
                        "deletes what is there"
                    );
                }
            }
        }
        self.changes += count;
        count
    }

    /// The next hops of all routes to a destination, as `GATEWAY@INTERFACE`, by metric.
    fn hops(&self, prefix: &str) -> Vec<(u32, Vec<String>)> {
        let prefix: Prefix = prefix.parse().unwrap();
        let mut found: Vec<_> = self
            .routes
            .iter()
            .filter(|((p, _), _)| *p == prefix)
            .map(|(_, route)| {
                let hops = route.next_hops.iter().map(|hop| match hop.gateway {
                    Some(gateway) => format!("{gateway}@{}", hop.interface),
                    None => format!("@{}", hop.interface),
                });
                (route.metric, hops.collect())
            })
            .collect();
        found.sort();
        found
    }

    fn show(&self, topic: Topic) -> Value {
        self.instance.show(NOW, topic).unwrap()
    }

    fn reason(&self, row: usize) -> Value {
        self.show(Topic::Database)[row]["reason"].clone()
    }
}

fn binding(addresses: &[&str]) -> InterfaceStatus {
    let mut binding = AdapterBinding::default();
    for text in addresses {
        let (address, length) = text.split_once('/').unwrap();
        let length = length.parse().unwrap();
        if let Ok(address) = address.parse() {
            binding.addresses.push(LocalBinding {
                address,
                prefix: Prefix4::containing(address, length).unwrap(),
            });
        } else {
            binding.addresses6.push((address.parse().unwrap(), length));
        }
    }
    InterfaceStatus::AddressChange(binding)
}

fn one(hops: &[&str]) -> Vec<(u32, Vec<String>)> {
    vec![(1, hops.iter().map(|hop| (*hop).to_owned()).collect())]
}

#[test]
fn nothing_goes_out_before_everything_is_known() {
    let mut router = Router::starting(json!([{ "prefix": "10.0.0.0/8", "kind": "blackhole" }]));
    router.interface(1, "192.0.2.254/24");
    assert_eq!(router.changes, 0);
    assert_eq!(router.reason(0), "the router is starting");
    router.instance.start_complete(NOW).unwrap();
    assert_eq!(router.mirror(), 1);
    assert_eq!(router.routes.values().next().unwrap().kind, RouteKind::Blackhole);
}

#[test]
fn a_gateway_follows_its_network() {
    let mut router = Router::running(json!([{ "prefix": "10.0.0.0/8", "via": "192.0.2.1" }]));
    assert_eq!(router.hops("10.0.0.0/8"), one(&["192.0.2.1@1"]));
    for (down, up, why) in [
        (
            InterfaceStatus::MediaAbsent,
            InterfaceStatus::MediaPresent,
            "next hop 192.0.2.1 is on no connected network and not marked recursive",
        ),
        (
            InterfaceStatus::Disabled,
            InterfaceStatus::Enabled,
            "next hop 192.0.2.1 is on no connected network and not marked recursive",
        ),
        (
            binding(&["203.0.113.1/24"]),
            binding(&["192.0.2.254/24"]),
            "next hop 192.0.2.1 is on no connected network and not marked recursive",
        ),
        (
            binding(&["192.0.2.1/24"]),
            binding(&["192.0.2.254/24"]),
            "next hop 192.0.2.1 is an address of this router",
        ),
        (
            binding(&["192.0.2.3/31"]),
            binding(&["192.0.2.254/24"]),
            "next hop 192.0.2.1 is on no connected network and not marked recursive",
        ),
    ] {
        assert_eq!(router.status(1, &down), 1, "{down:?}");
        assert_eq!(router.hops("10.0.0.0/8"), []);
        assert_eq!(router.reason(0), why);
        assert_eq!(router.status(1, &down), 0);
        assert_eq!(router.status(1, &up), 1);
        assert_eq!(router.hops("10.0.0.0/8"), one(&["192.0.2.1@1"]));
    }
    // The longest connected network decides, wherever it is.
    assert_eq!(router.status(2, &binding(&["192.0.2.9/28"])), 1);
    assert_eq!(router.hops("10.0.0.0/8"), one(&["192.0.2.1@2"]));
    router.instance.delete_interface(NOW, InterfaceIndex(2)).unwrap();
    assert_eq!(router.mirror(), 1);
    assert_eq!(router.hops("10.0.0.0/8"), one(&["192.0.2.1@1"]));
}

/// The routing table finds the way, so that the interfaces do not matter; only that the gateway is not this router.
#[test]
fn a_recursive_gateway_is_left_to_the_routing_table() {
    let mut router = Router::running(json!([
        { "prefix": "10.0.0.0/8", "via": ["203.0.113.7 weight 3 recursive", "192.0.2.1"] },
        { "prefix": "2001:db8:f::/48", "via": "2001:db8:ffff::1 recursive" },
    ]));
    assert_eq!(router.hops("10.0.0.0/8"), one(&["203.0.113.7@0", "192.0.2.1@1"]));
    assert_eq!(router.hops("2001:db8:f::/48"), one(&["2001:db8:ffff::1@0"]));
    let hops = &router.routes.values().next().unwrap().next_hops;
    assert!(hops[0].is_recursive() && hops[0].weight == 3 && !hops[1].is_recursive());
    assert_eq!(router.status(1, &InterfaceStatus::MediaAbsent), 1);
    assert_eq!(router.status(2, &InterfaceStatus::MediaAbsent), 0);
    assert_eq!(router.hops("10.0.0.0/8"), one(&["203.0.113.7@0"]));
    assert_eq!(router.status(2, &binding(&["203.0.113.7/24"])), 1);
    assert_eq!(router.hops("10.0.0.0/8"), []);
    let row = &router.show(Topic::Database)[0];
    assert_eq!(row["next-hops"][0]["via"], "203.0.113.7 weight 3 recursive");
    assert_eq!(
        row["next-hops"][0]["reason"],
        "next hop 203.0.113.7 is an address of this router"
    );
}

#[test]
fn changes_that_matter_to_no_route_say_nothing() {
    let mut router = Router::running(json!([{ "prefix": "10.0.0.0/8", "via": "192.0.2.1" }]));
    assert_eq!(router.status(2, &InterfaceStatus::MediaAbsent), 0);
    assert_eq!(
        router.status(1, &binding(&["192.0.2.254/24", "203.0.113.1/24"])),
        0
    );
    assert_eq!(router.status(1, &InterfaceStatus::MediaPresent), 0);
}

#[test]
fn the_part_that_can_be_reached_carries_the_traffic() {
    let mut router = Router::running(json!([{
        "prefix": "10.0.0.0/8",
        "via": ["192.0.2.1", "198.51.100.1 weight 3", "203.0.113.1", "10.9.9.9 dev eth2 onlink", "dev eth1", "192.0.2.1 dev eth1"],
    }]));
    assert_eq!(
        router.hops("10.0.0.0/8"),
        one(&["192.0.2.1@1", "198.51.100.1@2", "10.9.9.9@2", "@1"])
    );
    assert_eq!(router.routes.values().next().unwrap().next_hops[1].weight, 3);
    assert!(router.routes.values().next().unwrap().next_hops[2].onlink);
    let row = &router.show(Topic::Database)[0];
    assert_eq!(row["state"], "active");
    assert_eq!(row["next-hops"][1]["interface"], "eth2");
    assert_eq!(
        row["next-hops"][2]["reason"],
        "next hop 203.0.113.1 is on no connected network and not marked recursive"
    );
    assert_eq!(
        row["next-hops"][5]["reason"],
        "an equal next hop is in use already"
    );
    assert_eq!(router.status(1, &InterfaceStatus::MediaAbsent), 1);
    assert_eq!(router.hops("10.0.0.0/8"), one(&["198.51.100.1@2", "10.9.9.9@2"]));
    assert_eq!(
        router.show(Topic::Database)[0]["next-hops"][4]["reason"],
        "interface eth1 has no carrier"
    );
}

#[test]
fn reasons() {
    let router = Router::running(json!([
        { "prefix": "10.1.0.0/16", "via": "192.0.2.1 dev eth2" },
        { "prefix": "10.2.0.0/16", "via": "192.0.2.255" },
        { "prefix": "10.3.0.0/16", "via": ["dev eth7", "192.0.2.254"] },
    ]));
    assert!(router.routes.is_empty());
    assert_eq!(router.reason(0), "next hop 192.0.2.1 is on no network of eth2");
    assert_eq!(
        router.reason(1),
        "next hop 192.0.2.255 is the broadcast address of 192.0.2.0/24"
    );
    assert_eq!(
        router.reason(2),
        "there is no interface eth7; next hop 192.0.2.254 is an address of this router"
    );
}

#[test]
fn floating_routes_stand_beside_each_other() {
    let mut router = Router::running(json!([
        { "prefix": "0.0.0.0/0", "via": "192.0.2.1" },
        { "prefix": "0.0.0.0/0", "via": "198.51.100.1", "metric": 10 },
        { "prefix": "0.0.0.0/0", "kind": "unreachable", "preference": 250 },
    ]));
    assert_eq!(router.routes.len(), 3);
    let preferences: Vec<_> = router.routes.values().map(|route| route.preference).collect();
    assert!(preferences.contains(&None) && preferences.contains(&Some(250)));
    assert_eq!(router.status(1, &InterfaceStatus::Disabled), 1);
    assert_eq!(router.routes.len(), 2);
    assert_eq!(router.status(1, &InterfaceStatus::Enabled), 1);
    assert_eq!(router.routes.len(), 3);
    // A new rank comes before the old one goes.
    router
        .instance
        .set_global_info(
            NOW,
            &block(
                Scope::Global,
                json!([
                    { "prefix": "0.0.0.0/0", "via": "192.0.2.1", "metric": 4 },
                    { "prefix": "0.0.0.0/0", "via": "198.51.100.1", "metric": 10 },
                    { "prefix": "0.0.0.0/0", "kind": "unreachable", "preference": 250 },
                ]),
            ),
        )
        .unwrap();
    let batch = router.instance.outbox().routes();
    assert!(matches!(
        batch,
        [RouteChange::Set { path: new, .. }, RouteChange::Delete { path: old, .. }] if new != old
    ));
}

#[test]
fn editing_one_route_leaves_the_others_alone() {
    let route =
        |net: u8, tag: u32| json!({ "prefix": format!("10.{net}.0.0/16"), "via": "192.0.2.1", "tag": tag });
    let list = |tag: u32| {
        (0..50)
            .map(|net| route(net, if net == 7 { tag } else { 0 }))
            .collect::<Value>()
    };
    let mut router = Router::running(list(0));
    assert_eq!(router.changes, 50);
    assert_eq!(router.set_global(list(1)), 1);
    assert_eq!(router.set_global(list(1)), 0);
    let without: Value = (1..50).map(|net| route(net, u32::from(net == 7))).collect();
    assert_eq!(router.set_global(without), 1);
    assert_eq!(router.routes.len(), 49);
}

#[test]
fn routes_of_interfaces() {
    let mut router = Router::running(json!([{ "prefix": "10.0.0.0/8", "via": "198.51.100.1", "tag": 5 }]));
    let routes = json!([{ "prefix": "10.0.0.0/8", "gateway": "192.0.2.1" }, { "prefix": "10.1.0.0/16" }]);
    assert_eq!(router.set_interface(1, routes.clone()), 2);
    // Equal rank in two places is one route.
    assert_eq!(router.hops("10.0.0.0/8"), one(&["198.51.100.1@2", "192.0.2.1@1"]));
    assert_eq!(router.hops("10.1.0.0/16"), one(&["@1"]));
    assert_eq!(router.set_interface(1, routes), 0);
    assert_eq!(
        router.show(Topic::Database)[1]["configured-in"],
        "interfaces.eth1.static"
    );
    assert_eq!(router.status(1, &InterfaceStatus::MediaAbsent), 2);
    assert_eq!(router.hops("10.0.0.0/8"), one(&["198.51.100.1@2"]));
    router.status(1, &InterfaceStatus::MediaPresent);
    router.instance.delete_interface(NOW, InterfaceIndex(1)).unwrap();
    assert_eq!(router.mirror(), 2);
    assert_eq!(router.show(Topic::Summary)["configured-routes"], 1);
}

#[test]
fn a_refusal_of_equal_rank_is_what_is_left_without_next_hops() {
    let mut router = Router::running(json!([{ "prefix": "10.0.0.0/8", "kind": "prohibit", "tag": 9 }]));
    router.set_interface(1, json!([{ "prefix": "10.0.0.0/8", "gateway": "192.0.2.1" }]));
    assert_eq!(router.hops("10.0.0.0/8"), one(&["192.0.2.1@1"]));
    assert_eq!(
        router.reason(0),
        "next hops of equal preference and metric can be reached"
    );
    router.status(1, &InterfaceStatus::Disabled);
    let route = router.routes.values().next().unwrap();
    assert_eq!((route.kind, route.tag), (RouteKind::Prohibit, 9));
}

#[test]
fn ipv6() {
    let mut router = Router::running(json!([
        { "prefix": "2001:db8::/32", "via": "fe80::1 dev eth1" },
        { "prefix": "::/0", "via": "2001:db8:1::1" },
    ]));
    assert_eq!(router.hops("2001:db8::/32"), one(&["fe80::1@1"]));
    assert_eq!(router.hops("::/0"), []);
    assert_eq!(
        router.status(1, &binding(&["192.0.2.254/24", "2001:db8:1::ffff/64"])),
        1
    );
    assert_eq!(router.hops("::/0"), one(&["2001:db8:1::1@1"]));
    // IPv6 has no broadcast address, and our own is never a next hop.
    assert_eq!(router.status(1, &binding(&["2001:db8:1::1/64"])), 1);
    assert_eq!(router.hops("::/0"), []);
}

#[test]
fn the_far_end_of_a_link_is_connected() {
    let mut router = Router::running(json!([{ "prefix": "0.0.0.0/0", "via": "203.0.113.9" }]));
    let InterfaceStatus::AddressChange(mut local) = binding(&["203.0.113.1/32"]) else {
        unreachable!("binding makes address changes");
    };
    local.remote = Some("203.0.113.9".parse().unwrap());
    assert_eq!(router.status(2, &InterfaceStatus::AddressChange(local)), 1);
    assert_eq!(router.hops("0.0.0.0/0"), one(&["203.0.113.9@2"]));
}

#[test]
fn changes_are_announced_as_live() {
    let router = Router::running(json!([{ "prefix": "10.0.0.0/8", "via": "192.0.2.1" }]));
    let prepared = router
        .instance
        .prepare_global_info(&block(Scope::Global, json!([])))
        .unwrap();
    assert_eq!(prepared.worst(), Some(&Impact::Live));
    assert!(prepared.changes[0].reason.contains("untouched"));
}

#[test]
fn rows_come_back_with_the_number_of_their_interface() {
    let mut router = Router::running(json!([]));
    let mut row = vec![0; 72];
    row[..16].copy_from_slice(&[10, 0, 0, 0, 255, 0, 0, 0, 0, 0, 0, 0, 192, 0, 2, 1]);
    row[48..52].copy_from_slice(&99u32.to_le_bytes());
    row[56..60].copy_from_slice(&10006u32.to_le_bytes());
    row[68] = 1;
    let info = InfoBlock::new(1, row);
    router
        .instance
        .set_interface_info(NOW, InterfaceIndex(1), &info)
        .unwrap();
    assert_eq!(router.mirror(), 1);
    let read = router.instance.interface_info(InterfaceIndex(1)).unwrap();
    assert_eq!((read.version, read.structure_size), (1, 72));
    assert_eq!(read.bytes[48..52], 1u32.to_le_bytes());
    router
        .instance
        .set_interface_info(NOW, InterfaceIndex(1), &read)
        .unwrap();
    assert_eq!(router.mirror(), 0);
}

#[test]
fn stopping_withdraws_nothing_and_is_final() {
    let mut router = Router::running(json!([{ "prefix": "10.0.0.0/8", "via": "192.0.2.1" }]));
    router.instance.stop(NOW).unwrap();
    assert!(router.instance.is_stopped());
    assert_eq!(router.mirror(), 0);
}

#[test]
fn there_is_no_management_table_and_there_are_no_neighbours() {
    let mut router = Router::running(json!([]));
    let refused = router
        .instance
        .mib(NOW, waypost_engine::MibOperation::Get, &[0; 8])
        .unwrap_err();
    assert_eq!(refused.status, Status::ERROR_INVALID_PARAMETER);
    assert_eq!(
        router.instance.show(NOW, Topic::Neighbors).unwrap_err().status,
        Status::ERROR_NOT_SUPPORTED
    );
    assert_eq!(router.show(Topic::Interfaces)[0]["interface"], "eth1");
    assert_eq!(router.show(Topic::Counters)["global"]["routes-set"], 0);
}
