//! MRT records: what is written is read, known octets mean what they should, and no octets do harm.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use waypost_dump::mrt::{
    Announcement, Entry, HEADER, MAX_RECORD, MrtError, Parser, Peer, Record, peer_table, rib,
};
use waypost_types::{Prefix, Prefix4, Prefix6};

fn peers(count: u16) -> Vec<Peer> {
    (0..count)
        .map(|number| Peer {
            id: u32::from(number),
            address: if number % 2 == 0 {
                IpAddr::from([192, 0, 2, number as u8])
            } else {
                IpAddr::from([0x2001, 0xDB8, 0, 0, 0, 0, 0, number])
            },
            system: 64_512 + u32::from(number),
        })
        .collect()
}

fn read(file: &[u8]) -> Result<Vec<Record>, MrtError> {
    let (mut parser, mut rest, mut records) = (Parser::new(), file, Vec::new());
    while let Some((length, record)) = parser.record(rest)? {
        records.push(record);
        rest = &rest[length..];
    }
    assert!(rest.is_empty(), "{} octets are left", rest.len());
    Ok(records)
}

/// A record as collectors write it, by hand: two-octet systems, AS_PATH, an IPv6 next hop with its link-local one.
#[test]
fn as_collectors_write_it() {
    let mut file = Vec::new();
    let mut record = |subtype: u16, message: &[u8]| {
        file.extend([0x65, 0, 0, 0, 0, 13]);
        file.extend(subtype.to_be_bytes());
        file.extend((message.len() as u32).to_be_bytes());
        file.extend(message);
    };
    // Collector 198.51.100.1, view "x", one peer of two-octet system 65001 and one of four-octet system 4200000000.
    record(
        1,
        &[
            198, 51, 100, 1, 0, 1, b'x', 0, 2, 0, 1, 2, 3, 4, 192, 0, 2, 1, 0xFD, 0xE9, 3, 5, 6, 7, 8, 0x20,
            1, 0xD, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0xFA, 0x56, 0xEA, 0,
        ],
    );
    // 10.128.0.0/9 from the first: ORIGIN, AS_PATH {65001 65002}, NEXT_HOP, MED 7.
    let attributes = [
        0x40, 1, 1, 0, 0x50, 2, 0, 10, 2, 2, 0, 0, 0xFD, 0xE9, 0, 0, 0xFD, 0xEA, 0x40, 3, 4, 192, 0, 2, 99,
        0x80, 4, 4, 0, 0, 0, 7,
    ];
    let mut message = vec![
        0,
        0,
        0,
        0,
        9,
        10,
        128,
        0,
        1,
        0,
        0,
        0x64,
        0,
        0,
        0,
        0,
        attributes.len() as u8,
    ];
    message.extend(attributes);
    record(2, &message);
    // 2001:db8::/32 from the second, with the whole of MP_REACH_NLRI.
    let mut reach = vec![0x80, 14, 37, 0, 2, 1, 32, 0x20, 1, 0xD, 0xB8];
    reach.extend([0; 11]);
    reach.push(1);
    reach.extend([0xFE, 0x80]);
    reach.extend([0; 13]);
    reach.push(1);
    reach.push(0);
    let mut message = vec![
        0,
        0,
        0,
        1,
        32,
        0x20,
        1,
        0xD,
        0xB8,
        0,
        1,
        0,
        1,
        0,
        0,
        0,
        5,
        0,
        reach.len() as u8,
    ];
    message.extend(reach);
    record(4, &message);
    record(3, &[1, 2, 3]);

    let records = read(&file).unwrap();
    let Record::Peers(peers) = &records[0] else {
        panic!("{records:?}")
    };
    assert_eq!((peers[0].system, peers[1].system), (65_001, 4_200_000_000));
    assert_eq!(peers[1].address.to_string(), "2001:db8::9");
    assert_eq!(
        records[1],
        Record::Rib {
            prefix: "10.128.0.0/9".parse().unwrap(),
            announcements: vec![Announcement {
                peer: 0,
                received: 0x6400_0000,
                path_id: 0,
                next_hop: Some("192.0.2.99".parse().unwrap()),
                metric: Some(7),
                origin: Some(65_002),
            }],
        }
    );
    let Record::Rib {
        prefix,
        announcements,
    } = &records[2]
    else {
        panic!("{records:?}")
    };
    assert_eq!(prefix.to_string(), "2001:db8::/32");
    assert_eq!(announcements[0].next_hop, Some("2001:db8::1".parse().unwrap()));
    assert_eq!(records[3], Record::Other(13, 3));
}

