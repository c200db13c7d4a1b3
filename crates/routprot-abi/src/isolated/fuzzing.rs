//! What must hold for whatever an isolated module says, for the fuzz targets. Not part of the interface.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use waypost_rtm::Family;
use waypost_rtmv2::{ChangeTypes, EntityKey, EntityName, LocalTable, Views, everything};
use waypost_types::{InterfaceIndex, NextHop, PathId, ProtocolId, Route, RouteKind, Seed};
use waypost_wire::{Reader, Writer};

use super::frame::{Body, Frame, Function, Tag};
use super::memory::{Memory, ROOM, Silence};
use super::table::{Server, wire};

/// Octets that may be a frame, and a stream that begins with one.
pub fn frame(octets: &[u8]) {
    frame_laws(Frame::decode, octets);
    let mut stream = octets;
    while let Ok(Some(frame)) = Frame::read(&mut stream) {
        let mut written = Vec::new();
        assert!(
            frame.write(&mut written).is_ok(),
            "a frame that was read is too long"
        );
        assert!(octets.windows(written.len()).any(|part| part == written));
    }
}

fn frame_laws(decode: impl Fn(&[u8]) -> Option<Frame>, octets: &[u8]) {
    if let Some(frame) = decode(octets) {
        let written = frame.octets();
        assert!(
            written.is_ok_and(|written| written == octets),
            "a frame has two forms"
        );
    }
}

/// Octets that may be a question to the routing table, or a destination in an answer.
pub fn question(octets: &[u8]) {
    question_laws(|octets| wire::Question::get(octets).ok(), octets);
    let from = &mut Reader::new(octets);
    if let Ok(destination) = wire::get_destination(from) {
        let read = octets.len() - from.left();
        let mut written = Writer::new();
        assert!(wire::put_destination(&mut written, &destination, usize::MAX));
        assert_eq!(written.as_slice(), &octets[..read], "a destination has two forms");
    }
}

fn question_laws(decode: impl Fn(&[u8]) -> Option<wire::Question>, octets: &[u8]) {
    if let Some(question) = decode(octets) {
        let mut written = Writer::new();
        question.put(&mut written);
        assert_eq!(written.as_slice(), octets, "a question has two forms");
    }
}

/// How long a question that was written over is waited for.
const PATIENCE: Duration = Duration::from_millis(1);
/// Nothing that is well takes so long.
const LONG: Duration = Duration::from_secs(20);

/// Says when it is dropped that something is over.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// Questions, each after its length, to the thread that answers; then all again while another thread writes the octets
/// all over the memory. The thread lives through it and ends when it shall.
pub fn server(octets: &[u8]) {
    let table = LocalTable::new(Seed(1));
    table.set_interface_usable(InterfaceIndex(1), true);
    let Ok((memory, file)) = Memory::new() else { return };
    let Ok(there) = Memory::map(&file) else { return };
    let Ok(server) = Server::start(Arc::new(memory), Arc::new(table)) else {
        return;
    };
    let questions = || {
        let mut rest = octets;
        std::iter::from_fn(move || {
            let (length, after) = rest.split_first()?;
            let (question, after) = after.split_at_checked((*length).into()).unwrap_or((after, &[]));
            rest = after;
            Some(question)
        })
    };
    let mut answer = Vec::new();
    for question in questions() {
        let until = Some(Instant::now() + LONG);
        let asked = there.ask(there.table(), question, &mut answer, until);
        assert_eq!(asked, Ok(()), "a question is not answered");
        assert!((4..=ROOM).contains(&answer.len()), "an answer has no status");
    }
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut words = octets.chunks(8).cycle();
            while !is_over.load(Ordering::SeqCst) {
                let mut word = [0; 8];
                let chunk = words.next().unwrap_or_default();
                word[..chunk.len()].copy_from_slice(chunk);
                there.scribble(u64::from_le_bytes(word));
            }
        });
        // However this ends, the other thread does.
        let _over = Over(&is_over);
        for question in questions() {
            let until = Some(Instant::now() + PATIENCE);
            // Anything may come of it.
            if there.ask(there.table(), question, &mut answer, until) == Err(Silence::Closed) {
                break;
            }
        }
        assert!(!server.end(), "the thread that answers has panicked");
    });
}

