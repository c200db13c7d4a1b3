//! What holds for every message and for every string of bytes.

use proptest::collection::vec;
use proptest::prelude::*;
use waypost_netlink::constants::{NLM_F_ACK, NLM_F_ACK_TLVS, NLM_F_CAPPED, NLM_F_DUMP_INTR, RTN_UNICAST};
use waypost_netlink::{
    Acknowledge, Batch, Body, Change, DecodeError, Header, Link, MAX_BATCH_BYTES, Message, NexthopId,
    PushError, Query, Reason, Route, RouteFilter, Set, decode_all,
};
use waypost_types::InterfaceIndex;

use crate::any;

fn encoded(messages: &[Message]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        message.encode(&mut bytes).unwrap();
    }
    bytes
}

/// The flags of answers are written as the body needs them, so they are left out of the comparison.
fn without_answer_flags(mut message: Message, message_type: u16) -> Message {
    message.header.message_type = message_type;
    if matches!(message.body, Body::Acknowledgement(_) | Body::Done(_)) {
        message.header.flags &= !(NLM_F_CAPPED | NLM_F_ACK_TLVS);
    }
    message
}

fn header_and_body() -> impl Strategy<Value = Message> {
    (any::header(), any::body()).prop_map(|(mut header, body)| {
        // An explanation is only read where this flag says so.
        header.flags &= !NLM_F_ACK_TLVS;
        Message { header, body }
    })
}

/// The `nlmsg_type` and `nlmsg_flags` of the messages in `bytes`, by hand.
fn types_and_flags(bytes: &[u8]) -> Vec<(u16, u16)> {
    let mut rest = bytes;
    let mut found = Vec::new();
    while rest.len() >= 16 {
        let length = u32::from_ne_bytes(rest[..4].try_into().unwrap()) as usize;
        found.push((
            u16::from_ne_bytes(rest[4..6].try_into().unwrap()),
            u16::from_ne_bytes(rest[6..8].try_into().unwrap()),
        ));
        rest = &rest[length.next_multiple_of(4)..];
    }
    assert!(rest.is_empty());
    found
}

proptest! {
    #[test]
    fn decoding_undoes_encoding(messages in vec(header_and_body(), 1..5)) {
        let bytes = encoded(&messages);
        let decoded: Vec<_> = decode_all(&bytes).map(Result::unwrap).collect();
        prop_assert_eq!(decoded.len(), messages.len());
        for (decoded, message) in decoded.into_iter().zip(messages) {
            let message_type = decoded.header.message_type;
            prop_assert_eq!(
                without_answer_flags(decoded, message_type),
                without_answer_flags(message, message_type)
            );
        }
    }

    /// Any end is survived, and what was whole before it is still read.
    #[test]
    fn truncation(messages in vec(header_and_body(), 1..4), cut: prop::sample::Index) {
        let bytes = encoded(&messages);
        let whole: Vec<_> = messages
            .iter()
            .scan(0, |end, message| {
                *end += encoded(std::slice::from_ref(message)).len();
                Some(*end)
            })
            .collect();
        let cut = cut.index(bytes.len());
        let decoded: Vec<_> = decode_all(&bytes[..cut]).collect();
        let expected = whole.iter().filter(|end| **end <= cut).count();
        prop_assert!(decoded.iter().filter(|message| message.is_ok()).count() >= expected);
        prop_assert!(decoded.iter().take(expected).all(Result::is_ok));
        prop_assert!(decoded.len() <= messages.len());
    }

    #[test]
    fn flipped_bytes_never_panic(
        message in header_and_body(),
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut bytes = encoded(&[message]);
        for (at, value) in flips {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        prop_assert!(decode_all(&bytes).count() <= bytes.len() / 16 + 1);
    }

    #[test]
    fn random_bytes_never_panic(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(decode_all(&bytes).count() <= bytes.len() / 16 + 1);
    }

    /// Random contents behind a sound header reach deeper than random bytes do.
    #[test]
    fn random_payloads_never_panic(
        message_type in prop_oneof![2..=4u16, 16..=30u16, 104..=105u16],
        flags: u16,
        family in prop_oneof![Just(2u8), Just(10u8), any::<u8>()],
        payload in vec(any::<u8>(), 0..200),
    ) {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&(17 + payload.len() as u32).to_ne_bytes());
        bytes.extend_from_slice(&message_type.to_ne_bytes());
        bytes.extend_from_slice(&flags.to_ne_bytes());
        bytes.extend_from_slice(&[0; 8]);
        bytes.push(family);
        bytes.extend_from_slice(&payload);
        prop_assert_eq!(decode_all(&bytes).count(), 1);
    }

    /// A batch is the same bytes as its changes one by one, but for who is asked to acknowledge.
    #[test]
    fn batches(routes in vec(any::route(), 1..40), first: u32, all: bool) {
        let acknowledge = if all { Acknowledge::All } else { Acknowledge::Last };
        let mut batch = Batch::new(acknowledge, 1000);
        for (token, route) in routes.iter().enumerate() {
            batch.push(token, &Change::SetRoute(Set::Replace, route)).unwrap();
        }
        let next = batch.number_from(first);
        prop_assert_eq!(next, first.wrapping_add(routes.len() as u32));

        let mut alone = Vec::new();
        for (position, route) in routes.iter().enumerate() {
            let sequence = first.wrapping_add(position as u32);
            let last = position + 1 == routes.len();
            Change::SetRoute(Set::Replace, route).encode(sequence, all || last, &mut alone).unwrap();
            prop_assert_eq!(batch.token(sequence), Some(&position));
            prop_assert_eq!(batch.is_last(sequence), last);
        }
        prop_assert_eq!(batch.as_bytes(), &alone[..]);
        prop_assert_eq!(batch.token(next), None);
        prop_assert_eq!(batch.token(first.wrapping_sub(1)), None);
    }
}

