//! The MIB of RRAS and the JSON of show.

use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::{Value, json};
use waypost_engine::{Engine, Input, Instance, MibOperation, MibReply, Now, PortId};
use waypost_routprot::{
    AdapterBinding, BlockConfig, Event, InterfaceIdentity, InterfaceStatus, InterfaceType, Layout,
    LocalBinding, NotificationEvent, Status, Topic,
};
use waypost_types::{InterfaceIndex, Seed, Time};

use super::lab::{Lab, host, interface_config, message, p, response};
use crate::config::{GlobalConfig, InterfaceConfig};
use crate::packet::{Command, Entry, Version};
use crate::process::Rip;

fn lab() -> Lab {
    let mut lab = Lab::new();
    lab.router(
        1,
        json!({ "redistribute": [{ "source": "static" }] }),
        &[(1, json!({})), (2, json!({})), (4, json!({}))],
    );
    lab.redistribute(1, [p("203.0.113.0/24")]);
    lab.secs(10);
    lab.announce(1, 1, 9, &[("192.0.2.0/24", 1), ("127.0.0.0/8", 1)]);
    lab.announce(1, 2, 7, &[("192.0.2.0/24", 3)]);
    lab.secs(5);
    lab
}

fn query(lab: &mut Lab, operation: MibOperation, kind: u32, index: [u8; 4]) -> Result<Vec<u8>, Status> {
    let now = lab.clock();
    let mut input = kind.to_le_bytes().to_vec();
    input.extend(index);
    match lab.nodes.get_mut(&1).unwrap().rip.mib(now, operation, &input) {
        Ok(MibReply::Octets(octets)) => Ok(octets),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.status),
    }
}

fn numbers(octets: &[u8]) -> Vec<u32> {
    octets
        .chunks_exact(4)
        .map(|octets| u32::from_le_bytes(octets.try_into().unwrap()))
        .collect()
}

#[test]
fn interface_statistics() {
    let mut lab = lab();
    let row = numbers(&query(&mut lab, MibOperation::Get, 2, 1_u32.to_le_bytes()).unwrap());
    assert_eq!(row.len(), 2 + 10);
    // Type, index, state, send and receive failures, requests sent and received.
    assert_eq!(row[..7], [2, 1, 3, 0, 0, 1, 0]);
    assert!(row[7] >= 2, "responses sent");
    assert_eq!(
        row[8..11],
        [1, 0, 1],
        "responses received, bad packets, bad entries"
    );
}

#[test]
fn walking_the_interfaces() {
    let mut lab = lab();
    let first = query(&mut lab, MibOperation::GetFirst, 2, [0xFF; 4]).unwrap();
    assert_eq!(numbers(&first)[1], 1);
    let mut seen = vec![1];
    let mut index = 1_u32;
    loop {
        match query(&mut lab, MibOperation::GetNext, 2, index.to_le_bytes()) {
            Ok(row) => index = numbers(&row)[1],
            Err(status) => {
                assert_eq!(status, Status::ERROR_NO_MORE_ITEMS);
                break;
            }
        }
        seen.push(index);
    }
    assert_eq!(seen, [1, 2, 4]);
    // The given row need not exist.
    let next = query(&mut lab, MibOperation::GetNext, 2, 3_u32.to_le_bytes()).unwrap();
    assert_eq!(numbers(&next)[1], 4);
    assert_eq!(
        query(&mut lab, MibOperation::Get, 2, 3_u32.to_le_bytes()),
        Err(Status::ERROR_INVALID_PARAMETER)
    );
}

#[test]
fn bindings_and_peers() {
    let mut lab = lab();
    let binding = query(&mut lab, MibOperation::Get, 4, 2_u32.to_le_bytes()).unwrap();
    assert_eq!(numbers(&binding)[2..4], [3, 1]);
    assert_eq!(binding[16..24], [10, 2, 0, 1, 255, 255, 255, 0]);
    let peer = query(&mut lab, MibOperation::GetFirst, 5, [0; 4]).unwrap();
    assert_eq!(peer[4..8], [10, 1, 0, 9]);
    // Tag, hundredths of a second since the start, version, bad packets, bad entries.
    assert_eq!(numbers(&peer)[2..], [0, 1000, 2, 0, 1]);
    let peer = query(&mut lab, MibOperation::GetNext, 5, [10, 1, 0, 9]).unwrap();
    assert_eq!(peer[4..8], [10, 2, 0, 7]);
    assert_eq!(
        query(&mut lab, MibOperation::GetNext, 5, [10, 2, 0, 7]),
        Err(Status::ERROR_NO_MORE_ITEMS)
    );
}

