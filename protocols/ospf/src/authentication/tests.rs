use std::net::Ipv4Addr;

use proptest::prelude::*;
use waypost_engine::Now;
use waypost_types::{Time, WallTime};
use waypost_wire::{DigestAlgorithm, LongSecrets, Secret};

use super::*;
use crate::area::AreaId;
use crate::packet::{HEADER_LENGTH, PacketType, begin};

const SOURCE: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);
const NOW: WallTime = WallTime(1000);
const HMACS: [DigestAlgorithm; 4] = [
    DigestAlgorithm::HmacSha1,
    DigestAlgorithm::HmacSha256,
    DigestAlgorithm::HmacSha384,
    DigestAlgorithm::HmacSha512,
];

fn key(id: u32, secret: &str, algorithm: DigestAlgorithm) -> Key {
    Key {
        id,
        secret: Secret::new(secret),
        algorithm,
        long_secrets: None,
        accept_from: None,
        accept_until: None,
        send_from: None,
        send_until: None,
    }
}

fn policy(method: Method, keys: &[Key]) -> Policy {
    Policy {
        method,
        password: *b"waypost1",
        keys: keys.to_vec(),
    }
}

/// A sealed Hello.
fn sealed(policy: &Policy, sequence: u64) -> Vec<u8> {
    let mut writer = begin(PacketType::Hello, Ipv4Addr::new(10, 0, 0, 1), AreaId(1), 0, 100);
    writer.slice(&[7; 20]);
    Seal::of(policy, NOW)
        .unwrap()
        .finish(&mut writer, sequence, SOURCE);
    writer.finish()
}

fn check(octets: &[u8], policy: &Policy) -> Result<Option<u64>, AuthenticationError> {
    let packet = Packet::decode(octets).unwrap();
    verify(&packet, policy, SOURCE, NOW).map(|authentic| authentic.sequence)
}

#[test]
fn the_fields_of_the_header() {
    let simple = sealed(&policy(Method::Simple, &[]), 0);
    assert_eq!(simple[14..24], *b"\0\x01waypost1");
    let md5 = policy(
        Method::Cryptographic,
        &[key(7, "secret", DigestAlgorithm::KeyedMd5)],
    );
    let octets = sealed(&md5, 0x0102_0304);
    assert_eq!(octets[12..24], [0, 0, 0, 2, 0, 0, 7, 16, 1, 2, 3, 4]);
    assert_eq!(
        octets.len(),
        44 + 16,
        "the length field does not count the digest"
    );
    assert_eq!(octets[2..4], [0, 44]);
    let extended = policy(
        Method::Extended,
        &[key(0x0102_0304, "secret", DigestAlgorithm::HmacSha256)],
    );
    let octets = sealed(&extended, 0x0A0B_0C0D_0E0F_1011);
    assert_eq!(octets[12..24], [0, 0, 0, 3, 0, 0, 0, 40, 1, 2, 3, 4]);
    assert_eq!(octets[44..52], [10, 11, 12, 13, 14, 15, 16, 17]);
    assert_eq!(octets.len(), 44 + 8 + 32);
}

#[test]
fn keyed_md5_is_over_the_packet_and_the_padded_key() {
    let policy = policy(
        Method::Cryptographic,
        &[key(1, "secret", DigestAlgorithm::KeyedMd5)],
    );
    let octets = sealed(&policy, 9);
    let (packet, digest) = octets.split_at(44);
    let expected = DigestAlgorithm::KeyedMd5.compute(b"secret", &[packet]);
    assert_eq!(digest, expected.as_slice());
}

#[test]
fn hmacs_are_over_the_packet_and_apad() {
    for algorithm in HMACS {
        let policy = policy(Method::Cryptographic, &[key(1, "secret", algorithm)]);
        let octets = sealed(&policy, 9);
        let (packet, digest) = octets.split_at(44);
        let pad: Vec<u8> = [0x87, 0x8F, 0xE1, 0xF3]
            .into_iter()
            .cycle()
            .take(algorithm.length())
            .collect();
        let expected = algorithm.compute(b"secret", &[packet, &pad]);
        assert_eq!(digest, expected.as_slice(), "{algorithm}");
    }
}

