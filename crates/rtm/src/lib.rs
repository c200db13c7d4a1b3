//! The routing table manager: every owner's routes, the best of them, and a journal of what changed.
//!
//! One [`Rtm`] holds an IPv4 and an IPv6 table. Registered entities (routing protocols, the static routes, the
//! machine's own connected networks) hand it batches of route changes; subscribers (the forwarding reconciler,
//! redistribution, the API) drain what became of them. One writer owns it all: there is no lock, no clock and no
//! I/O in here, time comes in as an argument, and all long work is done in slices the caller sizes.
//!
//! # How a route is stored
//! A prefix trie maps a prefix to the number of a destination row; a destination row heads a list of 28-byte route
//! rows; a route row names a next-hop set. Next hops and sets of next hops are interned: a million routes through one
//! gateway share one set. No prefix has a heap block of its own.
//!
//! # Which route is best
//! The lowest (preference, metric) among the eligible routes of a destination. A route is eligible unless it is a
//! unicast route all of whose next hops go out of unusable interfaces or are recursive and not resolved. On a tie the route that is best already stays
//! best; if none of the tied routes is, the one added first wins (router-services P-51). At a destination with recursive routes
//! the one added first always wins.
//!
//! # Recursive next hops
//! A next hop that names a gateway and no interface is recursive: the table finds the way to the gateway through the other
//! routes ([`Rtm::resolution`]), and finds it anew when they change. That changes what the next-hop set forwards to and no
//! route: a million routes through one far gateway cost one piece of news, and one message to the kernel.
//!
//! # What is told to whom
//! A subscriber hears of a destination at most once between two drains, however often it flapped, and it hears the
//! state at the time of the drain. A destination that changed and changed back may be told although nothing is
//! different: consumers must be idempotent. Nothing is told about what was in the table before the subscription
//! (P-65) unless the subscriber asks for a [replay](Rtm::replay).
//!
//! # Work that is put off
//! Four things touch many routes at once: an interface that goes up or down, a gateway that is reached otherwise, a new
//! preference of a protocol, and an entity that leaves or restarts. They take effect on every decision made from then on, but the destinations
//! concerned are visited by [`Rtm::sweep`], in slices: a linear pass over the rows, which for a million routes
//! is a few milliseconds in all, and is skipped where no route can be concerned. This was preferred to a chain of
//! routes per next-hop set, which costs every route 8 bytes and every change two more cache misses. The caller runs
//! `sweep` until [`Progress::more`] is false, serving others between the slices. A failed ECMP member does not wait
//! for the pass: see [`Rtm::drain_next_hop_sets`].

mod check;
mod entity;
mod family;
mod hold;
mod journal;
mod label;
mod lookup;
mod nexthop;
mod resolve;
mod row;
mod rtm;
mod sweep;
mod table;
mod tracked;
mod trie;

pub use check::{Refusal, Refused};
pub use entity::{EntityConfig, EntityId, EntityStatus, default_preference};
pub use family::Family;
pub use journal::{
    BestChange, Forwarding, ForwardingChange, NextHopSetChange, Pending, SubscriberConfig, SubscriberId,
    SubscriberKind,
};
pub use lookup::{Candidate, Destination, HeldRoute, Match, Memory, Standing};
pub use nexthop::NextHopSetId;
pub use rtm::{ApplyReport, MAX_SUBSCRIBERS, Rtm, RtmError};
pub use sweep::Progress;
pub use tracked::{MAX_RECURSION, Resolved, Unresolved};
