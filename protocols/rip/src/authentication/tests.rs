use proptest::prelude::*;
use serde_json::json;
use waypost_engine::Now;
use waypost_wire::DigestAlgorithm;

use super::*;
use crate::config::{GlobalConfig, InterfaceConfig};

fn effective(options: serde_json::Value) -> Effective {
    let config: InterfaceConfig = serde_json::from_value(options).unwrap();
    Effective::resolve(
        &config,
        &GlobalConfig::default(),
        &waypost_policy::Policies::default(),
    )
}

fn key(options: serde_json::Value) -> Key {
    serde_json::from_value(options).unwrap()
}

fn sealed(effective: &Effective, now: WallTime) -> Vec<u8> {
    let seal = Seal::of(effective, now).unwrap();
    let mut writer = Writer::new();
    writer.slice(&[2, 2, 0, 0]);
    seal.begin(&mut writer);
    writer.zeros(ENTRY_LENGTH);
    seal.finish(&mut writer, 7);
    writer.finish()
}

#[test]
fn the_frame_of_rfc_4822() {
    let effective = effective(json!({
        "authentication": "cryptographic",
        "keys": [{ "id": 9, "secret": "k", "algorithm": "hmac-sha256" }],
    }));
    let octets = sealed(&effective, WallTime(5));
    let mut expected = vec![2, 2, 0, 0, 0xFF, 0xFF, 0, 3, 0, 44, 9, 32, 0, 0, 0, 7];
    expected.extend([0; 8 + 20]);
    assert_eq!(octets[..44], expected);
    assert_eq!(octets[44..48], [0xFF, 0xFF, 0, 1]);
    assert_eq!(octets.len(), 48 + 32);
    // RFC 4822 §2.5 by hand: the digest covers the message, the trailer's header and Apad in the digest's place.
    let apad = [0x87, 0x8F, 0xE1, 0xF3].repeat(8);
    let digest = DigestAlgorithm::HmacSha256.compute(b"k", &[&expected, &[0xFF, 0xFF, 0, 1], &apad]);
    assert_eq!(octets[48..], *digest.as_slice());
    assert_eq!(
        verify(&octets, &effective, WallTime(5)).unwrap().sequence,
        Some((9, 7))
    );
}

#[test]
fn the_frame_of_a_plain_password() {
    let effective = effective(json!({ "authentication": "plain", "password": "secret" }));
    let octets = sealed(&effective, WallTime(5));
    assert_eq!(octets[4..24], *b"\xFF\xFF\x00\x02secret\0\0\0\0\0\0\0\0\0\0");
    assert!(verify(&octets, &effective, WallTime(5)).unwrap().has_entry);
}

#[test]
fn the_older_length_of_keyed_md5_is_accepted() {
    let effective = effective(json!({
        "authentication": "cryptographic",
        "keys": [{ "id": 1, "secret": "k", "algorithm": "md5" }],
    }));
    let mut octets = sealed(&effective, WallTime(5));
    assert_eq!(octets[11], 16);
    octets[11] = 20;
    // The length is under the digest, so it is computed anew.
    let end = octets.len() - 20;
    let digest = DigestAlgorithm::KeyedMd5.compute(b"k", &[&octets[..end], &TRAILER_HEADER]);
    octets[end + 4..].copy_from_slice(digest.as_slice());
    assert!(verify(&octets, &effective, WallTime(5)).is_ok());
    octets[11] = 21;
    let digest = DigestAlgorithm::KeyedMd5.compute(b"k", &[&octets[..end], &TRAILER_HEADER]);
    octets[end + 4..].copy_from_slice(digest.as_slice());
    assert_eq!(
        verify(&octets, &effective, WallTime(5)),
        Err(AuthenticationError::Trailer)
    );
}

#[test]
fn long_secrets_are_understood_whichever_rule_the_sender_has() {
    for algorithm in [
        DigestAlgorithm::HmacSha1,
        DigestAlgorithm::HmacSha256,
        DigestAlgorithm::HmacSha384,
        DigestAlgorithm::HmacSha512,
    ] {
        let secret = "k".repeat(algorithm.length() + 1);
        let effective = effective(json!({
            "authentication": "cryptographic",
            "keys": [{ "id": 1, "secret": secret, "algorithm": algorithm }],
        }));
        let mut octets = sealed(&effective, WallTime(5));
        assert!(verify(&octets, &effective, WallTime(5)).is_ok());
        let end = octets.len() - algorithm.length();
        let other = digest_of(&effective.keys[0], LongSecrets::Block, &octets[..end - 4]);
        assert_ne!(octets[end..], *other.as_slice());
        octets[end..].copy_from_slice(other.as_slice());
        assert!(verify(&octets, &effective, WallTime(5)).is_ok(), "{algorithm}");
        // The option chooses what is sent.
        let mut block = effective.clone();
        block.keys[0].long_secrets = Some(LongSecrets::Block);
        assert_eq!(sealed(&block, WallTime(5)), octets, "{algorithm}");
    }
}

