//! Starting, stopping, interfaces that come and go, ports that fail, autostatic updates.

use std::time::Duration;

use serde_json::json;
use waypost_engine::{Input, PortId};
use waypost_routprot::{AdapterBinding, Event, InterfaceStatus, Status, Topic, UpdateComplete, UpdateKind};
use waypost_types::{InterfaceIndex, Time};

use super::lab::{LATENCY, Lab, host, message, p, response};
use crate::packet::{Command, Entry, Message, Version};

fn statics() -> serde_json::Value {
    json!({ "redistribute": [{ "source": "static" }] })
}

fn pair(options: serde_json::Value) -> Lab {
    let mut lab = Lab::new();
    lab.router(1, statics(), &[(1, options)]);
    lab.router(2, json!({}), &[(1, json!({})), (2, json!({}))]);
    lab.redistribute(1, [p("192.0.2.0/24")]);
    lab.secs(6);
    lab.quiet();
    lab
}

#[test]
fn an_interface_that_comes_up_asks_and_tells_everything() {
    let mut lab = Lab::new();
    lab.router(1, json!({}), &[(1, json!({})), (2, json!({}))]);
    let first = &lab.nodes[&1].sent[0];
    assert_eq!(first.command(), Command::Request);
    assert!(Message::decode(&first.octets).unwrap().asks_for_whole_table());
    assert!(
        lab.nodes[&1].ports[&PortId(1)]
            .groups
            .contains(&crate::packet::RIP2_ROUTERS)
    );
    // Someone who starts later knows everything after two flights, not after half a minute.
    lab.secs(10);
    lab.router(2, json!({}), &[(1, json!({}))]);
    lab.run(LATENCY * 2);
    assert_eq!(lab.metric(2, "10.2.0.0/24"), Some(2));
}

/// r1 starts anew between r3 and r2, to which it has two links. What r2 says of r3's network it has from r1 itself: told on the
/// other link, the two would count it up to 16, and packets would be lost until r3 is heard.
#[test]
fn a_restarted_router_says_nothing_until_it_has_heard_everybody() {
    let hold = Duration::from_secs(2);
    let links = [(1, json!({})), (2, json!({ "metric": 2 })), (3, json!({}))];
    let mut lab = Lab::new();
    lab.router(1, json!({}), &links);
    lab.router(2, json!({}), &links[..2]);
    lab.router(3, statics(), &links[2..]);
    lab.redistribute(3, [p("192.0.2.0/24")]);
    lab.secs(40);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(3));
    let before = lab.nodes[&2].route_batches.len();
    lab.nodes.remove(&1);
    lab.cut.push(3);
    lab.router_with(1, json!({}), &links, &[], hold);
    lab.run(hold / 2);
    // It knows the echo, and keeps it to itself.
    assert_eq!(lab.metric(1, "192.0.2.0/24"), Some(5));
    let is_request =
        |node: &super::lab::Node| node.sent.iter().all(|sent| sent.command() == Command::Request);
    assert!(is_request(&lab.nodes[&1]));
    lab.announce(1, 3, 3, &[("192.0.2.0/24", 1)]);
    lab.run(hold);
    assert_eq!(lab.metric(1, "192.0.2.0/24"), Some(2));
    assert!(!is_request(&lab.nodes[&1]));
    assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(3));
    lab.secs(60);
    assert_eq!(
        lab.nodes[&2].route_batches.len(),
        before,
        "r2's routes stayed as they were"
    );
}

/// What an operator stops during that time says good-bye all the same.
#[test]
fn a_restarted_router_that_stops_says_good_bye() {
    let mut lab = Lab::new();
    lab.router(2, json!({}), &[(1, json!({}))]);
    lab.router_with(
        1,
        json!({}),
        &[(1, json!({})), (2, json!({}))],
        &[],
        Duration::from_secs(2),
    );
    lab.run(LATENCY);
    lab.handle(1, Input::Stop);
    assert_eq!(lab.said(1, 1, "10.2.0.0/24"), [16]);
}

#[test]
fn nothing_is_sent_before_the_start_is_complete() {
    let mut lab = Lab::new();
    lab.router(1, json!({}), &[]);
    lab.nodes.get_mut(&1).unwrap().rip = waypost_engine::Engine::new(waypost_types::Seed(1));
    lab.handle(
        1,
        Input::Start {
            global: serde_json::from_value(json!({})).unwrap(),
            router_id: None,
            persisted: &[],
            restart_hold: Duration::ZERO,
        },
    );
    lab.attach(1, 1, json!({}));
    lab.secs(100);
    assert!(lab.nodes[&1].sent.is_empty() && lab.nodes[&1].opened == 0);
    lab.handle(1, Input::StartComplete);
    assert!(!lab.nodes[&1].sent.is_empty());
}

