//! RIP.

use serde_json::Value;
use waypost_rip::Rip;
use waypost_rip::packet::{
    Command, ENTRY_LENGTH, Entry, HEADER_LENGTH, INFINITY, Message, Version, encode_header,
};
use waypost_wire::Writer;

use super::{Scenario, live};
use crate::Script;

pub(crate) fn run(octets: &[u8]) {
    live::<Rip, RipScenario>(octets);
}

/// What a script can do with RIP.
#[derive(Clone, Copy, Debug)]
pub struct RipScenario;

impl Scenario for RipScenario {
    const GLOBAL: &'static [&'static str] = &[
        r#"{}"#,
        r#"{"maximum-routes":4}"#,
        r#"{"update-interval":1,"expiration-interval":6,"removal-interval":4}"#,
        r#"{"ecmp":1}"#,
        r#"{"ecmp":4,"triggered-delay":0}"#,
        r#"{"preference":7}"#,
        r#"{"redistribute":[{"source":"static","metric":3}]}"#,
        r#"{"redistribute":[{"source":"connected","tag":9},{"source":"ospf","filter":[{"deny":"10.0.0.0/8 le 32"}]}]}"#,
        r#"{"peer-filter":"include","peers":["10.1.0.2","10.2.0.3"]}"#,
        r#"{"peer-filter":"exclude","peers":["10.1.0.2"]}"#,
        r#"{"logging":"information"}"#,
        r#"{"authentication":"plain","password":"global"}"#,
        r#"{"metric":0,"split-horizon":false}"#,
        r#"{"triggered-delay":86400000}"#,
    ];

    const INTERFACE: &'static [&'static str] = &[
        r#"{}"#,
        r#"{"maximum-routes":1}"#,
        r#"{"maximum-routes":3}"#,
        r#"{"metric":16}"#,
        r#"{"metric":0,"metric-out":15}"#,
        r#"{"passive":true}"#,
        r#"{"announce":"v1"}"#,
        r#"{"announce":"v1-compatible","accept":"v2"}"#,
        r#"{"announce":"none"}"#,
        r#"{"accept":"none"}"#,
        r#"{"accept":"v1"}"#,
        r#"{"update-mode":"demand"}"#,
        r#"{"update-interval":1,"expiration-interval":3,"removal-interval":1}"#,
        r#"{"split-horizon":false}"#,
        r#"{"split-horizon":true,"poison-reverse":true}"#,
        r#"{"triggered-updates":false,"graceful-shutdown":false}"#,
        r#"{"accept-host-routes":true,"announce-host-routes":true}"#,
        r#"{"accept-default-route":true,"announce-default-route":true}"#,
        r#"{"originate-default":1}"#,
        r#"{"overwrite-static-routes":true,"summarise":false}"#,
        r#"{"summarise":true,"route-tag":65535}"#,
        r#"{"neighbor-mode":"also","neighbors":["10.1.0.9","10.1.0.10"]}"#,
        r#"{"neighbor-mode":"only","neighbors":["10.2.0.9"]}"#,
        r#"{"accept-filter":[{"permit":"10.64.0.0/10 le 32"}]}"#,
        r#"{"announce-filter":[{"deny":"0.0.0.0-10.255.255.255"}]}"#,
        r#"{"authentication":"plain","password":"secret"}"#,
        r#"{"authentication":"cryptographic","keys":[{"id":1,"secret":"k","algorithm":"md5"}]}"#,
        r#"{"authentication":"cryptographic","keys":[{"id":2,"secret":"k","algorithm":"hmac-sha256","send-until":1700000600},{"id":3,"secret":"l","algorithm":"hmac-sha512","send-from":1700000500}]}"#,
        r#"{"authentication":"none"}"#,
        r#"{"check-zero":false,"check-link":false}"#,
        r#"{"ttl-security":"on"}"#,
        r#"{"port":521,"dscp":0}"#,
        r#"{"packet-length":64}"#,
        r#"{"packet-length":65000,"ecmp-weight":256}"#,
        r#"{"annotate":"fuzz"}"#,
    ];

    fn packet(script: &mut Script<'_>) -> Vec<u8> {
        let shape = script.octet();
        let command = if shape & 1 == 0 {
            Command::Response
        } else {
            Command::Request
        };
        let version = if shape & 6 == 0 { Version::V1 } else { Version::V2 };
        let mut writer = Writer::new();
        encode_header(&mut writer, command, version);
        if shape == 1 {
            Entry::WHOLE_TABLE.encode(&mut writer);
            return writer.finish();
        }
        if shape & 0x30 == 0x30 {
            let secret = script.choose(&[*b"secret", *b"global"]);
            writer.u16(0xFFFF).u16(2).slice(&secret).zeros(10);
        }
        for _ in 0..script.octet() % 32 {
            entry(script, version).encode(&mut writer);
        }
        let mut octets = writer.finish();
        if shape & 0xC0 == 0xC0 {
            let at = usize::from(script.octet()) % octets.len();
            octets[at] = script.octet();
        }
        octets
    }

    fn sent(octets: &[u8]) {
        // What stands after the last whole entry belongs to a digest.
        let whole = octets.len() - octets.len().saturating_sub(HEADER_LENGTH) % ENTRY_LENGTH;
        let message = Message::decode(&octets[..whole]).expect("what is sent is a message");
        assert!(message.header_is_clean);
        assert!(message.entries().len() > 0, "an empty message is sent");
        for entry in message.entries().filter(|entry| entry.family == 2) {
            assert!((1..=u32::from(INFINITY)).contains(&entry.metric), "{entry:?}");
            assert!(
                message.version != Version::V1 || entry.is_version_1_clean(),
                "{entry:?}"
            );
            assert!(
                !entry.address.is_multicast() && !entry.address.is_loopback(),
                "{entry:?}"
            );
        }
    }

    /// Every interface may be the source of so many routes.
    fn route_limit(global: &Value, interfaces: &[Value]) -> usize {
        let limit = |text: &Value| text["maximum-routes"].as_u64();
        let fallback = limit(global).unwrap_or(1_000_000);
        let limits = interfaces.iter().map(|text| limit(text).unwrap_or(fallback));
        usize::try_from(limits.sum::<u64>()).unwrap_or(usize::MAX)
    }
}