#[test]
fn extended_digests_cover_protocol_source_and_sequence() {
    for algorithm in HMACS {
        let policy = policy(Method::Extended, &[key(1, "secret", algorithm)]);
        let octets = sealed(&policy, 9);
        let mut pad: Vec<u8> = SOURCE.octets().to_vec();
        pad.extend(
            [0x87, 0x8F, 0xE1, 0xF3]
                .into_iter()
                .cycle()
                .take(algorithm.length() - 4),
        );
        let expected = algorithm.compute(b"secret\0\x03", &[&octets[..52], &pad]);
        assert_eq!(octets[52..], *expected.as_slice(), "{algorithm}");
        assert_eq!(check(&octets, &policy), Ok(Some(9)));
        let packet = Packet::decode(&octets).unwrap();
        let other = verify(&packet, &policy, Ipv4Addr::new(192, 0, 2, 2), NOW);
        assert_eq!(other, Err(AuthenticationError::Digest(1)), "another source");
        let mut later = octets.clone();
        later[51] += 1;
        assert_eq!(check(&later, &policy), Err(AuthenticationError::Digest(1)));
    }
}

#[test]
fn another_kind_of_authentication_is_not_believed() {
    let key = key(1, "secret", DigestAlgorithm::HmacSha256);
    let methods = [
        Method::None,
        Method::Simple,
        Method::Cryptographic,
        Method::Extended,
    ];
    for ours in methods {
        for theirs in methods {
            let octets = sealed(&policy(theirs, std::slice::from_ref(&key)), 5);
            let result = check(&octets, &policy(ours, std::slice::from_ref(&key)));
            if ours == theirs {
                let digest = matches!(ours, Method::Cryptographic | Method::Extended);
                assert_eq!(result, Ok(digest.then_some(5)), "{ours:?}");
            } else {
                let (got, want) = (theirs.number(), ours.number());
                assert_eq!(result, Err(AuthenticationError::Type { got, want }));
            }
        }
    }
}

#[test]
fn passwords_and_checksums() {
    let simple = policy(Method::Simple, &[]);
    let mut octets = sealed(&simple, 0);
    octets[16] ^= 1;
    // The checksum does not cover the password.
    assert_eq!(check(&octets, &simple), Err(AuthenticationError::Password));
    for method in [Method::None, Method::Simple] {
        let policy = policy(method, &[]);
        let mut octets = sealed(&policy, 0);
        octets[HEADER_LENGTH] ^= 1;
        assert_eq!(check(&octets, &policy), Err(AuthenticationError::Checksum));
    }
}

#[test]
fn what_is_wrong_with_a_key_is_said() {
    let md5 = key(1, "secret", DigestAlgorithm::KeyedMd5);
    let octets = sealed(&policy(Method::Cryptographic, std::slice::from_ref(&md5)), 5);
    let with = |keys: &[Key]| check(&octets, &policy(Method::Cryptographic, keys));
    assert_eq!(with(&[]), Err(AuthenticationError::Key(1)));
    assert_eq!(
        with(&[Key { id: 2, ..md5.clone() }]),
        Err(AuthenticationError::Key(1))
    );
    let future = Key {
        accept_from: Some(WallTime(2000)),
        ..md5.clone()
    };
    assert_eq!(
        with(std::slice::from_ref(&future)),
        Err(AuthenticationError::Key(1))
    );
    let sha = key(1, "secret", DigestAlgorithm::HmacSha1);
    assert_eq!(
        with(std::slice::from_ref(&sha)),
        Err(AuthenticationError::Length(1))
    );
    let other = key(1, "other", DigestAlgorithm::KeyedMd5);
    assert_eq!(
        with(std::slice::from_ref(&other)),
        Err(AuthenticationError::Digest(1))
    );
    // Two keys of one number while one replaces the other.
    assert_eq!(with(&[sha, other, md5.clone()]), Ok(Some(5)));
    let packet = Packet::decode(&octets[..59]).unwrap();
    let policy = policy(Method::Cryptographic, &[md5]);
    assert_eq!(
        verify(&packet, &policy, SOURCE, NOW),
        Err(AuthenticationError::Length(1)),
        "the digest is cut"
    );
}

