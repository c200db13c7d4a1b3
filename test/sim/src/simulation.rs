//! The simulation itself: routers, links, time.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use waypost_engine::Now;
use waypost_routprot::{Refusal, Topic};
use waypost_types::{InterfaceIndex, Prefix4, Random, Seed, Time, WallTime};

use crate::fib::FibChange;
use crate::node::{Installed, Node, NodeId, SegmentId};
use crate::process::Program;
use crate::recorder::Recorder;
use crate::schedule::Schedule;
use crate::segment::{Quality, Segment};
use crate::wire::Packet;

/// The date at which every simulation begins: 2030-01-01.
const EPOCH: u64 = 1_893_456_000;
/// Events at one moment from which on time is taken to stand still.
const STANDSTILL: u64 = 1_000_000;

/// A law that was broken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// When that was noticed.
    pub at: Time,
    /// Which law, and by what.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {}", self.at, self.text)
    }
}

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events handled.
    pub events: u64,
    /// Datagrams sent.
    pub sent: u64,
    /// Datagrams handed to a protocol.
    pub delivered: u64,
    /// Copies that a link lost.
    pub lost: u64,
    /// Copies that nobody took: no carrier, no power, no port, not a member of the group, TTL too small.
    pub unclaimed: u64,
    /// Copies that found a full receive buffer.
    pub overflowed: u64,
    /// The most octets that ever waited at one port.
    pub deepest_queue: u64,
    /// Changes of forwarding tables.
    pub fib_changes: u64,
}

/// Something that will happen. `incarnation` is the life of the router it is meant for.
#[derive(Debug)]
pub(crate) enum Event {
    Arrival {
        node: NodeId,
        incarnation: u64,
        interface: InterfaceIndex,
        packet: Arc<Packet>,
    },
    Serve {
        node: NodeId,
        incarnation: u64,
    },
    Deadline {
        node: NodeId,
        incarnation: u64,
        protocol: usize,
    },
    Continue {
        node: NodeId,
        incarnation: u64,
        protocol: usize,
    },
    News {
        node: NodeId,
        incarnation: u64,
        protocol: usize,
    },
}

/// A network of routers.
pub struct Simulation {
    pub(crate) now: Time,
    pub(crate) schedule: Schedule<Event>,
    pub(crate) nodes: Vec<Node>,
    pub(crate) segments: Vec<Segment>,
    pub(crate) recorder: Recorder,
    pub(crate) counts: Counts,
    pub(crate) faults: Random,
    pub(crate) watched: Option<Vec<FibChange>>,
    pub(crate) violations: Vec<Violation>,
    pub(crate) service_time: Duration,
    seed: Seed,
    standing: (Time, u64),
}

impl Simulation {
    /// An empty network. `log` keeps lines for people, which takes time.
    #[must_use]
    pub fn new(seed: Seed, log: bool) -> Self {
        Self {
            // Not zero, so that an engine that takes 0 for "never" is found out.
            now: Time::from_secs(1000),
            schedule: Schedule::default(),
            nodes: Vec::new(),
            segments: Vec::new(),
            recorder: Recorder::new(log),
            counts: Counts::default(),
            faults: seed.child("links").random(),
            watched: None,
            violations: Vec::new(),
            service_time: Duration::from_micros(10),
            seed,
            standing: (Time::ZERO, 0),
        }
    }

    /// How long a router is busy with each datagram it receives: what comes meanwhile waits in the port's buffer.
    pub const fn set_service_time(&mut self, service_time: Duration) {
        self.service_time = service_time;
    }

    /// Adds a router, without power.
    pub fn add_node(&mut self) -> NodeId {
        let id = NodeId(self.nodes.len());
        self.nodes
            .push(Node::new(self.seed.child("node").nth(id.0 as u64)));
        id
    }

    /// Adds a link. Its ends get the first addresses of `prefix`, in order.
    pub fn add_segment(&mut self, prefix: Prefix4, quality: Quality) -> SegmentId {
        let id = SegmentId(self.segments.len());
        self.segments.push(Segment::new(prefix, quality));
        id
    }

    /// Gives a router that has no power yet an interface on a link.
    pub fn attach(&mut self, node: NodeId, segment: SegmentId) -> InterfaceIndex {
        let link = &mut self.segments[segment.0];
        let index = InterfaceIndex(self.nodes[node.0].interfaces.len() as u32 + 1);
        let address = link.join(node, index);
        let (prefix, mtu) = (link.prefix, link.mtu);
        self.nodes[node.0].add_interface(segment, address, prefix, mtu)
    }

    /// Installs a protocol on a router that has no power yet; the result is its position there.
    pub fn install(&mut self, node: NodeId, program: Program, global: Value) -> usize {
        let installed = &mut self.nodes[node.0].installed;
        installed.push(Installed {
            program,
            global,
            interfaces: std::collections::BTreeMap::new(),
            storage: std::collections::BTreeMap::new(),
        });
        installed.len() - 1
    }

    // Looking

    /// What time it is.
    #[must_use]
    pub const fn now(&self) -> Time {
        self.now
    }