fn entry(script: &mut Script<'_>, version: Version) -> Entry {
    let shape = script.octet();
    if shape == 0xFF {
        return Entry {
            family: script.word(),
            tag: script.word(),
            address: script.long().into(),
            mask: script.long().into(),
            next_hop: script.long().into(),
            metric: script.long(),
        };
    }
    let address = match shape % 8 {
        0 => [0, 0, 0, 0],
        1 => [10, 1, 0, 0],
        2 => [10, 64, script.octet(), 1],
        3 => [192, 0, 2, script.octet()],
        _ => [10, 64 + shape % 8, script.octet(), 0],
    };
    let mask = match shape % 8 {
        0 => 0,
        2 | 3 => u32::MAX,
        _ => 0xFFFF_FF00,
    };
    let version_2 = version == Version::V2;
    let next_hop = if shape & 0x40 != 0 {
        [10, shape & 7, 0, script.octet()]
    } else {
        [0; 4]
    };
    Entry {
        family: 2,
        tag: if version_2 && shape & 0x20 != 0 {
            script.word()
        } else {
            0
        },
        address: address.into(),
        mask: if version_2 { mask } else { 0 }.into(),
        next_hop: if version_2 { next_hop } else { [0; 4] }.into(),
        metric: u32::from(script.octet() % 18),
    }
}

#[cfg(test)]
mod tests {
    use waypost_engine::codec_of;
    use waypost_routprot::Scope;

    use super::*;

    #[test]
    fn every_piece_is_a_configuration() {
        let codec = codec_of::<Rip>();
        for (scope, pieces) in [
            (Scope::Global, RipScenario::GLOBAL),
            (Scope::Interface, RipScenario::INTERFACE),
        ] {
            for piece in pieces {
                let text: Value = serde_json::from_str(piece).expect("pieces are JSON");
                if let Err(refusal) = codec.to_block(scope, &text) {
                    panic!("{piece}: {refusal}");
                }
            }
        }
    }
}