#[test]
fn global_statistics_and_configuration() {
    let mut lab = lab();
    let row = numbers(&query(&mut lab, MibOperation::GetFirst, 0, [0; 4]).unwrap());
    assert_eq!(row[..3], [0, 0, 1], "one change of a route in use");
    assert!(row[3] > 0);
    assert_eq!(
        query(&mut lab, MibOperation::GetNext, 0, [0; 4]),
        Err(Status::ERROR_NO_MORE_ITEMS)
    );
    let now = lab.clock();
    let rip = &mut lab.nodes.get_mut(&1).unwrap().rip;
    assert_eq!(
        rip.mib(now, MibOperation::Get, &[1, 0, 0, 0, 0, 0, 0, 0]),
        Ok(MibReply::GlobalConfig(vec![1, 0, 0, 0, 0, 0, 0, 0]))
    );
    assert_eq!(
        rip.mib(now, MibOperation::GetFirst, &[3, 0, 0, 0, 0, 0, 0, 0]),
        Ok(MibReply::InterfaceConfig(
            InterfaceIndex(1),
            vec![3, 0, 0, 0, 1, 0, 0, 0]
        ))
    );
    assert_eq!(
        rip.mib(
            now,
            MibOperation::Set,
            &[3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 9, 9]
        ),
        Ok(MibReply::SetInterface(InterfaceIndex(2), vec![9, 9]))
    );
    for bad in [&[6, 0, 0, 0, 0, 0, 0, 0][..], &[2, 0, 0, 0, 1, 0, 0]] {
        let refusal = rip.mib(now, MibOperation::Get, bad).unwrap_err();
        assert_eq!(refusal.status, Status::ERROR_INVALID_PARAMETER);
    }
    assert!(
        rip.mib(now, MibOperation::Create, &[2, 0, 0, 0, 1, 0, 0, 0])
            .is_err()
    );
}

#[test]
fn the_tables_of_rfc_1724() {
    let mut lab = lab();
    let request = message(Command::Request, Version::V2, &[Entry::WHOLE_TABLE]);
    lab.inject(1, 1, host(1, 9), &request);
    lab.configure(
        1,
        2,
        json!({
            "announce": "v1-compatible", "accept": "v2", "originate-default": 4,
            "authentication": "plain", "password": "waypost",
        }),
    );
    let mut row = |kind: u32, index: u32| {
        numbers(&query(&mut lab, MibOperation::Get, kind, index.to_le_bytes()).unwrap())[2..].to_vec()
    };
    let globals = row(0x5750_0000, 0);
    assert_eq!(globals[..2], [1, 1], "route changes, queries");
    assert!(globals[2] > 0);
    assert_eq!(globals[3], 1500);
    let counters = row(0x5750_0001, 1);
    assert_eq!(counters.len(), 12);
    assert_eq!(counters[..2], [0, 1], "bad packets, bad routes");
    assert_eq!(counters[3], 1, "active");
    let settings = row(0x5750_0002, 2);
    let address = u32::from_le_bytes([10, 2, 0, 1]);
    assert_eq!(settings, [2, 3, 2, 4, 1, address]);
    assert_eq!(row(0x5750_0002, 1)[..4], [1, 4, 3, 0]);
}

