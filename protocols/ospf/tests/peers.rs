//! Packets that FRR and BIRD sent, read and written again.

#![allow(clippy::unwrap_used, reason = "an unwrap that fails fails the test")]

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use waypost_ospf::AreaId;
use waypost_ospf::authentication::{Key, Method, Policy, Replay, Seal, verify};
use waypost_ospf::lsa::{Body as LsaBody, LsaType, build};
use waypost_ospf::packet::{Body, HEADER_LENGTH, Packet, begin};
use waypost_types::WallTime;
use waypost_wire::{DigestAlgorithm, Secret};

const FRR_BIRD_MD5: &str = include_str!("packets/frr-8.4.4-bird-2.0.12-md5.txt");
const BIRD_SHA256: &str = include_str!("packets/bird-2.0.12-hmac-sha256.txt");

fn packets(text: &str) -> Vec<(Ipv4Addr, Vec<u8>)> {
    let octets = |hex: &str| {
        (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect()
    };
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let (source, hex) = line.split_once(' ').unwrap();
            (source.parse().unwrap(), octets(hex))
        })
        .collect()
}

fn policy(algorithm: DigestAlgorithm) -> Policy {
    Policy {
        method: Method::Cryptographic,
        password: [0; 8],
        keys: vec![Key {
            id: 7,
            secret: Secret::new("waypost-key"),
            algorithm,
            long_secrets: None,
            accept_from: None,
            accept_until: None,
            send_from: None,
            send_until: None,
        }],
    }
}

fn check(text: &str, algorithm: DigestAlgorithm) -> BTreeSet<LsaType> {
    let policy = policy(algorithm);
    let mut kinds = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut replay = std::collections::BTreeMap::<Ipv4Addr, Replay>::new();
    for (source, octets) in packets(text) {
        let packet = Packet::decode(&octets).unwrap();
        assert_eq!(packet.header.area, AreaId(5));
        let authentic = verify(&packet, &policy, source, WallTime(0)).unwrap();
        let sequence = authentic.sequence.unwrap();
        let replay = replay.entry(source).or_default();
        assert!(replay.permits(policy.method, packet.header.kind, sequence));
        replay.note(packet.header.kind, sequence);
        seen.insert(packet.header.kind);
        match packet.body().unwrap() {
            Body::Hello(hello) => assert_eq!(hello.fields.hello_interval, 1),
            Body::DatabaseDescription(description) => {
                assert_eq!(description.mtu, 1500);
                assert!(description.headers.iter().all(|header| header.is_ok()));
            }
            Body::LinkStateRequest(requests) => assert!(requests.iter().len() > 0),
            Body::LinkStateAcknowledgment(headers) => assert!(!headers.is_empty()),
            Body::LinkStateUpdate(update) => {
                assert!(!update.is_empty());
                for lsa in update.iter() {
                    assert!(lsa.checksum_is_right());
                    let header = lsa.header().unwrap();
                    LsaBody::decode(header.key, lsa.body_octets()).unwrap();
                    kinds.insert(header.key.kind);
                    // Built by us, the same LSA is the same octets, checksum included.
                    let ours = build(
                        header.key,
                        header.age,
                        header.options,
                        header.sequence,
                        |writer| {
                            writer.slice(lsa.body_octets());
                        },
                    );
                    assert_eq!(ours, lsa.octets());
                }
            }
        }
        // Sealed by us, the same packet is the same octets, digest included.
        let header = packet.header;
        let mut writer = begin(header.kind, header.router, header.area, header.instance, 0);
        writer.slice(&packet.octets()[HEADER_LENGTH..]);
        let seal = Seal::of(&policy, WallTime(0)).unwrap();
        seal.finish(&mut writer, sequence, source);
        let end = octets.len() - authentic.rest.len();
        assert_eq!(writer.as_slice(), &octets[..end]);
    }
    assert_eq!(seen.len(), 5, "every type of packet is there");
    kinds
}

#[test]
fn frr_and_bird_with_md5() {
    let kinds = check(FRR_BIRD_MD5, DigestAlgorithm::KeyedMd5);
    assert_eq!(
        kinds,
        [LsaType::Router, LsaType::Network, LsaType::AsExternal].into()
    );
}

#[test]
fn bird_with_hmac_sha_256() {
    let kinds = check(BIRD_SHA256, DigestAlgorithm::HmacSha256);
    assert!(
        kinds.contains(&LsaType::Router) && kinds.contains(&LsaType::AsExternal),
        "{kinds:?}"
    );
}