#[test]
fn a_batch_has_an_end() {
    let mut batch = Batch::new(Acknowledge::Last, 3);
    for token in 0..3 {
        batch.push(token, &Change::DeleteNexthop(NexthopId(7))).unwrap();
    }
    let before = batch.as_bytes().to_vec();
    assert!(matches!(
        batch.push(3, &Change::DeleteNexthop(NexthopId(7))),
        Err(PushError::Full(_))
    ));
    assert_eq!(batch.as_bytes(), before);
    batch.clear();
    assert!(batch.is_empty() && batch.as_bytes().is_empty());

    let mut batch = Batch::new(Acknowledge::Last, usize::MAX);
    let mut pushed = 0u32;
    while batch.push(pushed, &Change::DeleteNexthop(NexthopId(7))).is_ok() {
        pushed += 1;
    }
    // 16 of header, 8 of nhmsg, 8 of attribute.
    assert_eq!(pushed, MAX_BATCH_BYTES as u32 / 32);
    let flags = types_and_flags(batch.as_bytes());
    let (last, others) = flags.split_last().unwrap();
    assert!(last.1 & NLM_F_ACK != 0);
    assert!(others.iter().all(|(_, flags)| flags & NLM_F_ACK == 0));
}

#[test]
fn a_refused_change_leaves_the_batch_alone() {
    let mut batch = Batch::default();
    let mut route = Route::new("192.0.2.0/24".parse().unwrap());
    batch.push(0, &Change::SetRoute(Set::Add, &route)).unwrap();
    let before = batch.as_bytes().to_vec();
    route.preferred_source = Some("2001:db8::1".parse().unwrap());
    assert!(matches!(
        batch.push(1, &Change::SetRoute(Set::Add, &route)),
        Err(PushError::Encode(_))
    ));
    assert_eq!((batch.as_bytes(), batch.len()), (&before[..], 1));
}

#[test]
fn requests_are_the_kernels_bytes() {
    // The question behind `ip route show table 1000 proto rip type unicast`: nlmsghdr, rtmsg, RTA_TABLE.
    let mut bytes = Vec::new();
    Query::Routes(RouteFilter {
        family: any::family(false),
        table: Some(1000),
        protocol: waypost_netlink::constants::RTPROT_RIP,
        kind: RTN_UNICAST,
        interface: None,
    })
    .encode(9, &mut bytes);
    let mut expected = Vec::new();
    expected.extend_from_slice(&36u32.to_ne_bytes());
    expected.extend_from_slice(&26u16.to_ne_bytes());
    expected.extend_from_slice(&0x301u16.to_ne_bytes());
    expected.extend_from_slice(&9u32.to_ne_bytes());
    expected.extend_from_slice(&0u32.to_ne_bytes());
    expected.extend_from_slice(&[2, 0, 0, 0, 0, 189, 0, 1, 0, 0, 0, 0]);
    expected.extend_from_slice(&8u16.to_ne_bytes());
    expected.extend_from_slice(&15u16.to_ne_bytes());
    expected.extend_from_slice(&1000u32.to_ne_bytes());
    assert_eq!(bytes, expected);

    let mut bytes = Vec::new();
    let up = Change::SetLinkUp {
        interface: InterfaceIndex(3),
        up: true,
    };
    up.encode(1, true, &mut bytes).unwrap();
    let mut expected = vec![0, 0, 0, 0];
    for word in [3u32, 1, 1] {
        expected.extend_from_slice(&word.to_ne_bytes());
    }
    assert_eq!(types_and_flags(&bytes), [(16, 0x5)]);
    assert_eq!(bytes[16..], expected);
}

#[test]
fn errors_say_what_and_where() {
    let link = Message {
        header: Header {
            sequence: 5,
            ..Header::default()
        },
        body: Body::NewLink(Link {
            mtu: Some(1500),
            ..Link::new(InterfaceIndex(1))
        }),
    };
    let mut bytes = encoded(std::slice::from_ref(&link));
    // The MTU attribute follows the headers; make it claim six bytes of the eight.
    bytes[32] = 6;
    let error = decode_all(&bytes).next().unwrap().unwrap_err();
    assert_eq!(
        error,
        DecodeError::Body {
            message_type: 16,
            sequence: 5,
            reason: Reason::AttributeSize {
                attribute: 4,
                expected: 4,
                found: 2
            }
        }
    );
    assert_eq!(
        error.to_string(),
        "message of type 16, sequence 5: attribute 4 has a value of 2 bytes, not 4"
    );

    // A bad message does not hide the next one; a bad length does.
    message_after(&mut bytes, &link);
    assert_eq!(decode_all(&bytes).filter(Result::is_ok).count(), 1);
    bytes[0] = 15;
    let all: Vec<_> = decode_all(&bytes).collect();
    assert_eq!(
        all,
        [Err(DecodeError::Frame {
            offset: 0,
            length: 15,
            left: 80
        })]
    );
}

fn message_after(bytes: &mut Vec<u8>, message: &Message) {
    message.encode(bytes).unwrap();
}

#[test]
fn an_interrupted_dump_shows() {
    let header = Header {
        flags: NLM_F_DUMP_INTR,
        ..Header::default()
    };
    assert!(header.dump_interrupted());
    assert!(!Header::default().dump_interrupted());
}