#[test]
fn interfaces_that_go_down_in_every_way_withdraw_their_routes() {
    let unbound = InterfaceStatus::AddressChange(AdapterBinding::default());
    for status in [InterfaceStatus::MediaAbsent, InterfaceStatus::Disabled, unbound] {
        let mut lab = pair(json!({}));
        lab.announce(2, 2, 7, &[("198.51.100.0/24", 1)]);
        lab.secs(5);
        assert_eq!(lab.metric(1, "198.51.100.0/24"), Some(3));
        lab.quiet();
        lab.status(2, 2, &status);
        lab.run(LATENCY);
        assert_eq!(lab.metric(2, "198.51.100.0/24"), None, "{status:?}");
        assert_eq!(lab.metric(1, "198.51.100.0/24"), None);
        assert_eq!(lab.metric(1, "10.2.0.0/24"), None, "its network is gone, too");
        assert!(!lab.nodes[&2].ports.contains_key(&PortId(2)));
        let goodbye = lab.said(2, 2, "192.0.2.0/24");
        assert_eq!(
            goodbye,
            if status == InterfaceStatus::Disabled {
                vec![16]
            } else {
                vec![]
            }
        );
    }
}

#[test]
fn carrier_is_only_looked_at_when_wanted() {
    let mut lab = pair(json!({ "check-link": false }));
    lab.status(1, 1, &InterfaceStatus::MediaAbsent);
    assert!(lab.nodes[&1].ports.contains_key(&PortId(1)));
    lab.configure(1, 1, json!({}));
    assert!(!lab.nodes[&1].ports.contains_key(&PortId(1)));
    lab.status(1, 1, &InterfaceStatus::MediaPresent);
    assert!(lab.nodes[&1].ports.contains_key(&PortId(1)));
}

#[test]
fn stopping_says_goodbye_where_wanted() {
    for graceful in [true, false] {
        let mut lab = pair(json!({ "graceful-shutdown": graceful }));
        lab.handle(1, Input::Stop);
        assert_eq!(lab.nodes[&1].events, [Event::RouterStopped]);
        assert!(lab.nodes[&1].ports.is_empty());
        lab.run(LATENCY);
        assert_eq!(lab.metric(2, "192.0.2.0/24").is_none(), graceful);
        let sent = lab.nodes[&1].sent.len();
        lab.inject(1, 1, host(1, 7), &response(&[("198.51.100.0/24", 1)]));
        lab.secs(100);
        assert_eq!(lab.nodes[&1].sent.len(), sent, "nothing follows the end");
        assert_eq!(lab.nodes[&1].events.len(), 1);
    }
}

#[test]
fn a_long_goodbye_is_paced_and_bounded() {
    let mut lab = pair(json!({}));
    lab.redistribute(
        1,
        (0..10_000_u32).map(|n| waypost_types::Prefix4::host((0xC000_0000 + n).into())),
    );
    lab.secs(5);
    assert_eq!(lab.nodes[&2].routes.len(), 10_001);
    let stop = lab.now;
    lab.handle(1, Input::Stop);
    assert!(lab.nodes[&1].events.is_empty(), "ERROR_PROTOCOL_STOP_PENDING");
    lab.secs(3);
    assert_eq!(lab.nodes[&1].events, [Event::RouterStopped]);
    assert!(lab.nodes[&2].routes.is_empty());
    assert!(lab.nodes[&1].sent.last().unwrap().at.since(stop) < Duration::from_millis(100));
    assert_eq!(
        waypost_engine::Engine::next_deadline(&lab.nodes[&1].rip),
        None::<Time>
    );
}

#[test]
fn a_deleted_interface_says_goodbye_and_is_forgotten() {
    let mut lab = pair(json!({}));
    lab.handle(1, Input::DeleteInterface(InterfaceIndex(1)));
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), None);
    assert!(lab.nodes[&1].ports.is_empty() && lab.nodes[&1].rip.interfaces.is_empty());
    lab.attach(1, 1, json!({}));
    lab.run(LATENCY);
    assert_eq!(lab.metric(2, "192.0.2.0/24"), Some(2));
}

