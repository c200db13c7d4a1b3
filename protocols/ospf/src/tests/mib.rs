//! MIB queries: every row is there, in order, and says what it should.

use std::net::Ipv4Addr;

use serde_json::json;
use waypost_engine::{Engine, Input, MibOperation, MibReply, PortId, RxMeta};
use waypost_routprot::{Refusal, Status};
use waypost_types::ProtocolId;

use super::bench::{Bench, ETH, NOW};
use super::lab::packet;
use super::switches::notice;
use crate::options::Options;
use crate::packet::{ALL_SPF_ROUTERS, HelloFields, PacketType};

const NEIGHBOR: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 7);
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 70);

/// A router with a neighbour, a virtual link that is down, a stub area and an NSSA, ranges and externals.
fn bench() -> Bench {
    let mut bench = Bench::new(
        &json!({
            "areas": [
                { "id": 0, "authentication": "simple" },
                { "id": 1, "ranges": [{ "prefix": "10.0.0.0/8" }, { "prefix": "11.0.0.0/8", "advertise": false }] },
                { "id": 2, "kind": "stub", "default-cost": 7, "summaries": false },
                { "id": 3, "kind": "nssa", "nssa": { "default-route": "2", "ranges": [{ "prefix": "12.0.0.0/8", "tag": 9 }] } },
            ],
            "virtual-links": [{ "transit-area": 1, "router-id": "1.1.1.1", "password": "b" }],
            "redistribute": [{ "source": "static" }],
        }),
        &json!({ "password": "a", "authentication": "none", "cost": 17, "network-type": "broadcast" }),
    );
    bench.handle(Input::Routes(&[
        notice("10.1.0.0/16", ProtocolId::STATIC),
        notice("172.16.0.0/12", ProtocolId::STATIC),
    ]));
    for (router, source) in [(OTHER, NEIGHBOR), ([192, 0, 2, 71].into(), [192, 0, 2, 8].into())] {
        let fields = HelloFields {
            mask: [255, 255, 255, 0].into(),
            hello_interval: 10,
            options: Options::EXTERNAL,
            priority: 3,
            dead_interval: 40,
            designated_router: source,
            backup: Ipv4Addr::UNSPECIFIED,
        };
        let octets = packet(PacketType::Hello, router, |writer| {
            fields.encode([[192, 0, 2, 9].into()], writer);
        });
        let meta = RxMeta {
            source: (std::net::IpAddr::from(source), 0).into(),
            destination: ALL_SPF_ROUTERS.into(),
            interface: ETH,
            ttl: Some(1),
        };
        bench.handle(Input::Packet {
            port: PortId(ETH.0),
            meta: &meta,
            octets: &octets,
        });
    }
    bench
}

impl Bench {
    fn mib(&mut self, operation: MibOperation, input: &[u8]) -> Result<Vec<u8>, Refusal> {
        match self.engine.mib(NOW, operation, input)? {
            MibReply::Octets(octets) => Ok(octets),
            other => panic!("{other:?}"),
        }
    }
}

/// Octets of the index of each table, and how many rows this router has.
const TABLES: [(u32, usize, usize); 14] = [
    (0, 0, 1),
    // The backbone, and the three others that are configured.
    (1, 4, 4),
    (2, 8, 2),
    // Its router-LSA.
    (3, 16, 1),
    (4, 8, 1),
    (5, 16, 3),
    (6, 8, 1),
    (7, 12, 1),
    (8, 8, 1),
    (9, 8, 2),
    (10, 8, 0),
    (11, 12, 2),
    (12, 20, 0),
    (13, 20, 0),
];

#[test]
fn every_table_is_walked_from_end_to_end() {
    let mut bench = bench();
    for (number, index, rows) in TABLES {
        let table = (0x5750_0000 + number).to_le_bytes();
        let mut input = [&table[..], &vec![0xFF; index]].concat();
        let mut found = Vec::new();
        let mut operation = MibOperation::GetFirst;
        loop {
            match bench.mib(operation, &input) {
                Ok(row) => {
                    assert_eq!(row[..4], table);
                    input = row[..4 + index].to_vec();
                    assert_eq!(bench.mib(MibOperation::Get, &input).unwrap(), row);
                    found.push(input.clone());
                }
                Err(refusal) => {
                    assert_eq!(refusal.status, Status::ERROR_NO_MORE_ITEMS);
                    break;
                }
            }
            operation = MibOperation::GetNext;
        }
        assert_eq!(found.len(), rows, "table {number}");
        for operation in [MibOperation::Set, MibOperation::Create, MibOperation::Delete] {
            assert!(bench.mib(operation, &input).is_err());
        }
        if index > 0 {
            input.pop();
            let short = bench.mib(MibOperation::Get, &input).unwrap_err();
            assert_eq!(short.status, Status::ERROR_INVALID_PARAMETER);
        }
    }
    let table = (0x5750_0000_u32 + 14).to_le_bytes();
    assert!(bench.mib(MibOperation::GetFirst, &table).is_err());
    assert!(bench.mib(MibOperation::GetFirst, &[]).is_err());
}