#[test]
fn a_new_key_takes_over_when_its_time_comes_and_the_old_one_is_still_taken() {
    let old = Key {
        send_until: Some(WallTime(1500)),
        accept_until: Some(WallTime(2000)),
        ..key(1, "old", DigestAlgorithm::HmacSha256)
    };
    let new = Key {
        send_from: Some(WallTime(1500)),
        accept_from: Some(WallTime(1000)),
        ..key(2, "new", DigestAlgorithm::HmacSha512)
    };
    let keys = [old, new];
    let sends = |now| sending_key(&keys, WallTime(now)).map(|(key, expired)| (key.id, expired));
    assert_eq!(sends(1499), Some((1, false)));
    assert_eq!(sends(1500), Some((2, false)));
    let takes = |index: usize, now| keys::is_acceptable(&keys[index], &keys, WallTime(now));
    for now in [1000, 1499, 1500, 1999] {
        assert!(takes(0, now) && takes(1, now), "at {now} both are taken");
    }
    assert!(!takes(0, 2000));
    assert!(!takes(1, 999));
    // Without the new key the old one goes on rather than losing the neighbour.
    assert_eq!(
        sending_key(&keys[..1], WallTime(9000)).map(|(key, expired)| (key.id, expired)),
        Some((1, true))
    );
    assert!(keys::is_acceptable(&keys[0], &keys[..1], WallTime(9000)));
    // A key whose time has not begun is not used early.
    assert_eq!(sending_key(&keys[1..], WallTime(1499)), None);
}

#[test]
fn secrets_longer_than_the_digest_are_taken_in_both_readings() {
    let secret = "k".repeat(40);
    for rule in [LongSecrets::Rfc4822, LongSecrets::Block] {
        let sending = Key {
            long_secrets: Some(rule),
            ..key(1, &secret, DigestAlgorithm::HmacSha256)
        };
        let octets = sealed(&policy(Method::Cryptographic, &[sending]), 1);
        let ours = policy(
            Method::Cryptographic,
            &[key(1, &secret, DigestAlgorithm::HmacSha256)],
        );
        assert_eq!(check(&octets, &ours), Ok(Some(1)), "{rule:?}");
    }
}

#[test]
fn what_follows_the_digest_is_handed_on() {
    let policy = policy(
        Method::Cryptographic,
        &[key(1, "secret", DigestAlgorithm::HmacSha1)],
    );
    let mut octets = sealed(&policy, 1);
    octets.extend([1, 2, 3]);
    let packet = Packet::decode(&octets).unwrap();
    let authentic = verify(&packet, &policy, SOURCE, NOW).unwrap();
    assert_eq!(authentic.rest, [1, 2, 3]);
}

#[test]
fn old_numbers_are_not_taken_again() {
    use PacketType::{Hello, LinkStateUpdate};
    let mut replay = Replay::default();
    assert!(replay.permits(Method::Cryptographic, Hello, 0));
    replay.note(Hello, 5);
    // RFC 2328 D.5: not less than the last one, whatever the packet.
    for (kind, sequence, taken) in [
        (Hello, 4, false),
        (Hello, 5, true),
        (LinkStateUpdate, 4, false),
        (LinkStateUpdate, 5, true),
        (LinkStateUpdate, 6, true),
    ] {
        assert_eq!(replay.permits(Method::Cryptographic, kind, sequence), taken);
    }
    // RFC 7474 §3: greater than the last one of the same packet type.
    for (kind, sequence, taken) in [(Hello, 5, false), (Hello, 6, true), (LinkStateUpdate, 0, true)] {
        assert_eq!(replay.permits(Method::Extended, kind, sequence), taken);
    }
    replay.note(Hello, u64::MAX);
    assert!(!replay.permits(Method::Extended, Hello, u64::MAX - 1));
}