    /// What time it is, on both clocks.
    #[must_use]
    pub const fn clock(&self) -> Now {
        Now {
            time: self.now,
            wall: WallTime(EPOCH + self.now.0 / 1_000_000_000),
        }
    }

    /// A router.
    #[must_use]
    pub fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node.0]
    }

    /// Every router.
    pub fn nodes(&self) -> impl Iterator<Item = (NodeId, &Node)> {
        self.nodes
            .iter()
            .enumerate()
            .map(|(number, node)| (NodeId(number), node))
    }

    /// A link.
    #[must_use]
    pub fn segment(&self, segment: SegmentId) -> &Segment {
        &self.segments[segment.0]
    }

    /// Every link.
    pub fn segments(&self) -> impl Iterator<Item = (SegmentId, &Segment)> {
        self.segments
            .iter()
            .enumerate()
            .map(|(number, segment)| (SegmentId(number), segment))
    }

    /// What was counted.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// Everything that went in and out so far, in one number.
    #[must_use]
    pub const fn trace_hash(&self) -> u64 {
        self.recorder.hash()
    }

    /// The last lines of the log.
    #[must_use]
    pub fn log(&self) -> Vec<String> {
        self.recorder.lines().map(str::to_owned).collect()
    }

    /// Laws broken so far.
    #[must_use]
    pub fn violations(&self) -> &[Violation] {
        &self.violations
    }

    /// How many events are to come.
    #[must_use]
    pub fn scheduled(&self) -> usize {
        self.schedule.len()
    }

    /// What a protocol says of itself.
    pub fn show(&self, node: NodeId, protocol: usize, topic: Topic) -> Result<Value, Refusal> {
        match self.node(node).running(protocol) {
            Some(running) => running.process.show(self.clock(), topic),
            None => Err(Refusal::failed("the protocol does not run")),
        }
    }

    /// Begins to collect the changes of all forwarding tables anew, and returns those collected so far.
    pub fn watch_fibs(&mut self) -> Vec<FibChange> {
        self.watched.replace(Vec::new()).unwrap_or_default()
    }

    pub(crate) fn violate(&mut self, text: String) {
        // The first ones tell the story; a broken loop must not fill the memory.
        if self.violations.len() < 20 {
            self.recorder.line(self.now, format_args!("VIOLATION {text}"));
            self.violations.push(Violation { at: self.now, text });
        }
    }

    /// Adds a line to the log.
    pub fn remark(&mut self, text: fmt::Arguments<'_>) {
        self.recorder.line(self.now, text);
    }

    // Faults

    /// Changes how good a link is.
    pub fn set_quality(&mut self, segment: SegmentId, quality: Quality) {
        self.recorder
            .line(self.now, format_args!("link {}: {quality:?}", segment.0));
        self.segments[segment.0].quality = quality;
    }

    /// Cuts a link into parts that do not hear each other, although every end has carrier: `part` names each end's.
    pub fn partition(&mut self, segment: SegmentId, part: impl Fn(NodeId) -> u8) {
        for member in &mut self.segments[segment.0].members {
            member.part = part(member.node);
        }
        let parts: Vec<u8> = self.segments[segment.0]
            .members
            .iter()
            .map(|member| member.part)
            .collect();
        self.recorder
            .line(self.now, format_args!("link {}: parts {parts:?}", segment.0));
    }

    // Time

    /// Lets everything happen that is due by `end`.
    pub fn run_until(&mut self, end: Time) {
        while let Some((at, event)) = self.schedule.pop_until(end) {
            self.now = self.now.max(at);
            self.counts.events += 1;
            if self.standing.0 == self.now {
                self.standing.1 += 1;
                if self.standing.1 > STANDSTILL {
                    self.violate("time stands still: events never end".to_owned());
                    return;
                }
            } else {
                self.standing = (self.now, 0);
            }
            self.happen(event);
        }
        self.now = self.now.max(end);
    }

    /// Lets a time pass.
    pub fn run_for(&mut self, duration: Duration) {
        self.run_until(self.now + duration);
    }

    fn happen(&mut self, event: Event) {
        let (Event::Arrival {
            node, incarnation, ..
        }
        | Event::Serve { node, incarnation }
        | Event::Deadline {
            node, incarnation, ..
        }
        | Event::Continue {
            node, incarnation, ..
        }
        | Event::News {
            node, incarnation, ..
        }) = event;
        let router = &self.nodes[node.0];
        if router.incarnation != incarnation || !router.is_alive() {
            if matches!(event, Event::Arrival { .. }) {
                self.counts.unclaimed += 1;
            }
            return;
        }
        match event {
            Event::Arrival {
                interface, packet, ..
            } => self.arrive(node, interface, &packet),
            Event::Serve { .. } => self.serve(node),
            Event::Deadline { protocol, .. } => self.deadline(node, protocol),
            Event::Continue { protocol, .. } => self.proceed(node, protocol),
            Event::News { protocol, .. } => self.tell_news(node, protocol),
        }
    }
}