#[test]
fn the_newest_valid_key_sends() {
    let keys = [
        key(json!({ "id": 1, "secret": "a", "algorithm": "md5" })),
        key(json!({ "id": 2, "secret": "b", "algorithm": "md5", "send-from": 100, "send-until": 200 })),
        key(json!({ "id": 3, "secret": "c", "algorithm": "md5", "send-from": 150, "send-until": 180 })),
    ];
    for (now, id) in [(0, 1), (99, 1), (100, 2), (150, 3), (180, 2), (200, 1)] {
        let (key, expired) = sending_key(&keys, WallTime(now)).unwrap();
        assert_eq!((key.id, expired), (id, false), "at {now}");
    }
    let (last, expired) = sending_key(&keys[1..], WallTime(500)).unwrap();
    assert_eq!((last.id, expired), (2, true));
    assert!(sending_key(&keys[1..], WallTime(5)).is_none());
}

fn at(seconds: u64, wall: u64) -> Now {
    Now {
        time: Time::from_secs(seconds),
        wall: WallTime(wall),
    }
}

#[test]
fn sequence_numbers_never_decrease_and_follow_the_date() {
    let mut sequence = Sequence::default();
    assert_eq!(sequence.next(at(1, 1000)), 1000);
    assert_eq!(sequence.next(at(2, 900)), 1001);
    assert_eq!(sequence.next(at(3, 5000)), 5000);
    let reserved = sequence.reserve(at(3, 5000)).unwrap();
    assert_eq!(reserved, (5001 + SEQUENCE_BLOCK).to_le_bytes());
    let mut again = Sequence::resume(Some(&reserved));
    assert!(again.next(at(4, 0)) > 5001 + SEQUENCE_BLOCK);
    // At the end of all numbers they stay where they are: equal is not less.
    let mut last = Sequence::resume(Some(&u32::MAX.to_le_bytes()));
    assert_eq!((last.reserve(at(5, 0)), last.wait(at(5, 0))), (None, None));
    assert_eq!(last.next(at(5, 0)), u32::MAX);
    assert_eq!(Sequence::resume(Some(&[1])).next(at(6, 3)), 3);
}

#[test]
fn sequence_numbers_are_stored_long_before_they_are_used() {
    let mut sequence = Sequence::default();
    let first = sequence.reserve(at(10, 1000)).unwrap();
    assert_eq!(sequence.reserve(at(10, 1000)), None, "it was asked for");
    assert_eq!(sequence.wait(at(10, 1000)), Some(Time::from_secs(12)));
    sequence.answer(&first, true);
    assert_eq!(sequence.wait(at(10, 1000)), None);
    // Half is used when the next are set aside; what is used meanwhile is stored.
    let half = u64::from(SEQUENCE_BLOCK / 2) + 1000;
    assert_eq!(sequence.reserve(at(20, half)), None);
    let second = sequence.reserve(at(30, half + 1)).unwrap();
    assert_eq!(sequence.wait(at(30, half + 1)), None);
    assert!(sequence.next(at(30, half + 1)) < 1000 + SEQUENCE_BLOCK);
    sequence.answer(&second, true);
    // The clock leaps over everything that is stored.
    let far = at(100, half + 10_000_000);
    let third = sequence.reserve(far).unwrap();
    assert_eq!(sequence.wait(far), Some(Time::from_secs(102)));
    // What an older request brings does not help, what cannot be stored is not waited for.
    sequence.answer(&second, true);
    assert!(sequence.wait(far).is_some());
    sequence.answer(&third, false);
    assert_eq!(sequence.wait(far), None);
    // It is tried again later.
    assert_eq!(sequence.reserve(at(130, far.wall.0 + 30)), None);
    assert!(sequence.reserve(at(160, far.wall.0 + 60)).is_some());
}

#[test]
fn capacity_is_what_fits_into_512_octets() {
    for (options, entries) in [
        (json!({}), 25),
        (json!({ "authentication": "plain", "password": "a" }), 24),
        (
            json!({ "authentication": "cryptographic", "keys": [{ "id": 1, "secret": "k", "algorithm": "md5" }] }),
            23,
        ),
        (
            json!({ "authentication": "cryptographic", "keys": [{ "id": 1, "secret": "k", "algorithm": "hmac-sha512" }] }),
            21,
        ),
    ] {
        let effective = effective(options);
        assert_eq!(Seal::of(&effective, WallTime(0)).unwrap().capacity(512), entries);
    }
}

proptest! {
    #[test]
    fn verify_never_panics(octets in prop::collection::vec(any::<u8>(), 0..200), kind in 0u8..4, length: u8, digest: u8) {
        let mut octets = octets;
        if octets.len() > 12 {
            octets[4..8].copy_from_slice(&[0xFF, 0xFF, 0, kind]);
            octets[8..12].copy_from_slice(&[0, length, 1, digest]);
        }
        for options in [
            json!({}),
            json!({ "authentication": "plain", "password": "a" }),
            json!({ "authentication": "cryptographic", "keys": [{ "id": 1, "secret": "k", "algorithm": "md5" }] }),
        ] {
            let _ = verify(&octets, &effective(options), WallTime(0));
        }
    }
}