/// The numbers of a row behind its table and index.
fn columns(row: &[u8], index: usize) -> Vec<u32> {
    let (words, rest) = row[4 + index..].as_chunks::<4>();
    assert!(rest.is_empty());
    words.iter().map(|word| u32::from_le_bytes(*word)).collect()
}

fn address(address: [u8; 4]) -> u32 {
    u32::from_le_bytes(address)
}

#[test]
fn rows_say_what_there_is() {
    let mut bench = bench();
    let mut row = |number: u32, index: &[u8]| {
        let table = 0x5750_0000_u32 + number;
        let input = [&table.to_le_bytes(), index].concat();
        let row = bench.mib(MibOperation::Get, &input).unwrap();
        columns(&row, index.len())
    };
    let general = row(0, &[]);
    assert_eq!(general.len(), 28);
    assert_eq!(general[..6], [address([192, 0, 2, 9]), 1, 2, 2, 1, 2]);
    // importNssa; candidate, not translating, 40 seconds.
    let nssa = row(1, &[0, 0, 0, 3]);
    assert_eq!((nssa[0], &nssa[6..]), (3, &[2, 2, 3, 40, 0][..]));
    assert_eq!(row(2, &[0, 0, 0, 2, 0, 0, 0, 0]), [7, 1]);
    assert_eq!(row(2, &[0, 0, 0, 3, 0, 0, 0, 0]), [1, 3]);
    let range =
        |area: u8, kind: u8, network: u8| [0, 0, 0, area, kind, 0, 0, 0, network, 0, 0, 0, 255, 0, 0, 0];
    assert_eq!(row(5, &range(1, 3, 11)), [2, 0]);
    assert_eq!(row(5, &range(3, 7, 12)), [1, 9]);
    let here = [192, 0, 2, 1, 0, 0, 0, 0];
    let interface = row(6, &here);
    // A neighbour called itself Designated Router, which ended the waiting: area, type, enabled, priority, timers, state.
    assert_eq!(interface[..10], [0, 1, 1, 1, 1, 5, 10, 40, 120, 6]);
    assert_eq!(
        interface[10..12],
        [address([192, 0, 2, 8]), address([192, 0, 2, 1])]
    );
    assert_eq!(
        interface[16..],
        [0, 0, address([192, 0, 2, 71]), address([192, 0, 2, 9])]
    );
    assert_eq!(row(7, &[&here[..], &[0; 4]].concat()), [17]);
    assert_eq!(row(8, &[0, 0, 0, 1, 1, 1, 1, 1]), [1, 5, 10, 40, 1, 0, 1, 0, 0]);
    let neighbor = row(9, &[192, 0, 2, 7, 0, 0, 0, 0]);
    assert_eq!(neighbor[..3], [address([192, 0, 2, 70]), 2, 3]);
    assert!(neighbor[3] >= 4, "{neighbor:?}");
    assert_eq!(neighbor[6..], [1, 2, 1, 0, 1]);
    let external = row(11, &[5, 0, 0, 0, 10, 1, 0, 0, 192, 0, 2, 9]);
    assert_eq!((external[0], external[1], external[3]), (0x8000_0001, 0, 36));
    assert_eq!(external.len(), 4 + 9, "the LSA itself follows");
}