/// Valid frames.
#[must_use]
pub fn frames() -> Vec<(String, Vec<u8>)> {
    let frame = |name: &str, tag, body| {
        let code = Function::SetInterfaceInfo as u32;
        let frame = Frame {
            tag,
            id: 7,
            code,
            body,
        };
        (name.to_owned(), frame.octets().unwrap_or_default())
    };
    let lent = Body {
        words: vec![1, u32::MAX],
        capacity: Some(12),
        octets: vec![1, 2, 3],
    };
    let (name, one) = frame("call", Tag::Call, lent.clone());
    let stream = [&(one.len() as u32).to_ne_bytes()[..], &one].concat();
    vec![
        (name, one),
        frame("answer", Tag::Answer, Body::octets(&[9; 40])),
        frame("ask", Tag::Ask, lent),
        frame("told", Tag::Told, Body::words(&[0; 9])),
        frame("signal", Tag::Signal, Body::default()),
        ("stream".to_owned(), stream.repeat(3)),
    ]
}

/// One of each kind of question, in an order that makes sense.
fn asked() -> Vec<Vec<u8>> {
    use wire::Question as Q;
    let name = EntityName {
        protocol: ProtocolId(200),
        instance: 7,
    };
    let hop = |gateway: [u8; 4]| NextHop::via(gateway.into(), InterfaceIndex(1));
    let route = |hops: u8| Route {
        kind: RouteKind::Unicast,
        next_hops: (1..=hops).map(|last| hop([10, 0, 0, last])).collect(),
        metric: 7,
        tag: 9,
        preference: Some(3),
    };
    let (any, net) = (everything(Family::V4), everything(Family::V6));
    let key = EntityKey(1);
    let questions = [
        Q::Register(Family::V4, name),
        Q::Watch(Family::V4, Views::UNICAST, ChangeTypes::BEST),
        Q::Set(key, any, PathId(3), Views::all(), route(16)),
        Q::Set(key, any, PathId(0), Views::UNICAST, route(1)),
        Q::Changed(0, 100),
        Q::Entities(Family::V4),
        Q::Destination(any),
        Q::Covering(any, Views::all(), false),
        Q::Page(None, any, 10),
        Q::Page(Some(net), net, u32::MAX),
        Q::Hold(any, Views::MULTICAST, Duration::from_millis(1500)),
        Q::Delete(key, any, PathId(3)),
        Q::Unwatch(0),
        Q::Deregister(key),
    ];
    let octets = |question: &Q| {
        let mut written = Writer::new();
        question.put(&mut written);
        written.finish()
    };
    questions.iter().map(octets).collect()
}

/// Valid questions.
#[must_use]
pub fn questions() -> Vec<(String, Vec<u8>)> {
    let numbered = asked().into_iter().enumerate();
    numbered
        .map(|(number, octets)| (format!("{number:02}"), octets))
        .collect()
}

/// Valid conversations.
#[must_use]
pub fn conversations() -> Vec<(String, Vec<u8>)> {
    let with_length = |octets: &Vec<u8>| {
        let length = u8::try_from(octets.len()).unwrap_or(u8::MAX);
        [&[length], octets.as_slice()].concat()
    };
    let all: Vec<Vec<u8>> = asked().iter().map(with_length).collect();
    vec![
        ("all".to_owned(), all.concat()),
        ("routes".to_owned(), all[..9].concat().repeat(4)),
        (
            "backwards".to_owned(),
            all.into_iter().rev().collect::<Vec<_>>().concat(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    /// A target is worth what it finds.
    #[test]
    fn decoders_that_pass_octets_over_break_the_laws() {
        let lax = |octets: &[u8]| Frame::decode(&octets[..octets.len() & !3]);
        let (_, mut octets) = frames().remove(0);
        octets.truncate(octets.len() - 1);
        assert!(catch_unwind(|| frame_laws(lax, &octets)).is_err());
        frame_laws(Frame::decode, &octets);
        let lax = |octets: &[u8]| wire::Question::get(&octets[..octets.len() - 1]).ok();
        for (_, mut octets) in questions() {
            octets.push(0);
            assert!(catch_unwind(|| question_laws(lax, &octets)).is_err());
            question(&octets);
        }
    }
}