#[test]
fn what_is_wrong_is_named() {
    let table = peer_table(0, Ipv4Addr::LOCALHOST, &peers(1));
    let mut long = table.clone();
    long[8..12].copy_from_slice(&u32::MAX.to_be_bytes());
    assert_eq!(read(&long), Err(MrtError::TooLong(u32::MAX as usize)));
    // Not MRT at all.
    assert!(
        matches!(read(b"# a text file, not a dump of any table"), Err(MrtError::TooLong(length)) if length > MAX_RECORD)
    );
    let entry = Entry {
        peer: 1,
        received: 0,
        path_id: 0,
        next_hop: None,
        metric: None,
    };
    let stranger = rib(0, 0, "10.0.0.0/8".parse().unwrap(), &[entry]);
    let file = [table.clone(), stranger].concat();
    assert_eq!(read(&file), Err(MrtError::NoSuchPeer { peer: 1, peers: 1 }));
    let mut wide = [table, rib(0, 0, "10.0.0.0/8".parse().unwrap(), &[])].concat();
    let at = wide.len() - 4;
    wide[at] = 33;
    assert_eq!(read(&wide), Err(MrtError::PrefixLength(33, 32)));
}

fn prefix() -> impl Strategy<Value = Prefix> {
    prop_oneof![
        (any::<u32>(), 0..=32_u8)
            .prop_map(|(bits, length)| { Prefix::V4(Prefix4::containing(bits.into(), length).unwrap()) }),
        (any::<u128>(), 0..=128_u8)
            .prop_map(|(bits, length)| { Prefix::V6(Prefix6::containing(bits.into(), length).unwrap()) }),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let address = prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from),
    ];
    (
        0..5_u16,
        any::<u32>(),
        prop_oneof![Just(0), any::<u32>()],
        prop::option::of(address),
        prop::option::of(any::<u32>()),
    )
        .prop_map(|(peer, received, path_id, next_hop, metric)| Entry {
            peer,
            received,
            path_id,
            next_hop,
            metric,
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read(ribs in prop::collection::vec((prefix(), prop::collection::vec(entry(), 0..4)), 0..8)) {
        let mut file = peer_table(9, Ipv4Addr::LOCALHOST, &peers(5));
        let mut expected = vec![Record::Peers(peers(5))];
        for (number, (prefix, entries)) in ribs.iter().enumerate() {
            file.extend(rib(9, number as u32, *prefix, entries));
            let announcement = |entry: &Entry| Announcement {
                peer: entry.peer,
                received: entry.received,
                path_id: entry.path_id,
                next_hop: entry.next_hop,
                metric: entry.metric,
                origin: None,
            };
            expected.push(Record::Rib { prefix: *prefix, announcements: entries.iter().map(announcement).collect() });
        }
        prop_assert_eq!(read(&file).unwrap(), expected);
        // A file that has not arrived as a whole is waited for.
        let cut = &file[..file.len() - 1];
        let (mut parser, mut rest) = (Parser::new(), cut);
        while let Some((length, _)) = parser.record(rest).unwrap() {
            rest = &rest[length..];
        }
        prop_assert!(!rest.is_empty());
    }

    #[test]
    fn no_octets_do_harm(octets in prop::collection::vec(any::<u8>(), 0..200), subtype in 0..12_u8) {
        let mut parser = Parser::new();
        let _ = parser.record(&peer_table(0, Ipv4Addr::LOCALHOST, &peers(5)));
        let mut file = vec![0, 0, 0, 0, 0, 13, 0, subtype];
        file.extend((octets.len() as u32).to_be_bytes());
        file.extend(&octets);
        if let Ok(Some((length, _))) = parser.record(&file) {
            prop_assert_eq!(length, HEADER + octets.len());
        }
        let _ = Parser::new().record(&octets);
    }
}