/// MIB_DA_MSG.
fn message(code: u32, id: &[u32]) -> Vec<u8> {
    let mut words = vec![code, 0, id.len() as u32];
    words.extend(id);
    words.resize(200, 0);
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

/// The result, the identifier and the value of an answer.
fn read(answer: &[u8]) -> (u32, Vec<u32>, u32) {
    assert_eq!(answer.len(), 800);
    let word = |at: usize| u32::from_le_bytes(answer[4 * at..4 * at + 4].try_into().unwrap());
    let id = (3..3 + word(2) as usize).map(word).collect();
    (word(1), id, word(136))
}

const ID: [u32; 8] = [4, 1, 18, 3, 5, 3, 2, 3];

#[test]
fn published_objects_are_walked_in_order() {
    let mut bench = bench();
    let mut id = ID.to_vec();
    let mut tables = Vec::new();
    loop {
        let answer = match bench.mib(MibOperation::GetNext, &message(0xA1, &id)) {
            Ok(answer) => answer,
            Err(refusal) => {
                assert_eq!(refusal.status, Status::ERROR_NO_MORE_ITEMS);
                break;
            }
        };
        let (result, next, value) = read(&answer);
        assert!(
            result == 0 && next > id && next.starts_with(&ID),
            "{next:?} after {id:?}"
        );
        let exactly = bench.mib(MibOperation::Get, &message(0xA0, &next)).unwrap();
        assert_eq!(read(&exactly), (0, next.clone(), value));
        tables.push(if next.len() == 11 { 1 } else { next[8] });
        id = next;
    }
    let values = |table: u32| tables.iter().filter(|of| **of == table).count();
    // Columns by rows; the LSAs are one of its own and two externals.
    assert_eq!(
        (1..=9).map(values).collect::<Vec<_>>(),
        [9, 7 * 4, 8 * 3, 3 * 2, 27, 19, 9 * 2, 0, 9 * 2]
    );
}

#[test]
fn published_objects() {
    let mut bench = bench();
    let mut value = |rest: &[u32]| {
        let id = [&ID[..], rest].concat();
        let answer = bench.mib(MibOperation::Get, &message(0xA0, &id))?;
        let (result, same, value) = read(&answer);
        assert_eq!((result, same), (0, id));
        Ok::<u32, Refusal>(value)
    };
    assert_eq!(value(&[1, 4, 0]).unwrap(), address([192, 0, 2, 9]));
    assert_eq!(value(&[2, 1, 5, 0]).unwrap(), 2);
    assert_eq!(value(&[2, 1, 6, 2]).unwrap(), 2);
    assert_eq!(
        value(&[4, 1, 6, 1, 0x0A00_0000]).unwrap(),
        address([255, 0, 0, 0])
    );
    let here = 0xC000_0201;
    assert_eq!(value(&[5, 1, 3, here, 0]).unwrap(), 6);
    assert_eq!(value(&[5, 1, 16, here, 0]).unwrap(), 17);
    assert_eq!(value(&[5, 1, 17, here, 0]).unwrap(), 0, "keys are not told");
    // Hellos received.
    assert_eq!(value(&[5, 1, 23, here, 0]).unwrap(), 2);
    assert_eq!(value(&[5, 1, 28, here, 0]).unwrap(), 0);
    assert_eq!(value(&[5, 1, 29, here, 0]).unwrap(), 1500);
    assert_eq!(value(&[6, 1, 3, 1, 0x0101_0101]).unwrap(), 1);
    assert_eq!(
        value(&[6, 1, 10, 1, 0x0101_0101]).unwrap(),
        0,
        "keys are not told"
    );
    assert_eq!(
        value(&[7, 1, 7, 0xC000_0207, 0]).unwrap(),
        address([192, 0, 2, 70])
    );
    for wrong in [
        &[][..],
        &[1],
        &[1, 4],
        &[1, 10, 0],
        &[1, 1, 4, 0],
        &[5, 2, 3, here, 0],
        &[5, 1, 30, here, 0],
        &[5, 1, 3, here],
        &[5, 1, 3, here, 1],
        &[10, 1, 1, 0],
    ] {
        assert_eq!(
            value(wrong).unwrap_err().status,
            Status::ERROR_INVALID_PARAMETER,
            "{wrong:?}"
        );
    }
    // What is set is refused, and says so.
    let id = [&ID[..], &[5, 1, 16, here, 0]].concat();
    for (operation, code) in [
        (MibOperation::Set, 0xA3),
        (MibOperation::Get, 0xA3),
        (MibOperation::Set, 0xA0),
    ] {
        let answer = bench.mib(operation, &message(code, &id)).unwrap();
        assert_eq!(read(&answer), (1, id.clone(), 0));
    }
    let short = message(0xA0, &id);
    assert!(bench.mib(MibOperation::Get, &short[..799]).is_err());
    assert!(bench.mib(MibOperation::Get, &message(0xA0, &[0; 44])).is_err());
    // The first object of all, wherever one asks from.
    let first = bench.mib(MibOperation::GetFirst, &message(0xA1, &[])).unwrap();
    assert_eq!(read(&first).1, [&ID[..], &[1, 1, 0]].concat());
}