fn at(seconds: u64, date: u64) -> Now {
    Now {
        time: Time::from_secs(seconds),
        wall: WallTime(date),
    }
}

#[test]
fn sequence_numbers_grow_over_restarts() {
    let mut first = SequenceNumbers::resume(None);
    let record = first.reserve(at(0, 5000)).unwrap();
    assert!(
        first.wait(at(0, 5000)).is_some(),
        "numbers are stored before they are used"
    );
    first.answer(&record, true);
    assert_eq!(first.wait(at(0, 5000)), None);
    assert_eq!(first.reserve(at(0, 5000)), None);
    let numbers: Vec<u32> = (0..3).map(|_| first.next(at(1, 5000))).collect();
    assert_eq!(numbers, [5000, 5001, 5002]);
    let extended = [first.next_extended(), first.next_extended()];
    assert_eq!(extended, [1 << 32, (1 << 32) + 1]);

    // The clock went back: numbers go on above everything set aside.
    let mut second = SequenceNumbers::resume(Some(&record));
    assert!(second.reserve(at(0, 100)).is_some());
    assert!(second.next(at(0, 100)) > 5000 + 1024);
    assert_eq!(second.next_extended(), 2 << 32);
}

#[test]
fn a_disk_that_fails_does_not_silence_the_router() {
    let mut numbers = SequenceNumbers::resume(None);
    let record = numbers.reserve(at(0, 5000)).unwrap();
    assert_eq!(numbers.wait(at(1, 5001)), Some(Time::from_secs(2)));
    assert_eq!(numbers.wait(at(2, 5002)), None, "patience ends");
    numbers.answer(&record, false);
    assert_eq!(numbers.wait(at(1, 5001)), None, "there is no use in waiting");
    assert_eq!(numbers.reserve(at(59, 5059)), None);
    assert!(numbers.reserve(at(60, 5060)).is_some(), "tried again");
    // A record nobody can read is as good as none.
    assert_eq!(SequenceNumbers::resume(Some(&[1, 2, 3])).next(at(0, 7)), 7);
}

proptest! {
    #[test]
    fn what_was_sealed_is_believed_and_nothing_one_bit_away(
        body in prop::collection::vec(any::<u8>(), 0..300),
        algorithm in 0_usize..5,
        extended: bool,
        secret in "[a-z]{1,140}",
        sequence: u32,
        at in any::<prop::sample::Index>(),
        bit in 0_u8..8,
    ) {
        let algorithm = [HMACS.as_slice(), &[DigestAlgorithm::KeyedMd5]].concat()[algorithm];
        let method = if extended { Method::Extended } else { Method::Cryptographic };
        let policy = policy(method, &[key(200, &secret, algorithm)]);
        let mut writer = begin(PacketType::LinkStateUpdate, Ipv4Addr::new(10, 0, 0, 1), AreaId(0), 0, 0);
        writer.slice(&body);
        let seal = Seal::of(&policy, NOW).unwrap();
        seal.finish(&mut writer, sequence.into(), SOURCE);
        let mut octets = writer.finish();
        prop_assert_eq!(octets.len(), HEADER_LENGTH + body.len() + seal.trailer_length());
        prop_assert_eq!(check(&octets, &policy), Ok(Some(sequence.into())));
        let at = at.index(octets.len());
        octets[at] ^= 1 << bit;
        if let Ok(packet) = Packet::decode(&octets) {
            prop_assert!(verify(&packet, &policy, SOURCE, NOW).is_err());
        }
    }
}