#[test]
fn peers_with_one_address_on_two_links_are_two() {
    let mut lab = Lab::new();
    lab.router(1, json!({}), &[(1, json!({})), (2, json!({}))]);
    lab.secs(1);
    // A second network on link 2, the same as that of link 1.
    let address = Ipv4Addr::new(10, 1, 0, 200);
    let binding = AdapterBinding {
        addresses: vec![LocalBinding {
            address,
            prefix: "10.1.0.0/24".parse().unwrap(),
        }],
        mtu: 1500,
        ..AdapterBinding::default()
    };
    lab.status(1, 2, &InterfaceStatus::AddressChange(binding));
    lab.announce(1, 1, 9, &[("192.0.2.0/24", 1)]);
    lab.secs(1);
    lab.inject(1, 2, host(1, 9), &response(&[("198.51.100.0/24", 1)]));
    lab.inject(1, 2, host(1, 9), &response(&[("198.51.100.0/24", 1)]));
    let peers = 0x5750_0003_u32.to_le_bytes();
    let now = lab.clock();
    let rip = &mut lab.nodes.get_mut(&1).unwrap().rip;
    let mut walk = |operation, index: &[u8]| match rip.mib(now, operation, &[&peers, index].concat()) {
        Ok(MibReply::Octets(octets)) => Ok((octets[4..12].to_vec(), numbers(&octets[12..]))),
        Ok(other) => panic!("{other:?}"),
        Err(refusal) => Err(refusal.status),
    };
    let (first, row) = walk(MibOperation::GetFirst, &[0; 8]).unwrap();
    assert_eq!(first, [1, 0, 0, 0, 10, 1, 0, 9]);
    // Tag, last update, version, bad packets, bad routes, updates, first heard.
    assert_eq!(row, [0, 100, 2, 0, 0, 1, 100]);
    let (second, row) = walk(MibOperation::GetNext, &first).unwrap();
    assert_eq!(second, [2, 0, 0, 0, 10, 1, 0, 9]);
    assert_eq!(row, [0, 200, 2, 0, 0, 2, 200]);
    assert_eq!(
        walk(MibOperation::GetNext, &second),
        Err(Status::ERROR_NO_MORE_ITEMS)
    );
    assert_eq!(walk(MibOperation::Get, &second).unwrap().1, row);
    assert_eq!(
        walk(MibOperation::Get, &second[..7]),
        Err(Status::ERROR_INVALID_PARAMETER)
    );
    // RRAS's table shows one, the one heard last.
    let peer = query(&mut lab, MibOperation::GetFirst, 5, [0; 4]).unwrap();
    assert_eq!(numbers(&peer)[3], 200);
    assert_eq!(
        query(&mut lab, MibOperation::GetNext, 5, [10, 1, 0, 9]),
        Err(Status::ERROR_NO_MORE_ITEMS)
    );
}

#[test]
fn dropped_requests_are_no_bad_responses() {
    let mut lab = lab();
    let before = lab.counter(1, 1, "bad-response-packets");
    lab.configure(1, 1, json!({ "accept": "v1" }));
    let request = message(Command::Request, Version::V2, &[Entry::WHOLE_TABLE]);
    lab.inject(1, 1, host(1, 9), &request);
    assert_eq!(lab.counter(1, 1, "bad-response-packets"), before);
    assert_eq!(lab.counter(1, 1, "bad-request-packets"), 1);
    lab.announce(1, 1, 9, &[("192.0.2.0/24", 1)]);
    assert_eq!(lab.counter(1, 1, "bad-response-packets"), before + 1);
    assert_eq!(lab.counter(1, 1, "bad-request-packets"), 1);
    assert_eq!(lab.show(1, Topic::Neighbors)[0]["bad-packets"], 1);
}

#[test]
fn responses_sent_are_not_forgotten_with_their_interface() {
    let mut lab = lab();
    let total = |lab: &mut Lab| numbers(&query(lab, MibOperation::Get, 0, [0; 4]).unwrap())[3];
    let before = total(&mut lab);
    assert!(before > 0);
    lab.handle(1, Input::DeleteInterface(InterfaceIndex(2)));
    lab.secs(5);
    assert!(total(&mut lab) >= before);
    assert_eq!(
        lab.show(1, Topic::Counters)["global"]["responses-sent"],
        total(&mut lab)
    );
}

#[test]
fn datagrams_that_the_kernel_refused_are_send_failures() {
    let mut lab = lab();
    let input = Input::SendFailed {
        port: PortId(2),
        datagrams: 3,
    };
    lab.handle(1, input);
    let row = numbers(&query(&mut lab, MibOperation::Get, 2, 2_u32.to_le_bytes()).unwrap());
    assert_eq!(row[3], 3);
}

struct Unheard;

impl NotificationEvent for Unheard {
    fn signal(&self) {}
}

/// An instance with interface 1, as the host would start it.
fn started(global: Value, interface: Value) -> Instance<Rip> {
    let now = Now::default();
    let mut instance = Instance::<Rip>::new(Seed(1), Vec::new());
    let global: GlobalConfig = serde_json::from_value(global).unwrap();
    let block = global.encode(Layout::Waypost(GlobalConfig::LAYOUT));
    instance.start(now, Arc::new(Unheard), None, &block).unwrap();
    let identity = InterfaceIdentity {
        name: "eth1".to_owned(),
        index: InterfaceIndex(1),
        kind: InterfaceType::Permanent,
    };
    let block = interface_config(interface).encode(Layout::Waypost(InterfaceConfig::LAYOUT));
    instance.add_interface(now, &identity, &block).unwrap();
    instance.start_complete(now).unwrap();
    instance
}