#[test]
fn a_failed_port_is_asked_for_again() {
    let mut lab = pair(json!({}));
    lab.nodes.get_mut(&1).unwrap().ports.clear();
    lab.handle(
        1,
        Input::PortFailed {
            port: PortId(1),
            error: "no",
        },
    );
    lab.redistribute(1, [p("198.51.100.0/24")]);
    assert!(lab.nodes[&1].sent.is_empty());
    assert_eq!(
        lab.show(1, Topic::Summary)["troubles"],
        json!([{ "interface": "eth1", "reason": "no" }])
    );
    assert_eq!(lab.show(1, Topic::Interfaces)[0]["state"], "no-port");
    lab.run(Duration::from_millis(5001));
    assert_eq!(lab.metric(2, "198.51.100.0/24"), Some(2));
    assert_eq!(lab.counter(1, 1, "port-failures"), 1);
    assert!(lab.show(1, Topic::Summary).get("troubles").is_none());
}

#[test]
fn new_addresses_join_the_running_interface() {
    let mut lab = pair(json!({}));
    let mut binding = lab.nodes[&1].rip.interfaces[&InterfaceIndex(1)].binding.clone();
    binding.addresses.push(waypost_routprot::LocalBinding {
        address: "172.31.0.1".parse().unwrap(),
        prefix: p("172.31.0.0/16"),
    });
    lab.status(
        2,
        2,
        &InterfaceStatus::AddressChange({
            let mut second = lab.nodes[&2].rip.interfaces[&InterfaceIndex(2)].binding.clone();
            second.addresses.push(waypost_routprot::LocalBinding {
                address: "172.30.0.2".parse().unwrap(),
                prefix: p("172.30.0.0/16"),
            });
            second
        }),
    );
    lab.run(LATENCY);
    assert_eq!(lab.metric(1, "172.30.0.0/16"), Some(2));
    lab.quiet();
    lab.status(1, 1, &InterfaceStatus::AddressChange(binding));
    let sources: std::collections::BTreeSet<_> =
        lab.nodes[&1].sent.iter().filter_map(|sent| sent.source).collect();
    assert_eq!(sources.len(), 2, "each network hears from its own address");
    assert_eq!(lab.nodes[&1].opened, 1);
    // A neighbour in a network that went away is no longer on the link.
    lab.status(
        2,
        2,
        &InterfaceStatus::AddressChange({
            let mut first = lab.nodes[&2].rip.interfaces[&InterfaceIndex(2)].binding.clone();
            first.addresses.truncate(1);
            first
        }),
    );
    lab.run(Duration::from_secs(2));
    assert_eq!(lab.metric(1, "172.30.0.0/16"), None);
}

#[test]
fn an_autostatic_update_collects_and_completes() {
    let demand = json!({ "update-mode": "demand" });
    let mut lab = Lab::new();
    lab.router(1, statics(), &[(1, demand.clone()), (2, demand.clone())]);
    lab.router(2, statics(), &[(1, demand)]);
    lab.redistribute(2, [p("192.0.2.0/24")]);
    lab.secs(100);
    assert!(
        lab.nodes.values().all(|node| node.sent.is_empty()),
        "silent by themselves"
    );
    let done = |interface, status| {
        Event::UpdateComplete(UpdateComplete {
            interface: InterfaceIndex(interface),
            kind: UpdateKind::Routes,
            status,
        })
    };
    lab.handle(1, Input::UpdateRoutes(InterfaceIndex(1)));
    lab.handle(1, Input::UpdateRoutes(InterfaceIndex(2)));
    lab.run(Duration::from_millis(2100));
    assert_eq!(lab.metric(1, "192.0.2.0/24"), Some(2));
    assert_eq!(lab.nodes[&1].events, [done(1, Status::NO_ERROR)]);
    lab.secs(7);
    assert_eq!(lab.nodes[&1].events.len(), 1);
    lab.secs(2);
    // Nobody is on link 2.
    assert_eq!(
        lab.nodes[&1].events[1..],
        [done(2, Status::ERROR_CAN_NOT_COMPLETE)]
    );
    assert!(
        lab.counter(1, 2, "requests-sent") >= 4,
        "a lost request is repeated"
    );
    lab.handle(1, Input::UpdateRoutes(InterfaceIndex(9)));
    lab.status(1, 1, &InterfaceStatus::Disabled);
    lab.handle(1, Input::UpdateRoutes(InterfaceIndex(1)));
    assert_eq!(
        lab.nodes[&1].events[2..],
        [done(1, Status::ERROR_CAN_NOT_COMPLETE)]
    );
}

