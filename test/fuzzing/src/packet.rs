//! RIP messages.

use waypost_rip::authentication::{Seal, verify};
use waypost_rip::config::{Authentication, Effective, GlobalConfig, InterfaceConfig, Key, Options};
use waypost_rip::packet::{ENTRY_LENGTH, Entry, HEADER_LENGTH, Message, PacketError, encode_header};
use waypost_types::WallTime;
use waypost_wire::{DigestAlgorithm, Secret, Writer};

/// A decoder of messages.
pub type Decode = for<'a> fn(&'a [u8]) -> Result<Message<'a>, PacketError>;

pub(crate) fn run(octets: &[u8]) {
    laws(|octets| Message::decode(octets), octets);
}

/// What must hold for any octets that may be a message.
pub fn laws(decode: Decode, octets: &[u8]) {
    let body = octets.len().checked_sub(HEADER_LENGTH);
    let sound = body.is_some_and(|body| body.is_multiple_of(ENTRY_LENGTH))
        && matches!(octets, [1 | 2, version, ..] if *version != 0);
    let message = match decode(octets) {
        Ok(message) => message,
        Err(error) => {
            assert!(!sound, "a sound message is refused: {error}");
            return;
        }
    };
    assert!(sound, "an unsound message is taken");
    assert_eq!(message.command as u8, octets[0]);
    assert_eq!(message.version as u8, octets[1].min(2));
    assert_eq!(message.header_is_clean, octets[2..HEADER_LENGTH] == [0, 0]);
    assert_eq!(
        HEADER_LENGTH + message.entries().len() * ENTRY_LENGTH,
        octets.len()
    );

    let mut writer = Writer::new();
    encode_header(&mut writer, message.command, message.version);
    for entry in message.entries() {
        let start = writer.len();
        entry.encode(&mut writer);
        assert_eq!(Entry::decode(&writer.as_slice()[start..]), Some(entry));
        assert_eq!(Entry::decode(&writer.as_slice()[start + 1..]), None);
        let clean = entry.tag == 0 && entry.mask.is_unspecified() && entry.next_hop.is_unspecified();
        assert_eq!(entry.is_version_1_clean(), clean);
    }
    assert_eq!(
        writer.as_slice()[HEADER_LENGTH..],
        octets[HEADER_LENGTH..],
        "entries are not written as they were read"
    );
    let rest = message.without_first_entry();
    assert_eq!(rest.entries().len(), message.entries().len().saturating_sub(1));
    assert!(rest.entries().eq(message.entries().skip(1)));
    assert!(!message.asks_for_whole_table() || message.entries().len() == 1);
    authentication(octets);
}

/// The password of these tests.
const PASSWORD: &str = "fuzz";

/// Options that ask for authentication of one kind, with a key of each algorithm.
fn effective(authentication: Authentication) -> Effective {
    let keys = [
        DigestAlgorithm::KeyedMd5,
        DigestAlgorithm::HmacSha1,
        DigestAlgorithm::HmacSha256,
        DigestAlgorithm::HmacSha512,
    ];
    let keys = keys.into_iter().zip(0..).map(|(algorithm, id)| Key {
        id,
        secret: Secret::new(PASSWORD),
        algorithm,
        long_secrets: None,
        accept_from: None,
        accept_until: None,
        send_from: Some(WallTime(u64::from(id) * 1000)),
        send_until: None,
    });
    let options = Options {
        authentication: Some(authentication),
        password: Some(Secret::new(PASSWORD)),
        keys: Some(keys.collect()),
        ..Options::default()
    };
    let config = InterfaceConfig {
        options,
        annotate: None,
    };
    Effective::resolve(
        &config,
        &GlobalConfig::default(),
        &waypost_policy::Policies::default(),
    )
}

/// Octets from outside are believed only in their own bounds; what was sealed is believed, and nothing near it.
fn authentication(octets: &[u8]) {
    for kind in [
        Authentication::None,
        Authentication::Plain,
        Authentication::Cryptographic,
    ] {
        let effective = effective(kind);
        // The date picks the key, and so the algorithm.
        let now = WallTime(u64::from(octets.iter().fold(0, |sum: u8, octet| sum ^ octet) % 4) * 1000);
        if let Ok(authentic) = verify(octets, &effective, now) {
            assert!(octets.starts_with(authentic.message));
            assert_eq!(authentic.has_entry, kind != Authentication::None);
            assert_eq!(
                authentic.sequence.is_some(),
                kind == Authentication::Cryptographic
            );
        }
        let seal = Seal::of(&effective, now).expect("a key is valid at any time");
        let mut writer = Writer::new();
        writer.slice(&octets[..HEADER_LENGTH]);
        seal.begin(&mut writer);
        let entries = octets[HEADER_LENGTH..].chunks_exact(ENTRY_LENGTH).take(25);
        for entry in entries {
            writer.slice(entry);
        }
        seal.finish(&mut writer, 7);
        let mut sealed = writer.finish();
        let claims = octets
            .get(HEADER_LENGTH..)
            .is_some_and(|body| body.starts_with(&[0xFF, 0xFF]));
        if kind == Authentication::None && claims {
            assert!(verify(&sealed, &effective, now).is_err());
            continue;
        }
        let authentic = verify(&sealed, &effective, now).expect("what was sealed is believed");
        Message::decode(authentic.message).expect("what is left is a message");
        let protected = match kind {
            Authentication::None => continue,
            // Everything but the password may change.
            Authentication::Plain => HEADER_LENGTH..HEADER_LENGTH + ENTRY_LENGTH,
            Authentication::Cryptographic => 0..sealed.len(),
        };
        let at = protected.start + octets.len() % protected.len();
        sealed[at] ^= 1 << (octets[0] % 8);
        assert!(
            verify(&sealed, &effective, now).is_err(),
            "a message changed at octet {at} is believed"
        );
    }
}