#[test]
fn interface_configuration_is_what_is_in_force_and_setting_it_changes_nothing() {
    let now = Now::default();
    let mut instance = started(
        json!({
            "update-interval": 20, "route-tag": 7, "accept": "v2", "split-horizon": false,
            "authentication": "plain", "password": "waypost",
        }),
        json!({ "metric": 3, "route-tag": 8 }),
    );
    let in_force = |instance: &Instance<Rip>| {
        let interface = instance.engine().interfaces.get(&InterfaceIndex(1)).unwrap();
        interface.effective.clone()
    };
    let before = in_force(&instance);
    let query = [3, 0, 0, 0, 1, 0, 0, 0];
    let (row, change) = instance.mib(now, MibOperation::Get, &query).unwrap();
    instance.keep(change);
    let words = numbers(&row[8..]);
    // Metric, accept mode, interval, tag of rras-blocks 2.2.
    assert_eq!([words[1], words[3], words[8], words[14]], [3, 3, 20, 8]);
    let size = u32::try_from(row.len() - 8).unwrap().to_le_bytes();
    let set = [&query[..], &size, &row[8..]].concat();
    let (_, change) = instance.mib(now, MibOperation::Set, &set).unwrap();
    instance.keep(change);
    assert_eq!(in_force(&instance), before);
}

#[test]
fn a_second_autostatic_update_is_refused_and_the_first_goes_on() {
    let now = Now::default();
    let index = InterfaceIndex(1);
    let mut instance = started(json!({}), json!({ "update-mode": "demand" }));
    let binding = AdapterBinding {
        addresses: vec![LocalBinding {
            address: Ipv4Addr::new(10, 1, 0, 1),
            prefix: "10.1.0.0/24".parse().unwrap(),
        }],
        ..AdapterBinding::default()
    };
    for status in [InterfaceStatus::AddressChange(binding), InterfaceStatus::Enabled] {
        instance.interface_status(now, index, &status).unwrap();
    }
    instance.update_routes(now, index).unwrap();
    let refusal = instance.update_routes(now, index).unwrap_err();
    assert_eq!(refusal.status, Status::ERROR_CAN_NOT_COMPLETE);
    assert_eq!(instance.next_event(), None, "none of an update that was refused");
    while let Some(time) = instance.next_deadline().filter(|at| *at < Time::from_secs(60)) {
        instance.deadline(Now { time, ..now });
    }
    let Some(Event::UpdateComplete(update)) = instance.next_event() else {
        panic!("the first update ends");
    };
    assert_eq!(
        (update.interface, update.status),
        (index, Status::ERROR_CAN_NOT_COMPLETE)
    );
    assert_eq!(instance.next_event(), None);
}