#[test]
fn requests_are_answered_as_the_rfc_has_it() {
    let mut lab = pair(json!({}));
    let asker = std::net::SocketAddr::new(host(1, 50).ip(), 4711);
    // The whole table, with split horizon.
    let whole = message(Command::Request, Version::V2, &[Entry::WHOLE_TABLE]);
    lab.inject(2, 1, asker, &whole);
    let (_, answer) = lab.strays.pop().unwrap();
    assert_eq!(answer.to, asker);
    let mut entries = answer.entries();
    entries.sort();
    assert_eq!(
        entries,
        [("10.2.0.0/24".to_owned(), 1), ("192.0.2.0/24".to_owned(), 16)]
    );
    // Entry by entry, without.
    let some = [
        super::lab::entry("192.0.2.0/24", 1),
        super::lab::entry("203.0.113.0/24", 1),
    ];
    lab.inject(2, 1, asker, &message(Command::Request, Version::V2, &some));
    let (_, answer) = lab.strays.pop().unwrap();
    assert_eq!(
        answer.entries(),
        [("192.0.2.0/24".to_owned(), 2), ("203.0.113.0/24".to_owned(), 16)]
    );
    // Nobody off the link learns what is in our table.
    let far = "203.0.113.9:4711".parse().unwrap();
    lab.inject(2, 1, far, &message(Command::Request, Version::V2, &some));
    assert!(lab.strays.is_empty());
    // In the version of the request.
    lab.inject(
        2,
        1,
        asker,
        &message(Command::Request, Version::V1, &[Entry::WHOLE_TABLE]),
    );
    let (_, answer) = lab.strays.pop().unwrap();
    assert_eq!(answer.octets[1], 1);
    // No entries, no answer; and nobody outside the link is sent a whole table.
    lab.inject(2, 1, asker, &message(Command::Request, Version::V2, &[]));
    lab.inject(2, 1, "203.0.113.9:4711".parse().unwrap(), &whole);
    assert!(lab.strays.is_empty());
    assert_eq!(lab.show(2, Topic::Counters)["global"]["queries-answered"], 4);
    // A silent router answers diagnosis, not routers.
    lab.configure(2, 1, json!({ "passive": true }));
    lab.quiet();
    lab.inject(2, 1, host(1, 50), &whole);
    assert!(lab.strays.is_empty());
    lab.inject(2, 1, asker, &whole);
    assert_eq!(lab.strays.len(), 1);
}

#[test]
fn a_binding_that_changes_for_others_is_no_news() {
    let mut lab = pair(json!({}));
    let mut binding = lab.nodes[&1].rip.interfaces[&InterfaceIndex(1)].binding.clone();
    binding.addresses6.push(("2001:db8::1".parse().unwrap(), 64));
    binding.mtu = 9000;
    binding.speed = 1_000_000;
    lab.status(1, 1, &InterfaceStatus::AddressChange(binding));
    assert!(lab.nodes[&1].sent.is_empty());
    // The length of the link's packets holds all the same.
    let interface = &lab.nodes[&1].rip.interfaces[&InterfaceIndex(1)];
    assert_eq!(interface.binding.mtu, 9000);
}

#[test]
fn a_next_hop_in_a_network_that_goes_gives_way_to_its_announcer() {
    let mut lab = pair(json!({}));
    let first = lab.nodes[&2].rip.interfaces[&InterfaceIndex(2)].binding.clone();
    let mut second = first.clone();
    second.addresses.push(waypost_routprot::LocalBinding {
        address: "172.30.0.2".parse().unwrap(),
        prefix: p("172.30.0.0/16"),
    });
    lab.status(2, 2, &InterfaceStatus::AddressChange(second));
    let mut entry = super::lab::entry("198.51.100.0/24", 1);
    entry.next_hop = "172.30.0.9".parse().unwrap();
    lab.inject(
        2,
        2,
        host(2, 7),
        &message(Command::Response, Version::V2, &[entry]),
    );
    assert_eq!(lab.gateways(2, "198.51.100.0/24"), [super::lab::ip("172.30.0.9")]);
    lab.status(2, 2, &InterfaceStatus::AddressChange(first));
    assert_eq!(lab.gateways(2, "198.51.100.0/24"), [super::lab::ip("10.2.0.7")]);
}
