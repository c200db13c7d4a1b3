//! What a netlink socket returns.

use waypost_netlink::constants::{NLM_F_ACK_TLVS, NLM_F_CAPPED};
use waypost_netlink::{Body, DecodeError, Message, decode_all};

/// A decoder of what one receive call returned.
pub type Decode = fn(&[u8]) -> Vec<Result<Message, DecodeError>>;

pub(crate) fn run(octets: &[u8]) {
    laws(|octets| decode_all(octets).collect(), octets);
}

/// Where messages begin and end by their length fields alone; and whether the last one is wrong.
fn frames(octets: &[u8]) -> (Vec<&[u8]>, bool) {
    let (mut rest, mut frames) = (octets, Vec::new());
    while !rest.is_empty() {
        let length = rest
            .first_chunk()
            .map_or(0, |four| u32::from_ne_bytes(*four) as usize);
        let Some(frame) = rest.get(..length).filter(|frame| frame.len() >= 16) else {
            return (frames, true);
        };
        frames.push(frame);
        rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
    }
    (frames, false)
}

/// What must hold for any octets from a socket.
pub fn laws(decode: Decode, octets: &[u8]) {
    let messages = decode(octets);
    let (frames, broken) = frames(octets);
    assert_eq!(
        messages.len(),
        frames.len() + usize::from(broken),
        "messages were lost or made up"
    );
    let breaks = messages
        .iter()
        .filter(|message| matches!(message, Err(DecodeError::Frame { .. })))
        .count();
    assert_eq!(breaks, usize::from(broken), "a wrong length was passed over");
    for (message, frame) in messages.iter().zip(&frames) {
        if let Ok(message) = message {
            let kind = u16::from_ne_bytes([frame[4], frame[5]]);
            assert_eq!(message.header.message_type, kind);
            // A message cut short is not the same message.
            survives(decode, message);
        }
    }
}

/// Flags that say how an answer is laid out follow from its body when it is written.
fn comparable(message: &Message) -> Message {
    let mut message = message.clone();
    if matches!(message.body, Body::Acknowledgement(_) | Body::Done(_)) {
        message.header.flags &= !(NLM_F_CAPPED | NLM_F_ACK_TLVS);
    }
    message
}

/// What was read is written and read again the same.
fn survives(decode: Decode, message: &Message) {
    let mut octets = Vec::new();
    // What was not understood was not kept.
    if message.body == Body::Other || message.encode(&mut octets).is_err() {
        return;
    }
    let again = decode(&octets);
    let [Ok(again)] = again.as_slice() else {
        panic!("{message:?} was written as {octets:?}, which reads as {again:?}");
    };
    assert_eq!(
        comparable(again),
        comparable(message),
        "a message changes when it is written"
    );
    let mut twice = Vec::new();
    again.encode(&mut twice).expect("it was written before");
    assert_eq!(octets, twice);
}