#[test]
fn a_plan_cautions_about_routes_that_expire_before_they_are_refreshed() {
    let instance = started(json!({ "update-interval": 60 }), json!({}));
    let reasons = |text: Value| {
        let block = interface_config(text).encode(Layout::Waypost(InterfaceConfig::LAYOUT));
        let prepared = instance.prepare_interface_info(Some(InterfaceIndex(1)), &block);
        let changes = prepared.unwrap().changes;
        changes
            .into_iter()
            .map(|change| {
                (
                    change.path,
                    change.reason.contains("; caution: routes expire after"),
                )
            })
            .collect::<Vec<_>>()
    };
    let reasons = |text| {
        reasons(text)
            .into_iter()
            .map(|(path, told)| format!("{path} {told}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        reasons(json!({ "expiration-interval": 61 })),
        ["expiration-interval false"]
    );
    assert_eq!(
        reasons(json!({ "expiration-interval": 60, "metric": 2 })),
        ["expiration-interval true", "metric false"]
    );
    assert_eq!(
        reasons(json!({ "expiration-interval": 60, "update-interval": 20 })),
        ["expiration-interval false", "update-interval false"]
    );
    let global: GlobalConfig = serde_json::from_value(json!({ "update-interval": 180 })).unwrap();
    let block = global.encode(Layout::Waypost(GlobalConfig::LAYOUT));
    let changes = instance.prepare_global_info(&block).unwrap().changes;
    assert!(changes[0].reason.contains("; caution: "), "{changes:?}");
    // Who does not plan finds it in the log.
    let mut lab = Lab::new();
    lab.router(1, json!({ "logging": "warnings" }), &[(1, json!({}))]);
    lab.configure(1, 1, json!({ "expiration-interval": 20 }));
    let notices = &lab.nodes[&1].notices;
    assert!(
        notices.iter().any(|text| text.contains("they will come and go")),
        "{notices:?}"
    );
}

#[test]
fn a_plan_says_when_an_option_is_not_in_use() {
    let key = json!([{ "id": 1, "secret": "one", "algorithm": "hmac-sha256" }]);
    let now = json!({ "authentication": "plain", "password": "one" });
    for (interface, new, path, unused) in [
        (json!({}), json!({ "password": "one" }), "password", true),
        (
            now,
            json!({ "authentication": "plain", "password": "two" }),
            "password",
            false,
        ),
        (json!({}), json!({ "keys": key }), "keys", true),
        (json!({}), json!({ "neighbors": ["10.1.0.2"] }), "neighbors", true),
        (
            json!({ "neighbor-mode": "also" }),
            json!({ "neighbor-mode": "also", "neighbors": ["10.1.0.2"] }),
            "neighbors",
            false,
        ),
        (
            json!({ "split-horizon": false }),
            json!({ "split-horizon": false, "poison-reverse": false }),
            "poison-reverse",
            true,
        ),
    ] {
        let instance = started(json!({}), interface);
        let block = interface_config(new.clone()).encode(Layout::Waypost(InterfaceConfig::LAYOUT));
        let prepared = instance
            .prepare_interface_info(Some(InterfaceIndex(1)), &block)
            .unwrap();
        let change = prepared
            .changes
            .iter()
            .find(|change| change.path == path)
            .unwrap();
        assert_eq!(
            change.reason.starts_with("kept for later"),
            unused,
            "{new}: {}",
            change.reason
        );
    }
}

#[test]
fn show_says_where_the_value_of_each_option_comes_from() {
    let mut lab = Lab::new();
    lab.router(
        1,
        json!({ "update-interval": 20, "route-tag": 7, "password": "secret" }),
        &[(
            1,
            json!({
                "metric": 3, "route-tag": 8,
                "keys": [{ "id": 1, "secret": "secret", "algorithm": "md5" }],
            }),
        )],
    );
    let interfaces = lab.show(1, Topic::Interfaces);
    let options = &interfaces[0]["options"];
    assert_eq!(
        options["interface"],
        json!({
            "metric": 3, "route-tag": 8,
            "keys": [{ "id": 1, "secret": "(hidden)", "algorithm": "md5" }],
        })
    );
    assert_eq!(
        options["protocol"],
        json!({ "update-interval": 20, "password": "(hidden)" })
    );
    let built_in = options["built-in"].as_object().unwrap();
    assert_eq!(built_in["expiration-interval"], 180);
    assert_eq!(built_in["announce"], "v2-multicast");
    assert_eq!(built_in["neighbors"], json!([]));
    // All but what nothing else than configuration gives: policies and a default route of our own.
    let schema = schemars::schema_for!(InterfaceConfig).to_value();
    let shown: usize = ["interface", "protocol", "built-in"]
        .iter()
        .map(|origin| options[origin].as_object().unwrap().len())
        .sum();
    let names = schema["properties"].as_object().unwrap();
    assert_eq!(
        shown,
        names.len()
            - [
                "annotate",
                "originate-default",
                "accept-policy",
                "announce-policy"
            ]
            .len()
    );
}

#[test]
fn what_show_says() {
    let lab = lab();
    let row = lab.row(1, "192.0.2.0/24");
    assert_eq!(row["metric"], 2);
    assert_eq!(row["state"], "valid");
    assert_eq!(row["source"], "learned");
    assert_eq!(
        row["next-hops"],
        json!([{ "interface": "eth1", "address": "10.1.0.9" }])
    );
    assert_eq!(row["expires-in-seconds"], 175);
    assert_eq!(row["age-seconds"], 5);
    let paths = row["paths"].as_array().unwrap();
    assert_eq!(paths.len(), 2);
    assert_eq!(paths[1]["received-metric"], 3);
    assert_eq!(paths[1]["selected"], false);
    let external = lab.row(1, "203.0.113.0/24");
    assert_eq!(
        (&external["source"], &external["owner"]),
        (&json!("redistributed"), &json!("static"))
    );
    assert_eq!(lab.row(1, "10.1.0.0/24")["source"], "connected");
    let summary = lab.show(1, Topic::Summary);
    assert_eq!(summary["routes-learned"], 1);
    assert_eq!(summary["routes-own"], 4);
    assert_eq!(summary["neighbors"], 2);
    let interfaces = lab.show(1, Topic::Interfaces);
    assert_eq!(interfaces[0]["interface"], "eth1");
    assert_eq!(interfaces[0]["announce"], "v2-multicast");
    assert_eq!(interfaces[0]["state"], "active");
    let neighbors = lab.show(1, Topic::Neighbors);
    assert_eq!(neighbors[0]["address"], "10.1.0.9");
    assert_eq!(neighbors[0]["last-update-seconds"], 5);
}
