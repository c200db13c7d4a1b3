//! The forwarding table's reconcile machine: what the routing table wants, against what the kernel has.
//!
//! [`Fib`] is told what is wanted ([`Fib::want`], [`Fib::set_changed`]) and what the kernel says ([`Fib::hear`], the
//! resync calls), and answers with batches of netlink requests ([`Fib::next_batch`]) whose results come back
//! ([`Fib::completed`]). It does no I/O and knows no clock: the caller has the sockets.
//!
//! # Order
//! Next hops go to the kernel as nexthop objects that routes name, so that a next hop that fails, or a set of them that
//! changes, is one message however many routes use it. Within a batch objects come before the groups they are members
//! of, groups before the routes that name them; deletions come last and the other way round. A route that changes is
//! replaced in one message, never deleted and added.
//!
//! # What the kernel does not tell
//! When an interface goes down or loses its carrier, the objects on it vanish without a word, and with them the IPv4
//! routes that name them; the same happens to the routes of an object somebody deletes. So the news that an interface is
//! down is taken for the news that its objects and their routes are gone. Because an interface can be up again before
//! the news is read, such objects are deleted before they are made anew: then it is certain what the kernel has.
//!
//! # News is late
//! Requests and news take different ways, so that news of what somebody did may be older than our last request: the id of
//! a deleted object can name another by then, a deleted route can be there again. So news of others' doings with what is
//! ours settles nothing. It only takes certainty away, and what follows is a request that is right either way: an object
//! is made anew in place or deleted, a route is added, or deleted as it was. If the kernel's answer says that the doubt
//! was unfounded, its state is read anew.
//!
//! # Results
//! A result is matched by the batch it belongs to, and it says what the *kernel* has, not that the destination is
//! settled: what is wanted may have changed since. Results of a batch that was given up are ignored.
//!
//! # Start and sweep
//! Routes and objects of ours that a resync finds and nobody wants yet are *strays*. A stray that comes to be wanted
//! just as it is, is adopted without a message. [`Fib::sweep_strays`] deletes the rest: the caller does that when every
//! protocol had its time to say what it wants. See [`ownership`](crate#ownership) for what is ours.
//!
//! # Ownership
#![doc = "See the constants [`FIRST_ID`], [`PRIORITY`] and [`INLINE_PRIORITY`], and the rule:"]
//! a nexthop object is ours if its id is in our range and its protocol is [`RTPROT_WAYPOST`]; a route is ours if it is in
//! the main table with our priority and a protocol number of ours **and** names an object of ours. A route made by hand,
//! `proto static` or not, names none and is never touched. On kernels without nexthop objects the priority
//! [`INLINE_PRIORITY`] is the mark.

mod audit;
mod batches;
mod fib;
mod hear;
mod object;
mod objects;
mod ownership;
mod report;
mod results;
mod resync;
mod rows;
mod wishes;
mod work;

pub use audit::{Found, ObjectDifference};
pub use fib::{BatchId, Fib, Refused, Token};
pub use ownership::{FIRST_ID, INLINE_PRIORITY, LAST_ID, Mode, PRIORITY, RTPROT_WAYPOST, kernel_protocol};
pub use report::{Counts, Failure, Installation, Statistics};
