//! The machine: wishes in, batches out, results back. Each of these has a file of its own; here is what they share.

use std::collections::{BTreeMap, BTreeSet};

use waypost_netlink::NexthopId;
use waypost_types::{InterfaceIndex, Prefix, Seed, Time};

use crate::object::Index;
use crate::objects::Objects;
use crate::ownership::{FIRST_ID, Mode};
use crate::report::{Failure, Statistics};
use crate::rows::Rows;
use crate::work::{Retry, Works};

/// A batch that was handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchId(pub(crate) u64);

/// Names one request of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Token {
    /// A route set or deleted.
    Route(Prefix),
    /// A nexthop object made or changed.
    Make(NexthopId),
    /// A nexthop object deleted.
    Unmake(NexthopId),
}

/// A request the kernel refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The request.
    pub token: Token,
    /// Why.
    pub failure: Failure,
}

/// The reconcile machine.
pub struct Fib {
    pub(crate) mode: Mode,
    pub(crate) objects: Objects,
    pub(crate) rows: Rows,
    pub(crate) works: Works,
    /// Whether packets can leave through an interface, as far as the kernel said.
    pub(crate) links: BTreeMap<InterfaceIndex, bool>,
    pub(crate) loopback: InterfaceIndex,
    /// Destinations where someone else has a route of our priority.
    pub(crate) foreign: BTreeSet<Prefix>,
    /// Routes of someone else that the kernel prefers to ours, with destination and priority, and where they go out.
    pub(crate) shadows: BTreeMap<(Prefix, u32), Option<InterfaceIndex>>,
    /// Routes of someone else through objects of ours: table, destination, priority, type of service.
    pub(crate) borrowed: BTreeMap<(u32, Prefix, u32, u8), Index>,
    /// Objects of an earlier life that used them, when this one does not, with their members.
    pub(crate) superseded: BTreeMap<NexthopId, Vec<NexthopId>>,
    /// How often a route was deleted by hand of late, and when last.
    pub(crate) fights: BTreeMap<Prefix, (u32, Time)>,
    pub(crate) in_flight: Option<(BatchId, Vec<Token>)>,
    pub(crate) batches: u64,
    pub(crate) swept: bool,
    /// The kernel's state is to be read anew.
    pub(crate) resync: Option<Time>,
    pub(crate) last_resync: Option<Time>,
    /// What time it was when that was last said.
    pub(crate) now: Time,
    /// How many resyncs in a row were disturbed.
    pub(crate) disturbed_resyncs: u32,
    pub(crate) mark: bool,
    pub(crate) statistics: Statistics,
    pub(crate) strays: usize,
}

impl Fib {
    /// A machine that knows nothing of the kernel yet and asks for a resync. The seed keys hash tables; what the machine
    /// does is the same for every seed.
    #[must_use]
    pub fn new(mode: Mode, seed: Seed) -> Self {
        Self {
            mode,
            objects: Objects::new(mode == Mode::Inline),
            rows: Rows::new(seed),
            works: Works::new(seed),
            links: BTreeMap::new(),
            loopback: InterfaceIndex(1),
            foreign: BTreeSet::new(),
            shadows: BTreeMap::new(),
            borrowed: BTreeMap::new(),
            superseded: BTreeMap::new(),
            fights: BTreeMap::new(),
            in_flight: None,
            batches: 0,
            swept: false,
            resync: Some(Time::ZERO),
            last_resync: None,
            now: Time::ZERO,
            disturbed_resyncs: 0,
            mark: false,
            statistics: Statistics::default(),
            strays: 0,
        }
    }

    /// When [`Self::expire`] is wanted next; `None` means never.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        self.works.next_deadline()
    }

    /// Tries again what is due.
    pub fn expire(&mut self, now: Time) {
        self.now = now;
        while let Some(due) = self.works.next_due(now) {
            match due {
                Retry::Route(prefix) => self.works.enqueue(prefix),
                Retry::Object(index) => {
                    if let Some(object) = self.objects.get_mut(index) {
                        object.retry = None;
                        self.objects.touch(index);
                    }
                }
                Retry::Resync => self.resync = self.resync.or(Some(now)),
            }
        }
        self.fights
            .retain(|_, (_, last)| now.since(*last) <= crate::work::PEACE);
    }
}

pub(crate) const fn object_id(index: Index) -> NexthopId {
    NexthopId(FIRST_ID.saturating_add(index))
}
