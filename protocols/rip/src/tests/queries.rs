//! The MIB of RRAS and the JSON of show.

use serde_json::json;
use waypost_engine::{Engine, MibOperation, MibReply};
use waypost_routprot::{Status, Topic};
use waypost_types::InterfaceIndex;

use super::lab::{Lab, p};

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
